"""Dated regulatory facts: content/rules/<id>.yaml.

A file holds one document a version (`---` between them), each with its own `effective`; versions of one rule
may not overlap. A rule that is not verified (U) is off unless it says `unverified: warn`; then it carries a
warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from careloop.kernel.errors import CareError
from careloop.library.reading import Node, Words, read

VERIFIED = {
    "P": Words("read in a primary source", "leído en una fuente primaria"),
    "S": Words("from a secondary source", "de una fuente secundaria"),
    "O": Words("our own rule, not a regulation", "regla propia, no es una norma oficial"),
    "U": Words("unverified", "sin verificar"),
}

REQUIRED = ("id", "title", "effective", "source", "verified", "values")
OPTIONAL = ("note", "unverified", "reads", "decides")


class NoSuchRule(CareError):
    """The library has no rule for this on that day."""

    code, status, issue_type = "no-such-rule", 500, "not-found"


@dataclass(frozen=True)
class Rule:
    """One version of a rule. since, until: first and last day on which it holds (until None: still).
    decides: false for a fact that is kept for people to read and that no code goes by yet.
    values: as in the file; on: the day it was asked for, which gives the label its year."""

    id: str
    title: Words
    since: date
    until: date | None
    source: str
    verified: str
    values: Mapping[str, Any] = field(hash=False)
    note: str = ""
    warns: bool = False
    reads: tuple[str, ...] = ()
    decides: bool = True
    file: str = ""
    line: int = 0
    on: date | None = None

    @property
    def year(self) -> int:
        return (self.on or self.since).year

    @property
    def label(self) -> str:
        """“Medicare TCM, 2026”; an unverified rule says so."""
        return f"{self.title.en}, {self.year}" + (" (unverified)" if self.verified == "U" else "")

    @property
    def ref(self) -> str:
        """What work carries: tcm-contact@2026."""
        return f"{self.id}@{self.year}"

    @property
    def is_on(self) -> bool:
        """Unverified rules are off unless they only warn."""
        return self.verified != "U" or self.warns

    def covers(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)

    def integer(self, name: str) -> int:
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise NoSuchRule(f"“{name}” of rule {self.id} is not a whole number.", rule=self.id)
        return value

    def number(self, name: str) -> Decimal:
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise NoSuchRule(f"“{name}” of rule {self.id} is not a number.", rule=self.id)
        return Decimal(value)

    def text(self, name: str) -> str:
        return str(self._value(name))

    def _value(self, name: str) -> Any:
        if name not in self.values:
            raise NoSuchRule(f"Rule {self.id} has no value “{name}”.", rule=self.id)
        return self.values[name]


def rule_at(versions: tuple[Rule, ...], rule_id: str, on: date) -> Rule:
    """The version that holds on that day. Raises NoSuchRule, naming rule and day."""
    for version in versions:
        if version.covers(on):
            return replace(version, on=on)
    raise NoSuchRule(f"Rule “{rule_id}” on {on.isoformat()}.", rule=rule_id, on=on)


def load_rules(path: Path, root: Path) -> tuple[Rule, ...]:
    """All versions in one file, oldest first. The id must be the file's name."""
    versions = [_rule(node) for node in read(path, root)]
    for version, node in versions:
        if version.id != path.stem:
            node.fail(f"The id “{version.id}” is not the name of this file.")
    ordered = sorted(versions, key=lambda pair: pair[0].since)
    for (earlier, _), (later, node) in pairwise(ordered):
        if earlier.until is None or earlier.until >= later.since:
            node.fail(f"This version begins on {later.since}, while an earlier one still holds.")
    return tuple(version for version, _ in ordered)


def _rule(node: Node) -> tuple[Rule, Node]:
    keys = node.mapping(REQUIRED, OPTIONAL)
    effective = keys["effective"].mapping(("from",), ("until",))
    until = effective.get("until")
    since, last = effective["from"].day(), until.day() if until and until.value is not None else None
    if last and last < since:
        effective["until"].fail("It ends before it begins.")
    verified = keys["verified"].one_of(VERIFIED)
    warns = keys["unverified"].one_of(("off", "warn")) == "warn" if "unverified" in keys else False
    title = keys["title"]
    values = keys["values"].any_mapping()
    rule = Rule(
        id=keys["id"].text(),
        title=title.words() if isinstance(title.value, dict) else Words(title.text(), title.text()),
        since=since,
        until=last,
        source=keys["source"].text(),
        verified=verified,
        values=MappingProxyType({name: value.plain() for name, value in values.items()}),
        note=keys["note"].text() if "note" in keys else "",
        warns=warns,
        reads=keys["reads"].texts() if "reads" in keys else (),
        decides=keys["decides"].boolean() if "decides" in keys else True,
        file=node.file,
        line=node.line,
    )
    return rule, node
