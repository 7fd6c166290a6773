"""What the pages look like, kept as pictures for a person to judge (CARELOOP_SHOTS), and checked by axe."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import SHOTS, sign_in

pytestmark = pytest.mark.browser
ANA = "ana.reyes@careloop.example"
SIZES = {"wide": (1360, 900), "phone": (390, 844), "narrow": (320, 700)}


def look(page: Any, name: str) -> None:
    """A picture, and nothing for axe to find."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(250)
    page.screenshot(path=SHOTS / f"{name}.png")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name} scrolls sideways by {width} px"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_today_and_its_sheets(community: Any, open_page: Any, size: str, dark: bool) -> None:
    page = open_page(*SIZES[size], dark=dark)
    name = f"{size}-{'dark' if dark else 'light'}"
    page.goto("/sign-in")
    look(page, f"sign-in-{name}")
    sign_in(page, ANA)
    look(page, f"today-{name}")
    for act, heading in (("c", "Log a call"), ("d", "Close this to-do"), ("s", "Snooze"), ("h", "Hand off")):
        row = page.locator(".row").nth(2)
        row.click(position={"x": 5, "y": 5})
        row.locator(f"[data-key={act}]").first.click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        look(page, f"{heading.split()[0].lower()}-{name}")
        page.keyboard.press("Escape")
    page.goto("/today?view=team")
    look(page, f"team-{name}")
    page.locator(".row .act").nth(1).click()
    page.get_by_role("heading", name="Why this is here").wait_for()
    look(page, f"work-{name}")
    page.goto("/nowhere")
    look(page, f"missing-{name}")
