"""A proposal looked at, decided by keys only, made the plan, and the plan on paper; the library beside it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import User
from careloop.actions.propose_plan import write_proposal
from careloop.care.plan import Told
from careloop.library import load
from tests.browser.conftest import sign_in
from tests.browser.looking import look

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


def opened(open_page: Any, how: str) -> Any:
    """Ana, who reads Spanish where the look is Spanish."""
    User.objects.filter(email=ANA).update(language=LOOKS[how].get("language", "en")[:2])
    return sign_in(open_page(**LOOKS[how]), ANA)


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, live: Any, open_page: Any, how: str) -> None:
    plan = proposed(live)
    page = opened(open_page, how)
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
    page.locator("a[href*='/plan/print']").click()
    page.locator(".paper").wait_for()
    look(page, f"plan-print-{how}")


@pytest.mark.parametrize("how", ["wide", "narrow-es"])
def test_how_the_library_looks(community: Any, open_page: Any, how: str) -> None:
    page = opened(open_page, how)
    for name in (
        "library",
        "library/instruments/phq-9",
        "library/programs/transitions",
        "library/plans/after-discharge",
        "library/rules/tcm-contact",
        "library/leaflets/when-to-call",
    ):
        page.goto(f"/{name}")
        look(page, f"{name.replace('/', '-')}-{how}")


def test_by_keyboard_only_a_line_is_changed_one_declined_and_the_rest_becomes_the_plan(
    community: Any, live: Any, open_page: Any
) -> None:
    plan = proposed(live)
    page = sign_in(open_page(), ANA)
    page.goto(f"/proposals/{plan}/")
    chosen = page.locator("[data-line][aria-current=true]")
    decided = page.locator("#proposed-title .num")
    keys = page.keyboard
    keys.press("a")  # the need
    decided.get_by_text("1 of 8").wait_for()
    keys.press("j")
    assert "Check the ride benefit" in chosen.inner_text()
    keys.press("e")
    page.locator(".in-place textarea#text").wait_for()
    assert page.evaluate("document.activeElement.id") == "text"
    keys.press("Control+a")
    keys.type("Ask the plan for rides to church, a and e are only letters here")
    keys.press("Tab")
    keys.press("Escape")  # out of the form, nothing kept
    page.locator(".in-place").wait_for(state="detached")
    keys.press("e")
    page.locator(".in-place textarea#text").wait_for()
    keys.press("Control+a")
    keys.type("Ask the plan for rides to the clinic")
    for _ in range(20):
        if page.evaluate("document.activeElement.value") == "edit":
            break
        keys.press("Tab")
    keys.press("Enter")
    decided.get_by_text("2 of 8").wait_for()
    assert "Book a ride for the next visit" in chosen.inner_text()
    keys.press("x")
    page.locator(".in-place fieldset").wait_for()
    keys.press("Space")
    keys.press("Enter")
    decided.get_by_text("3 of 8").wait_for()
    for n in range(4, 9):
        keys.press("a")
        decided.get_by_text(f"{n} of 8").wait_for()
    expect(page.locator(".make .main:focus")).to_have_count(1)
    keys.press("Enter")
    page.locator(".take-back").wait_for()
    said = page.locator("main").inner_text()
    assert "Ask the plan for rides to the clinic" in said
    assert "The person does not want this" in said
    page.goto("/today")
    assert "Find a pantry" in page.locator("#content").inner_text()
