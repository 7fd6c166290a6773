"""Asking somebody whether she wants to join: a call that becomes work, its tries, its end. In the caller's own unit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.actions import working
from careloop.care.enroll import OUTREACH, judgment_of
from careloop.care.stay import zone_of_person
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import codeable, codings, fhir_instant, instant, set_extension
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.library import Library, Program
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

FIRST_LOOK: Final = "referral-first-look"


def outreach_key_of(episode: str) -> str:
    """episode: id of the EpisodeOfCare."""
    return f"enroll:{episode}:outreach"


def start_outreach(
    unit: Unit, patient: Stored, episode: Stored, program: Program, library: Library
) -> Stored:
    """The call, once an enrollment. Due when a referral's first look is."""
    if known := outreach_of(unit, episode):
        return known
    judged = judgment_of(episode.resource)
    due, zone_name = due_in(unit, patient, library, "business_days")
    actor = unit.scope.actor
    work = Work(
        kind=OUTREACH,
        title=f"Call to offer {program.title.en}",
        because=f"It fits: {judged.because}" if judged else "It fits",
        klass=WorkClass.ROUTINE,
        dedupe=outreach_key_of(episode.id),
        due=due,
        target=due,
        zone=zone_name,
        source=program.source,
        owner=actor.practitioner,
        program=program.code,
        reasons=(episode.reference,),
        site=(patient.resource.get("managingOrganization") or {}).get("reference"),
    )
    task = to_task(work, patient.reference, unit.now)
    set_extension(task, uris.RETRY_DAYS, "Integer", program.outreach.every_days)
    if actor.practitioner:
        task["owner"] = working.me(unit)
    return unit.create(task)


def stop_outreach(unit: Unit, outreach: Stored | None, because: str) -> None:
    """Completed when she was reached, withdrawn otherwise: what no longer fits does not stay on Today."""
    task = unit.find("Task", outreach.id) if outreach else None
    if task is None or task.resource.get("status") not in OPEN:
        return
    reached = any(spoke for _, spoke in tries_of(unit, task))
    resource, _ = working.copy_of(task)
    resource["status"] = "completed" if reached else "cancelled"
    code, words = ("done", "Done") if reached else ("withdrawn", "Withdrawn")
    resource["statusReason"] = {**codeable(uris.REASON, code, words), "text": because}
    resource["executionPeriod"] = {**resource.get("executionPeriod", {}), "end": fhir_instant(unit.now)}
    working.save(unit, resource, task)


def outreach_of(unit: Unit, episode: Stored) -> Stored | None:
    found = unit.search("Task", [("identifier", f"{uris.DEDUPE}|{outreach_key_of(episode.id)}")]).entries
    return found[0] if found else None


def tries_of(unit: Unit, outreach: Stored | None) -> list[tuple[datetime, bool]]:
    """(when, whether somebody was spoken with), as they stand in the to-do."""
    if outreach is None:
        return []
    kinds: dict[str, bool] = {}
    for output in outreach.resource.get("output", ()):
        reference = (output.get("valueReference") or {}).get("reference")
        is_talk = (uris.TASK_IO, "contact") in codings(output.get("type"))
        if reference and (is_talk or (uris.TASK_IO, "attempt") in codings(output.get("type"))):
            kinds[reference] = is_talk
    found = unit.get(kinds)
    return sorted(
        (at, kinds[reference])
        for reference, encounter in found.items()
        if (at := instant((encounter.resource.get("period") or {}).get("end")))
        and encounter.resource.get("status") != "entered-in-error"
    )


def due_in(unit: Unit, patient: Stored, library: Library, days: str) -> tuple[datetime | None, str | None]:
    """5 pm of so many business days on, in her zone, and that zone; without a zone no hour is made up."""
    site = (patient.resource.get("managingOrganization") or {}).get("reference", "")
    found = unit.get([site]).get(site) if site else None
    name, _ = zone_of_person(patient.resource, found.resource if found else None)
    if name is None:
        return None, None
    calendar = BusinessCalendar(zone(name))
    rule = library.rule(FIRST_LOOK, unit.now.date())
    day = calendar.add_business_days(calendar.local_day(unit.now), rule.integer(days))
    return calendar.working_target(day), name
