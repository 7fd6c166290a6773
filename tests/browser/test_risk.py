"""Risk on the person's page, how it looks; and an intake by phone in which what was answered before is kept by key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import library, projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.assess_risk import refresh, worker
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
DEMO = Scope(system_actor("demo"), "command", "maintenance")


def worked_out(now: datetime) -> None:
    with store.open(DEMO, now=now, projectors=projections.ALL) as unit:
        for code, text in (("I50.9", "Heart failure"), ("E11.22", "Diabetes with kidney disease")):
            condition = {"resourceType": "Condition", "subject": ref(f"Patient/{MARIA}")}
            unit.create({**condition, "code": codeable(uris.ICD10CM, code, text)})
    with begin(worker(), now) as unit:
        rid = unit.rid_of(f"Patient/{MARIA}")
        assert rid
        refresh(unit, rid, library.load())


@pytest.mark.parametrize(
    ("how", "kind"),
    [("wide", {}), ("phone-es", {"width": 390, "height": 844, "language": "es-US"})],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_how_risk_looks(community: Any, live: Any, open_page: Any, how: str, kind: dict[str, Any]) -> None:
    worked_out(live.clock())
    User.objects.filter(email=ANA).update(language=kind.get("language", "en")[:2])
    page = sign_in(open_page(**kind), ANA)
    page.goto(f"/people/{MARIA}/risk")
    page.locator("details.why").evaluate_all("all => all.forEach(one => { one.open = true; })")
    look(page, f"person-risk-{how}", is_whole=True)
    page.goto("/library/risks/lace")
    look(page, f"library-risk-{how}", is_whole=True)


def test_what_was_answered_before_is_kept_with_one_key(community: Any, live: Any, open_page: Any) -> None:
    instrument = library.load().instruments["ahc-hrsn"]
    now = live.clock()
    with store.open(DEMO, now=now, projectors=projections.ALL) as unit:
        unit.create(
            {
                "resourceType": "QuestionnaireResponse",
                "questionnaire": instrument.canonical,
                "status": "completed",
                "authored": fhir_instant(now),
                "subject": ref(f"Patient/{MARIA}"),
                "source": ref(f"Patient/{MARIA}"),
                "item": [
                    {
                        "linkId": "food",
                        "item": [
                            {
                                "linkId": q,
                                "answer": [{"valueCoding": {"system": uris.LOINC, "code": "LA6729-3"}}],
                            }
                            for q in ("food-worry", "food-lasted")
                        ],
                    }
                ],
            }
        )
    page = sign_in(open_page(), ANA)
    page.goto(f"/people/{MARIA}/assess/intake")
    look(page, "intake-begin", is_whole=True)
    page.get_by_role("button", name="Begin").press("Enter")
    page.wait_for_url("**/assessments/*/")
    page.keyboard.press("2")  # nothing now that needs 911
    page.locator("#q-matters[aria-current]").wait_for()
    look(page, "intake-first")
    page.goto(f"{page.url.partition('?')[0]}?q=food-worry")
    offered = page.locator("#q-food-worry .earlier")
    assert "Sometimes true" in offered.inner_text()
    assert "asked in: Social needs" in offered.inner_text()
    assert page.locator("#q-food-worry [aria-pressed=true]").count() == 0, "nothing is filled in silence"
    look(page, "intake-former")
    page.keyboard.press("s")
    page.locator("#q-food-lasted[aria-current]").wait_for()
    assert page.locator("#q-food-worry .answer[aria-pressed=true]").inner_text().startswith("Sometimes true")
    page.keyboard.press("s")
    page.locator("#q-basics[aria-current]").wait_for()


def test_without_scripts_it_is_kept_by_its_button(community: Any, live: Any, open_page: Any) -> None:
    instrument = library.load().instruments["transition-call"]
    system = f"{uris.INSTRUMENT}:transition-call"
    now = live.clock()
    answer = [{"valueCoding": {"system": system, "code": "family"}}]
    with store.open(DEMO, now=now, projectors=projections.ALL) as unit:
        unit.create(
            {
                "resourceType": "QuestionnaireResponse",
                "questionnaire": instrument.canonical,
                "status": "completed",
                "authored": fhir_instant(now),
                "subject": ref(f"Patient/{MARIA}"),
                "item": [{"linkId": "home-group", "item": [{"linkId": "helpers", "answer": answer}]}],
            }
        )
    page = sign_in(open_page(javascript=False), ANA)
    page.goto(f"/people/{MARIA}/assess/intake")
    page.get_by_role("button", name="Begin").click()
    page.goto(f"{page.url.partition('?')[0]}?q=helpers")
    page.locator("#q-helpers .keep").click()
    page.locator("#q-enough[aria-current]").wait_for()
    page.goto(f"{page.url.partition('?')[0]}?q=helpers")
    assert page.locator("#q-helpers input[value=family]").is_checked()
