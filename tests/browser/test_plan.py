"""Living with a plan in a browser: a line opens in its place, what changed is said, it is signed; how that looks."""

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
PLAN = f"/people/{MARIA}/plan"
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "phone-es": {"width": 390, "height": 844, "language": "es-US"},
    "narrow-dark": {"width": 320, "height": 700, "dark": True},
}


@pytest.mark.parametrize("how", LOOKS)
def test_how_a_plan_and_its_forms_look(community: Any, open_page: Any, how: str) -> None:
    User.objects.filter(email=ANA).update(language=LOOKS[how].get("language", "en")[:2])
    page = sign_in(open_page(**LOOKS[how]), ANA)
    page.goto(PLAN)
    look(page, f"plan-{how}", is_whole=True)
    for name, which in (
        ("edit-goal", "a[href^='?edit=Goal']"),
        ("add-step", "a[href^='?add=step']"),
        ("edit-step", ".step-acts a[href^='?edit=Task']"),
        ("end-goal", "a[href^='?end=Goal']"),
    ):
        page.goto(PLAN)
        page.locator(which).first.click()
        page.locator(".line-form").wait_for()
        look(page, f"plan-{name}-{how}")
    page.goto(PLAN)
    page.locator(f"a[href='{PLAN}/sign']").click()
    page.locator("dialog[open] #witness").wait_for()
    look(page, f"plan-sign-{how}")
    page.goto(f"{PLAN}/changes")
    look(page, f"plan-changes-{how}")
    page.goto(f"{PLAN}/print")
    look(page, f"plan-print-{how}", is_whole=True)


def test_a_goal_is_changed_signed_and_told_by_keys_only(ana: Any, live: Any) -> None:
    page = ana
    live.clock.move(minutes=1)
    page.goto(PLAN)
    link = page.locator("a[href^='?edit=Goal']").first
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".line-form #text")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Weigh the same, day after day")
    page.locator("#because").focus()
    page.keyboard.type("It was said better this way")
    page.keyboard.press("Enter")
    expect(page.locator(".goal-text", has_text="Weigh the same, day after day")).to_be_visible()
    page.locator("a[href$='/plan/sign']").focus()
    page.keyboard.press("Enter")
    page.locator("dialog[open] input[name=how][value=screen]").wait_for()
    page.locator("dialog[open] button.main").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".seen-by", has_text="signed version")).to_be_visible()
    page.goto(f"{PLAN}/changes")
    expect(page.locator(".told li", has_text="Weigh the same, day after day").first).to_be_visible()
    look(page, "plan-changed-by-keys")


def test_without_scripts_a_line_opens_and_is_kept(community: Any, live: Any, chromium: Any) -> None:
    context = chromium.new_context(base_url=live.url, java_script_enabled=False)
    page = sign_in(context.new_page(), ANA)
    page.goto(PLAN)
    page.locator("a[href^='?add=barrier']").first.click()
    page.fill("#text", "The bus stopped")
    page.locator(".line-form button.main").click()
    expect(page.locator("#because-error")).to_be_visible()
    page.fill("#because", "Line 82 ended")
    page.locator(".line-form button.main").click()
    expect(page.locator(".barrier", has_text="The bus stopped").first).to_be_visible()
    context.close()
