"""How answers become a number: what counts, what a missing answer does, what the number means. As scoring.yaml says it.

    kind: sum       what the chosen answers count, added up
    kind: mean      their mean
    kind: count     how many answers are one of `positive`
    kind: points    weighted points, each with a condition; of a `first_of`, only the first that holds
    kind: highest   the highest of them

`reversed` items count the other way round. What can come out at least and at most is computed from the questions and
must be what the file says, so that a wrong weight is found at start-up and not by a person's score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from careloop.library.conditions import Compare, Condition, Group, condition
from careloop.library.questions import Question
from careloop.library.reading import Node, Words

KINDS = ("sum", "mean", "count", "points", "highest")
REPLACES = ("nothing", "mean")
FACTS = ("sex", "age")  # what a published band or weight may hang on, beside the answers
SUBJECTS = ("item", "score", "band", "fact")
REQUIRED = ("kind", "maximum", "observation", "missing")
OF_KIND: Mapping[str, tuple[str, ...]] = {
    "sum": ("items",),
    "mean": ("items",),
    "count": ("items", "positive"),
    "points": ("points",),
    "highest": ("items",),
}
OPTIONAL = ("minimum", "bands", "bands_by", "no_bands", "better", "decimals", "cut_points")
ALSO: Mapping[str, tuple[str, ...]] = {
    "sum": ("reversed", "skipped"),
    "mean": ("reversed", "skipped"),
    "count": ("reversed", "skipped"),
    "points": (),
    "highest": ("reversed", "skipped"),
}


@dataclass(frozen=True)
class Band:
    first: Decimal
    last: Decimal
    code: str
    text: Words


@dataclass(frozen=True)
class BandSet:
    """The bands of some people. when: of whom, None for everybody else; who: that in words, None when there is only
    this set."""

    bands: tuple[Band, ...]
    when: Condition | None = None
    who: Words | None = None

    def band(self, value: Decimal) -> Band | None:
        return next((band for band in self.bands if band.first <= value <= band.last), None)


@dataclass(frozen=True)
class Weight:
    when: Condition
    add: Decimal
    text: Words


@dataclass(frozen=True)
class Points:
    """Of its cases the first that holds counts; none, and it counts nothing."""

    cases: tuple[Weight, ...]
    line: int

    @property
    def least(self) -> Decimal:
        return min(Decimal(0), *(case.add for case in self.cases))

    @property
    def most(self) -> Decimal:
        return max(Decimal(0), *(case.add for case in self.cases))

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for case in self.cases for path in case.when.reads()))


@dataclass(frozen=True)
class CutPoint:
    """What the source found at this value: sensitivity and specificity, in words."""

    at: Decimal
    says: Words
    source: str


@dataclass(frozen=True)
class Total:
    """One number. id: the instrument's, or the subscale's. allowed_missing: how many items may lack; replaces: whether
    the mean of the others stands for them, by `rule` (the published one, in words). not_scored: why not, with more
    missing. skips: a question that an earlier answer made needless counts the lowest. step: from one value to the
    next."""

    id: str
    kind: str
    file: str
    line: int
    minimum: Decimal
    maximum: Decimal
    decimals: int
    items: tuple[str, ...]
    positive: frozenset[str]
    reversed: frozenset[str]
    points: tuple[Points, ...]
    skips: bool
    allowed_missing: int
    replaces: str
    rule: Words | None
    not_scored: Words
    loinc: str | None
    observed_as: str
    band_sets: tuple[BandSet, ...]
    no_bands: Words | None
    is_higher_better: bool
    cut_points: tuple[CutPoint, ...]
    name: Words | None = None

    @property
    def bands(self) -> tuple[Band, ...]:
        """For whom nothing else is known."""
        return self.band_sets[-1].bands if self.band_sets else ()

    @property
    def step(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)

    def conditions(self) -> Iterator[Condition]:
        for points in self.points:
            yield from (case.when for case in points.cases)
        yield from (each.when for each in self.band_sets if each.when)


def read_total(node: Node, identity: str, extra: tuple[str, ...], named: tuple[str, ...] = ()) -> Total:
    """extra: keys beside its own that the caller reads. named: keys that a subscale must have."""
    kind = node.any_mapping()["kind"].one_of(KINDS)
    keys = node.mapping((*named, *REQUIRED, *OF_KIND[kind]), (*OPTIONAL, *ALSO[kind], *extra))
    missing = keys["missing"].mapping(("allowed", "because"), ("replace", "rule"))
    replaces = missing["replace"].one_of(REPLACES) if "replace" in missing else "nothing"
    if replaces == "mean" and "rule" not in missing:
        keys["missing"].fail("Whose rule replaces a missing answer, and how? Say it in “rule”.")
    if replaces == "mean" and kind not in ("sum", "mean", "count"):
        keys["missing"].fail(f"A missing answer can’t be replaced by the mean in a total of kind “{kind}”.")
    observation = keys["observation"].mapping(("text",), ("loinc",))
    minimum = keys["minimum"].number() if "minimum" in keys else Decimal(0)
    maximum = keys["maximum"].number()
    decimals = keys["decimals"].integer() if "decimals" in keys else int(kind == "mean")
    band_sets = _band_sets(node, keys, minimum, maximum, decimals)
    return Total(
        id=identity,
        kind=kind,
        file=node.file,
        line=node.line,
        minimum=minimum,
        maximum=maximum,
        decimals=decimals,
        items=keys["items"].texts() if "items" in keys else (),
        positive=frozenset(keys["positive"].texts()) if "positive" in keys else frozenset(),
        reversed=frozenset(keys["reversed"].texts()) if "reversed" in keys else frozenset(),
        points=tuple(_points(each) for each in keys["points"].sequence()) if "points" in keys else (),
        skips="skipped" in keys and keys["skipped"].one_of(("lowest",)) == "lowest",
        allowed_missing=missing["allowed"].integer(),
        replaces=replaces,
        rule=missing["rule"].words() if "rule" in missing else None,
        not_scored=missing["because"].words(),
        loinc=observation["loinc"].text() if "loinc" in observation else None,
        observed_as=observation["text"].text(),
        band_sets=band_sets,
        no_bands=keys["no_bands"].words() if "no_bands" in keys else None,
        is_higher_better="better" in keys and keys["better"].one_of(("higher", "lower")) == "higher",
        cut_points=tuple(map(_cut_point, keys["cut_points"].sequence())) if "cut_points" in keys else (),
        name=keys["text"].words() if "text" in named else None,
    )


def check_total(total: Total, questions: Mapping[str, Question]) -> None:
    """What is counted is asked, with answers that count, and nothing can come out that the file does not say."""
    place = Node(None, total.line, total.file)
    for item in total.items:
        if item not in questions:
            place.fail(f"“{item}” is added up but not asked.")
        if total.items.count(item) > 1:
            place.fail(f"“{item}” is added up twice.")
    for item in sorted(total.reversed - set(total.items)):
        place.fail(f"“{item}” is reversed but not added up.")
    least, most = _range(total, questions, place)
    if most != total.maximum:
        place.fail(f"The answers add up to at most {most}, not {total.maximum}.")
    if least != total.minimum:
        place.fail(f"The answers add up to at least {least}; say “minimum: {least}”.")
    if total.allowed_missing < 0 or total.allowed_missing >= max(1, len(total.items or total.points)):
        place.fail(f"{total.allowed_missing} answers can’t be missing: there would be none left.")
    if total.allowed_missing and total.replaces == "nothing" and least != 0:
        place.fail("Where the lowest answer does not count 0, a missing one can’t simply be left out.")


def item_range(total: Total, question: Question) -> tuple[Decimal, Decimal]:
    """What one item can count, reversed or not. Raises BrokenContent where its answers count nothing."""
    place = Node(None, total.line, total.file)
    if total.kind == "count":
        _check_positive(total, question, place)
        return Decimal(0), Decimal(1)
    if question.kind == "yes-no":
        return Decimal(0), Decimal(1)
    if question.kind == "integer":
        if question.minimum is None or question.maximum is None:
            place.fail(f"“{question.id}” is added up: it needs a minimum and a maximum.")
        return Decimal(question.minimum), Decimal(question.maximum)
    values = [choice.value for choice in question.choices if choice.value is not None]
    if not question.choices or len(values) < len(question.choices):
        place.fail(f"“{question.id}” is added up but has answers without a value.")
    if not question.allows_many:
        return Decimal(min(values)), Decimal(max(values))
    together = [c.value or 0 for c in question.choices if not c.is_exclusive]
    lows, highs = [v for v in together if v < 0], [v for v in together if v > 0]
    return Decimal(min(sum(lows), min(values))), Decimal(max(sum(highs), max(values)))


def _range(total: Total, questions: Mapping[str, Question], place: Node) -> tuple[Decimal, Decimal]:
    if total.kind == "points":
        least = sum((each.least for each in total.points), Decimal(0))
        if least < 0 and total.allowed_missing:
            place.fail("With points below 0 no answer may be missing: leaving it out would raise the score.")
        return least, sum((each.most for each in total.points), Decimal(0))
    ranges = [item_range(total, questions[item]) for item in total.items]
    if not ranges:
        place.fail("Nothing is added up.")
    if total.kind == "mean" and len(set(ranges)) > 1:
        place.fail("A mean needs items that all count from the same lowest to the same highest.")
    if total.kind in ("sum", "count"):
        return sum((low for low, _ in ranges), Decimal(0)), sum((high for _, high in ranges), Decimal(0))
    return max(low for low, _ in ranges), max(high for _, high in ranges)


def _check_positive(total: Total, question: Question, place: Node) -> None:
    offered = {"yes", "no"} if question.kind == "yes-no" else {choice.code for choice in question.choices}
    if not offered:
        place.fail(f"“{question.id}” is counted but has no answers to choose from.")
    if question.allows_many and question.id in total.reversed:
        place.fail(f"“{question.id}” takes several answers and can’t be reversed.")
    if not offered & total.positive:
        place.fail(f"None of the answers to “{question.id}” is positive.")


def _points(node: Node) -> Points:
    if "first_of" in node.any_mapping():
        cases = node.mapping(("first_of",))["first_of"].sequence()
        if not cases:
            node.fail("Expected at least one case.")
        return Points(tuple(_weight(each) for each in cases), node.line)
    return Points((_weight(node),), node.line)


def _weight(node: Node) -> Weight:
    keys = node.mapping(("when", "add", "text"))
    stated = condition(keys["when"], subjects=("item", "fact"))
    _refuse_silence(stated, keys["when"])
    return Weight(stated, keys["add"].number(), keys["text"].words())


def _refuse_silence(stated: Condition, node: Node) -> None:
    """Points for what was not answered would let a missing answer raise the score."""
    if isinstance(stated, Group):
        if stated.kind == "not":
            node.fail(
                "Points can’t hang on “not”: a missing answer would count. Name the answers that count."
            )
        for part in stated.parts:
            _refuse_silence(part, node)
    elif isinstance(stated, Compare) and stated.operator == "known" and stated.value is False:
        node.fail("Points can’t hang on an answer that is not known.")


def _cut_point(node: Node) -> CutPoint:
    keys = node.mapping(("at", "says", "source"))
    return CutPoint(keys["at"].number(), keys["says"].words(), keys["source"].text())


def _band_sets(
    node: Node, keys: Mapping[str, Node], minimum: Decimal, maximum: Decimal, decimals: int
) -> tuple[BandSet, ...]:
    said = [name for name in ("bands", "bands_by", "no_bands") if name in keys]
    if len(said) != 1:
        node.fail("A total has “bands”, or “bands_by” for different people, or “no_bands” and why.")
    step = Decimal(1).scaleb(-decimals)
    if "bands" in keys:
        return (BandSet(_bands(keys["bands"], minimum, maximum, step)),)
    if "no_bands" in keys:
        return ()
    sets = []
    listed = keys["bands_by"].sequence()
    for each in listed:
        parts = each.mapping(("who", "bands"), ("when",))
        is_last = each is listed[-1]
        if ("when" in parts) is is_last:
            each.fail("Each of “bands_by” says when, but the last one, which is for everybody else.")
        stated = condition(parts["when"], subjects=("fact",)) if "when" in parts else None
        sets.append(BandSet(_bands(parts["bands"], minimum, maximum, step), stated, parts["who"].words()))
    if len(sets) < 2:
        keys["bands_by"].fail("One set of bands is simply “bands”.")
    return tuple(sets)


def _bands(node: Node, minimum: Decimal, maximum: Decimal, step: Decimal) -> tuple[Band, ...]:
    bands: list[Band] = []
    expected = minimum
    for each in node.sequence():
        keys = each.mapping(("from", "to", "code", "text"))
        band = Band(keys["from"].number(), keys["to"].number(), keys["code"].text(), keys["text"].words())
        if band.first != expected:
            each.fail(f"This band begins at {band.first}; {expected} was expected.")
        if band.last < band.first:
            each.fail(f"This band ends at {band.last}, before it begins.")
        if any(band.code == other.code for other in bands):
            keys["code"].fail(f"The band “{band.code}” is there twice.")
        expected = band.last + step
        bands.append(band)
    if expected != maximum + step:
        node.fail(f"The bands end at {expected - step}, not at the maximum of {maximum}.")
    return tuple(bands)
