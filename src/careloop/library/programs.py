"""Programs: who may join, how we ask, what consent says, what is asked and planned, how it ends.

content/programs/<code>/program.yaml, SOURCE.md and cases/. Eligibility is a list of criteria, each with its sentence;
a criterion whose facts are not known is neither met nor unmet (`Criterion.answer`), so a person looks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from careloop.library.conditions import Condition, Lookup, condition
from careloop.library.facts import FACTS
from careloop.library.instruments import Case, Instrument, load_cases
from careloop.library.plans import PlanTemplate
from careloop.library.reading import Node, Words, read_one
from careloop.library.rules import Rule

CHANNELS = ("phone", "video", "home", "office", "text", "mail")
HOW = ("verbal", "written")
WHO = ("person", "agent", "guardian")
ENDS = ("finished", "cancelled")
ASKED = ("start", "after-discharge", "month")

REQUIRED = (
    *("code", "title", "about", "source", "eligibility", "outreach", "consent", "instruments", "plans"),
    *("silence", "pause_reasons", "exit_reasons"),
)


@dataclass(frozen=True)
class Criterion:
    """text: what must be true. otherwise: the sentence when it is not. is_needed: False for one that only counts in
    favor, which a person may waive."""

    id: str
    text: Words
    when: Condition
    otherwise: Words
    is_needed: bool

    def answer(self, look: Lookup) -> bool | None:
        """None: what it reads is not known, so it can't be said."""
        if self.when.holds(look):
            return True
        return None if any(look(path) is None for path in self.when.reads()) else False


@dataclass(frozen=True)
class Outreach:
    """attempts: how often we try before somebody decides whether to go on; every_days: apart. say: how to begin."""

    attempts: int
    every_days: int
    channels: tuple[str, ...]
    say: Words
    then: Words


@dataclass(frozen=True)
class ConsentNeeded:
    """how: ways it may be given. who: may give it. tell: what has to be said before. rule: the dated rule that asks for
    it, None when it is the program's own custom."""

    how: tuple[str, ...]
    who: tuple[str, ...]
    tell: tuple[Words, ...]
    rule: str | None


@dataclass(frozen=True)
class InstrumentDue:
    """at: start, after-discharge or month. every_days: asked again, None for once. proposes_all: its answers are looked
    at with all that is known, so that what follows is one proposal for the whole plan."""

    instrument: str
    at: str
    every_days: int | None
    proposes_all: bool = False


@dataclass(frozen=True)
class Reason:
    """Why an enrollment pauses or ends. ends: EpisodeOfCare.status afterwards, `finished` when the work is done and
    `cancelled` when it was broken off; empty for a pause."""

    code: str
    text: Words
    ends: str = ""


@dataclass(frozen=True)
class Program:
    """silence: id of the rule whose `days` says how long nobody may go unheard. length_days: None without an end."""

    code: str
    title: Words
    about: Words
    source: str
    eligibility: tuple[Criterion, ...]
    outreach: Outreach
    consent: ConsentNeeded
    instruments: tuple[InstrumentDue, ...]
    templates: tuple[str, ...]
    silence: str
    length_days: int | None
    pause_reasons: tuple[Reason, ...]
    exit_reasons: tuple[Reason, ...]
    cases: tuple[Case, ...]
    file: str
    line: int

    def eligible(self, look: Lookup) -> bool | None:
        """By the criteria that are needed: one unmet says no; else one that can't be said leaves it open (None)."""
        answers = [each.answer(look) for each in self.eligibility if each.is_needed]
        return False if False in answers else None if None in answers else True

    def exit_reason(self, code: str) -> Reason | None:
        return next((each for each in self.exit_reasons if each.code == code), None)

    def pause_reason(self, code: str) -> Reason | None:
        return next((each for each in self.pause_reasons if each.code == code), None)


