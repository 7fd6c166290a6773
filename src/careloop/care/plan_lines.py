"""A plan at one moment, as plain lines: what is needed, aimed for, done by whom until when, and what is in the way.

Pure: resources as they stood in, lines out. The same lines are compared (`plan_changes`), signed and told to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, day, extension, instant, text_of
from careloop.fhir.translation import translated
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Words

Part = Literal["need", "goal", "step", "barrier"]
State = Literal["open", "reached", "ended"]
PARTS: Final[tuple[Part, ...]] = ("need", "goal", "step", "barrier")
TYPES: Final = ("CarePlan", "Goal", "Condition", "Task")
NEEDS: Final = frozenset({"health-concern", "sdoh"})
BARRIER: Final = "barrier"
ENDED_TASKS: Final = frozenset({"cancelled", "rejected", "entered-in-error", "failed"})
ENDED_GOALS: Final = frozenset({"cancelled", "entered-in-error", "rejected"})
NOTHING: Final = Words("", "")

# How far a goal is, FHIR's code: in words.
ACHIEVEMENTS: Final[Mapping[str, Words]] = {
    "in-progress": Words("under way", "en marcha"),
    "improving": Words("getting better", "mejorando"),
    "worsening": Words("getting worse", "empeorando"),
    "no-change": Words("no change", "sin cambios"),
    "achieved": Words("reached", "alcanzada"),
    "sustaining": Words("reached and holding", "alcanzada y se mantiene"),
    "not-achieved": Words("not reached", "no alcanzada"),
    "no-progress": Words("no progress yet", "sin avance todavía"),
    "not-attainable": Words("can’t be reached", "no se puede alcanzar"),
}
REACHED: Final = frozenset({"achieved", "sustaining"})
_COMPARED: Final = {
    "<": Words("under", "menos de"),
    "<=": Words("at most", "como máximo"),
    ">": Words("over", "más de"),
    ">=": Words("at least", "por lo menos"),
}


@dataclass(frozen=True, repr=False)
class PlanLine:
    """text: es is empty when nobody has said it in Spanish. under: reference of the line it belongs to. due: a day
    where the person lives. owner: a name; owned_by: a reference. because: of the last change by hand, or of its end.
    came_with: of a need, why it came into the plan."""

    reference: str
    version: int
    part: Part
    state: State
    text: Words
    under: str = ""
    due: date | None = None
    target: Words = NOTHING
    owner: str = ""
    owned_by: str = ""
    achievement: str = ""
    because: Words = NOTHING
    came_with: Words = NOTHING

    def __repr__(self) -> str:
        return f"PlanLine({self.reference} v{self.version} {self.state})"


@dataclass(frozen=True, repr=False)
class PlanState:
    """version: of the CarePlan, 0 before there was one. lines: in the plan's own order."""

    version: int = 0
    lines: Mapping[str, PlanLine] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"PlanState(v{self.version}, {len(self.lines)} lines)"

    @property
    def live(self) -> tuple[PlanLine, ...]:
        return tuple(line for line in self.lines.values() if line.state != "ended")


@dataclass(frozen=True)
class Held:
    """One version of one resource."""

    reference: str
    version: int
    resource: Resource = field(hash=False)

    def __repr__(self) -> str:
        return f"Held({self.reference} v{self.version})"


def state_of(plan: Held | None, held: Iterable[Held]) -> PlanState:
    """plan: the active CarePlan as it stood; None before there was one. held: Conditions, Goals and Tasks as they
    stood, the oldest first. What was only proposed is no line."""
    place = places(plan.resource) if plan else {}
    found = [line for each in held if (line := line_of(each, place)) is not None]
    found.sort(key=lambda line: place.get(line.reference, len(place)))
    return PlanState(plan.version if plan else 0, {line.reference: line for line in found})


def places(plan: Resource) -> dict[str, int]:
    """References of the lines of a plan, with their place in it."""
    actions = [each.get("reference", {}) for each in plan.get("activity", ())]
    every = [*plan.get("addresses", ()), *plan.get("goal", ()), *actions]
    return {each["reference"]: n for n, each in enumerate(every) if "reference" in each}


def line_of(held: Held, place: Mapping[str, int]) -> PlanLine | None:
    """place: lines that the plan names. None for what is no line of it."""
    match held.resource.get("resourceType"):
        case "Condition":
            return _of_condition(held, place)
        case "Goal":
            return _of_goal(held)
        case "Task":
            return _of_task(held, place)
    return None


# --- needs and barriers


def _of_condition(held: Held, place: Mapping[str, int]) -> PlanLine | None:
    condition = held.resource
    kinds = {code for concept in condition.get("category", ()) for _, code in codings(concept)}
    is_line = bool(kinds & NEEDS) or BARRIER in kinds or held.reference in place
    doubt = {code for _, code in codings(condition.get("verificationStatus"))}
    if not is_line or doubt & {"provisional", "refuted"}:
        return None
    return PlanLine(
        held.reference,
        held.version,
        "barrier" if BARRIER in kinds else "need",
        _condition_state(condition, doubt),
        words_of(condition.get("code")),
        because=because_of(condition),
        came_with=came_with(condition),
    )


def _condition_state(condition: Resource, doubt: set[str]) -> State:
    if "entered-in-error" in doubt:
        return "ended"
    clinical = {code for _, code in codings(condition.get("clinicalStatus"))}
    if not clinical or clinical & {"active", "recurrence", "relapse"}:
        return "open"
    return "reached" if "resolved" in clinical else "ended"


# --- goals


