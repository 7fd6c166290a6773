"""scoring.yaml: how answers become a number, a band, findings, and which of them are critical."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from careloop.fhir.questionnaire import ABSENT
from careloop.library.conditions import NUMERIC, Compare, Condition, condition
from careloop.library.questions import Question
from careloop.library.reading import Node, Words
from careloop.library.totals import FACTS, KINDS, SUBJECTS, Band, Total, check_total, read_total

NONE_KEYS = ("kind", "because", "source")
SHARED_KEYS = ("findings", "critical", "next", "answers_as_observations", "subscales")
CRITICAL_KINDS = ("suicide-risk", "red-flag")


@dataclass(frozen=True)
class Finding:
    """Something the answers say, in words; `line` for errors."""

    id: str
    text: Words
    when: Condition
    line: int


@dataclass(frozen=True)
class Critical:
    """An answer that speaks at once. say: to the person. do: to the one who asks. numbers: to call, in order.
    asks_safety: where is the person, call-back number, safe now. next: the instrument to go on with.
    escalate_after_minutes: unacknowledged for so long, the work goes to the next on call."""

    id: str
    kind: str
    when: Condition
    because: Words
    say: Words
    do: tuple[Words, ...]
    numbers: tuple[str, ...]
    asks_safety: bool
    work: Words
    escalate_after_minutes: int
    source: str
    next: str | None
    line: int


@dataclass(frozen=True)
class Next:
    instrument: str
    when: Condition
    because: Words
    line: int


@dataclass(frozen=True)
class Scoring:
    """total: None where answers are read and not added up; not_scored says why. subscales: parts with a number of their
    own. observes: the category (sdoh) under which single answers are kept as Observations too."""

    source: str
    not_scored: Words
    total: Total | None = None
    subscales: tuple[Total, ...] = ()
    findings: tuple[Finding, ...] = ()
    critical: tuple[Critical, ...] = ()
    next: tuple[Next, ...] = ()
    observes: str | None = None
    file: str = ""

    @property
    def kind(self) -> str:
        """none, or how the total is made: sum, mean, count, points, highest."""
        return self.total.kind if self.total else "none"

    @property
    def is_scored(self) -> bool:
        return self.total is not None

    @property
    def totals(self) -> tuple[Total, ...]:
        return (*((self.total,) if self.total else ()), *self.subscales)

    @property
    def items(self) -> tuple[str, ...]:
        """What the total adds up."""
        return self.total.items if self.total else ()

    @property
    def maximum(self) -> Decimal | None:
        return self.total.maximum if self.total else None

    @property
    def loinc(self) -> str | None:
        return self.total.loinc if self.total else None

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the total, for whom nothing else is known."""
        return self.total.bands if self.total else ()

    def conditions(self) -> Iterator[Condition]:
        yield from (each.when for each in self.findings)
        yield from (each.when for each in self.critical)
        yield from (each.when for each in self.next)
        for total in self.totals:
            yield from total.conditions()

    def reads(self) -> Iterator[str]:
        """The paths that decide it: items, facts, its own scores and bands."""
        for stated in self.conditions():
            yield from stated.reads()


def scoring(node: Node, instrument: str) -> Scoring:
    keys = node.any_mapping()
    if "kind" not in keys:
        node.fail(f"“kind” is missing: {', '.join(KINDS)} or none.")
    kind = keys["kind"].one_of((*KINDS, "none"))
    total = None
    if kind == "none":
        keys = node.mapping(NONE_KEYS, SHARED_KEYS)
        not_scored = keys["because"].words()
    else:
        total = read_total(node, instrument, (*SHARED_KEYS, "source"))
        not_scored = total.not_scored
        if "source" not in keys:
            node.fail("“source” is missing.")
    subscales = _subscales(keys["subscales"]) if "subscales" in keys else ()
    findings = _findings(keys["findings"]) if "findings" in keys else ()
    critical = tuple(_critical(each) for each in keys["critical"].sequence()) if "critical" in keys else ()
    follow = tuple(_next(each) for each in keys["next"].sequence()) if "next" in keys else ()
    observes = (
        keys["answers_as_observations"].one_of(("sdoh",)) if "answers_as_observations" in keys else None
    )
    _refuse_twice(node, [each.id for each in findings])
    _refuse_twice(node, [each.id for each in critical])
    _refuse_twice(node, [instrument, *(each.id for each in subscales)])
    return Scoring(
        source=keys["source"].text(),
        not_scored=not_scored,
        total=total,
        subscales=subscales,
        findings=findings,
        critical=critical,
        next=follow,
        observes=observes,
        file=node.file,
    )


