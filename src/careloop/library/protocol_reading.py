"""Monitoring protocols as they stand in content/protocols/<id>/protocol.yaml: read part by part, and refused with file
and line where they say what nobody understands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from pathlib import Path
from types import MappingProxyType
from typing import Final

from careloop.library.instruments import Case
from careloop.library.plans import OWNERS, Target
from careloop.library.protocols import (
    AFTER_HOURS,
    DAYS,
    Branch,
    Course,
    PlanChange,
    Protocol,
    Review,
    Value,
    WorkAsked,
)
from careloop.library.reading import Node, Words, read_one
from careloop.library.rules import VERIFIED
from careloop.library.series import IF_KNOWN, Reader, placeholders

URGENCIES: Final = ("urgent", "soon", "routine", "silence")
SETTLES: Final = ("person", "itself")
EDGES: Final = ("high", "low", "second-high", "second-low")
# Parts of a {name} in a because.
PARTS: Final = ("", "from", "to", "since", "at", "days", "what", "count")
CHANGES: Final = ("add", "change", "end")
ADDED: Final = ("need", "goal", "action")
REQUIRED: Final = ("id", "version", "title", "about", "source", "verified", "watches", "branches")
OPTIONAL: Final = ("values", "course", "review", "note")


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
        if any(sign in IF_KNOWN.sub("", text) for sign in "[]") or not IF_KNOWN.sub("", text).strip():
            at.fail("The because has a [ without its ], or nothing outside of them.")
        for name, part in placeholders(text):
            if name not in protocol.names and name not in protocol.defaults:
                at.fail(f"The because names “{name}”, which no condition gives a name to (`as: {name}`).")
            if part not in PARTS:
                at.fail(f"“{name}” has no part “{part}”. Known: {', '.join(PARTS[1:])}.")


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
