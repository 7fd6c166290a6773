"""The whole library: find the content, load each kind, check what leads from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from careloop.library.clashes import Clashes, load_clashes
from careloop.library.cohorts import load_conditions
from careloop.library.completeness import Standard, check_standard, load_standard
from careloop.library.instruments import Instrument, load_instrument
from careloop.library.labels import load_labels
from careloop.library.leaflets import Leaflet, load_leaflet
from careloop.library.plans import PlanTemplate, UsualBarrier, check_plan, load_plan
from careloop.library.programs import Program, check_program, load_program
from careloop.library.protocol_reading import load_protocol
from careloop.library.protocols import Protocol, check_loops, check_protocol
from careloop.library.reading import BrokenContent, Node
from careloop.library.readings import Kind, check_kinds, load_kind
from careloop.library.risks import Risk, check_risk, load_risk
from careloop.library.rules import NoSuchRule, Rule, load_rules, rule_at
from careloop.library.same import check_same
from careloop.library.targets import load_targets

Made = TypeVar("Made")
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Library:
    path: Path
    instruments: Mapping[str, Instrument] = field(hash=False)
    plans: Mapping[str, PlanTemplate] = field(hash=False)
    rules: Mapping[str, tuple[Rule, ...]] = field(hash=False)
    programs: Mapping[str, Program] = field(hash=False)
    leaflets: Mapping[str, Leaflet] = field(hash=False)
    readings: Mapping[str, Kind] = field(hash=False)
    standards: Mapping[str, Standard] = field(hash=False)
    clashes: Clashes = field(hash=False)
    risks: Mapping[str, Risk] = field(hash=False)
    protocols: Mapping[str, Protocol] = field(hash=False)

    def rule(self, rule_id: str, on: date) -> Rule:
        """The version that holds on that day, switched off or not (`is_on`). Raises NoSuchRule."""
        return rule_at(self.rules.get(rule_id, ()), rule_id, on)

    @property
    def parents(self) -> dict[str, str]:
        """Key of a goal or an action -> what the templates put it under: `action:snap` -> `goal:food-all-month`."""
        found: dict[str, str] = {}
        for need in (need for plan in self.plans.values() for need in plan.needs):
            for goal in need.goals:
                found.setdefault(f"goal:{goal.id}", f"need:{need.code}")
                for action in goal.actions:
                    found.setdefault(f"action:{action.id}", f"goal:{goal.id}")
        return found

    def standards_of(self, programs: Iterable[str]) -> tuple[Standard, ...]:
        """What a plan must hold for somebody in these programs."""
        joined = set(programs)
        return tuple(each for each in self.standards.values() if joined & set(each.programs))

    def usual_barriers(self, goal: str) -> tuple[UsualBarrier, ...]:
        """What often stands in the way of the goal of that id, and how it is met."""
        goals = (one for plan in self.plans.values() for need in plan.needs for one in need.goals)
        found = {each.id: each for one in goals if one.id == goal for each in one.barriers}
        return tuple(found.values())

    def barrier_called(self, text: str) -> UsualBarrier | None:
        """The usual one that is written in these words, in either language."""
        said = text.strip().casefold()
        goals = (one for plan in self.plans.values() for need in plan.needs for one in need.goals)
        every = (each for one in goals for each in one.barriers)
        return next((b for b in every if said in (b.text.en.casefold(), b.text.es.casefold())), None)

    def leaflet_for(self, action: str) -> Leaflet | None:
        """What is handed out with the action of that id."""
        goals = (goal for plan in self.plans.values() for need in plan.needs for goal in need.goals)
        named = (
            each.leaflet for goal in goals for each in goal.actions if each.id == action and each.leaflet
        )
        return self.leaflets.get(next(named, ""))


def content_path() -> Path:
    """`careloop/content` of an installed package, else `content/` of the checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "content", package.parents[1] / "content"):
        if candidate.is_dir():
            return candidate
    raise BrokenContent([f"{package / 'content'}:1: There is no content here."])


