"""Where plans contradict one another: named, with both sources and whom to ask. Pure; it decides nothing.

The rules: content/conflicts/. What is said, and by whom: care/claims.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Final

from careloop.care.claims import Aim, Claim, Drug, Told, Visit, aims, dated, diets, drugs, visits
from careloop.care.work import Work, WorkClass
from careloop.library import Words
from careloop.library.clashes import Clashes, ClashRule, MedicineClass, Value

KIND: Final = "plan-conflict"
TITLE: Final = "Clear up what two plans say"
# A medicine begun again long after somebody stopped it was looked at by whoever began it.
STOP_HOLDS: Final = timedelta(days=90)
# Just before a phrase these turn it into its opposite.
NOT: Final = re.compile(
    r"(?:\b(?:no|not|without|stop|discontinue|ended|sin|suspender|quitar|ya no)\s+(?:a\s+|the\s+|la\s+|el\s+)?)\Z"
)


@dataclass(frozen=True, repr=False)
class Conflict:
    """key: the same while the two say the same; whoever changes a side makes it another. because: what contradicts
    what. ask: whom, and what is safer meanwhile."""

    key: str
    rule: ClashRule
    because: Words
    ask: Words
    sides: tuple[Claim, Claim]

    @property
    def references(self) -> tuple[str, str]:
        return self.sides[0].reference, self.sides[1].reference


def conflicts(told: Told, rules: Clashes, now: datetime) -> tuple[Conflict, ...]:
    """Each pair once, in the order of the rules; what a closer rule has named is not said again in general."""
    found: list[Conflict] = []
    for kind, look in LOOKS.items():
        for rule in rules.of(kind):
            found += look(told, rule, now)
    named: set[frozenset[str]] = set()
    kept: dict[str, Conflict] = {}
    for each in sorted(found, key=lambda c: ORDER.index(c.rule.kind)):
        pair = frozenset(each.references)
        if each.rule.kind == "diets" and pair in named:
            continue
        named.add(pair)
        kept.setdefault(each.key, each)
    return tuple(kept.values())


def work_of_conflict(conflict: Conflict, person: str, *, owner: str | None, zone: str | None) -> Work:
    """What “make it work” makes: once for one conflict."""
    details = f"{conflict.ask.en}"
    return Work(
        kind=KIND,
        title=f"{TITLE}: {conflict.rule.title.en}",
        because=conflict.because.en,
        klass=WorkClass.PROMISE if conflict.rule.kind == "medicines" else WorkClass.ROUTINE,
        dedupe=dedupe_of(person, conflict.key),
        zone=zone,
        source=conflict.rule.source,
        owner=owner,
        reasons=conflict.references,
        details=details,
    )


def dedupe_of(person: str, key: str) -> str:
    return f"conflict:{person}:{key}"


# --- how each kind is looked for


def _statements(told: Told, rule: ClashRule, now: datetime) -> Iterator[Conflict]:
    said: dict[tuple[str, str], tuple[Claim, Value]] = {}
    for claim in told.said:
        for value in values_in(claim, rule.values):
            said.setdefault((claim.party, value.id), (claim, value))
    for (one, x), (other, y) in combinations(said.values(), 2):
        if one.party != other.party and x.id != y.id and frozenset((x.id, y.id)) not in rule.agree:
            yield _conflict(rule, one, other)


def values_in(claim: Claim, values: Sequence[Value]) -> list[Value]:
    """Those that the claim names, by code or in words. A phrase inside a longer one of another value is not said, nor
    is one with “no” or “without” before it."""
    if by_code := [value for value in values if value.codes & claim.codes]:
        return by_code
    text = " ".join(re.sub(r"[^\w\s-]", " ", claim.text.en.casefold()).split())
    spans = []
    for value in values:
        for phrase in (each for each in value.phrases if each in text):
            for match in re.finditer(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text):
                if not NOT.search(text[: match.start()]):
                    spans.append((match.start(), match.end(), value))
    return [
        value
        for start, end, value in spans
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in spans)
    ]


def _diets(told: Told, rule: ClashRule, now: datetime) -> Iterator[Conflict]:
    for one, other in combinations(list(diets(told)), 2):
        is_same = one.text.en.casefold() == other.text.en.casefold() or bool(one.codes & other.codes)
        if one.party != other.party and one.text.en and other.text.en and not is_same:
            yield _conflict(rule, one, other)


def _goals(told: Told, rule: ClashRule, now: datetime) -> Iterator[Conflict]:
    for one, other in combinations(list(aims(told)), 2):
        if one.measure == other.measure and one.party != other.party and one.value != other.value:
            yield _conflict(rule, one, other, about=_called(one, other))


def _called(one: Aim, other: Aim) -> Words:
    said = one.called or other.called or one.measure
    return Words(said, said)


def _medicines(told: Told, rule: ClashRule, now: datetime) -> Iterator[Conflict]:
    every = [drug for drug in drugs(told) if drug.is_signed]
    for taken in (drug for drug in every if drug.state == "taken"):
        for stopped in (drug for drug in every if drug.state == "stopped"):
            if taken.party == stopped.party or not _is_recent(taken.began, stopped.ended, now):
                continue
            if about := _shared(taken, stopped, rule.classes):
                yield _conflict(rule, taken, stopped, about=about)


def _is_recent(began: date | None, ended: date | None, now: datetime) -> bool:
    """Whether the stop came after the start, or not long before it."""
    if ended is None:
        return False
    return began is None or ended >= began or began - ended <= STOP_HOLDS


def _shared(one: Drug, other: Drug, classes: Iterable[MedicineClass]) -> Words | None:
    """What both are: a class of the list, else the very same medicine."""
    for each in classes:
        if _is_in(one, each) and _is_in(other, each):
            return each.text
    is_same = bool(one.rxnorm & other.rxnorm) or one.text.en.casefold() == other.text.en.casefold()
    return one.text if is_same else None


def _is_in(drug: Drug, found: MedicineClass) -> bool:
    if drug.rxnorm & found.ingredients.keys():
        return True
    name = drug.text.en.casefold()
    return any(re.search(rf"\b{re.escape(each)}\b", name) for each in found.ingredients.values())


def _appointments(told: Told, rule: ClashRule, now: datetime) -> Iterator[Conflict]:
    apart = timedelta(minutes=rule.minutes_apart)
    ordered = sorted(visits(told, now), key=lambda visit: (visit.start, visit.reference))
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if other.start >= one.end + apart:
                break
            yield _conflict(rule, one, other)


Look = Callable[[Told, ClashRule, datetime], Iterator[Conflict]]
LOOKS: Final[Mapping[str, Look]] = {
    "medicines": _medicines,
    "statements": _statements,
    "diets": _diets,
    "goals": _goals,
    "appointments": _appointments,
}
ORDER: Final = tuple(LOOKS)


def _conflict(rule: ClashRule, one: Claim, other: Claim, about: Words | None = None) -> Conflict:
    x, y = (dated(each) if isinstance(each, Drug) else each.text for each in (one, other))
    texts = {
        language: {
            "a": one.who.get(language),
            "b": other.who.get(language),
            "x": x.get(language),
            "y": y.get(language),
            "about": about.get(language) if about else "",
        }
        for language in ("en", "es")
    }
    because = Words(_filled(rule.because.en, texts["en"]), _filled(rule.because.es, texts["es"]))
    ask = Words(_filled(rule.ask.en, texts["en"]), _filled(rule.ask.es, texts["es"]))
    return Conflict(_key(rule, one, other), rule, because, ask, (one, other))


def _filled(text: str, values: Mapping[str, str]) -> str:
    said = text.format(**values)
    return said[:1].upper() + said[1:]


def _key(rule: ClashRule, one: Claim, other: Claim) -> str:
    """Of what is said, not of who came first: 16 hex digits."""
    sides = sorted(f"{each.reference} {each.text.en} {_when(each)}" for each in (one, other))
    return f"{rule.id}-{hashlib.sha256('|'.join(sides).encode()).hexdigest()[:16]}"


def _when(claim: Claim) -> str:
    return f"{claim.start.isoformat()} {claim.end.isoformat()}" if isinstance(claim, Visit) else ""
