"""Plan templates: need -> measurable goals -> actions. content/plans/<id>/plan.yaml, SOURCE.md and cases/."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from careloop.library.conditions import Condition, condition
from careloop.library.facts import FACTS
from careloop.library.instruments import Case, Instrument, load_cases
from careloop.library.reading import Node, Words, read_one

OWNERS = ("coordinator", "clinician", "person", "family", "agency")
CATEGORIES = ("health-concern", "sdoh")
SETTINGS = ("home", "clinic", "nursing-home", "hospice", "school", "shelter")
# As FHIR's Quantity.comparator writes them.
COMPARATORS = {"below": "<", "at_most": "<=", "at_least": ">=", "above": ">"}


@dataclass(frozen=True)
class Target:
    """A score to come below."""

    instrument: str
    below: Decimal


@dataclass(frozen=True)
class Measured:
    """Something measured to bring to a number. code: LOINC. comparator: <, <=, >= or >. unit: UCUM. called: as a
    person calls it. A clinician sets the person's own number; this one is where the talk begins."""

    code: str
    called: Words
    comparator: str
    value: Decimal
    unit: str


@dataclass(frozen=True)
class UsualBarrier:
    """What often stands in the way of a step, and how it is met."""

    id: str
    text: Words
    met_by: Words


@dataclass(frozen=True)
class ActionTemplate:
    """leaflet: id in content/education to hand out with it. barriers: what usually stands in its way."""

    id: str
    owner: str
    due_days: int
    text: Words
    when: Condition | None
    leaflet: str | None = None
    barriers: tuple[UsualBarrier, ...] = ()


@dataclass(frozen=True)
class GoalTemplate:
    id: str
    text: Words
    due_days: int
    target: Target | None
    actions: tuple[ActionTemplate, ...]
    measured: Measured | None = None

    @property
    def barriers(self) -> tuple[UsualBarrier, ...]:
        """Of all its steps, each once."""
        found = {each.id: each for action in self.actions for each in action.barriers}
        return tuple(found.values())


@dataclass(frozen=True)
class NeedTemplate:
    """because: may name {instrument} and {instrument.band}."""

    code: str
    category: str
    text: Words
    when: Condition
    because: Words
    goals: tuple[GoalTemplate, ...]
    file: str
    line: int

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.when.reads()))


@dataclass(frozen=True)
class PlanTemplate:
    """settings: where it is meant for; empty for anywhere."""

    id: str
    title: Words
    source: str
    needs: tuple[NeedTemplate, ...]
    cases: tuple[Case, ...] = ()
    settings: tuple[str, ...] = ()


def load_plan(folder: Path, root: Path) -> PlanTemplate:
    if not (folder / "SOURCE.md").is_file():
        Node(None, 1, folder.relative_to(root).as_posix()).fail("SOURCE.md is missing.")
    node = read_one(folder / "plan.yaml", root)
    keys = node.mapping(("id", "title", "source", "needs"), ("settings",))
    if keys["id"].text() != folder.name:
        keys["id"].fail(f"The id is not the name of its folder, “{folder.name}”.")
    needs = tuple(_need(each) for each in keys["needs"].sequence())
    _refuse_twice(keys["needs"], needs)
    cases = load_cases(folder / "cases", root)
    settings = (
        tuple(each.one_of(SETTINGS) for each in keys["settings"].sequence()) if "settings" in keys else ()
    )
    return PlanTemplate(folder.name, keys["title"].words(), keys["source"].text(), needs, cases, settings)


def _refuse_twice(node: Node, needs: tuple[NeedTemplate, ...]) -> None:
    """Within one template a step that is named twice would be proposed once, and one of its places be lost."""
    goals = [goal for need in needs for goal in need.goals]
    for said in (
        [need.code for need in needs],
        [goal.id for goal in goals],
        [action.id for goal in goals for action in goal.actions],
    ):
        if again := next((each for each in said if said.count(each) > 1), None):
            node.fail(f"“{again}” is there twice.")


