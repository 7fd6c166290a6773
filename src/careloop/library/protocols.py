"""Monitoring protocols: content/protocols/<id>/protocol.yaml, SOURCE.md and cases/.

Each says whom it watches, what it looks for (`branches`: the first that holds counts), why that matters, what it
proposes, who answers for it and when somebody watches. Without an owner, an approval and hours it is not reviewed: then
it proposes, and pages nobody. The paths that it reads are known here, so that after a change only those protocols are
asked that read what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

from careloop.library.conditions import Condition
from careloop.library.facts import FACTS
from careloop.library.instruments import Case, Instrument
from careloop.library.plans import OWNERS, Target
from careloop.library.reading import Node, Words, read_one
from careloop.library.readings import Kind
from careloop.library.rules import VERIFIED
from careloop.library.series import Asked, Reader, placeholders

URGENCIES: Final = ("urgent", "soon", "routine", "silence")
SETTLES: Final = ("person", "itself")
AFTER_HOURS: Final = ("next-opening", "on-call")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EDGES: Final = ("high", "low", "second-high", "second-low")
# Parts of a {name} in a because.
PARTS: Final = ("", "from", "to", "since", "at", "days", "what", "count")
CHANGES: Final = ("add", "change", "end")
ADDED: Final = ("need", "goal", "action")
LONGEST: Final = 800
REQUIRED: Final = ("id", "version", "title", "about", "source", "verified", "watches", "branches")
OPTIONAL: Final = ("values", "course", "review", "note")


@dataclass(frozen=True)
class Value:
    """A number that a person may have her own of, between least and most. threshold: (kind of reading, edge) whose
    limit, where somebody set one for her, is used instead."""

    name: str
    default: Decimal
    unit: Words
    least: Decimal
    most: Decimal
    text: Words
    threshold: tuple[str, str] | None = None


@dataclass(frozen=True)
class Course:
    """A treatment by its score: it begins with a score that reaches `begins_at`; has responded once the score fell by
    `response_percent`; is in remission below `remission_below`. A rise of `relapse_rise` after a response is a relapse,
    and begins a new course."""

    instrument: str
    begins_at: Decimal
    response_percent: Decimal
    remission_below: Decimal
    relapse_rise: Decimal


@dataclass(frozen=True)
class Review:
    """Who answers for it and when somebody watches. days: 0 is Monday. path: what happens with an urgent firing out of
    hours: it waits for the next opening, or calls whoever is on call."""

    owner: str
    approved: date
    days: tuple[int, ...]
    opens: time
    closes: time
    path: str
    after_hours: Words


@dataclass(frozen=True)
class WorkAsked:
    """due_days: from the day it fires, in the person's zone; weekends and holidays move it on."""

    kind: str
    title: Words
    urgency: str
    owner: str
    due_days: int


@dataclass(frozen=True)
class PlanChange:
    """act add: a line of that key under another. change, end: of a line that stands, by its key (`goal:…`, `action:…`,
    or `goal-of:<instrument>` for whichever goal measures it); left out where nothing like it stands."""

    act: str
    key: str
    text: Words | None = None
    under: str | None = None
    owner: str | None = None
    due_days: int | None = None
    below: Decimal | None = None
    target: Target | None = None
    category: str | None = None
    because: Words | None = None


@dataclass(frozen=True)
class Branch:
    """settles itself: once it does not hold any more, what it asked for is withdrawn; person: it stays until a person
    ends it. rest_days: after that, so long nothing is said again."""

    id: str
    title: Words
    when: Condition
    because: Words
    work: WorkAsked
    plan: tuple[PlanChange, ...]
    settles: str
    rest_days: int
    line: int


