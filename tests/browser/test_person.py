"""The person page and the list of people: how they look, and a walk through them by keys only."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from careloop.accounts.models import User
from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
MARIA = ident(7, "Patient", "maria-duarte")
LOOKS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "wide": ({}, ("story", "plan", "work", "assessments", "health", "about")),
    "dark": ({"dark": True}, ("story", "plan", "health")),
    "phone": ({"width": 390, "height": 844}, ("story", "plan", "work", "assessments", "health", "about")),
    "narrow-es": ({"width": 320, "height": 700, "language": "es-US"}, ("story", "plan", "health")),
}


@pytest.mark.parametrize("how", LOOKS)
def test_how_it_looks(community: Any, open_page: Any, how: str) -> None:
    kind, sections = LOOKS[how]
    User.objects.filter(email=ANA).update(language=kind.get("language", "en")[:2])
    page = sign_in(open_page(**kind), ANA)
    page.goto("/people")
    look(page, f"people-{how}")
    for section in sections:
        page.goto(f"/people/{MARIA}/{section}")
        look(page, f"person-{section}-{how}")
    page.goto(f"/people/{MARIA}/plan")
    page.locator(".because summary").first.click()
    page.locator(".own-words a").first.click()
    page.locator("dialog[open] #words").wait_for()
    look(page, f"person-words-{how}")


def test_whom_she_looks_for_stands_in_no_address_and_is_there_again_on_the_way_back(ana: Any) -> None:
    page = ana
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("/")
    page.keyboard.type("duart")
    page.locator("#find-results .who").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/found")
    page.locator("#content .who").first.wait_for()
    page.reload()
    page.locator("#content .who", has_text="Duarte").first.click()
    page.wait_for_url("**/story")
    page.go_back()
    page.locator("#content .who", has_text="Duarte").first.wait_for()
    assert any(url.endswith("/people/find") for url in asked)
    assert not [url for url in asked if "duart" in url.lower()]


def test_by_keys_only_from_the_find_box_to_the_plan_and_through_her_work(ana: Any) -> None:
    page = ana
    keys = page.keyboard
    keys.press("/")
    keys.type("duart")
    page.locator("#find-results .who").first.wait_for()
    keys.press("ArrowDown")
    keys.press("Enter")
    page.wait_for_url("**/story")
    _tab_to(page, "#sections a[href$='/plan']")
    keys.press("Enter")
    page.wait_for_url("**/plan")
    _tab_to(page, ".because summary")
    keys.press("Enter")
    assert page.locator(".because[open] .answer").first.is_visible()
    keys.press("w")
    page.locator("dialog[open] #words:focus").wait_for()
    keys.type("To walk to the river.")
    _tab_to(page, "dialog[open] button.main")
    keys.press("Enter")
    page.locator(".own-words .big", has_text="To walk to the river.").wait_for()
    expect(page.locator("#dialog")).not_to_be_visible()
    assert page.evaluate("document.activeElement.closest('#content') !== null"), "the focus was lost"

    page.goto(f"/people/{MARIA}/work")
    titles = page.locator("[data-rows] .act").all_inner_texts()
    keys.press("j")
    expect(page.locator(":focus")).to_have_text(titles[1])
    keys.press("d")
    page.locator("dialog[open] textarea").wait_for()
    _tab_to(page, "dialog[open] textarea")
    keys.type("Spoke with her; she has her pills")
    _tab_to(page, "dialog[open] button.main")
    keys.press("Enter")
    expect(page.locator("[data-rows] .act")).to_have_count(len(titles) - 1)
    expect(page.locator(":focus")).to_have_text(titles[2])  # after acting, the next one is under the hand


def test_without_scripts_every_section_and_sheet_is_a_page(community: Any, open_page: Any) -> None:
    page = open_page(javascript=False)
    page.goto("/sign-in")
    page.fill("#email", ANA)
    page.fill("#password", "a quiet Monday morning")
    page.click("button.main")
    page.goto("/people")
    page.click(".people-table a.name:has-text('Maria Duarte')")
    page.click("#sections a[href$='/plan']")
    page.click(".own-words a")
    page.fill("#words", "To see the sea.")
    page.click("form button.main")
    assert page.locator(".own-words .big").inner_text().startswith("To see the sea.")


def _tab_to(page: Any, selector: str, most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"no Tab leads to {selector}")