@lru_cache(maxsize=8)
def load(path: Path | None = None) -> Library:
    """path: another content folder than our own. Raises BrokenContent with every problem that was found."""
    root = path or content_path()
    problems: list[str] = []
    rules = _each(sorted((root / "rules").glob("*.yaml")), lambda file: load_rules(file, root), problems)
    instruments = _each(_folders(root / "instruments"), lambda each: load_instrument(each, root), problems)
    plans = _each(_folders(root / "plans"), lambda each: load_plan(each, root), problems)
    programs = _each(_folders(root / "programs"), lambda each: load_program(each, root), problems)
    leaflets = _each(
        sorted((root / "education").glob("*.yaml")), lambda each: load_leaflet(each, root), problems
    )
    kinds = _each(sorted((root / "readings").glob("*.yaml")), lambda each: load_kind(each, root), problems)
    _each([kinds], check_kinds, problems)
    standards = _each(
        sorted((root / "completeness").glob("*.yaml")), lambda each: load_standard(each, root), problems
    )
    clashes = _each([root / "conflicts"], lambda each: load_clashes(each, root), problems)
    risks = _each(_folders(root / "risks"), lambda each: load_risk(each, root), problems)
    protocols = _each(_folders(root / "protocols"), lambda each: load_protocol(each, root), problems)
    if (root / "labels").is_dir():
        _each([root], load_labels, problems)
    _each([root], load_targets, problems)
    _each([root], load_conditions, problems)
    by_id = {each.id: each for each in instruments}
    templates = {each.id: each for each in plans}
    dated = {versions[0].id: versions for versions in rules}
    if not problems:
        _each(instruments, lambda each: _check_follow_ups(each, by_id), problems)
        _each(plans, lambda each: check_plan(each, by_id, {one.id for one in leaflets}), problems)
        _each(risks, lambda each: check_risk(each, by_id), problems)
        _each(programs, lambda each: check_program(each, by_id, templates, dated), problems)
        coded = {each.code: each for each in programs}
        _each(standards, lambda each: check_standard(each, coded, dated, by_id), problems)
        named = {each.id: each for each in kinds}
        _each(protocols, lambda each: check_protocol(each, by_id, named, coded), problems)
        _each([protocols], check_loops, problems)
    if problems:
        raise BrokenContent(problems)
    return Library(
        path=root,
        instruments=MappingProxyType(by_id),
        plans=MappingProxyType(templates),
        rules=MappingProxyType(dated),
        programs=MappingProxyType({each.code: each for each in programs}),
        leaflets=MappingProxyType({each.id: each for each in leaflets}),
        standards=MappingProxyType({each.id: each for each in standards}),
        clashes=clashes[0],
        risks=MappingProxyType({each.id: each for each in risks}),
        protocols=MappingProxyType({each.id: each for each in protocols}),
        readings=MappingProxyType({each.id: each for each in sorted(kinds, key=lambda k: (k.rank, k.id))}),
    )


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.glob("*") if each.is_dir())


def _check_follow_ups(instrument: Instrument, instruments: Mapping[str, Instrument]) -> None:
    scoring = instrument.scoring
    named = [(each.next, each.line) for each in scoring.critical if each.next]
    for name, line in [*named, *((each.instrument, each.line) for each in scoring.next)]:
        if name not in instruments:
            Node(None, line, scoring.file).fail(f"There is no instrument “{name}” to go on with.")
    for question in instrument.questions:
        if question.same_as:
            check_same(question, instrument.scoring.file.replace("scoring.", "questionnaire."), instruments)


def _each(things: Iterable[Thing], make: Callable[[Thing], Made], problems: list[str]) -> list[Made]:
    """One broken file does not hide the faults of the next."""
    made = []
    for thing in things:
        try:
            made.append(make(thing))
        except BrokenContent as broken:
            problems.extend(broken.problems)
    return made


__all__ = ["Library", "NoSuchRule", "content_path", "load"]