@dataclass(frozen=True)
class Protocol:
    """asked: what its conditions ask of the past, by path; names: what a because may call it by. reads: what has to
    change for it to be asked again: reading/weight, score/phq-9, moment/contact, fact/conditions."""

    id: str
    version: int
    title: Words
    about: Words
    source: str
    verified: str
    watches: Condition
    values: tuple[Value, ...]
    course: Course | None
    branches: tuple[Branch, ...]
    review: Review | None
    note: str
    asked: Mapping[str, Asked] = field(hash=False)
    names: Mapping[str, str] = field(hash=False)
    cases: tuple[Case, ...] = ()
    file: str = ""

    @property
    def canonical(self) -> str:
        return f"urn:careloop:protocol:{self.id}|{self.version}"

    @property
    def reads(self) -> frozenset[str]:
        plain = (path for stated in self.conditions for path in stated.reads() if path not in self.asked)
        found = {"/".join(path.split("/")[:2]) for path in plain}
        for asked in self.asked.values():
            is_course = asked.subject == "course" and self.course
            found.add(f"score/{self.course.instrument}" if is_course and self.course else asked.source)
        return frozenset(found)

    @property
    def reach_days(self) -> int:
        """How far back its readings are looked at; LONGEST when the last one counts however old."""
        windows = [
            # The last of a change may be as old as its window, which lies before it.
            (each.within_days or LONGEST) * (1 if each.what in ("last", "times") else 2)
            for each in self.asked.values()
            if each.source.startswith("reading/")
        ]
        return max(windows, default=1)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.watches, *(branch.when for branch in self.branches))

    @property
    def is_timed(self) -> bool:
        return any(asked.is_timed for asked in self.asked.values())

    @property
    def defaults(self) -> dict[str, Decimal]:
        return {each.name: each.default for each in self.values}

    def branch(self, id: str) -> Branch | None:
        return next((each for each in self.branches if each.id == id), None)


def load_protocol(folder: Path, root: Path) -> Protocol:
    """Raises BrokenContent with file and line."""
    if not (folder / "SOURCE.md").is_file():
        Node(None, 1, folder.relative_to(root).as_posix()).fail("SOURCE.md is missing.")
    node = read_one(folder / "protocol.yaml", root)
    keys = node.mapping(REQUIRED, OPTIONAL)
    if keys["id"].text() != folder.name:
        keys["id"].fail(f"The id is not the name of its folder, “{folder.name}”.")
    values = tuple(_value(each) for each in keys["values"].sequence()) if "values" in keys else ()
    reader = Reader({}, {}, frozenset(each.name for each in values), "course" in keys)
    watches = reader.condition(keys["watches"])
    branches = tuple(_branch(each, reader) for each in keys["branches"].sequence())
    if not branches:
        keys["branches"].fail("Expected at least one branch.")
    _refuse_twice(keys["branches"], [each.id for each in branches])
    _refuse_twice(keys["values"] if values else node, [each.name for each in values])
    found = Protocol(
        id=folder.name,
        version=keys["version"].integer(),
        title=keys["title"].words(),
        about=keys["about"].words(),
        source=keys["source"].text(),
        verified=keys["verified"].one_of(VERIFIED),
        watches=watches,
        values=values,
        course=_course(keys["course"]) if "course" in keys else None,
        branches=branches,
        review=_review(keys["review"]) if "review" in keys else None,
        note=keys["note"].text() if "note" in keys else "",
        asked=MappingProxyType(reader.asked),
        names=MappingProxyType(reader.names),
        cases=_cases(folder / "cases", root),
        file=node.file,
    )
    for branch in found.branches:
        _check_words(branch, found)
    return found


def check_protocol(
    protocol: Protocol,
    instruments: Mapping[str, Instrument],
    kinds: Mapping[str, Kind],
    programs: Collection[str],
) -> None:
    """Everything that it names is there."""
    place = Node(None, 1, protocol.file)
    if protocol.course:
        _known(place, protocol.course.instrument, instruments, "instrument")
    for stated in protocol.conditions:
        for compare in stated.compares():
            at = Node(None, compare.line, protocol.file)
            if (asked := protocol.asked.get(compare.path)) is not None:
                _check_asked(asked, at, instruments, kinds, programs)
            else:
                _check_path(compare.path, at, instruments)
    for value in protocol.values:
        if value.threshold:
            _known(place, value.threshold[0], kinds, "reading")
    for branch in protocol.branches:
        at = Node(None, branch.line, protocol.file)
        for change in branch.plan:
            named = change.key.removeprefix("goal-of:") if change.key.startswith("goal-of:") else None
            for name in filter(None, (named, change.target.instrument if change.target else None)):
                _known(at, name, instruments, "instrument")


def check_loops(protocols: Sequence[Protocol]) -> None:
    """No protocol may set itself off: what one asks for (open work of a kind) is not read, by way of others, by the
    same one again. Raises BrokenContent that names the way round."""
    reads = {
        each.id: {a.name.removeprefix("work/") for a in each.asked.values() if a.name.startswith("work/")}
        for each in protocols
    }
    writes = {each.id: {branch.work.kind for branch in each.branches} for each in protocols}
    after = {one: [two for two in reads if writes[one] & reads[two]] for one in writes}
    for protocol in protocols:
        if way := _way_back(protocol.id, after):
            Node(None, 1, protocol.file).fail(f"It would set itself off: {' → '.join(way)}.")


