"""Conditions over time, which protocols state beside the house's own (`conditions`):

    {reading: weight, rises: 2, unit: kg, within_days: 2}             the last reading against the lowest of the window
    {reading: weight, falls_percent: 5, within_days: 30}              … against the highest, in percent of it
    {reading: blood-pressure, at_least: 160, unit: "mm[Hg]", times: 2, within_days: 14}    how many readings reach it
    {reading: glucose, below: 70, unit: mg/dL, within_days: 1}        the last reading, when it is fresh enough
    {score: phq-9, at_least: 10, within_days: 90}                     the last score, when it is fresh enough
    {course: fall_percent, below: 50}                                 since the treatment began (`Course`)
    {days_since: contact, at_least: 30}                               whole days since the last of something
    {days_since_first: late-work, at_least: 3}                        … since the oldest of what is still open
    {count: missed-visit, within_days: 180, at_least: 2}              how often

A number may be `$name`, one of the protocol's own `values`, which a person can have her own of. `as: name` gives what
was found a name that the because may use. What is unknown holds nothing, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from careloop.access.roles import CARE_ROLES
from careloop.library.conditions import NUMERIC, OPERATORS, Compare, Condition, Group, group_in
from careloop.library.conditions import condition as plain_condition
from careloop.library.reading import Node, Words

CHANGES: Final[Mapping[str, str]] = {
    "rises": "rise",
    "falls": "fall",
    "rises_percent": "rise-percent",
    "falls_percent": "fall-percent",
}
COURSE: Final[Mapping[str, Words]] = {
    "weeks": Words("weeks since treatment began", "semanas desde que empezó el tratamiento"),
    "baseline": Words("the score it began with", "la puntuación con que empezó"),
    "latest": Words("the last score", "la última puntuación"),
    "fall": Words("points fallen since it began", "puntos que bajó desde que empezó"),
    "fall_percent": Words("percent fallen since it began", "porcentaje que bajó desde que empezó"),
    "rise": Words("points risen after a response", "puntos que subió después de responder"),
    "weeks_unmeasured": Words("weeks since the last score", "semanas desde la última puntuación"),
    "times": Words("scores since it began", "puntuaciones desde que empezó"),
}
# What may be counted, or be so many days ago. A name with `/*` is followed by one of something's own.
MOMENTS: Final[Mapping[str, Words]] = {
    "contact": Words(
        "somebody of ours spoke with the person", "alguien de nuestro equipo habló con la persona"
    ),
    "contact/*": Words(
        "somebody in that role spoke with the person", "alguien en ese cargo habló con la persona"
    ),
    "attempt": Words("a try that reached nobody", "un intento en que no se encontró a nadie"),
    "enrolled": Words("the person joined a program", "la persona entró en un programa"),
    "enrolled/*": Words("the person joined that program", "la persona entró en ese programa"),
    "missed-visit": Words("a visit the person did not come to", "una cita a la que la persona no vino"),
    "open-referral": Words("a referral nobody has answered", "una derivación que nadie ha contestado"),
    "late-work": Words("work past its day", "trabajo con el plazo vencido"),
    "medicine-run-out": Words(
        "a medicine that should have run out", "una medicina que debería haberse acabado"
    ),
    "reading/*": Words("a reading of that kind", "una medición de ese tipo"),
    "score/*": Words("a score of that instrument", "una puntuación de ese cuestionario"),
    "answered/*": Words("answers to that questionnaire", "respuestas a ese cuestionario"),
    "work/*": Words("open work of that kind", "trabajo pendiente de ese tipo"),
}
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Named:
    """A number by its name among the protocol's values."""

    name: str


Amount = Decimal | Named


@dataclass(frozen=True)
class Asked:
    """What a condition asks of the past. subject: reading, score, course, days_since, days_since_first or count.
    what: last, times, rise, fall, rise-percent or fall-percent. limit: operator and number that `times` counts."""

    subject: str
    name: str
    what: str = "last"
    part: str = "value"
    within_days: int | None = None
    limit: tuple[str, Amount] | None = None
    unit: str = ""

    @property
    def path(self) -> str:
        said = [self.subject, self.name, self.what, self.part]
        if self.within_days is not None:
            said.append(f"{self.within_days}d")
        if self.limit:
            amount = self.limit[1]
            said.append(f"{self.limit[0]}:{amount.name if isinstance(amount, Named) else amount}")
        return "~".join(said)

    @property
    def source(self) -> str:
        """What has to change for this to change: reading/weight, score/phq-9, moment/contact."""
        if self.subject in ("reading", "score"):
            return f"{self.subject}/{self.name}"
        if self.subject == "course":
            return "course"
        if self.name.startswith(("reading/", "score/")):
            return self.name
        if self.name.startswith("answered/"):
            return f"score/{self.name.partition('/')[2]}"
        return f"moment/{self.name.partition('/')[0]}"

    @property
    def is_timed(self) -> bool:
        """Whether it can come to hold by the passing of days alone."""
        return self.subject in ("days_since", "days_since_first") or (
            self.subject == "course" and self.name.startswith("weeks")
        )


