"""Every colour of tokens.css can be read on what it stands on, by day and by night (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "src/careloop/web/static/careloop/tokens.css"
# (ink, ground, least ratio): 4.5 for text, 3 for what only has to be seen (fields, dots, meters).
PAIRS = [
    *((ink, ground, 4.5) for ink in ("ink", "ink-2", "ink-3") for ground in ("paper", "card", "hover")),
    *(
        (ink, ground, 4.5)
        for ink in ("accent", "danger", "late", "wait", "done")
        for ground in ("paper", "card")
    ),
    *((tone, f"{tone}-soft", 4.5) for tone in ("accent", "danger", "late", "wait", "done")),
    ("accent-ink", "accent", 4.5),
    ("accent-ink", "accent-hover", 4.5),
    ("danger-ink", "danger", 4.5),
    ("paper", "ink", 4.5),
    ("field", "card", 3.0),
    ("field", "paper", 3.0),
]


def palettes() -> dict[str, dict[str, str]]:
    """The light one, and the dark one with what it does not say itself."""
    text = TOKENS.read_text("utf-8")
    light, _, rest = text.partition("@media (prefers-color-scheme: dark)")
    dark = rest.partition("@media")[0]
    told = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", light))
    return {"light": told, "dark": told | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", dark))}


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_written_can_be_read(theme: str) -> None:
    colors = palettes()[theme]
    faint = [
        f"{ink} on {ground}: {ratio(colors[ink], colors[ground]):.2f}, needs {least}"
        for ink, ground, least in PAIRS
        if ratio(colors[ink], colors[ground]) < least
    ]
    assert not faint, "\n".join(faint)


def test_no_stylesheet_names_a_colour_of_its_own() -> None:
    named = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\s*[{,])|\brgba?\(")
    for path in TOKENS.parent.glob("*.css"):
        if path == TOKENS:
            continue
        screen = path.read_text("utf-8").partition("@media print")[0]
        found = [line.strip()[:80] for line in screen.splitlines() if named.search(line)]
        assert not found, f"{path.name}: {found}"
