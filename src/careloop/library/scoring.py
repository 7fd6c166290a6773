"""scoring.yaml: how answers become a number, a band, findings, and which of them are critical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from careloop.fhir.questionnaire import ABSENT
from careloop.library.conditions import Compare, Condition, condition
from careloop.library.questions import Question
from careloop.library.reading import Node, Words

SUM_KEYS = ("kind", "items", "maximum", "observation", "source", "missing", "bands")
NONE_KEYS = ("kind", "because", "source")
SHARED_KEYS = ("findings", "critical", "next", "answers_as_observations")
KINDS = ("suicide-risk", "red-flag")


@dataclass(frozen=True)
class Band:
    first: Decimal
    last: Decimal
    code: str
    text: Words


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
    """kind: sum or none. items: what is added. allowed_missing: how many may lack. not_scored: why not, for kind
    none always, for a sum when too many are missing. observes: the category (sdoh) under which single answers
    are kept as Observations too."""

    kind: str
    source: str
    not_scored: Words
    items: tuple[str, ...] = ()
    maximum: Decimal | None = None
    loinc: str | None = None
    observed_as: str = ""
    allowed_missing: int = 0
    bands: tuple[Band, ...] = ()
    findings: tuple[Finding, ...] = ()
    critical: tuple[Critical, ...] = ()
    next: tuple[Next, ...] = ()
    observes: str | None = None
    file: str = ""

    def band(self, value: Decimal) -> Band | None:
        return next((band for band in self.bands if band.first <= value <= band.last), None)


def scoring(node: Node, instrument: str) -> Scoring:
    keys = node.any_mapping()
    if "kind" not in keys:
        node.fail("“kind” is missing: sum or none.")
    kind = keys["kind"].one_of(("sum", "none"))
    keys = node.mapping(SUM_KEYS if kind == "sum" else NONE_KEYS, SHARED_KEYS)
    findings = _findings(keys["findings"]) if "findings" in keys else ()
    critical = tuple(_critical(each) for each in keys["critical"].sequence()) if "critical" in keys else ()
    follow = tuple(_next(each) for each in keys["next"].sequence()) if "next" in keys else ()
    observes = (
        keys["answers_as_observations"].one_of(("sdoh",)) if "answers_as_observations" in keys else None
    )
    _refuse_twice(node, [each.id for each in findings], [each.id for each in critical])
    if kind == "none":
        return Scoring(
            kind,
            keys["source"].text(),
            keys["because"].words(),
            findings=findings,
            critical=critical,
            next=follow,
            observes=observes,
            file=node.file,
        )
    missing = keys["missing"].mapping(("allowed", "because"))
    observation = keys["observation"].mapping(("loinc", "text"))
    maximum = keys["maximum"].number()
    return Scoring(
        kind,
        keys["source"].text(),
        missing["because"].words(),
        items=keys["items"].texts(),
        maximum=maximum,
        loinc=observation["loinc"].text(),
        observed_as=observation["text"].text(),
        allowed_missing=missing["allowed"].integer(),
        bands=_bands(keys["bands"], maximum),
        findings=findings,
        critical=critical,
        next=follow,
        observes=observes,
        file=node.file,
    )


def check_scoring(scored: Scoring, questions: Mapping[str, Question]) -> None:
    """Everything that scoring names must be asked, with such an answer; a sum needs values up to its maximum."""
    place = Node(None, 1, scored.file)
    for item in scored.items:
        question = questions.get(item)
        if question is None:
            place.fail(f"“{item}” is added up but not asked.")
        if any(choice.value is None for choice in question.choices) or not question.choices:
            place.fail(f"“{item}” is added up but has answers without a value.")
    if scored.kind == "sum":
        highest = sum(max(c.value or 0 for c in questions[item].choices) for item in scored.items)
        if highest != scored.maximum:
            place.fail(f"The answers add up to at most {highest}, not {scored.maximum}.")
    conditions = [
        *(each.when for each in scored.findings),
        *(each.when for each in scored.critical),
        *(each.when for each in scored.next),
    ]
    for stated in conditions:
        for compare in stated.compares():
            check_item_compare(compare, questions, scored.file)


def check_item_compare(compare: Compare, questions: Mapping[str, Question], file: str) -> None:
    subject, _, item = compare.path.partition("/")
    place = Node(None, compare.line, file)
    if subject == "score":
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
        when = condition(keys["when"], subjects=("item", "score"))
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
        kind=keys["kind"].one_of(KINDS),
        when=condition(keys["when"], subjects=("item", "score")),
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
    when = condition(keys["when"], subjects=("item", "score"))
    return Next(keys["instrument"].text(), when, keys["because"].words(), node.line)


def _bands(node: Node, maximum: Decimal) -> tuple[Band, ...]:
    bands: list[Band] = []
    expected = Decimal(0)
    for each in node.sequence():
        keys = each.mapping(("from", "to", "code", "text"))
        band = Band(keys["from"].number(), keys["to"].number(), keys["code"].text(), keys["text"].words())
        if band.first != expected:
            each.fail(f"This band begins at {band.first}; {expected} was expected.")
        expected = band.last + 1
        bands.append(band)
    if expected != maximum + 1:
        node.fail(f"The bands end at {expected - 1}, not at the maximum of {maximum}.")
    return tuple(bands)


def _refuse_twice(node: Node, *lists: list[str]) -> None:
    for ids in lists:
        for identity in ids:
            if ids.count(identity) > 1:
                node.fail(f"“{identity}” is there twice.")
