"""The whole library: find the content, load each kind, check what leads from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from careloop.library.instruments import Instrument, load_instrument
from careloop.library.reading import BrokenContent
from careloop.library.rules import NoSuchRule, Rule, load_rules, rule_at

Made = TypeVar("Made")


@dataclass(frozen=True)
class Library:
    path: Path
    instruments: Mapping[str, Instrument] = field(hash=False)
    rules: Mapping[str, tuple[Rule, ...]] = field(hash=False)

    def rule(self, rule_id: str, on: date) -> Rule:
        """The version that holds on that day, switched off or not (`is_on`). Raises NoSuchRule."""
        return rule_at(self.rules.get(rule_id, ()), rule_id, on)


def content_path() -> Path:
    """`careloop/content` of an installed package, else `content/` of the checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "content", package.parents[1] / "content"):
        if candidate.is_dir():
            return candidate
    raise BrokenContent([f"{package / 'content'}:1: There is no content here."])


@lru_cache(maxsize=8)
def load(path: Path | None = None) -> Library:
    """path: another content folder than our own. Raises BrokenContent with every problem that was found."""
    root = path or content_path()
    problems: list[str] = []
    rules = _each(sorted((root / "rules").glob("*.yaml")), lambda file: load_rules(file, root), problems)
    folders = sorted(path for path in (root / "instruments").glob("*") if path.is_dir())
    instruments = _each(folders, lambda folder: load_instrument(folder, root), problems)
    if problems:
        raise BrokenContent(problems)
    return Library(
        path=root,
        instruments=MappingProxyType({each.id: each for each in instruments}),
        rules=MappingProxyType({versions[0].id: versions for versions in rules}),
    )


def _each(paths: Iterable[Path], make: Callable[[Path], Made], problems: list[str]) -> list[Made]:
    """One broken file does not hide the faults of the next."""
    made = []
    for path in paths:
        try:
            made.append(make(path))
        except BrokenContent as broken:
            problems.extend(broken.problems)
    return made


__all__ = ["Library", "NoSuchRule", "content_path", "load"]
