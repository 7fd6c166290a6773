"""Whether documented attempts satisfy a billing rule. It never ends the work: the call goes on until she is reached."""

from __future__ import annotations

from datetime import datetime

from careloop.care.transition import Attempt, contact_standing
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, extension, instant
from careloop.library import load
from careloop.store import Stored, Unit

RULE = "tcm-attempts"


def is_contact_satisfied(unit: Unit, task: Resource) -> bool:
    """By attempts inside of the window of a Medicare call; False for every other kind of work, and once reached."""
    work = work_of(task)
    if work.due is None or not (work.rule or "").startswith("tcm-contact"):
        return False
    called = [
        each.get("valueReference", {}).get("reference", "")
        for each in task.get("output", ())
        if code_in(each.get("type"), uris.TASK_IO) in ("attempt", "contact")
    ]
    found = unit.get([*called, *work.reasons])
    left = next((at for each in work.reasons if each in found and (at := _ended(found[each]))), None)
    tries = [
        Attempt(at, _is_reached(found[each]))
        for each in called
        if each in found and (at := _ended(found[each]))
    ]
    discharged = left or instant(task.get("authoredOn")) or work.due
    rule = load().rule(RULE, discharged.date())
    standing = contact_standing(tries, discharged, work.due, rule)
    return standing.is_satisfied and not standing.is_reached


def _ended(encounter: Stored) -> datetime | None:
    return instant((encounter.resource.get("period") or {}).get("end"))


def _is_reached(encounter: Stored) -> bool:
    return code_in(extension(encounter.resource, uris.OUTCOME), uris.CONTACT_OUTCOME) == "reached"