def check_scoring(scored: Scoring, questions: Mapping[str, Question]) -> None:
    """Everything that scoring names must be asked, with such an answer; what can come out is what the file says."""
    for total in scored.totals:
        check_total(total, questions)
    for stated in scored.conditions():
        for compare in stated.compares():
            check_item_compare(compare, questions, scored.file)
            _check_own(compare, scored)
    for critical in scored.critical:
        if not any(path.startswith(("item/", "value/")) for path in critical.when.reads()):
            Node(None, critical.line, scored.file).fail(
                "A critical answer names the question it is given to."
            )


def _check_own(compare: Compare, scored: Scoring) -> None:
    """A score or band that is compared is one of this instrument, a fact one that a score may hang on."""
    subject, _, name = compare.path.partition("/")
    place = Node(None, compare.line, scored.file)
    if subject == "fact" and name not in FACTS:
        place.fail(f"A score can’t hang on “{name}”. Known: {', '.join(FACTS)}.")
    is_number = subject == "score" or compare.path == "fact/age"
    is_own = subject in ("score", "band", "fact") and compare.operator != "known"
    if is_own and is_number is not (compare.operator in NUMERIC):
        place.fail(f"“{compare.operator}” does not fit “{name}”.")
    if subject not in ("score", "band"):
        return
    total = next((each for each in scored.totals if each.id == name), None)
    if total is None:
        place.fail(f"There is no score “{name}” here.")
    known = {band.code for sets in total.band_sets for band in sets.bands}
    for value in compare.value if subject == "band" and compare.operator in ("is", "is_not") else ():
        if value not in known:
            place.fail(f"“{value}” is not a band of “{name}”.")


def check_item_compare(compare: Compare, questions: Mapping[str, Question], file: str) -> None:
    subject, _, item = compare.path.partition("/")
    place = Node(None, compare.line, file)
    if subject not in ("item", "value", "answer"):
        return
    question = questions.get(item)
    if question is None:
        place.fail(f"There is no question “{item}”.")
    if compare.operator in ("is", "is_not") and question.choices:
        known = {choice.code for choice in question.choices} | set(ABSENT)
        for value in compare.value:
            if value not in known:
                place.fail(f"“{value}” is not an answer to “{item}”.")


def _findings(node: Node) -> tuple[Finding, ...]:
    found = []
    for each in node.sequence():
        keys = each.mapping(("id", "text", "when"))
        when = condition(keys["when"], subjects=SUBJECTS)
        found.append(Finding(keys["id"].text(), keys["text"].words(), when, each.line))
    return tuple(found)


def _critical(node: Node) -> Critical:
    keys = node.mapping(
        (
            "id", "kind", "when", "because", "say", "do", "numbers", "ask_safety", "work", "escalate_after_minutes",
            "source",
        ),
        ("next",),
    )  # fmt: skip
    return Critical(
        id=keys["id"].text(),
        kind=keys["kind"].one_of(CRITICAL_KINDS),
        when=condition(keys["when"], subjects=SUBJECTS),
        because=keys["because"].words(),
        say=keys["say"].words(),
        do=tuple(each.words() for each in keys["do"].sequence()),
        numbers=keys["numbers"].texts(),
        asks_safety=keys["ask_safety"].boolean(),
        work=keys["work"].words(),
        escalate_after_minutes=keys["escalate_after_minutes"].integer(),
        source=keys["source"].text(),
        next=keys["next"].text() if "next" in keys else None,
        line=node.line,
    )


def _next(node: Node) -> Next:
    keys = node.mapping(("instrument", "when", "because"))
    when = condition(keys["when"], subjects=SUBJECTS)
    return Next(keys["instrument"].text(), when, keys["because"].words(), node.line)


def _subscales(node: Node) -> tuple[Total, ...]:
    found = []
    for each in node.sequence():
        keys = each.any_mapping()
        for name in ("id", "kind"):
            if name not in keys:
                each.fail(f"“{name}” is missing.")
        found.append(read_total(each, keys["id"].text(), (), ("id", "text")))
    return tuple(found)


def _refuse_twice(node: Node, ids: Sequence[str]) -> None:
    for identity in ids:
        if ids.count(identity) > 1:
            node.fail(f"“{identity}” is there twice.")