def _way_back(start: str, after: Mapping[str, Sequence[str]]) -> list[str]:
    waiting, seen = [[start]], set[str]()
    while waiting:
        way = waiting.pop()
        for following in after[way[-1]]:
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                waiting.append([*way, following])
    return []


def _check_asked(
    asked: Asked,
    at: Node,
    instruments: Mapping[str, Instrument],
    kinds: Mapping[str, Kind],
    programs: Collection[str],
) -> None:
    first, _, rest = asked.name.partition("/")
    if asked.subject == "reading":
        _known(at, asked.name, kinds, "reading")
        kind = kinds[asked.name]
        if asked.unit and asked.unit != kind.unit:
            at.fail(f"Readings of {asked.name} are kept in {kind.unit}; write the number in that unit.")
        if asked.part == "second" and not kind.is_pair:
            at.fail(f"{asked.name} has no second value.")
    elif asked.subject == "score":
        _known(at, asked.name, instruments, "instrument")
    elif first == "reading":
        _known(at, rest, kinds, "reading")
    elif first in ("score", "answered"):
        _known(at, rest, instruments, "instrument")
    elif first == "enrolled" and rest:
        _known(at, rest, programs, "program")


def _check_path(path: str, at: Node, instruments: Mapping[str, Instrument]) -> None:
    subject, _, rest = path.partition("/")
    name, _, part = rest.partition("/")
    if subject == "fact":
        if rest not in FACTS:
            at.fail(f"“{rest}” is not a fact that a protocol may ask for. Known: {', '.join(FACTS)}.")
        return
    _known(at, name, instruments, "instrument")
    if subject == "finding" and part not in {each.id for each in instruments[name].scoring.findings}:
        at.fail(f"{name} has no finding “{part}”.")
    if subject == "answer":
        at.fail("A protocol asks for a finding of an instrument, not for a single answer.")


def _known(place: Node, name: str, there: Collection[str], kind: str) -> None:
    if name not in there:
        place.fail(f"There is no {kind} “{name}”.")


