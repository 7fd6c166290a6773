"""An unsigned note, from the call that left it to the supervisor who looks after it; and what is sent is sent once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Live, sign_in
from tests.browser.looking import look
from tests.browser.test_look import ANA
from tests.store.rows import rows

pytestmark = pytest.mark.browser
MARISOL = "marisol.vega@careloop.example"
KEPT = "select form from drafts where starts_with(form, 'contact:')"


def call_page(page: Any) -> str:
    """The whole page of a call, not the sheet."""
    address = str(page.locator(".row a[href$='/contact']").first.get_attribute("href"))
    page.goto(address)
    return address


def test_a_save_that_was_to_come_does_not_follow_what_was_sent(
    live: Live, community: Any, open_page: Any
) -> None:
    page = sign_in(open_page(), ANA)
    address = call_page(page)
    page.route("**" + address, lambda route: (page.wait_for_timeout(1_200), route.continue_()))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.check("input[name=outcome][value=reached]")
    page.wait_for_timeout(900)
    sent.clear()
    page.fill("#contact-note", "Has all her pills.")
    page.click("button[name=sign][value='1']")
    page.wait_for_url("**/today*")
    assert [url.rpartition(live.url)[2] for url in sent] == [address]
    assert rows(KEPT) == []


@pytest.mark.parametrize("how", ["wide", "phone-es"])
def test_the_supervisor_looks_after_what_was_left(
    live: Live, community: Any, open_page: Any, how: str
) -> None:
    page = sign_in(open_page(), ANA)
    call_page(page)
    page.check("input[name=outcome][value=reached]")
    page.fill("#contact-note", "Has all her pills. Her daughter drives.")
    page.click("button[name=sign][value='0']")
    page.wait_for_url("**/today*")
    live.clock.move(days=1, hours=2)
    desk = open_page(width=390, height=844) if how == "phone-es" else open_page()
    if how == "phone-es":
        desk.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    sign_in(desk, MARISOL)
    desk.goto("/review")
    look(desk, f"unsigned-{how}")
    desk.locator("a.act[href^='/review/notes/']").click()
    look(desk, f"unsigned-note-{how}")
    desk.click("button[value=sign]")
    assert desk.locator("#because[aria-invalid=true]").count() == 1
    look(desk, f"unsigned-why-{how}")
    desk.fill("#because", "Ana is on leave")
    desk.click("button[value=sign]")
    desk.wait_for_url("**/notes/*")
    assert "Ana is on leave" in desk.inner_text("#note-text")
    look(desk, f"unsigned-signed-{how}")
