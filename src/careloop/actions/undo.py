"""Take back what was just done: a compensating version, within ten minutes, while nothing has left the house and
nobody has gone on from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.log_contact import form_of, note_form
from careloop.actions.sign_note import text_of_note
from careloop.actions.working import Result
from careloop.care.work import work_of
from careloop.fhir.elements import Resource, codeable
from careloop.kernel.errors import Conflict
from careloop.store import Stored, Unit, drafts, outbox

WITHIN: Final = timedelta(minutes=10)
UNDOABLE: Final = frozenset(
    {
        *("Task", "Encounter", "DocumentReference", "Communication", "ServiceRequest", "Observation"),
        *("CareTeam", "CarePlan", "Goal", "Condition"),
    }
)


class TooLate(Conflict):
    """This can’t be undone any more. Change it by hand; the story shows both."""

    code = "too-late"


def undo(scope: Scope, change: str, now: datetime) -> Result:
    """change: the token that the act gave. Raises TooLate, ProtectedWork, NotFound."""
    with record.begin(scope, now) as unit:
        written = undo_in(unit, change)
        task = written[0] if written[0].type == "Task" else None
        _back_to_draft(unit, written, task)
        return Result(task)


def undo_in(unit: Unit, change: str) -> list[Stored]:
    """In the caller's own unit. Raises before anything is written."""
    pairs = [_parsed(part) for part in change.split(",") if part]
    if not pairs:
        raise TooLate
    seen = [_still(unit, kind, id, version) for kind, id, version in pairs]
    for stored in seen:
        _refuse_left(unit, stored)
    return [_back(unit, stored) for stored in seen]


def _parsed(part: str) -> tuple[str, str, int]:
    reference, _, version = part.partition("@")
    kind, _, id = reference.partition("/")
    if kind not in UNDOABLE or not (version.isascii() and version.isdecimal()):
        raise TooLate
    return kind, id, int(version)


def _still(unit: Unit, kind: str, id: str, version: int) -> Stored:
    stored = unit.read(kind, id)
    if stored.version != version:
        raise TooLate("Somebody went on from here.")
    if unit.now - stored.at > WITHIN:
        raise TooLate("Ten minutes have passed.")
    if kind == "Task":
        working.refuse_protected(work_of(stored.resource))
    return stored


def _refuse_left(unit: Unit, stored: Stored) -> None:
    """Letters that this very version caused are held 30 s: what has not left yet is withdrawn with it."""
    key = f"{stored.reference}@{stored.version}"
    if outbox.has_left(unit, key):
        raise TooLate("It has left the house already.")
    outbox.withdraw(unit, key)


def _back_to_draft(unit: Unit, written: list[Stored], task: Stored | None) -> None:
    """The words of a note and of a promise that were taken back stand in the sheet again: nothing typed is lost."""
    words = {}
    for stored in written[1:] if task else written:
        if stored.type == "DocumentReference":
            words["note"] = text_of_note(stored.resource)
        elif stored.type == "Encounter" and (unsigned := drafts.load(unit, stored.person, note_form(stored))):
            words["note"] = str(unsigned.answers.get("text", ""))
            drafts.delete(unit, unsigned.id)
        elif stored.type == "Task" and stored.resource.get("intent") != "plan":
            words["promise"] = str(stored.resource.get("description", ""))
    form = form_of(task.id if task else None)
    if words and drafts.load(unit, written[0].person, form) is None:
        drafts.save(unit, written[0].person, form, words)


def _back(unit: Unit, stored: Stored) -> Stored:
    """What was made becomes entered-in-error; what was changed becomes what it was."""
    if stored.version == 1:
        return unit.update(_never_was(stored.resource), if_match=1)
    before: Resource = unit.read_version(stored.type, stored.id, stored.version - 1).resource
    return unit.update(before, if_match=stored.version)


def _never_was(resource: Resource) -> Resource:
    wrong = "entered-in-error"
    if resource["resourceType"] == "Goal":
        return {**resource, "lifecycleStatus": wrong}
    if resource["resourceType"] == "Condition":  # con-5: then it has no clinical status
        doubt = codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", wrong)
        return {k: v for k, v in resource.items() if k != "clinicalStatus"} | {"verificationStatus": doubt}
    return {**resource, "status": wrong}
