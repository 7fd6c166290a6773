"""Kinds of readings: content/readings/<kind>.yaml. What is measured, in which units, what is possible, what to be in.

Numbers are exact: a conversion is done in fractions and written as a decimal, rounded to six places only where it has
no end. Nothing here knows a kind by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

from careloop.library.reading import Node, Words, read_one

REQUIRED = ("id", "name", "codes", "unit", "units", "possible")
OPTIONAL = (
    "short",
    "ask",
    "panels",
    "second",
    "change",
    "target",
    "limits",
    "stale_after_days",
    "chart",
    "rank",
    "called",
    "typed_in",
)
# How sure we are of a number: read in a primary source, in a secondary one, nowhere yet, or the house's own.
SURE = ("P", "S", "U", "O")
PLACES: Final = 6
# A sender may write 1e999999: such a number is not calculated with.
MOST_DIGITS: Final = 12


@dataclass(frozen=True)
class Code:
    """A LOINC code and what LOINC calls it."""

    code: str
    text: str


@dataclass(frozen=True)
class Measure:
    """A unit. code: UCUM. called: as it is shown. words: others that senders use for it. The way to the canonical unit:
    (value - minus) * times / over + plus."""

    code: str
    called: Words
    words: tuple[str, ...]
    minus: Decimal
    times: Decimal
    over: Decimal
    plus: Decimal

    @property
    def shown(self) -> str:
        return self.called.en

    def canonical(self, value: Decimal) -> Decimal:
        """Raises OverflowError for a number that nobody can have measured."""
        return _decimal(
            (_fraction(value) - Fraction(self.minus)) * Fraction(self.times) / Fraction(self.over)
            + Fraction(self.plus)
        )

    def from_canonical(self, value: Decimal) -> Decimal:
        """The other way round."""
        return _decimal(
            (_fraction(value) - Fraction(self.plus)) * Fraction(self.over) / Fraction(self.times)
            + Fraction(self.minus)
        )


@dataclass(frozen=True)
class Range:
    """In the canonical unit. low or high: None where it is open. source and sure: who says so, and how sure we are."""

    low: Decimal | None
    high: Decimal | None
    words: Words | None
    source: str
    sure: str

    def holds(self, value: Decimal) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Leap:
    """More than this within so many days is asked about before it is believed."""

    by: Decimal
    within_days: int
    source: str
    sure: str


@dataclass(frozen=True)
class Limit:
    """The default outside of which a reading is to be looked at. second: of a pair."""

    inside: Range
    second: Range | None


@dataclass(frozen=True)
class Second:
    """The other value of a pair: the diastolic pressure."""

    codes: tuple[Code, ...]
    name: Words
    possible: Range
    target: Range | None


@dataclass(frozen=True, repr=False)
class Kind:
    """codes: of the (first) value, alone or as a component; the first one is what we write. panels: codes of an
    Observation that holds both values of a pair. unit: canonical, UCUM; it is the first of units. typed_in: the units
    that are offered to whoever types; of several one must be named. called: what people write for it. rank: the order
    in lists. stale_after_days: a device that is silent for longer is asked about; None when never."""

    id: str
    name: Words
    short: Words
    ask: Words
    codes: tuple[Code, ...]
    panels: tuple[Code, ...]
    second: Second | None
    units: tuple[Measure, ...]
    possible: Range
    leap: Leap | None
    target: Range | None
    limit: Limit | None
    chart: Range | None
    stale_after_days: int | None
    rank: int
    file: str
    by_word: Mapping[str, Measure] = field(hash=False)
    called: frozenset[str]
    typed_in: tuple[Measure, ...]

    @property
    def unit(self) -> str:
        return self.units[0].code

    @property
    def shown(self) -> str:
        return self.units[0].shown

    @property
    def is_pair(self) -> bool:
        return self.second is not None

    def measure(self, *said: object) -> Measure | None:
        """The unit that one of these names: a UCUM code, or a word as people write it. None for one not known here."""
        for each in said:
            if isinstance(each, str) and (found := self.by_word.get(each) or self.by_word.get(_plain(each))):
                return found
        return None

    def is_possible(self, value: Decimal, second: Decimal | None) -> bool:
        """In the canonical unit."""
        other = self.second is None or second is None or self.second.possible.holds(second)
        return self.possible.holds(value) and other and (second is None or second < value)

    def __repr__(self) -> str:
        return f"Kind({self.id})"


def load_kind(path: Path, root: Path) -> Kind:
    """Raises BrokenContent with file and line."""
    node = read_one(path, root)
    keys = node.mapping(REQUIRED, OPTIONAL)
    if keys["id"].text() != path.stem:
        keys["id"].fail(f"The id is not the name of its file, “{path.stem}”.")
    units = tuple(_measure(each) for each in keys["units"].sequence())
    name = keys["name"].words()
    if not units or units[0].code != keys["unit"].text():
        keys["units"].fail("The first unit must be the canonical one.")
    _refuse_other_than_itself(keys["units"], units[0])
    second = _second(keys["second"]) if "second" in keys else None
    if bool(second) != ("panels" in keys):
        node.fail("“panels” and “second” go together: of a pair.")
    return Kind(
        id=path.stem,
        name=name,
        short=keys["short"].words() if "short" in keys else name,
        ask=keys["ask"].words() if "ask" in keys else name,
        codes=_codes(keys["codes"]),
        panels=_codes(keys["panels"]) if "panels" in keys else (),
        second=second,
        units=units,
        possible=_range(keys["possible"]),
        leap=_leap(keys["change"]) if "change" in keys else None,
        target=_range(keys["target"]) if "target" in keys else None,
        limit=_limit(keys["limits"], second) if "limits" in keys else None,
        chart=_chart(keys["chart"]) if "chart" in keys else None,
        stale_after_days=keys["stale_after_days"].integer() if "stale_after_days" in keys else None,
        rank=keys["rank"].integer() if "rank" in keys else 99,
        file=node.file,
        by_word=_by_word(keys["units"], units),
        typed_in=_typed_in(keys["typed_in"], units) if "typed_in" in keys else units[:1],
        called=frozenset(
            _called(name, keys["short"].words() if "short" in keys else name, keys.get("called"))
        ),
    )


def check_kinds(kinds: Sequence[Kind]) -> None:
    """One code means one thing: no two kinds may claim the same. Raises BrokenContent."""
    owners: dict[str, Kind] = {}
    for kind in kinds:
        claimed = [*kind.codes, *kind.panels, *(kind.second.codes if kind.second else ())]
        for code in claimed:
            if code.code in owners:
                Node(None, 1, kind.file).fail(f"{code.code} is claimed by {owners[code.code].id} as well.")
            owners[code.code] = kind


def _plain(said: str) -> str:
    return " ".join(said.casefold().split()).rstrip(".")


def _typed_in(node: Node, units: Sequence[Measure]) -> tuple[Measure, ...]:
    by_code = {each.code: each for each in units}
    for said in node.texts():
        if said not in by_code:
            node.fail(f"“{said}” is not one of the units.")
    return tuple(by_code[said] for said in node.texts())


def _called(name: Words, short: Words, node: Node | None) -> set[str]:
    """What people write for it, plain: `bp`, `sugar`, `peso`."""
    given = node.texts() if node else ()
    return {_plain(said) for said in (name.en, name.es, short.en, short.es, *given)}


def _fraction(value: Decimal) -> Fraction:
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS or len(value.as_tuple().digits) > 40:
        raise OverflowError("Not a number that anybody can have measured.")
    return Fraction(value)


def _decimal(found: Fraction) -> Decimal:
    """Exact where the fraction ends within PLACES, else rounded to them, half to even."""
    scaled = round(found * 10**PLACES)
    made = Decimal(scaled).scaleb(-PLACES)
    for places in range(PLACES, 25):
        exact = found * 10**places
        if exact.denominator == 1:
            made = Decimal(exact.numerator).scaleb(-places)
            break
    plain = made.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


def _codes(node: Node) -> tuple[Code, ...]:
    found = []
    for each in node.sequence():
        keys = each.mapping(("code", "text"))
        found.append(Code(keys["code"].text(), keys["text"].text()))
    if not found:
        node.fail("At least one code is needed.")
    return tuple(found)


def _measure(node: Node) -> Measure:
    keys = node.mapping(("code", "shown"), ("words", "minus", "times", "over", "plus"))
    numbers = {
        name: keys[name].number() if name in keys else Decimal(default)
        for name, default in (("minus", 0), ("times", 1), ("over", 1), ("plus", 0))
    }
    if not numbers["times"] or not numbers["over"]:
        node.fail("A unit can't be multiplied or divided by nothing.")
    words = keys["words"].texts() if "words" in keys else ()
    shown = keys["shown"]
    called = shown.words() if isinstance(shown.value, dict) else Words(shown.text(), shown.text())
    return Measure(keys["code"].text(), called, words, **numbers)


def _refuse_other_than_itself(node: Node, first: Measure) -> None:
    if first.minus or first.plus or first.times != first.over:
        node.fail("The canonical unit converts to itself.")


def _by_word(node: Node, units: Sequence[Measure]) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for each in units:
        words = (each.called.en, each.called.es, *each.words)
        for said in {each.code, *words, *map(_plain, words)}:
            if found.setdefault(said, each) is not each:
                node.fail(f"“{said}” names two units.")
    return found


def _range(node: Node) -> Range:
    keys = node.mapping(("source", "sure"), ("low", "high", "words"))
    low, high = (keys[end].number() if end in keys else None for end in ("low", "high"))
    if low is None and high is None:
        node.fail("A range needs “low”, “high” or both.")
    if low is not None and high is not None and low >= high:
        node.fail("“low” is not below “high”.")
    words = keys["words"].words() if "words" in keys else None
    return Range(low, high, words, keys["source"].text(), keys["sure"].one_of(SURE))


def _chart(node: Node) -> Range:
    keys = node.mapping((), ("low", "high"))
    low, high = (keys[end].number() if end in keys else None for end in ("low", "high"))
    return Range(low, high, None, "", "O")


def _leap(node: Node) -> Leap:
    keys = node.mapping(("by", "within_days", "source", "sure"))
    return Leap(
        keys["by"].number(), keys["within_days"].integer(), keys["source"].text(), keys["sure"].one_of(SURE)
    )


def _limit(node: Node, second: Second | None) -> Limit:
    keys = node.mapping(("inside",), ("second",))
    if "second" in keys and second is None:
        keys["second"].fail("There is no second value.")
    return Limit(_range(keys["inside"]), _range(keys["second"]) if "second" in keys else None)


def _second(node: Node) -> Second:
    keys = node.mapping(("codes", "name", "possible"), ("target",))
    return Second(
        _codes(keys["codes"]),
        keys["name"].words(),
        _range(keys["possible"]),
        _range(keys["target"]) if "target" in keys else None,
    )