@dataclass
class Reader:
    """Reads the conditions of one protocol, and keeps what they ask and how they name it."""

    asked: dict[str, Asked]
    names: dict[str, str]
    values: frozenset[str] = frozenset()
    has_course: bool = False

    def condition(self, node: Node) -> Condition:
        """Raises BrokenContent for an unknown subject, operator or name, with its line."""
        if (group := group_in(node, self.condition)) is not None:
            return group
        keys = node.any_mapping()
        for subject in ("reading", "course", "days_since", "days_since_first", "count"):
            if subject in keys:
                return self._series(node, subject)
        if "score" in keys and keys.keys() & {"within_days", "as"}:
            return self._series(node, "score")
        if any(self._is_named(each) for each in keys.values()):
            return self._series(node, "score") if "score" in keys else self._of_fact(node)
        return plain_condition(node)

    def _of_fact(self, node: Node) -> Condition:
        keys = node.mapping(("fact",), tuple(NUMERIC))
        operator = self._operator(node, keys, tuple(NUMERIC))
        return Compare(f"fact/{keys['fact'].text()}", operator, self._amount(keys[operator]), node.line)

    def _series(self, node: Node, subject: str) -> Condition:
        more = {
            "reading": ("unit", "part", "times", "within_days", *CHANGES, *NUMERIC, "known"),
            "score": ("within_days", *CHANGES, *OPERATORS),
            "course": (*NUMERIC, "known"),
            "count": ("within_days", *NUMERIC),
        }.get(subject, (*NUMERIC, "known"))
        keys = node.mapping((subject,), (*more, "as"))
        asked, compare = self._asked(node, subject, keys)
        self.asked[asked.path] = asked
        if "as" in keys:
            name = keys["as"].text()
            if not NAME.fullmatch(name) or name in self.values or name in self.names:
                keys["as"].fail(f"“{name}” can’t be a name here: taken already, or not plain letters.")
            self.names[name] = asked.path
        return compare

    def _asked(self, node: Node, subject: str, keys: dict[str, Node]) -> tuple[Asked, Compare]:
        name = keys[subject].text()
        within = keys["within_days"].integer() if "within_days" in keys else None
        if within is not None and not 0 < within <= 3660:
            keys["within_days"].fail("Expected a number of days, at least 1.")
        self._check_name(keys[subject], subject, name)
        change = next((each for each in CHANGES if each in keys), None)
        operator = change or self._operator(node, keys, OPERATORS)
        said = keys[operator]
        value: Any = said.boolean() if operator == "known" else self._amount(said)
        asked = Asked(
            subject,
            name,
            CHANGES.get(operator, "last"),
            keys["part"].one_of(("value", "second")) if "part" in keys else "value",
            within,
            unit=keys["unit"].text() if "unit" in keys else "",
        )
        if change and within is None:
            node.fail("A rise or fall needs within_days.")
        if "times" in keys:
            if change or within is None or operator == "known":
                node.fail("“times” counts readings that reach a number, and needs within_days.")
            asked = replace(asked, what="times", limit=(operator, value))
            return asked, Compare(asked.path, "at_least", keys["times"].number(), node.line)
        return asked, Compare(asked.path, "at_least" if change else operator, value, node.line)

    def _check_name(self, node: Node, subject: str, name: str) -> None:
        if subject == "course":
            if not self.has_course:
                node.fail("This protocol has no course.")
            node.one_of(COURSE)
        if subject in ("days_since", "days_since_first", "count"):
            first, slash, rest = name.partition("/")
            if (f"{first}/*" if slash else name) not in MOMENTS:
                node.fail(f"“{name}” is nothing that can be counted. Known: {', '.join(MOMENTS)}.")
            if first == "contact" and slash and rest not in CARE_ROLES:
                node.fail(f"“{rest}” is no role. Known: {', '.join(sorted(CARE_ROLES))}.")

    def _operator(self, node: Node, keys: Mapping[str, Node], allowed: tuple[str, ...]) -> str:
        found = [name for name in allowed if name in keys]
        if len(found) != 1:
            known = (*allowed, *(CHANGES if "reading" in keys else ()))
            node.fail(f"A condition has exactly one of {', '.join(known)}.")
        return found[0]

    def _amount(self, node: Node) -> Amount:
        if not self._is_named(node):
            return node.number()
        name = str(node.value)[1:]
        if name not in self.values:
            node.fail(f"There is no value “{name}” in this protocol.")
        return Named(name)

    @staticmethod
    def _is_named(node: Node) -> bool:
        return isinstance(node.value, str) and node.value.startswith("$")


def settled(stated: Condition, values: Mapping[str, Decimal]) -> Condition:
    """The condition with each named number in its place."""
    if isinstance(stated, Group):
        return Group(stated.kind, tuple(settled(each, values) for each in stated.parts))
    return replace(stated, value=amount(stated.value, values)) if isinstance(stated.value, Named) else stated


def amount(value: Any, values: Mapping[str, Decimal]) -> Any:
    return values[value.name] if isinstance(value, Named) else value


# A part of a sentence that is said only when everything in it is known: `[ oxygen {fall.to}]`.
IF_KNOWN: Final = re.compile(r"\[([^\[\]]*)\]")


def placeholders(text: str) -> Iterator[tuple[str, str]]:
    """(name, part) of each {name} and {name.part}."""
    for match in re.finditer(r"\{([^{}]*)\}", text):
        name, _, part = match[1].partition(".")
        yield name, part
