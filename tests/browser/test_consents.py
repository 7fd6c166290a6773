"""Consents in a browser: how the pages look, and a page that stays open while a consent ends elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions import record
from careloop.actions.record_consent import record_consent
from careloop.actions.revoke_consent import revoke_consent
from careloop.care.consent_asked import Asked
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
MAKER = Scope(system_actor("import"), "command", "maintenance")
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}


def program_and_its_work(live: Any) -> str:
    """Bayou Recovery's visit and the to-do about it; the site that may be told. Returns the site."""
    now = live.clock()
    kind = {"coding": [{"system": "urn:careloop:code:org-kind", "code": "part2-program"}]}
    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    with record.begin(MAKER, now) as unit:
        patient = unit.read("Patient", MARIA).resource
        owner = User.objects.get(email=ANA).practitioner
        unit.create({"resourceType": "Organization", "name": "Bayou Recovery", "type": [kind]}, id="bayou")
        unit.create(
            {
                **{"resourceType": "Encounter", "status": "finished"},
                "class": {"system": act, "code": "AMB"},
                "subject": {"reference": f"Patient/{MARIA}"},
                "serviceProvider": {"reference": "Organization/bayou"},
                "reasonCode": [{"text": "Group at Bayou"}],
                "period": {"start": "2026-11-20T10:00:00Z"},
            },
            id="group-visit",
        )
        unit.create(
            {
                **{"resourceType": "Task", "status": "requested", "intent": "order"},
                "description": "Ask about the group",
                "for": {"reference": f"Patient/{MARIA}"},
                "focus": {"reference": "Encounter/group-visit"},
                "owner": {"reference": f"Practitioner/{owner}"},
                "restriction": {"period": {"end": (now + timedelta(hours=3)).isoformat()}},
            }
        )
        return str(patient["managingOrganization"]["reference"])


def agreed(live: Any, site: str) -> str:
    asked = Asked(
        person=f"Patient/{MARIA}",
        by_whom="Organization/bayou",
        recipients=(site,),
        what=("part2",),
        purpose="tpo",
        signed_by="Maria Duarte",
        how="written",
    )
    return record_consent(MAKER, asked, live.clock()).id


def test_a_page_that_is_open_loses_it_within_a_minute_and_nobody_reloads(
    live: Any, community: Any, open_page: Any
) -> None:
    consent = agreed(live, program_and_its_work(live))
    page = sign_in(open_page(), ANA)
    page.goto("/today")
    row = page.locator(".act", has_text="Ask about the group")
    expect(row).to_be_visible()
    live.clock.move(seconds=5)
    revoke_consent(MAKER, consent, "She changed her mind", live.clock())
    expect(row).to_have_count(0, timeout=60_000)
    expect(page.locator(".incomplete")).to_be_visible()
    page.goto(f"/people/{MARIA}/story")
    expect(page.get_by_text("Group at Bayou")).to_have_count(0)


def test_how_it_looks(live: Any, community: Any, open_page: Any) -> None:
    consent = agreed(live, program_and_its_work(live))
    for how, kind in LOOKS.items():
        User.objects.filter(email=ANA).update(language=kind.get("language", "en")[:2])
        page = sign_in(open_page(**kind), ANA)
        page.goto(f"/people/{MARIA}/consents")
        look(page, f"consents-{how}")
        page.goto(f"/people/{MARIA}/consents/{consent}/end")
        look(page, f"consent-end-{how}")
        page.goto(f"/people/{MARIA}/labels")
        look(page, f"labels-{how}")
        page.goto(f"/people/{MARIA}/consents/new")
        page.locator("button.main", has_text="").last.click()
        page.locator(".error-summary").wait_for()
        look(page, f"consent-new-{how}")
