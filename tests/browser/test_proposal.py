"""A proposal looked at, decided by keys only, made the plan, and the plan on paper; the library beside it."""

from __future__ import annotations

from typing import Any

import pytest

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.actions.propose_plan import write_proposal
from careloop.care.plan import Told
from careloop.library import load
from tests.browser.conftest import sign_in
from tests.browser.test_look import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}


def proposed(live: Any) -> str:
    """Food runs out at Maria Duarte's, and there is no ride. Returns the proposal's id."""
    library = load()
    told = Told(findings=frozenset({"ahc-hrsn/food", "ahc-hrsn/transport"}), asked=frozenset({"ahc-hrsn"}))
    scope = Scope(system_actor("demo"), "command", "maintenance")
    with store.open(scope, now=live.clock(), projectors=projections.ALL) as unit:
        maria = unit.search("Patient", {"name": "Duarte"}).entries[0]
        plan = write_proposal(unit, maria, told, library, "Social needs.", "browser", ())
    assert plan is not None
    return plan.id


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, live: Any, open_page: Any, how: str) -> None:
    plan = proposed(live)
    page = sign_in(open_page(**LOOKS[how]), ANA)
    page.goto(f"/proposals/{plan}/")
    look(page, f"proposal-{how}")
    page.locator("[data-key=e]").nth(1).click()
    page.locator(".in-place").wait_for()
    look(page, f"proposal-edit-{how}")
    page.locator("[data-cancel]").click()
    page.locator(".in-place").wait_for(state="detached")
    page.locator("[data-key=x]").nth(0).click()
    page.locator(".in-place").wait_for()
    look(page, f"proposal-decline-{how}")
    page.locator("[data-cancel]").click()
    page.locator(".in-place").wait_for(state="detached")
    page.locator(".make button.line").click()
    page.locator(".make button.line").wait_for(state="detached")
    page.locator(".make button.main").click()
    page.wait_for_url("**/proposals/**")
    page.locator(".take-back").wait_for()
    look(page, f"proposal-next-{how}")