def check_plan(
    plan: PlanTemplate, instruments: Mapping[str, Instrument], leaflets: Collection[str] = ()
) -> None:
    """Every instrument, finding, question, answer and leaflet that a template names is there."""
    for need in plan.needs:
        for action in (action for goal in need.goals for action in goal.actions):
            if action.leaflet and action.leaflet not in leaflets:
                Node(None, need.line, need.file).fail(f"There is no leaflet “{action.leaflet}”.")
        stated = [need.when, *(a.when for goal in need.goals for a in goal.actions if a.when)]
        for compare in (compare for each in stated for compare in each.compares()):
            _check_path(compare.path, Node(None, compare.line, need.file), instruments)
        for goal in need.goals:
            if goal.target:
                _check_target(goal.target, Node(None, need.line, need.file), instruments)


def _check_target(target: Target, place: Node, instruments: Mapping[str, Instrument]) -> None:
    instrument = instruments.get(target.instrument)
    if instrument is None:
        place.fail(f"There is no instrument “{target.instrument}”.")
    if not instrument.scoring.loinc:
        place.fail(f"{target.instrument} has no LOINC code, so that a goal can’t aim at its score.")


def _check_path(path: str, place: Node, instruments: Mapping[str, Instrument]) -> None:
    subject, _, rest = path.partition("/")
    if subject == "fact":
        if rest not in FACTS:
            place.fail(f"“{rest}” is not a fact that a plan may ask for. Known: {', '.join(FACTS)}.")
        return
    name, _, part = rest.partition("/")
    instrument = instruments.get(name)
    if instrument is None:
        place.fail(f"There is no instrument “{name}”.")
    if subject == "finding" and part not in {each.id for each in instrument.scoring.findings}:
        place.fail(f"{name} has no finding “{part}”.")
    if subject == "answer" and part not in instrument.by_id:
        place.fail(f"{name} has no question “{part}”.")


def _need(node: Node) -> NeedTemplate:
    keys = node.mapping(("code", "category", "text", "when", "because", "goals"))
    return NeedTemplate(
        keys["code"].text(),
        keys["category"].one_of(CATEGORIES),
        keys["text"].words(),
        condition(keys["when"]),
        keys["because"].words(),
        tuple(_goal(each) for each in keys["goals"].sequence()),
        node.file,
        node.line,
    )


def _goal(node: Node) -> GoalTemplate:
    keys = node.mapping(("id", "text", "due_days", "actions"), ("target",))
    target, measured = None, None
    if "target" in keys and "score" in keys["target"].any_mapping():
        said = keys["target"].mapping(("score", "below"))
        target = Target(said["score"].text(), said["below"].number())
    elif "target" in keys:
        measured = _measured(keys["target"])
    return GoalTemplate(
        keys["id"].text(),
        keys["text"].words(),
        keys["due_days"].integer(),
        target,
        tuple(_action(each) for each in keys["actions"].sequence()),
        measured,
    )


def _measured(node: Node) -> Measured:
    keys = node.mapping(("measure", "called", "unit"), tuple(COMPARATORS))
    said = [name for name in COMPARATORS if name in keys]
    if len(said) != 1:
        node.fail(f"A target has one of {', '.join(COMPARATORS)}.")
    if not re.fullmatch(r"[0-9]+-[0-9]", keys["measure"].text()):
        keys["measure"].fail("A measure is named by its LOINC code, such as 29463-7.")
    return Measured(
        keys["measure"].text(),
        keys["called"].words(),
        COMPARATORS[said[0]],
        keys[said[0]].number(),
        keys["unit"].text(),
    )


def _action(node: Node) -> ActionTemplate:
    keys = node.mapping(("id", "owner", "due_days", "text"), ("when", "leaflet", "barriers"))
    return ActionTemplate(
        keys["id"].text(),
        keys["owner"].one_of(OWNERS),
        keys["due_days"].integer(),
        keys["text"].words(),
        condition(keys["when"]) if "when" in keys else None,
        keys["leaflet"].text() if "leaflet" in keys else None,
        tuple(_barrier(each) for each in keys["barriers"].sequence()) if "barriers" in keys else (),
    )


def _barrier(node: Node) -> UsualBarrier:
    keys = node.mapping(("id", "text", "met_by"))
    return UsualBarrier(keys["id"].text(), keys["text"].words(), keys["met_by"].words())