def _of_goal(held: Held) -> PlanLine | None:
    goal = held.resource
    if goal.get("lifecycleStatus") in ("proposed", "rejected"):
        return None
    target: Mapping[str, Any] = next(iter(goal.get("target", ())), {})
    return PlanLine(
        held.reference,
        held.version,
        "goal",
        goal_state(goal),
        words_of(goal.get("description")),
        under=next((str(a["reference"]) for a in goal.get("addresses", ()) if "reference" in a), ""),
        due=day(target.get("dueDate")),
        target=target_words(target),
        achievement=achievement_of(goal),
        because=because_of(goal),
    )


def goal_state(goal: Resource) -> State:
    if goal.get("lifecycleStatus") in ENDED_GOALS:
        return "ended"
    if goal.get("lifecycleStatus") == "completed" or achievement_of(goal) in REACHED:
        return "reached"
    return "open"


def achievement_of(goal: Resource) -> str:
    return next((code for _, code in codings(goal.get("achievementStatus"))), "")


def target_words(target: Mapping[str, Any]) -> Words:
    """`weight under 82 kg`; empty without a number."""
    measure = text_of(target.get("measure"))
    if low_high := target.get("detailRange"):
        low, high = (str((low_high.get(end) or {}).get("value", "")) for end in ("low", "high"))
        unit = _unit(low_high.get("high") or low_high.get("low") or {})
        return _measured(measure, Words(f"{low} to {high}{unit}", f"{low} a {high}{unit}"))
    quantity = target.get("detailQuantity") or {}
    if "value" not in quantity:
        said = str(target.get("detailString") or "")
        return _measured(measure, Words(said, said)) if said else NOTHING
    compared, number = _COMPARED.get(str(quantity.get("comparator", ""))), f"{quantity['value']}"
    told = f"{number}{_unit(quantity)}"
    if compared is None:
        return _measured(measure, Words(told, told))
    return _measured(measure, Words(f"{compared.en} {told}", f"{compared.es} {told}"))


def _unit(quantity: Mapping[str, Any]) -> str:
    unit = str(quantity.get("unit") or quantity.get("code") or "")
    return "" if not unit or unit.startswith("{") else f" {unit}"


def _measured(measure: str, said: Words) -> Words:
    return Words(f"{measure} {said.en}".strip(), f"{measure} {said.es}".strip())


# --- steps


def _of_task(held: Held, place: Mapping[str, int]) -> PlanLine | None:
    task = held.resource
    if task.get("intent") == "proposal" or task.get("status") in ("draft", "rejected"):
        return None
    if held.reference not in place and task.get("intent") != "plan":
        return None
    work, owner = work_of(task), task.get("owner") or {}
    return PlanLine(
        held.reference,
        held.version,
        "step",
        "ended" if task.get("status") in ENDED_TASKS else "reached" if _is_done(task) else "open",
        words_of(task.get("code")) if text_of(task.get("code")) else Words(work.title, ""),
        under=next((r for r in work.reasons if r.startswith(("Goal/", "Condition/"))), ""),
        due=_local_day(task, work.zone),
        owner=str(owner.get("display", "")),
        owned_by=str(owner.get("reference", "")),
        because=because_of(task),
    )


def _is_done(task: Resource) -> bool:
    return task.get("status") == "completed"


def _local_day(task: Resource, zone_name: str | None) -> date | None:
    """The end of a day of hers is an hour of the next one in UTC."""
    end = (task.get("restriction") or {}).get("period", {}).get("end")
    at = instant(end)
    if at is None:
        return day(end)
    try:
        return at.astimezone(zone(zone_name) if zone_name else UTC).date()
    except UnknownZone:
        return at.date()


# --- what all lines share


def words_of(concept: Mapping[str, Any] | None) -> Words:
    return Words(text_of(concept), translated(concept, "text", "es") or "")


@dataclass(frozen=True, repr=False)
class Changed:
    """The last change by hand that a line or a plan tells of. line: on the plan, which one. by: a reference."""

    act: str
    line: str
    at: datetime | None
    by: str
    name: str
    because: Words

    def __repr__(self) -> str:
        return f"Changed({self.act} {self.line})"


def changed_in(resource: Resource) -> Changed | None:
    for found in resource.get("extension", ()):
        if found.get("url") == uris.PLAN_CHANGE:
            who = extension(found, "by") or {}
            parts: list[Resource] = found.get("extension", [])
            told: Resource = next((e for e in parts if e.get("url") == "because"), {})
            said = str(told.get("valueString", ""))
            return Changed(
                str(extension(found, "act") or ""),
                str((extension(found, "line") or {}).get("reference", "")),
                instant(extension(found, "at")),
                str(who.get("reference", "")),
                str(who.get("display", "")),
                Words(said, translated(told, "valueString", "es") or said),
            )
    return None


def came_with(resource: Resource) -> Words:
    """Why it was proposed, or put there by hand."""
    told: Resource = next((e for e in resource.get("extension", ()) if e.get("url") == uris.BECAUSE), {})
    said = str(told.get("valueString", ""))
    return Words(said, translated(told, "valueString", "es") or said)


def because_of(resource: Resource) -> Words:
    """Why it is as it is since somebody last changed or ended it; what it came with is told elsewhere."""
    told = changed_in(resource)
    if told is not None and told.because.en:
        return told.because
    if resource.get("resourceType") == "Task" and resource.get("status") in ENDED_TASKS:
        return words_of(resource.get("statusReason"))
    if resource.get("resourceType") == "Goal" and resource.get("statusReason"):
        said = str(resource["statusReason"])
        return Words(said, said)
    return NOTHING
