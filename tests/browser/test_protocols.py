"""How protocols look: the list, one of them, tried over everybody, why one spoke, what is watched, and a proposal that
changes and ends lines. Keyboard, axe, 390 px, dark, Spanish."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import projections, reactions, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.switch_protocol import switch_protocol
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.store import feed
from tests.browser.conftest import sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
HOUSE = Scope(system_actor("demo"), "command", "maintenance")
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {"width": 1360, "height": 900},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}


def worried(live: Any) -> tuple[str, str, str]:
    """A plan that stands, and a GAD-7 that has not moved for eight weeks. (person, alert, proposal)"""
    library, now = load(), live.clock()
    for name in ("anxiety-treat-to-target", "heart-failure-weight"):
        switch_protocol(
            HOUSE, name, is_on=True, because="Agreed at the Monday meeting", library=library, now=now
        )
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        maria = unit.search("Patient", {"name": "Duarte"}).entries[0]
        goal = unit.create(
            {
                "resourceType": "Goal",
                "lifecycleStatus": "active",
                "description": codeable(uris.GOAL, "gad-7-below-5", "GAD-7 below 5"),
                "subject": ref(maria.reference),
                "target": [
                    {
                        "extension": [{"url": uris.RULE, "valueString": "gad-7"}],
                        "measure": {**codeable(uris.LOINC, "70274-6"), "text": "GAD-7"},
                        "detailQuantity": {"value": 5, "comparator": "<", "unit": "{score}"},
                        "dueDate": (now + timedelta(days=7)).date().isoformat(),
                    }
                ],
            }
        )
        step = unit.create(
            {
                "resourceType": "Task",
                "status": "accepted",
                "intent": "plan",
                "code": codeable(uris.WORK_CODE, "breathing", "Slow breathing twice a day"),
                "description": "Slow breathing twice a day",
                "for": ref(maria.reference),
                "owner": ref(maria.reference, "Maria Duarte"),
                "reasonReference": ref(goal.reference),
            }
        )
        unit.create(
            {
                "resourceType": "CarePlan",
                "status": "active",
                "intent": "plan",
                "title": "Care plan",
                "subject": ref(maria.reference),
                "created": fhir_instant(now - timedelta(days=60)),
                "goal": [ref(goal.reference)],
                "activity": [{"reference": ref(step.reference)}],
            }
        )
        for days, value in ((-57, 17), (-29, 13), (0, 12)):
            unit.create(
                {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": codeable(uris.LOINC, "70274-6", "GAD-7 total score"),
                    "subject": ref(maria.reference),
                    "effectiveDateTime": fhir_instant(now + timedelta(days=days) - timedelta(hours=1)),
                    "valueQuantity": {"value": Decimal(value), "unit": "{score}"},
                }
            )
    assert feed.wait_until_settled(60)
    while reactions.run(now, library) or reactions.run_timers(now, library):
        assert feed.wait_until_settled(60)
    with store.open(HOUSE, now=now) as unit:
        maria = unit.search("Patient", {"name": "Duarte"}).entries[0]
        found = [
            i for i in unit.of_person(maria.rid, ["DetectedIssue"]) if i.resource["status"] == "preliminary"
        ]
        [plan] = [
            p
            for p in unit.of_person(maria.rid, ["CarePlan"])
            if any("protocol:anxiety" in str(i.get("value")) for i in p.resource.get("identifier", ()))
        ]
    return maria.id, found[0].id, plan.id


def opened(open_page: Any, how: str) -> Any:
    User.objects.filter(email=ANA).update(language=LOOKS[how].get("language", "en")[:2])
    return sign_in(open_page(**LOOKS[how]), ANA)


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, live: Any, open_page: Any, how: str) -> None:
    person, alert, proposal = worried(live)
    page = opened(open_page, how)
    for name, address in (
        ("list", "/library/protocols"),
        ("one", "/library/protocols/anxiety-treat-to-target"),
        ("tried", "/library/protocols/anxiety-treat-to-target/dry-run"),
        ("why", f"/people/{person}/alerts/{alert}"),
        ("watched", f"/people/{person}/watched"),
        ("proposal", f"/proposals/{proposal}/"),
    ):
        page.goto(address)
        look(page, f"protocol-{name}-{how}", is_whole=True)


def test_from_the_row_to_the_plan_with_keys_only(community: Any, live: Any, open_page: Any) -> None:
    person, alert, proposal = worried(live)
    page = opened(open_page, "wide")
    page.goto(f"/people/{person}/alerts/{alert}")
    page.get_by_role("link", name="Read what it proposes for the plan").press("Enter")
    page.wait_for_url(f"**/proposals/{proposal}/")
    lines = page.locator("[data-line]")
    total = lines.count()
    assert total >= 3
    assert page.locator(".becomes").count() >= 1
    for turn in range(total):
        page.locator("[data-line][aria-current=true]").wait_for()
        page.keyboard.press("a")
        page.locator(f"text={turn + 1} of {total} decided").wait_for()
    page.get_by_role("button", name="Make this the plan").click()
    page.get_by_role("heading", level=1).wait_for()
    page.goto(f"/people/{person}/plan")
    assert "tried for 8 weeks" in page.content() or "Slow breathing twice a day" in page.content()
