"""What a plan lacks and what others planned, as a coordinator sees it: by keyboard, on a phone, in Spanish."""

from __future__ import annotations

from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, ref
from careloop.server.demo.chart import ident
from tests.browser.conftest import Live, Open, sign_in
from tests.browser.looking import look

ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
DEMO = Scope(system_actor("demo"), "command", "maintenance")


def their_plan(who: str, *said: str) -> Resource:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "title": f"Plan of {who}",
        "identifier": [{"system": "https://example.org/plans", "value": who}],
        "subject": ref(f"Patient/{MARIA}"),
        "author": {"display": who},
        "period": {"start": "2026-11-02"},
        "activity": [{"detail": {"status": "in-progress", "description": each}} for each in said],
    }


def joined(program: str) -> Resource:
    return {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "type": [codeable(uris.PROGRAM, program)],
        "patient": ref(f"Patient/{MARIA}"),
        "period": {"start": "2026-11-20T10:00:00-06:00"},
    }


@pytest.fixture
def told(community: Any, live: Live) -> None:
    """Maria is in two programs that ask something of her plan, and two others have planned for her."""
    with store.open(DEMO, now=live.clock(), projectors=projections.ALL) as unit:
        for each in (
            joined("chronic-care"),
            joined("long-term-care"),
            their_plan("Lakeside Cardiology", "Fluid restriction 1.5 liters a day", "Weigh every morning"),
            their_plan("Gulf Home Health", "Push fluids", "Low potassium diet", "Walk with a walker"),
        ):
            unit.create(each)


def test_the_plan_says_what_it_lacks_and_what_contradicts(ana: Any, told: None) -> None:
    ana.goto(f"/people/{MARIA}/plan")
    look(ana, "plan-checks", is_whole=True)
    ana.get_by_text("for chronic care").click()
    look(ana, "plan-checks-open", is_whole=True)
    ana.get_by_role("link", name="See the plans side by side").click()
    look(ana, "plans-beside", is_whole=True)
    ana.get_by_role("button", name="Make it a to-do").click()
    ana.get_by_text("being cleared up").wait_for()
    ana.get_by_role("link", name="It may stand").click()
    ana.fill("#reason", "Asked Dr. Chen: 1.5 liters hold; home health changes theirs.")
    look(ana, "plan-conflict-looked")
    ana.get_by_role("button", name="Mark as looked at").click()
    ana.wait_for_url(f"**/people/{MARIA}/plan*")
    ana.goto(f"/people/{MARIA}/plan/beside")
    ana.get_by_text("1 looked at").click()
    look(ana, "plans-beside-looked", is_whole=True)
    ana.goto(f"/people/{MARIA}/plan/copy")
    look(ana, "plan-copy")


def test_on_a_phone_in_spanish_and_in_the_dark(open_page: Open, told: None) -> None:
    User.objects.filter(email=ANA).update(language="es")
    page = sign_in(open_page(390, 844, language="es-MX"), ANA)
    page.goto(f"/people/{MARIA}/plan")
    look(page, "plan-checks-phone-es", is_whole=True)
    page.goto(f"/people/{MARIA}/plan/beside")
    look(page, "plans-beside-phone-es", is_whole=True)
    User.objects.filter(email=ANA).update(language="en")
    dark = sign_in(open_page(320, 800, dark=True), ANA)
    dark.goto(f"/people/{MARIA}/plan")
    look(dark, "plan-checks-narrow-dark", is_whole=True)


def test_the_library_shows_standards_and_conflicts(ana: Any) -> None:
    for path in (
        "standards/nf-comprehensive",
        "conflicts/weight-bearing",
        "conflicts/medicines",
        "plans/falls",
    ):
        ana.goto(f"/library/{path}")
        look(ana, f"library-{path.replace('/', '-')}", is_whole=True)
