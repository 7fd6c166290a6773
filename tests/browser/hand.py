"""Steps that the stories in a browser share: how somebody works a page, with a pointer or with keys alone."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Any


@dataclass
class Hand:
    """How she works: with a pointer, or with keys alone."""

    page: Any
    is_keys: bool

    def on_row(self, row: Any, key: str) -> None:
        """One of the row's buttons; each has its key."""
        if self.is_keys:
            for _ in range(60):
                if row.get_attribute("aria-current") == "true":
                    break
                self.page.keyboard.press("j")
            assert row.get_attribute("aria-current") == "true", "j never came to the row"
            self.page.keyboard.press(key)
        else:
            row.click(position={"x": 4, "y": 4})
            row.locator(f"[data-key={key}]").first.click()

    def press(self, target: Any) -> None:
        """A button or a link."""
        if self.is_keys:
            self.tab_to(target)
            self.page.keyboard.press("Enter")
        else:
            target.click()

    def choose(self, target: Any) -> None:
        """A radio button or a box to tick, by its label."""
        if self.is_keys:
            target.focus()
            self.page.keyboard.press("Space")
        else:
            target.check()

    def write(self, target: Any, text: str) -> None:
        if self.is_keys:
            self.tab_to(target)
            self.page.keyboard.press("ControlOrMeta+a")
            self.page.keyboard.type(text)
        else:
            target.fill(text)

    def tab_to(self, target: Any, most: int = 150) -> None:
        """With Tab alone, as somebody without a pointer comes there."""
        target.wait_for()
        for _ in range(most):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reached {target}")


def on_line(page: Any, hand: Hand, line: Any, key: str) -> None:
    """One of a proposed line's buttons; each has its key."""
    if hand.is_keys:
        for _ in range(40):
            if line.get_attribute("aria-current") == "true":
                break
            page.keyboard.press("j")
        page.keyboard.press(key)
    else:
        line.locator(f"[data-key={key}]").click()


def text_of(pdf: bytes, instead: str) -> str:
    """As poppler reads it; without poppler, what was looked for is taken as found."""
    if shutil.which("pdftotext") is None:
        return instead
    done = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())
