"""What every act on a line of an active plan shares: the plan gets a new version that says what was done, a Provenance
says who did it and why, and those who must see it are asked once things have settled."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from careloop.actions import working
from careloop.actions.working import Result
from careloop.care.plan_lines import Held, PlanLine, line_of, places
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant, ref
from careloop.fhir.translation import translate
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.library import Words, load
from careloop.projections.plan_history import active_plan_of
from careloop.projections.plan_seen import RULE
from careloop.store import Stored, Unit

LONGEST: Final = 300  # of a line, and of why
TIMER: Final = "plan-seen"
ACTS: Final = ("agreed", "added", "changed", "reached", "ended", "reopened")
IN_PLAN: Final = {"Condition": "addresses", "Goal": "goal", "Task": "activity"}


def check_staff(unit: Unit) -> None:
    if unit.scope.actor.kind != "staff":
        raise Forbidden("Only a person makes a plan active.")


def because_ext(words: Words) -> Resource:
    """{url: because, valueString} with the Spanish beside it."""
    told: Resource = {"url": "because", "valueString": words.en}
    if words.es and words.es != words.en:
        translate(told, "valueString", "es", words.es)
    return told


def mark(unit: Unit, resource: Resource, act: str, because: Words, line: str = "") -> None:
    """Writes who changed it last, how and why, onto a line or (with line) onto the plan."""
    parts: list[Resource] = [
        {"url": "act", "valueCode": act},
        {"url": "at", "valueDateTime": fhir_instant(unit.now)},
    ]
    if unit.scope.actor.practitioner:
        parts.append({"url": "by", "valueReference": working.me(unit)})
    if line:
        parts.append({"url": "line", "valueReference": ref(line)})
    if because.en:
        parts.append(because_ext(because))
    kept = [each for each in resource.get("extension", ()) if each.get("url") != uris.PLAN_CHANGE]
    resource["extension"] = [*kept, {"url": uris.PLAN_CHANGE, "extension": parts}]


def next_version(
    unit: Unit, patient: Stored, act: str, line: Stored, also: tuple[Stored, ...] = ()
) -> Stored:
    """The plan with this line and what was made with it, and a version that says so. Without a plan it becomes one."""
    active = active_plan_of(unit, patient.rid)
    plan: Resource = dict(active.resource) if active else _new(unit, patient)
    for each in (line, *also):
        _name(plan, each)
    mark(unit, plan, act, Words("", ""), line.reference)
    who = working.me(unit)
    known = [p.get("reference") for p in (plan.get("author") or {}, *plan.get("contributor", ()))]
    if who["reference"] not in known:
        plan["contributor"] = [*plan.get("contributor", ()), who]
    saved = unit.update(plan, if_match=active.version) if active else unit.create(plan)
    settle(unit, patient.rid, saved)
    return saved


def _new(unit: Unit, patient: Stored) -> Resource:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "title": "Care plan",
        "subject": ref(patient.reference),
        "created": fhir_instant(unit.now),
        "author": working.me(unit),
    }


def _name(plan: Resource, line: Stored) -> None:
    if line.reference not in places(plan):
        name, named = IN_PLAN[line.type], ref(line.reference)
        plan[name] = [*plan.get(name, ()), {"reference": named} if name == "activity" else named]


def settle(unit: Unit, person: int, plan: Stored) -> None:
    """Who must see it is asked some hours after the last change: one sitting is one thing to look at. person: rid."""
    rule = load().rule(RULE, unit.now.date())
    hours = rule.integer("settle_hours")
    unit.set_timer(person, TIMER, plan.reference, unit.now + timedelta(hours=hours))


def witness(unit: Unit, act: str, because: Words, written: tuple[Stored, ...]) -> Stored:
    """A Provenance over exactly these versions."""
    told: Resource = {
        "resourceType": "Provenance",
        "target": [ref(f"{each.reference}/_history/{each.version}") for each in written],
        "recorded": fhir_instant(unit.now),
        "activity": codeable(uris.PLAN_ACT, act),
        "agent": [{"who": working.me(unit)}],
    }
    if because.en:
        told["reason"] = [{"text": because.en}]
    return unit.create(told)


def own_line(unit: Unit, patient: Stored, reference: str) -> Stored:
    """Raises NotFound for a line of somebody else, and for what is no line."""
    kind, _, id = reference.partition("/")
    if kind not in IN_PLAN:
        raise NotFound(reference)
    found = unit.read(kind, id)
    if found.person != patient.rid:
        raise NotFound(reference)
    return found


class BadLine(CareError):
    """This line can’t be kept like that."""

    code, status, issue_type = "bad-line", 422, "value"

    def __init__(self, detail: str, field: str) -> None:
        """field: text, due, measure, value, owner, achievement, because or reason."""
        self.field = field
        super().__init__(detail, field=field)


# --- what acts share


def shown_in(unit: Unit, patient: Stored, seen: Stored) -> PlanLine:
    """The line in it. Raises NotFound for what is none of the plan."""
    active = active_plan_of(unit, patient.rid)
    found = line_of(
        Held(seen.reference, seen.version, seen.resource), places(active.resource) if active else {}
    )
    if found is None:
        raise NotFound(seen.reference)
    return found


def copy_of(seen: Stored) -> Resource:
    resource = dict(seen.resource)
    if "extension" in resource:
        resource["extension"] = list(resource["extension"])
    return resource


def said_why(because: str, field: str, *, is_needed: bool = True) -> Words:
    said = " ".join(because.split())[:LONGEST]
    if is_needed and not said:
        raise BadLine("Say why in a few words, so that the next person understands.", field)
    return Words(said, said)


def result_of(written: tuple[Stored, ...]) -> Result:
    """A step of the plan comes first: whoever takes it back sees the work again."""
    ordered = sorted(written, key=lambda each: each.type != "Task")
    return Result(None, working.undo_token(*ordered), made=written)
