"""End lines of the plan that stands, with a reason, and reopen them; what was in the way is out of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.plan_lines import ACHIEVED, CLINICAL
from careloop.actions.plan_writing import (
    LONGEST,
    BadLine,
    check_staff,
    copy_of,
    mark,
    next_version,
    own_line,
    result_of,
    shown_in,
    witness,
)
from careloop.actions.working import Result
from careloop.care.plan_lines import ACHIEVEMENTS
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, fhir_instant
from careloop.fhir.translation import translate
from careloop.kernel.errors import NotFound
from careloop.library import Words
from careloop.projections.plan_history import plan_now
from careloop.store import Stored, Unit

END_REASONS: Final[dict[str, Words]] = {
    "not-wanted": Words("The person no longer wants this", "La persona ya no lo quiere"),
    "not-needed": Words("It is no longer needed", "Ya no hace falta"),
    "not-fitting": Words("It does not fit the person’s life", "No va con la vida de la persona"),
    "elsewhere": Words("Somebody else takes care of it", "Otra persona se encarga"),
    "cannot": Words("It can’t be done", "No se puede hacer"),
    "mistake": Words("It was written down by mistake", "Se anotó por error"),
    "other": Words("Another reason", "Otro motivo"),
}


def end_line(
    scope: Scope,
    person: str,
    line: str,
    version: int | None,
    reason: str,
    words: str,
    now: datetime,
    *,
    with_all_under: bool = True,
) -> Result:
    """reason: of END_REASONS; words: needed for “other”. with_all_under: open goals, steps and barriers below end too.
    Raises BadLine, StaleVersion, NotFound."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        patient = unit.read("Patient", person)
        seen = own_line(unit, patient, line)
        shown = shown_in(unit, patient, seen)
        if shown.state == "ended":
            raise working.WorkEnded
        why = _reason(reason, words)
        below = _below(unit, patient, seen.reference) if with_all_under else ()
        ended = tuple(
            _end(unit, each, why, reason, version if each is seen else each.version)
            for each in (seen, *below)
        )
        plan = next_version(unit, patient, "ended", ended[0])
        witness(unit, "ended", why, (*ended, plan))
        return result_of((*ended, plan))


def _reason(reason: str, words: str) -> Words:
    if reason not in END_REASONS:
        raise BadLine("Say why it ends, so that nobody starts it again next week.", "reason")
    said = " ".join(words.split())[:LONGEST]
    if reason == "other" and not said:
        raise BadLine("Say why in a few words.", "words")
    known = END_REASONS[reason]
    if reason == "other":
        return Words(said, said)
    return Words(f"{known.en}: {said}", f"{known.es}: {said}") if said else known


def _below(unit: Unit, patient: Stored, reference: str) -> tuple[Stored, ...]:
    """Open lines under it, and under those."""
    lines = plan_now(unit, patient.rid).lines
    wanted: list[str] = [reference]
    found: list[str] = []
    while wanted:
        above = wanted.pop()
        for each in lines.values():
            if each.under == above and each.state == "open" and each.reference not in (*found, reference):
                found.append(each.reference)
                wanted.append(each.reference)
    held = unit.get(found)
    return tuple(held[each] for each in found if each in held)


def _end(unit: Unit, seen: Stored, why: Words, reason: str, version: int | None) -> Stored:
    resource = copy_of(seen)
    match seen.type:
        case "Condition":
            resource["clinicalStatus"] = codeable(CLINICAL, "inactive")
            resource["abatementDateTime"] = fhir_instant(unit.now)
        case "Goal":
            resource["lifecycleStatus"] = "cancelled"
            resource["statusDate"] = unit.now.date().isoformat()
            resource["statusReason"] = why.en
        case _:
            working.refuse_protected(work_of(resource))
            resource["status"] = "cancelled"
            told: Resource = {**codeable(uris.REASON, reason), "text": why.en}
            translate(told, "text", "es", why.es)
            resource["statusReason"] = told
            resource["executionPeriod"] = {
                **resource.get("executionPeriod", {}),
                "end": fhir_instant(unit.now),
            }
            resource["lastModified"] = fhir_instant(unit.now)
    mark(unit, resource, "ended", why)
    return unit.update(resource, if_match=version or seen.version)


def out_of_the_way(
    scope: Scope, person: str, line: str, now: datetime, *, version: int | None = None
) -> Result:
    """A barrier that was met, a need that is met. Raises NotFound."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        patient = unit.read("Patient", person)
        seen = own_line(unit, patient, line)
        shown_in(unit, patient, seen)
        if seen.type != "Condition":
            raise NotFound(line)
        resource = copy_of(seen)
        resource["clinicalStatus"] = codeable(CLINICAL, "resolved")
        resource["abatementDateTime"] = fhir_instant(now)
        mark(unit, resource, "reached", Words("", ""))
        saved = unit.update(resource, if_match=version or seen.version)
        plan = next_version(unit, patient, "reached", saved)
        witness(unit, "reached", Words("", ""), (saved, plan))
        return result_of((saved, plan))


def reopen_line(scope: Scope, person: str, line: str, now: datetime, *, version: int | None = None) -> Result:
    """What was ended, or out of the way, stands in the plan again. Raises NotFound, StaleVersion."""
    with record.begin(scope, now) as unit:
        check_staff(unit)
        patient = unit.read("Patient", person)
        seen = own_line(unit, patient, line)
        if shown_in(unit, patient, seen).state == "open":
            return Result(None)
        resource = copy_of(seen)
        match seen.type:
            case "Condition":
                resource["clinicalStatus"] = codeable(CLINICAL, "active")
                resource.pop("abatementDateTime", None)
            case "Goal":
                resource["lifecycleStatus"] = "active"
                resource["achievementStatus"] = codeable(
                    ACHIEVED, "in-progress", ACHIEVEMENTS["in-progress"].en
                )
                for name in ("statusReason", "statusDate"):
                    resource.pop(name, None)
            case _:
                resource["status"] = "accepted" if resource.get("owner") else "requested"
                resource.pop("statusReason", None)
                if period := {k: v for k, v in resource.pop("executionPeriod", {}).items() if k != "end"}:
                    resource["executionPeriod"] = period
                resource["lastModified"] = fhir_instant(now)
        mark(unit, resource, "reopened", Words("", ""))
        saved = unit.update(resource, if_match=version or seen.version)
        plan = next_version(unit, patient, "reopened", saved)
        witness(unit, "reopened", Words("", ""), (saved, plan))
        return result_of((saved, plan))
