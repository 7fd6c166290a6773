"""What a plan should hold, given what was found: proposed lines, each with because, source and what stands already.

Pure. A proposal changes nothing: a person accepts, edits or declines each line, and only a person activates a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from careloop.care.line_change import LineChange, change_task
from careloop.care.work import WorkClass
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, extension, ref, text_of
from careloop.fhir.translation import translate
from careloop.kernel.days import day_said
from careloop.library import ActionTemplate, GoalTemplate, Library, NeedTemplate, PlanTemplate, Words
from careloop.library.conditions import Lookup
from careloop.library.plans import Measured

Part = Literal["need", "goal", "action"]
OPEN_GOAL = frozenset({"accepted", "planned", "active", "on-hold"})
OPEN_TASK = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
DECLINE_REASONS: Mapping[str, Words] = {
    "not-wanted": Words("The person does not want this", "La persona no lo quiere"),
    "has-it": Words("Already done or in place", "Ya está hecho o resuelto"),
    "not-fitting": Words("Does not fit this person", "No es para esta persona"),
    "not-now": Words("Not now", "Ahora no"),
    "other": Words("Another reason", "Otro motivo"),
}
DECLINED_DAYS = 90  # what the person declined is not silently proposed again so soon


@dataclass(frozen=True)
class Told:
    """What the decision knows. scores: instrument -> value, None when not scored; at_least: its lower bound;
    bands: instrument -> band in words; findings: "instrument/finding"; asked: instruments that were answered;
    answers: "instrument/question" -> codes; facts: anything else, by name. diagnosed: where a diagnosis of
    fact/conditions stands, when it is not for everybody to see."""

    scores: Mapping[str, Decimal | None] = field(default_factory=dict)
    at_least: Mapping[str, Decimal] = field(default_factory=dict)
    bands: Mapping[str, Words] = field(default_factory=dict)
    findings: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    diagnosed: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Told({', '.join(sorted(self.asked))})"


@dataclass(frozen=True)
class Standing:
    """The present plan: live Condition, Goal and Task resources of the person, and lines declined before."""

    needs: tuple[Resource, ...] = ()
    goals: tuple[Resource, ...] = ()
    tasks: tuple[Resource, ...] = ()
    declined: Mapping[str, tuple[date, Words]] = field(default_factory=dict)  # line key -> when, why

    def __repr__(self) -> str:
        return f"Standing({len(self.needs)}, {len(self.goals)}, {len(self.tasks)})"


@dataclass(frozen=True)
class Line:
    """key: need:depression, goal:phq-9-below-5, action:repeat-phq-9. parent: the key it belongs under. conflict: what
    the present plan says about it; is_there: it stands already, so accepting it would only repeat it; there: the
    reference of what stands. change: what would become different of a line that stands; text is what that says now.
    evidence: what it follows from beside that of the whole proposal."""

    key: str
    part: Part
    parent: str | None
    text: Words
    because: Words
    source: str
    due: date | None = None
    owner: str | None = None
    category: str | None = None
    target: tuple[str, Decimal] | None = None
    measured: Measured | None = None
    conflict: Words | None = None
    is_there: bool = False
    there: str | None = None
    change: LineChange | None = None
    evidence: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.key.partition(":")[2]


@dataclass(frozen=True)
class PlanProposal:
    lines: tuple[Line, ...]

    @property
    def has_news(self) -> bool:
        return any(not line.is_there for line in self.lines)


def propose(library: Library, told: Told, standing: Standing, on: date) -> PlanProposal:
    """on: today where the person lives; due days count from it. No line twice, whichever template asked first."""
    lines: dict[str, Line] = {}
    look = looking(told)
    for plan in library.plans.values():
        for need in plan.needs:
            if need.when.holds(look):
                behind = _diagnosed(need, told)
                for line in _need_lines(plan, need, told, look, standing, on):
                    lines.setdefault(line.key, replace(line, evidence=behind))
    return PlanProposal(tuple(lines.values()))


def _diagnosed(need: NeedTemplate, told: Told) -> tuple[str, ...]:
    asked = [compare.value for compare in need.when.compares() if compare.path == "fact/conditions"]
    codes = {
        code for value in asked for code in (value if isinstance(value, frozenset | tuple | list) else ())
    }
    return tuple(sorted({told.diagnosed[code] for code in codes & told.diagnosed.keys()}))


def looking(told: Told) -> Lookup:
    """What a template's conditions may ask. A finding of an instrument that was asked is true or false, of another
    unknown."""

    def look(path: str) -> Any:
        subject, _, rest = path.partition("/")
        match subject:
            case "score":
                return told.scores.get(rest)
            case "at-least":
                return told.at_least.get(rest.partition("/")[2])
            case "finding":
                return rest in told.findings if rest.partition("/")[0] in told.asked else None
            case "answer":
                return told.answers.get(rest)
        return told.facts.get(rest)

    return look


def _need_lines(
    plan: PlanTemplate, need: NeedTemplate, told: Told, look: Lookup, standing: Standing, on: date
) -> Iterable[Line]:
    because = Words(_fill(need.because.en, told, "en"), _fill(need.because.es, told, "es"))
    key = f"need:{need.code}"
    yield judged(
        Line(key, "need", None, need.text, because, plan.source, category=need.category), standing, on
    )
    for goal in need.goals:
        yield judged(_goal_line(goal, key, because, plan.source, on), standing, on)
        for action in goal.actions:
            if action.when is None or action.when.holds(look):
                yield judged(_action_line(action, f"goal:{goal.id}", because, plan.source, on), standing, on)


def _goal_line(goal: GoalTemplate, parent: str, because: Words, source: str, on: date) -> Line:
    due = on + timedelta(days=goal.due_days)
    target = (goal.target.instrument, goal.target.below) if goal.target else None
    key = f"goal:{goal.id}"
    return Line(key, "goal", parent, goal.text, because, source, due, target=target, measured=goal.measured)


def _action_line(action: ActionTemplate, parent: str, because: Words, source: str, on: date) -> Line:
    due = on + timedelta(days=action.due_days)
    return Line(
        f"action:{action.id}", "action", parent, action.text, because, source, due, owner=action.owner
    )


def _fill(text: str, told: Told, language: str) -> str:
    """{phq-9} and {phq-9.band}; an unscored instrument says “at least”."""

    def said(match: re.Match[str]) -> str:
        name, _, part = match.group(1).partition(".")
        if part == "band":
            return told.bands[name].get(language) if name in told.bands else _NOT_ALL[language]
        value = told.scores.get(name)
        return str(value) if value is not None else f"{_AT_LEAST[language]} {told.at_least.get(name, 0)}"

    return re.sub(r"\{([a-z0-9-]+(?:\.band)?)\}", said, text)


_AT_LEAST = {"en": "at least", "es": "al menos"}
_NOT_ALL = {"en": "not all was answered", "es": "no se contestó todo"}


def judged(line: Line, standing: Standing, on: date) -> Line:
    """With what the present plan says about it."""
    if line.key in standing.declined:
        when, why = standing.declined[line.key]
        if (on - when).days <= DECLINED_DAYS:
            return replace(line, conflict=declined_words(when, why))
    found = present(line, standing)
    if found is None:
        return replace(line, conflict=_other_target(line, standing))
    shown = text_of(found.get("description") if line.part == "goal" else found.get("code"))
    conflict = Words(f"Already in the plan: {shown}", f"Ya está en el plan: {shown}")
    there = f"{found.get('resourceType')}/{found['id']}" if "id" in found else None
    return replace(line, conflict=conflict, is_there=True, there=there)


def declined_words(when: date, why: Words) -> Words:
    return Words(
        f"Declined on {day_said(when, 'en')}: {why.en}", f"Se rechazó el {day_said(when, 'es')}: {why.es}"
    )


def present(line: Line, standing: Standing) -> Resource | None:
    """What stands for the same: of the same code, else, for what was written by hand, in the same words."""
    if line.part == "need":
        live = [
            need
            for need in standing.needs
            if code_in(need.get("clinicalStatus"), _CLINICAL) in (None, "active")
        ]
        return like(line, live, uris.NEED, "code")
    if line.part == "goal":
        live = [goal for goal in standing.goals if goal.get("lifecycleStatus") in OPEN_GOAL]
        return like(line, live, uris.GOAL, "description")
    live = [
        task
        for task in standing.tasks
        if task.get("status") in OPEN_TASK and task.get("intent") != "proposal"
    ]
    return like(line, live, uris.WORK_CODE, "code")


_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def like(line: Line, live: Iterable[Resource], system: str, name: str) -> Resource | None:
    by_words = None
    for each in live:
        if code_in(each.get(name), system) == line.code:
            return each
        if text_of(each.get(name)).casefold() == line.text.en.casefold():
            by_words = by_words or each
    return by_words


def _other_target(line: Line, standing: Standing) -> Words | None:
    """A live goal that measures the same with another target contradicts this one."""
    for goal in standing.goals:
        for target in goal.get("target", ()):
            by_rule = line.target is not None and extension(target, uris.RULE) == line.target[0]
            measure = code_in(target.get("measure"), uris.LOINC)
            by_code = line.measured is not None and measure == line.measured.code
            if goal.get("lifecycleStatus") in OPEN_GOAL and (by_rule or by_code):
                shown = text_of(goal.get("description"))
                if (goal.get("meta") or {}).get("security"):  # for whom it is not, may see this line
                    return Words(
                        "The plan has another goal for this.", "El plan ya tiene otra meta para esto."
                    )
                return Words(
                    f"The plan has another goal for this: {shown}", f"El plan ya tiene otra meta: {shown}"
                )
    return None


@dataclass(frozen=True)
class Measure:
    """code: LOINC, of the instrument's total. name: as it is called, PHQ-9."""

    code: str
    name: str


