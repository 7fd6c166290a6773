"""Who may see whom, emergencies and covers, as they look and by keys alone."""

from __future__ import annotations

from typing import Any

import pytest

from careloop.server.demo.chart import ident
from tests.browser.conftest import sign_in
from tests.browser.looking import look
from tests.browser.test_look import ANA

pytestmark = pytest.mark.browser
MARIA = ident(7, "Patient", "maria-duarte")
MARISOL = "marisol.vega@careloop.example"
LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "phone-es": {"width": 390, "height": 844, "language": "es-US"},
}


@pytest.mark.parametrize("how", list(LOOKS))
def test_the_pages_about_access(live: Any, community: Any, open_page: Any, how: str) -> None:
    page = sign_in(open_page(**LOOKS[how]), MARISOL)
    if how == "phone-es":
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    page.goto(f"{live.url}/people/{MARIA}/access")
    look(page, f"access-{how}")
    page.select_option("#label", "part2")
    page.select_option("#type", "Observation")
    page.click("main form.form button.main")
    page.wait_for_selector("#answer")
    look(page, f"access-answer-{how}")
    assert page.locator("#answer li").count() > 1
    page.goto(f"{live.url}/cover")
    look(page, f"cover-{how}")


def test_a_cover_is_arranged_and_ended_by_keys(live: Any, community: Any, open_page: Any) -> None:
    page = sign_in(open_page(), MARISOL)
    page.goto(f"{live.url}/cover")
    page.focus("#colleague")
    page.select_option("#colleague", label="Ana Reyes")
    page.focus("#by")
    page.locator("#by option").nth(2).evaluate("one => { one.selected = true }")
    page.fill("#first", "2026-11-23")
    page.fill("#last", "2026-11-27")
    page.fill("#why", "Thanksgiving")
    page.keyboard.press("Enter")
    page.wait_for_selector("td:has-text('Thanksgiving')")
    look(page, "cover-arranged")
    page.focus("td form button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")


@pytest.mark.parametrize("how", ["wide", "phone-es"])
def test_an_emergency_is_opened_with_a_reason(live: Any, community: Any, open_page: Any, how: str) -> None:
    page = sign_in(open_page(**LOOKS[how]), ANA)
    if how == "phone-es":
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    page.goto(f"{live.url}/emergency")
    if page.locator("#field-password, input[type=password]").count():
        page.fill("input[type=password]", "a quiet Monday morning")
        page.keyboard.press("Enter")
        page.wait_for_url("**/emergency")
    page.fill("#family", "Duarte")
    page.fill("#born", "1900-01-01")
    page.click("button[name=find]")
    page.wait_for_selector("#found")
    look(page, f"emergency-nobody-{how}")
    page.goto(f"{live.url}/people/{MARIA}/story")
    page.wait_for_selector("h1")
