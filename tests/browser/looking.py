"""How a page looks: nothing for axe to find, nothing wider than the screen, and a picture for whoever asks for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import SHOTS

# Nothing on its way, nothing moving, every letter there.
SETTLED = """async () => {
  const waits = () => document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added');
  for (let n = 0; waits() && n < 100; n++) await new Promise(go => setTimeout(go, 10));
  const moves = document.getAnimations().filter(one => one.effect.getComputedTiming().endTime !== Infinity);
  await Promise.all(moves.map(one => one.finished.catch(() => null)));
  await document.fonts.ready;
  await new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)));
}"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def picture(page: Any, name: str, *, is_whole: bool = False) -> None:
    """Kept under CARELOOP_SHOTS, when it is set. is_whole: not only what the window shows."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=is_whole)


def look(page: Any, name: str, *, is_whole: bool = False) -> None:
    page.evaluate(SETTLED)
    picture(page, name, is_whole=is_whole)
    found = Axe().run(page, options={"resultTypes": ["violations"]})  # the rest is not read
    assert found.violations_count == 0, found.generate_report()
    width = page.evaluate(TOO_WIDE)
    assert width <= 0, f"{name} scrolls sideways by {width} px"