def line_resource(
    line: Line,
    *,
    person: str,
    dedupe: str,
    recorder: str | None,
    measures: Mapping[str, Measure],
    under: str | None = None,
    evidence: tuple[str, ...] = (),
) -> Resource:
    """The proposed resource of a line. measures: by instrument, for goal targets. under: the
    reference of the need of a goal, of the goal of an action. evidence: responses that it follows from."""
    if line.change is not None:
        return _change_resource(line, person, dedupe, evidence)
    because: Resource = {"url": uris.BECAUSE, "valueString": line.because.en}
    translate(because, "valueString", "es", line.because.es)
    resource: Resource = {
        "identifier": [{"system": uris.DEDUPE, "value": f"{dedupe}:{line.key}"}],
        "extension": [because, {"url": uris.SOURCE, "valueString": line.source}],
    }
    if line.conflict:
        conflict: Resource = {"url": uris.CONFLICT, "valueString": line.conflict.en}
        translate(conflict, "valueString", "es", line.conflict.es)
        resource["extension"].append(conflict)
    match line.part:
        case "need":
            return {"resourceType": "Condition", **resource, **_need_body(line, person, recorder, evidence)}
        case "goal":
            return {"resourceType": "Goal", **resource, **_goal_body(line, person, measures, under)} | (
                {"extension": [*resource["extension"], *map(_followed, evidence)]}
            )
    resource["extension"].append({"url": uris.CLASS, "valueCode": WorkClass.ROUTINE.code})
    return {"resourceType": "Task", **resource, **_task_body(line, person, under, evidence)}


