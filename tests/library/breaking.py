"""One line of the content changed, and what that is refused with."""

from __future__ import annotations

from pathlib import Path

import pytest

from careloop.library import load
from careloop.library.reading import BrokenContent


def refused_with(content: Path, file: str, old: str, new: str) -> list[str]:
    """Every problem that the change leads to; the first names that file, and a line."""
    path = content / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BrokenContent) as broken:
        load(content)
    place, line, _ = broken.value.problems[0].split(":", 2)
    assert place == file
    assert int(line) > 0
    return broken.value.problems
