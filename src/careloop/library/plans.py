"""Plan templates: need -> measurable goals -> actions. content/plans/<id>/plan.yaml, SOURCE.md and cases/."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from careloop.library.conditions import Condition, condition
from careloop.library.facts import FACTS
from careloop.library.instruments import Case, Instrument, load_cases
from careloop.library.reading import Node, Words, read_one

OWNERS = ("coordinator", "clinician", "person", "family")
CATEGORIES = ("health-concern", "sdoh")


@dataclass(frozen=True)
class Target:
    """A score to come below."""

    instrument: str
    below: Decimal


@dataclass(frozen=True)
class ActionTemplate:
    """leaflet: id in content/education to hand out with it."""

    id: str
    owner: str
    due_days: int
    text: Words
    when: Condition | None
    leaflet: str | None = None


@dataclass(frozen=True)
class GoalTemplate:
    id: str
    text: Words
    due_days: int
    target: Target | None
    actions: tuple[ActionTemplate, ...]


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
    id: str
    title: Words
    source: str
    needs: tuple[NeedTemplate, ...]
    cases: tuple[Case, ...] = ()


def load_plan(folder: Path, root: Path) -> PlanTemplate:
    if not (folder / "SOURCE.md").is_file():
        Node(None, 1, folder.relative_to(root).as_posix()).fail("SOURCE.md is missing.")
    node = read_one(folder / "plan.yaml", root)
    keys = node.mapping(("id", "title", "source", "needs"))
    if keys["id"].text() != folder.name:
        keys["id"].fail(f"The id is not the name of its folder, “{folder.name}”.")
    needs = tuple(_need(each) for each in keys["needs"].sequence())
    cases = load_cases(folder / "cases", root)
    return PlanTemplate(folder.name, keys["title"].words(), keys["source"].text(), needs, cases)


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
            if goal.target and goal.target.instrument not in instruments:
                Node(None, need.line, need.file).fail(f"There is no instrument “{goal.target.instrument}”.")


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
    target = None
    if "target" in keys:
        said = keys["target"].mapping(("score", "below"))
        target = Target(said["score"].text(), said["below"].number())
    return GoalTemplate(
        keys["id"].text(),
        keys["text"].words(),
        keys["due_days"].integer(),
        target,
        tuple(_action(each) for each in keys["actions"].sequence()),
    )


def _action(node: Node) -> ActionTemplate:
    keys = node.mapping(("id", "owner", "due_days", "text"), ("when", "leaflet"))
    return ActionTemplate(
        keys["id"].text(),
        keys["owner"].one_of(OWNERS),
        keys["due_days"].integer(),
        keys["text"].words(),
        condition(keys["when"]) if "when" in keys else None,
        keys["leaflet"].text() if "leaflet" in keys else None,
    )
