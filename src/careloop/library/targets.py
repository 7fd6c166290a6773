"""Treat to target as content: content/targets/<id>.yaml says what is measured, where it should be, when a change counts
and when the next value is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from careloop.library.reading import BrokenContent, Node, Words, read_one
from careloop.library.rules import VERIFIED

REQUIRED: Final = ("id", "title", "measure", "better", "target", "response", "worse", "patience_weeks")
REQUIRED_TOO: Final = ("review_days", "source", "verified")
KINDS: Final = ("score", "reading")


@dataclass(frozen=True)
class Target:
    """kind: score (of an instrument) or reading; name: which. sign: 1 where less is better, -1 where more is; numbers
    are multiplied with it before they are compared. below, second_below: in target when under them (over, where more is
    better). percent, by: what counts as a response, one of them. worse: a change this far the wrong way.
    weeks: stuck after so long without a response. due_in_target, due_otherwise: days from a value to the next."""

    id: str
    title: Words
    kind: Literal["score", "reading"]
    name: str
    sign: int
    below: Decimal
    second_below: Decimal | None
    words: Words
    percent: Decimal | None
    by: Decimal | None
    worse: Decimal
    weeks: int
    due_in_target: int
    due_otherwise: int
    source: str
    verified: str

    @property
    def measure(self) -> str:
        """As the table of courses names it: `score:phq-9`."""
        return f"{self.kind}:{self.name}"


@lru_cache(maxsize=8)
def load_targets(root: Path) -> Mapping[str, Target]:
    """By id. Raises BrokenContent with every problem that was found."""
    problems: list[str] = []
    found: dict[str, Target] = {}
    for path in sorted((root / "targets").glob("*.yaml")):
        try:
            node = read_one(path, root)
            target = _target(node)
            if target.id != path.stem:
                node.fail(f"The id “{target.id}” is not the name of this file.")
            found[target.id] = target
        except BrokenContent as broken:
            problems += broken.problems
    if problems:
        raise BrokenContent(problems)
    return found


def _target(node: Node) -> Target:
    keys = node.mapping((*REQUIRED, *REQUIRED_TOO))
    kind, name = _measure(keys["measure"])
    goal = keys["target"].mapping(("below", "words"), ("second_below",))
    response = keys["response"].mapping((), ("percent", "by"))
    if len(response) != 1:
        keys["response"].fail("Say either percent or by.")
    due = keys["review_days"].mapping(("in_target", "otherwise"))
    return Target(
        id=keys["id"].text(),
        title=keys["title"].words(),
        kind=kind,
        name=name,
        sign=1 if keys["better"].one_of(("lower", "higher")) == "lower" else -1,
        below=goal["below"].number(),
        second_below=goal["second_below"].number() if "second_below" in goal else None,
        words=goal["words"].words(),
        percent=_positive(response["percent"]) if "percent" in response else None,
        by=_positive(response["by"]) if "by" in response else None,
        worse=_positive(keys["worse"].mapping(("by",))["by"]),
        weeks=_days(keys["patience_weeks"]),
        due_in_target=_days(due["in_target"]),
        due_otherwise=_days(due["otherwise"]),
        source=keys["source"].text(),
        verified=keys["verified"].one_of(VERIFIED),
    )


def _measure(node: Node) -> tuple[Literal["score", "reading"], str]:
    said = node.mapping((), KINDS)
    if len(said) != 1:
        node.fail("Say either score or reading.")
    if "score" in said:
        return "score", said["score"].text()
    return "reading", said["reading"].text()


def _positive(node: Node) -> Decimal:
    if (number := node.number()) <= 0:
        node.fail("Expected a number above 0.")
    return number


def _days(node: Node) -> int:
    if (number := node.integer()) <= 0:
        node.fail("Expected a whole number above 0.")
    return number
