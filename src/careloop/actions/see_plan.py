"""A version of the plan was seen: by whoever says so on her own page, or as she told somebody. The Task that asked her
(`ask_to_see`) is done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.activate_plan import StalePlan
from careloop.actions.working import Result
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, name_of, ref
from careloop.kernel.errors import NotFound
from careloop.kernel.ids import new_id
from careloop.projections.people import names
from careloop.projections.plan_history import active_plan_of
from careloop.projections.plan_seen import KIND, is_asking
from careloop.store import Stored, Unit

TITLE: Final = "Look at the new version of the plan"


def acknowledge(
    scope: Scope, person: str, who: str, version: int, now: datetime, *, how: str = "screen", said: str = ""
) -> Result:
    """person: Patient id. who: reference of whoever has seen it. version: as it was shown. how: screen, portal, or
    spoken when staff went over it with her; said: how that was, in a few words. Raises StalePlan, NotFound."""
    with record.begin(scope, now) as unit:
        patient, plan = plan_of_person(unit, person)
        refuse_old(plan, version)
        actor = unit.scope.actor
        by = actor.name if actor.kind == "staff" and actor.practitioner != who else ""
        outputs = {"version": str(version), "how": how, **({"by": by} if by else {})}
        task = _write(unit, patient, plan, who, outputs, said.strip()[:300])
        return Result(None, working.undo_token(task), made=(task,))


def plan_of_person(unit: Unit, person: str) -> tuple[Stored, Stored]:
    """Raises NotFound, for nobody as for no plan."""
    patient = unit.read("Patient", person)
    plan = active_plan_of(unit, patient.rid)
    if plan is None:
        raise NotFound
    return patient, plan


def refuse_old(plan: Stored, version: int) -> None:
    if version != plan.version:
        raise StalePlan(version=plan.version, plan=plan.reference, base=f"{plan.reference}@{version}")


def record_seen(
    unit: Unit, patient: Stored, plan: Stored, who: str, outputs: dict[str, str], lines: tuple[str, ...] = ()
) -> Stored:
    """In the caller's unit. lines: versions that were signed with it."""
    return _write(unit, patient, plan, who, outputs, "", lines)


def _write(
    unit: Unit,
    patient: Stored,
    plan: Stored,
    who: str,
    outputs: dict[str, str],
    said: str,
    lines: tuple[str, ...] = (),
) -> Stored:
    """The Task that asked her is done; who was not asked, or may not change it, writes one that says so."""
    told = [{"type": codeable(uris.TASK_IO, code), "valueString": text} for code, text in outputs.items()]
    told += [{"type": codeable(uris.TASK_IO, "line"), "valueReference": ref(each)} for each in lines]
    end = {"end": fhir_instant(unit.now)}
    note = [{"text": said, "time": fhir_instant(unit.now)}] if said else []
    asked = _asked(unit, patient, plan, who) if _may_change(unit, patient) else None
    if asked is not None:
        resource = dict(asked.resource)
        resource["status"] = "completed"
        resource["output"] = [*resource.get("output", ()), *told]
        resource["executionPeriod"] = {**resource.get("executionPeriod", {}), **end}
        resource["note"] = [*resource.get("note", ()), *note]
        if not resource["note"]:
            del resource["note"]
        resource["lastModified"] = fhir_instant(unit.now)
        return unit.update(resource, if_match=asked.version)
    work = Work(
        kind=KIND,
        title=TITLE,
        because="the plan was looked at",
        klass=WorkClass.ROUTINE,
        dedupe=f"plan-seen:{new_id()}",
        owner=who,
        reasons=(plan.reference,),
    )
    task = to_task(work, patient.reference, unit.now)
    task |= {"status": "completed", "output": told, "executionPeriod": end}
    task["owner"] = ref(who, _name(unit, who))
    if note:
        task["note"] = note
    return unit.create(task)


def _name(unit: Unit, who: str) -> str | None:
    """A helper at the family's door may not read her own line there; her account knows her name."""
    if known := names(unit, [who]).get(who):
        return known
    if unit.scope.actor.kind == "person":
        return unit.scope.actor.name
    found = unit.get([who]).get(who)
    return name_of(found.resource) if found else None


def _may_change(unit: Unit, patient: Stored) -> bool:
    """A helper at the family's door adds; she changes nothing."""
    actor = unit.scope.actor
    return actor.kind != "person" or (patient.rid, "all") in actor.shares


def _asked(unit: Unit, patient: Stored, plan: Stored, who: str) -> Stored | None:
    found = unit.of_person(patient.rid, ["Task"])
    return next((s for s in found if is_asking(s.resource, plan.reference, who)), None)