def _change_resource(line: Line, person: str, dedupe: str, evidence: tuple[str, ...]) -> Resource:
    assert line.change is not None
    task = change_task(
        line.change,
        person=person,
        dedupe=dedupe,
        shown=line.text,
        because=line.because,
        source=line.source,
        evidence=evidence,
    )
    if line.conflict:
        conflict: Resource = {"url": uris.CONFLICT, "valueString": line.conflict.en}
        translate(conflict, "valueString", "es", line.conflict.es)
        task["extension"].append(conflict)
    return task


def _concept(system: str, line: Line) -> Resource:
    concept = codeable(system, line.code, line.text.en)
    translate(concept, "text", "es", line.text.es)
    return concept


def _need_body(line: Line, person: str, recorder: str | None, evidence: tuple[str, ...]) -> Resource:
    body: Resource = {
        "verificationStatus": codeable(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status", "provisional"
        ),
        "clinicalStatus": codeable(_CLINICAL, "inactive"),
        "category": [
            codeable(_CATEGORY[line.category or "health-concern"], line.category or "health-concern")
        ],
        "code": _concept(uris.NEED, line),
        "subject": ref(person),
    }
    if evidence:
        body["evidence"] = [{"detail": [ref(each) for each in evidence]}]
    return {**body, "recorder": ref(recorder)} if recorder else body


_CATEGORY = {
    "health-concern": "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
    "sdoh": "http://hl7.org/fhir/us/core/CodeSystem/us-core-category",
}


def _followed(reference: str) -> Resource:
    return {"url": uris.FOLLOWS_FROM, "valueReference": ref(reference)}


def _goal_body(line: Line, person: str, measures: Mapping[str, Measure], under: str | None) -> Resource:
    body: Resource = {
        "lifecycleStatus": "proposed",
        "description": _concept(uris.GOAL, line),
        "subject": ref(person),
    }
    if under:
        body["addresses"] = [ref(under)]
    target: Resource = {"dueDate": line.due.isoformat()} if line.due else {}
    if line.target:
        name, below = line.target
        target["extension"] = [{"url": uris.RULE, "valueString": name}]
        target["measure"] = {**codeable(uris.LOINC, measures[name].code), "text": measures[name].name}
        target["detailQuantity"] = {"value": int(below), "comparator": "<", "unit": "{score}"}
    elif line.measured:
        target |= _measured_target(line.measured)
    return {**body, "target": [target]} if target else body


def _measured_target(measured: Measured) -> Resource:
    """A number as it is written: 130 stays whole, 7.5 keeps its decimal."""
    value = int(measured.value) if measured.value == measured.value.to_integral_value() else measured.value
    measure = codeable(uris.LOINC, measured.code, measured.called.en)
    translate(measure, "text", "es", measured.called.es)
    quantity = {"value": value, "comparator": measured.comparator, "unit": measured.unit}
    coded = {"system": "http://unitsofmeasure.org", "code": measured.unit}
    return {"measure": measure, "detailQuantity": {**quantity, **coded}}


def _task_body(line: Line, person: str, under: str | None, evidence: tuple[str, ...]) -> Resource:
    reason: Resource = {"text": line.because.en}
    translate(reason, "text", "es", line.because.es)
    body: Resource = {
        "status": "draft",
        "intent": "proposal",
        "code": _concept(uris.WORK_CODE, line),
        "description": line.text.en,
        "for": ref(person),
        "performerType": [{"text": line.owner or "coordinator"}],
        "reasonCode": reason,
    }
    if under:
        body["reasonReference"] = ref(under)
    if evidence:
        body["input"] = [
            {"type": codeable(uris.TASK_IO, "reason"), "valueReference": ref(each)} for each in evidence
        ]
    if line.due:
        body["restriction"] = {"period": {"end": line.due.isoformat()}}
    return {**body, "owner": ref(person)} if line.owner == "person" else body
