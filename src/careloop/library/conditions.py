"""The few conditions that content may state, and the paths each of them reads.

    {score: phq-9, at_least: 10}                      a score, by the instrument's id
    {answer: ahc-hrsn/food-worry, is: [often, sometimes]}   an answer, by its code
    {finding: ahc-hrsn/food, is: true}                what an instrument found, by its id
    {fact: days_since_discharge, at_most: 30}         anything else a decision was told
    {item: thoughts, at_least: 1}                     inside an instrument: one of its own questions
    {all: […]}   {any: […]}   {not: …}

A comparison with something unknown (not asked, no score) is false, so nobody gets work from an absent answer;
`{not: …}` of an unknown is true, and content should say `known: true` beside it where that matters. “Declined”,
“unknown” and “not-asked” count only where `is` names them. `at_least` and `above` also hold when the score is
not known but the answers given already reach that far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from careloop.fhir.questionnaire import ABSENT
from careloop.library.reading import Node

SUBJECTS = ("score", "answer", "finding", "fact")
NUMERIC: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "at_least": lambda found, limit: found >= limit,
    "at_most": lambda found, limit: found <= limit,
    "above": lambda found, limit: found > limit,
    "below": lambda found, limit: found < limit,
}
OPERATORS = (*NUMERIC, "is", "is_not", "known")

# What a path (`score/phq-9`, `answer/ahc-hrsn/food-worry`, `fact/age`) is now: None unknown, a number, a
# text, a boolean, or a set of codes where several may hold at once.
Lookup = Callable[[str], Any]


@dataclass(frozen=True)
class Compare:
    path: str
    operator: str
    value: Any
    line: int = 0

    def holds(self, look: Lookup) -> bool:
        found = look(self.path)
        if self.operator == "known":
            return (found is not None and not _is_reason(found)) is self.value
        if found is None and self.operator in ("at_least", "above"):
            found = look(f"at-least/{self.path}")
        if found is None or (_is_reason(found) and self.operator != "is"):
            return False
        if self.operator in NUMERIC:
            return NUMERIC[self.operator](Decimal(found), self.value)
        present = set(found) if isinstance(found, (set, frozenset, tuple, list)) else {found}
        matches = bool(present & set(self.value))
        return matches if self.operator == "is" else not matches

    def reads(self) -> Iterator[str]:
        yield self.path

    def compares(self) -> Iterator[Compare]:
        yield self


@dataclass(frozen=True)
class Group:
    """kind: all, any or not (exactly one part)."""

    kind: str
    parts: tuple[Condition, ...]

    def holds(self, look: Lookup) -> bool:
        results = (part.holds(look) for part in self.parts)
        if self.kind == "all":
            return all(results)
        return any(results) if self.kind == "any" else not next(results)

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def compares(self) -> Iterator[Compare]:
        for part in self.parts:
            yield from part.compares()


Condition = Compare | Group


def _is_reason(found: Any) -> bool:
    """Declined, unknown or not asked: a reason for no answer."""
    return isinstance(found, str) and found in ABSENT


def condition(node: Node, subjects: Sequence[str] = SUBJECTS) -> Condition:
    """Raises BrokenContent for an unknown subject or operator, with its line."""
    return group_in(node, lambda each: condition(each, subjects)) or _compare(node, subjects)


def group_in(node: Node, read: Callable[[Node], Condition]) -> Group | None:
    """None when it is not all, any or not. read: one of the conditions in it."""
    keys = node.any_mapping()
    for kind in ("all", "any", "not"):
        if kind in keys:
            node.mapping((kind,))
            inner = [keys[kind]] if kind == "not" else keys[kind].sequence()
            if not inner:
                keys[kind].fail("Expected at least one condition.")
            return Group(kind, tuple(map(read, inner)))
    return None


def _compare(node: Node, allowed: Sequence[str]) -> Compare:
    keys = node.mapping((), (*allowed, *OPERATORS))
    subjects = [name for name in allowed if name in keys]
    operators = [name for name in OPERATORS if name in keys]
    if len(subjects) != 1 or len(operators) != 1:
        node.fail(f"A condition has one of {', '.join(allowed)} and one of {', '.join(OPERATORS)}.")
    subject, operator = subjects[0], operators[0]
    said = keys[operator]
    value: Any
    if operator == "known":
        value = said.boolean()
    elif operator in NUMERIC:
        value = said.number()
    else:
        value = tuple(
            each.value if isinstance(each.value, bool) else each.text()
            for each in (said.value if isinstance(said.value, list) else [said])
        )
    if subject == "item" and operator in NUMERIC:
        # What the chosen answer counts, not its code.
        return Compare(f"value/{keys[subject].text()}", operator, value, node.line)
    return Compare(f"{subject}/{keys[subject].text()}", operator, value, node.line)