def _refuse_twice(node: Node, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            node.fail(f"“{name}” is there twice.")
        seen.add(name)


def _check_words(branch: Branch, protocol: Protocol) -> None:
    at = Node(None, branch.line, protocol.file)
    said = [branch.because, *(each.because for each in branch.plan if each.because)]
    for text in (text for words in said for text in (words.en, words.es)):
        for name, part in placeholders(text):
            if name not in protocol.names and name not in protocol.defaults:
                at.fail(f"The because names “{name}”, which no condition gives a name to (`as: {name}`).")
            if part not in PARTS:
                at.fail(f"“{name}” has no part “{part}”. Known: {', '.join(PARTS[1:])}.")


# --- the parts


def _value(node: Node) -> Value:
    keys = node.mapping(("name", "value", "unit", "least", "most", "text"), ("threshold",))
    threshold = None
    if "threshold" in keys:
        said = keys["threshold"].mapping(("reading", "edge"))
        threshold = (said["reading"].text(), said["edge"].one_of(EDGES))
    found = Value(
        keys["name"].text(),
        keys["value"].number(),
        _unit(keys["unit"]),
        keys["least"].number(),
        keys["most"].number(),
        keys["text"].words(),
        threshold,
    )
    if not found.least <= found.default <= found.most:
        keys["value"].fail("The value lies outside of least and most.")
    return found


def _unit(node: Node) -> Words:
    return node.words() if isinstance(node.value, dict) else Words(node.text(), node.text())


def _course(node: Node) -> Course:
    keys = node.mapping(("score", "begins_at", "response_percent", "remission_below", "relapse_rise"))
    return Course(
        keys["score"].text(),
        keys["begins_at"].number(),
        keys["response_percent"].number(),
        keys["remission_below"].number(),
        keys["relapse_rise"].number(),
    )


def _review(node: Node) -> Review:
    keys = node.mapping(("owner", "approved", "hours", "after_hours"))
    hours = keys["hours"].mapping(("days", "opens", "closes"))
    days = tuple(DAYS.index(each.one_of(DAYS)) for each in hours["days"].sequence())
    after = keys["after_hours"].mapping(("path", "text"))
    opens, closes = clock_time(hours["opens"]), clock_time(hours["closes"])
    if not days or opens >= closes:
        keys["hours"].fail("Somebody watches on at least one day, and opens before it closes.")
    return Review(
        keys["owner"].text(),
        keys["approved"].day(),
        days,
        opens,
        closes,
        after["path"].one_of(AFTER_HOURS),
        after["text"].words(),
    )


def clock_time(node: Node) -> time:
    try:
        return time.fromisoformat(node.text())
    except ValueError:
        node.fail("Expected an hour such as 08:30.")


def _branch(node: Node, reader: Reader) -> Branch:
    keys = node.mapping(("id", "title", "when", "because", "work"), ("plan", "settles", "rest_days"))
    return Branch(
        id=keys["id"].text(),
        title=keys["title"].words(),
        when=reader.condition(keys["when"]),
        because=keys["because"].words(),
        work=_work(keys["work"]),
        plan=tuple(_change(each) for each in keys["plan"].sequence()) if "plan" in keys else (),
        settles=keys["settles"].one_of(SETTLES) if "settles" in keys else "person",
        rest_days=keys["rest_days"].integer() if "rest_days" in keys else 1,
        line=node.line,
    )


def _work(node: Node) -> WorkAsked:
    keys = node.mapping(("title", "urgency"), ("kind", "owner", "due_days"))
    return WorkAsked(
        keys["kind"].text() if "kind" in keys else "follow-protocol",
        keys["title"].words(),
        keys["urgency"].one_of(URGENCIES),
        keys["owner"].one_of(("coordinator", "clinician")) if "owner" in keys else "coordinator",
        keys["due_days"].integer() if "due_days" in keys else 1,
    )


def _change(node: Node) -> PlanChange:
    found = node.any_mapping()
    act = next((each for each in CHANGES if each in found), None)
    if act is None:
        node.fail(f"A change of the plan begins with one of {', '.join(CHANGES)}.")
    if act == "add":
        return _added(node)
    keys = node.mapping(
        (act,), ("because", *(("due_days", "below", "owner", "text") if act == "change" else ()))
    )
    key = keys[act].text()
    if key.partition(":")[0] not in ("need", "goal", "action", "goal-of") or not key.partition(":")[2]:
        keys[act].fail("Expected the key of a line, such as goal:phq-9-below-5.")
    change = PlanChange(
        act,
        key,
        keys["text"].words() if "text" in keys else None,
        owner=keys["owner"].one_of(OWNERS) if "owner" in keys else None,
        due_days=keys["due_days"].integer() if "due_days" in keys else None,
        below=keys["below"].number() if "below" in keys else None,
        because=keys["because"].words() if "because" in keys else None,
    )
    if act == "change" and not (change.text or change.owner or change.due_days or change.below is not None):
        node.fail("A change says what becomes different: due_days, below, owner or text.")
    return change


def _added(node: Node) -> PlanChange:
    keys = node.mapping(
        ("add", "id", "text"), ("under", "owner", "due_days", "target", "category", "because")
    )
    part = keys["add"].one_of(ADDED)
    if part == "action" and not {"owner", "due_days"} <= keys.keys():
        node.fail("A step needs an owner and due_days.")
    target = None
    if "target" in keys:
        said = keys["target"].mapping(("score", "below"))
        target = Target(said["score"].text(), said["below"].number())
    return PlanChange(
        "add",
        f"{part}:{keys['id'].text()}",
        keys["text"].words(),
        keys["under"].text() if "under" in keys else None,
        keys["owner"].one_of(OWNERS) if "owner" in keys else None,
        keys["due_days"].integer() if "due_days" in keys else None,
        target=target,
        category=keys["category"].text() if "category" in keys else None,
        because=keys["because"].words() if "because" in keys else None,
    )


def _cases(folder: Path, root: Path) -> tuple[Case, ...]:
    """Each file in cases/ is a list of {name, expect} with what is known of a made-up person, days counted from today:
    facts, readings: {weight: [[-2, 80], [0, 82]]}, scores: {phq-9: [[-28, 15]]}, moments: {contact: [-3]},
    findings, values."""
    known = ("facts", "readings", "scores", "moments", "findings", "values")
    cases = []
    for path in sorted(folder.glob("*.yaml")):
        for node in read_one(path, root).sequence():
            keys = node.mapping(("name", "expect"), known)
            keys["expect"].mapping(("fires",), ("says",))
            given = {name: keys[name].plain() for name in known if name in keys}
            cases.append(Case(keys["name"].text(), given, keys["expect"].plain(), node.file, node.line))
    return tuple(cases)
