"""Two records compared and joined, how to reach somebody safely, and the reporting steps, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Live, sign_in
from tests.browser.looking import look
from tests.browser.test_look import ANA
from tests.store.rows import rows

pytestmark = pytest.mark.browser
WAYS = {"wide": {}, "phone-es": {"width": 390, "height": 844}, "dark": {"dark": True}}


def opened(live: Live, open_page: Any, how: str) -> Any:
    page = open_page(**WAYS[how])
    if how == "phone-es":
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    return sign_in(page, ANA)


def people(page: Any) -> list[str]:
    """Two people whom Ana sees on Today."""
    found = page.locator(".row a.who").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    return list(dict.fromkeys(str(each).split("/")[2] for each in found if each.startswith("/people/")))


@pytest.mark.parametrize("how", list(WAYS))
def test_two_records_are_compared_joined_and_taken_apart(
    live: Live, community: Any, open_page: Any, how: str
) -> None:
    page = opened(live, open_page, how)
    one, two = people(page)[:2]
    page.goto(f"/people/{one}/merge")
    look(page, f"merge-choose-{how}")
    page.goto(f"/people/{one}/merge/{two}")
    look(page, f"merge-{how}")
    page.click("main form:not([role=search]) button.main")
    assert page.locator(".error-summary").count() == 1
    look(page, f"merge-lacking-{how}")
    page.check(f"input[name=stays][value='{one}']")
    page.check("input[name=is_confirmed]")
    page.fill("#reason", "Asked her at the visit")
    page.click("main form:not([role=search]) button.main")
    page.wait_for_url(f"**/people/{one}/story*")
    look(page, f"merge-story-{how}")
    page.locator("a[href^='/merges/told/']").first.click()
    page.wait_for_url("**/merges/*")
    look(page, f"merge-joined-{how}")
    page.fill("#reason", "Two sisters")
    page.press("#reason", "Enter")
    page.wait_for_url(f"**/people/{one}/story*")
    assert rows("select count(*) from merges where undone_at is null") == [(0,)]


@pytest.mark.parametrize("how", list(WAYS))
def test_how_to_reach_somebody_safely_comes_first_on_the_sheet_of_a_call(
    live: Live, community: Any, open_page: Any, how: str
) -> None:
    page = opened(live, open_page, how)
    one = people(page)[0]
    page.goto(f"/people/{one}/safe-contact")
    page.check("input[name=refused][value=call]")
    page.check("input[name=refused][value=message]")
    page.fill("#numbers", "713-555-0199")
    page.check("input[name=days-0][value=mon]")
    page.fill("#since-0", "09:00")
    page.fill("#until-0", "12:00")
    page.fill("#say-from", "the library")
    page.fill("#code-word", "bluebird")
    look(page, f"safe-contact-{how}")
    page.locator("main form:not([role=search]) button.main").click()
    page.wait_for_url(f"**/people/{one}/story*")
    page.goto(f"/people/{one}/contact")
    look(page, f"safe-call-{how}")
    page.check("input[name=outcome][value=no-answer]")
    page.locator("button[name=sign][value='1']").click()
    assert page.locator("#field-despite .error").count() == 1
    look(page, f"safe-refused-{how}")


@pytest.mark.parametrize("how", list(WAYS))
def test_the_reporting_steps_leave_with_one_key(live: Live, community: Any, open_page: Any, how: str) -> None:
    page = opened(live, open_page, how)
    one = people(page)[0]
    page.goto(f"/people/{one}/report?kind=elder")
    look(page, f"report-{how}")
    page.keyboard.press("x")
    page.wait_for_url("**/today*")
