"""What the pages look like, kept as pictures for a person to judge (CARELOOP_SHOTS), and checked by axe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Live, sign_in
from tests.browser.looking import look

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"


LOOKS: dict[str, dict[str, Any]] = {
    "wide": {},
    "wide-dark": {"dark": True},
    "tablet": {"width": 1024, "height": 768},
    "phone": {"width": 390, "height": 844},
    "narrow-es": {"width": 320, "height": 700, "language": "es-US"},
}
SHEETS = ("contact", "done", "snooze", "hand-off")
# Whole at two widths and in two languages; of the others what differs most.
BRIEF = {"wide-dark", "tablet"}


@pytest.mark.parametrize("how", LOOKS)
def test_today_its_sheets_and_its_pages(live: Live, community: Any, open_page: Any, how: str) -> None:
    page = open_page(**LOOKS[how])
    if how.endswith("-es"):
        page.context.add_cookies([{"name": "django_language", "value": "es", "url": live.url}])
    page.goto("/sign-in")
    look(page, f"sign-in-{how}")
    sign_in(page, ANA)
    look(page, f"today-{how}")
    for sheet in SHEETS[:1] if how in BRIEF else SHEETS:
        row = page.locator(".row").nth(2)
        row.click(position={"x": 5, "y": 5})
        row.locator(f"a[href$='/{sheet}']").first.click()
        page.locator("#dialog[open] form").wait_for()
        look(page, f"{sheet}-{how}")
        page.keyboard.press("Escape")
    if how in BRIEF:
        return
    page.goto("/today?view=team")
    look(page, f"team-{how}")
    page.locator(".row .act").nth(1).click()
    page.locator("dl.facts").wait_for()
    look(page, f"work-{how}")
    page.goto("/nowhere")
    look(page, f"missing-{how}")