def load_program(folder: Path, root: Path) -> Program:
    """Raises BrokenContent with file and line."""
    if not (folder / "SOURCE.md").is_file():
        Node(None, 1, folder.relative_to(root).as_posix()).fail("SOURCE.md is missing.")
    node = read_one(folder / "program.yaml", root)
    keys = node.mapping(REQUIRED, ("length_days",))
    if keys["code"].text() != folder.name:
        keys["code"].fail(f"The code is not the name of its folder, “{folder.name}”.")
    return Program(
        code=folder.name,
        title=keys["title"].words(),
        about=keys["about"].words(),
        source=keys["source"].text(),
        eligibility=_once(keys["eligibility"], [_criterion(each) for each in keys["eligibility"].sequence()]),
        outreach=_outreach(keys["outreach"]),
        consent=_consent(keys["consent"]),
        instruments=tuple(_due(each) for each in keys["instruments"].sequence()),
        templates=tuple(each.text() for each in keys["plans"].sequence()),
        silence=keys["silence"].text(),
        length_days=keys["length_days"].integer() if "length_days" in keys else None,
        pause_reasons=tuple(_reason(each, ()) for each in keys["pause_reasons"].sequence()),
        exit_reasons=tuple(_reason(each, ENDS) for each in keys["exit_reasons"].sequence()),
        cases=load_cases(folder / "cases", root),
        file=node.file,
        line=node.line,
    )


def check_program(
    program: Program,
    instruments: Mapping[str, Instrument],
    plans: Mapping[str, PlanTemplate],
    rules: Mapping[str, tuple[Rule, ...]],
) -> None:
    """Everything that a program names is there."""
    place = Node(None, program.line, program.file)
    for due in program.instruments:
        _known(place, due.instrument, instruments, "instrument")
    for name in program.templates:
        _known(place, name, plans, "plan template")
    for rule in (program.silence, *([program.consent.rule] if program.consent.rule else [])):
        _known(place, rule, rules, "rule")
    if "days" not in rules[program.silence][-1].values:
        place.fail(f"Rule “{program.silence}” does not say how many days.")
    for criterion in program.eligibility:
        for compare in criterion.when.compares():
            _check_path(compare.path, Node(None, compare.line, program.file), instruments)


def _check_path(path: str, place: Node, instruments: Mapping[str, Instrument]) -> None:
    subject, _, rest = path.partition("/")
    name, _, part = rest.partition("/")
    if subject == "fact":
        if rest not in FACTS:
            place.fail(f"“{rest}” is not a fact that eligibility knows. Known: {', '.join(FACTS)}.")
        return
    _known(place, name, instruments, "instrument")
    if subject == "finding" and part not in {each.id for each in instruments[name].scoring.findings}:
        place.fail(f"{name} has no finding “{part}”.")
    if subject == "answer" and part not in instruments[name].by_id:
        place.fail(f"{name} has no question “{part}”.")


def _known(place: Node, name: str, there: Collection[str], kind: str) -> None:
    if name not in there:
        place.fail(f"There is no {kind} “{name}”.")


def _once(node: Node, found: list[Criterion]) -> tuple[Criterion, ...]:
    seen: set[str] = set()
    for each in found:
        if each.id in seen:
            node.fail(f"The criterion “{each.id}” is there twice.")
        seen.add(each.id)
    return tuple(found)


def _criterion(node: Node) -> Criterion:
    keys = node.mapping(("id", "text", "when", "otherwise"), ("needed",))
    return Criterion(
        keys["id"].text(),
        keys["text"].words(),
        condition(keys["when"]),
        keys["otherwise"].words(),
        keys["needed"].boolean() if "needed" in keys else True,
    )


def _outreach(node: Node) -> Outreach:
    keys = node.mapping(("attempts", "every_days", "channels", "say", "then"))
    channels = tuple(each.one_of(CHANNELS) for each in keys["channels"].sequence())
    return Outreach(
        keys["attempts"].integer(),
        keys["every_days"].integer(),
        channels,
        keys["say"].words(),
        keys["then"].words(),
    )


def _consent(node: Node) -> ConsentNeeded:
    keys = node.mapping(("how", "who", "tell"), ("rule",))
    return ConsentNeeded(
        tuple(each.one_of(HOW) for each in keys["how"].sequence()),
        tuple(each.one_of(WHO) for each in keys["who"].sequence()),
        tuple(each.words() for each in keys["tell"].sequence()),
        keys["rule"].text() if "rule" in keys else None,
    )


def _due(node: Node) -> InstrumentDue:
    keys = node.mapping(("instrument", "at"), ("every_days", "proposes"))
    every = keys["every_days"].integer() if "every_days" in keys else None
    proposes_all = "proposes" in keys and keys["proposes"].one_of(("all",)) == "all"
    return InstrumentDue(keys["instrument"].text(), keys["at"].one_of(ASKED), every, proposes_all)


def _reason(node: Node, ends: Iterable[str]) -> Reason:
    allowed = tuple(ends)
    keys = node.mapping(("code", "text", *(("ends",) if allowed else ())))
    return Reason(keys["code"].text(), keys["text"].words(), keys["ends"].one_of(allowed) if allowed else "")
