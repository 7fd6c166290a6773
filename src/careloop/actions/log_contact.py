"""A call, visit or message, or the attempt at one: an Encounter, its place in the to-do, and its note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.billing import is_contact_satisfied
from careloop.actions.complete_work import EndUntold
from careloop.actions.heed_safe_contact import DESPITE, UnsafeContact, after_unsafe, allowed
from careloop.actions.record_promise import BadPromise, write_promise
from careloop.actions.sign_note import write_note
from careloop.actions.working import Result
from careloop.care.interpreted import Interpreted, write_interpreted
from careloop.care.safe_contact import Channel, Refused
from careloop.fhir import uris
from careloop.fhir.elements import (
    Resource,
    codeable,
    extension,
    fhir_instant,
    ref,
    set_extension,
)
from careloop.kernel.errors import CareError
from careloop.projections.facts import language_of
from careloop.store import Stored, Unit, drafts

Outcome = Literal["reached", "no-answer", "left-message", "wrong-number", "declined"]
OUTCOMES: Final = {
    "reached": "Reached",
    "no-answer": "No answer",
    "left-message": "Left a message",
    "wrong-number": "Wrong number",
    "declined": "Did not want to talk",
}
CHANNELS: Final = {"phone": "VR", "video": "VR", "text": "VR", "home": "HH", "office": "AMB"}
_RINGS: Final[dict[str, Channel]] = {"phone": "call", "text": "text"}
STAYS_OPEN: Final = "Two attempts are on record, so the billing rule may be satisfied; the call stays open."


class BadContact(CareError):
    """Say how it went and how long it took."""

    code, status, issue_type = "bad-contact", 422, "value"


@dataclass(frozen=True, repr=False)
class Contact:
    """minutes: whole, at least 1. note: signed with it, unless signs_later: then its words wait for the signature.
    with_whom: whose ear it was, when not the person's own. through: who interpreted, when she was reached; in her own
    language unless it names another. is_done: the to-do is finished by it. promise, promised_for: what was promised in
    it, and for when; it stands and is taken back with the contact. opened: what its sheet says of
    its own beginning; what that sheet still sends to be kept afterwards is passed over. despite: a key of
    heed_safe_contact.DESPITE, where this way is not safe for her."""

    outcome: Outcome
    minutes: int
    note: str = ""
    signs_later: bool = False
    channel: str = "phone"
    about: str = ""
    with_whom: str = ""
    is_done: bool = False
    promise: str = ""
    promised_for: datetime | None = None
    opened: str = ""
    despite: str = ""
    through: Interpreted | None = None

    def __repr__(self) -> str:
        return f"Contact({self.outcome})"


def form_of(task: str | None) -> str:
    """The name of the draft that a contact's sheet keeps."""
    return f"contact:{task or '-'}"


def note_form(encounter: Stored) -> str:
    """The name of the draft of a note that waits for a signature."""
    return f"note:{encounter.reference}"


def log_contact(
    scope: Scope,
    contact: Contact,
    now: datetime,
    *,
    person: str = "",
    task: str | None = None,
    version: int | None = None,
) -> Result:
    """person: Patient id, not needed with a task. Raises BadContact, UnsafeContact, BadPromise, StaleVersion,
    WorkEnded, EndUntold (urgent work is not done without a word)."""
    _check(contact)
    with record.begin(scope, now) as unit:
        seen = working.open_task(unit, task, version) if task else None
        patient = unit.read("Patient", _person(seen) if seen else person)
        because = _heeded(unit, patient, contact)
        encounter = unit.create(_encounter(unit, patient, contact, seen, because))
        note = _sign_or_keep(unit, patient, contact, encounter, task)
        promise = _promised(unit, patient, contact, encounter)
        made = tuple(stored for stored in (encounter, note, promise) if stored)
        if because and contact.despite == "happened":
            after_unsafe(unit, patient, encounter)
        if seen is None:
            return Result(None, working.undo_token(*made), made=made)
        saved, hint = _into_task(unit, seen, contact, encounter)
        return Result(saved, working.undo_token(saved, *made), hint, made)


def _check(contact: Contact) -> None:
    if contact.outcome not in OUTCOMES or contact.channel not in CHANNELS:
        raise BadContact
    if not 1 <= contact.minutes <= 600:
        raise BadContact("Minutes are a whole number from 1 to 600.")


def _person(task: Stored) -> str:
    reference = str((task.resource.get("for") or {}).get("reference", ""))
    if not reference.startswith("Patient/"):
        raise BadContact("This to-do is about nobody who could be called.")
    return reference.removeprefix("Patient/")


def _heeded(unit: Unit, patient: Stored, contact: Contact) -> str:
    """What speaks against this way of reaching her, once whoever logs it has said why all the same."""
    channel = _RINGS.get(contact.channel)
    if channel == "call" and contact.outcome == "left-message":
        channel = "message"
    began = unit.now - timedelta(minutes=contact.minutes)
    answer = allowed(unit, patient.rid, channel, began) if channel else None
    if not isinstance(answer, Refused):
        return ""
    if contact.despite not in DESPITE:
        raise UnsafeContact(answer.because)
    return answer.because


def _encounter(unit: Unit, patient: Stored, contact: Contact, task: Stored | None, because: str) -> Resource:
    began = unit.now - timedelta(minutes=contact.minutes)
    about = contact.about.strip() or (str(task.resource.get("description", "")) if task else "")
    found: Resource = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": uris.ACT_CODE, "code": CHANNELS[contact.channel]},
        "subject": ref(patient.reference),
        "participant": [{"individual": working.me(unit)}],
        "period": {"start": fhir_instant(began), "end": fhir_instant(unit.now)},
    }
    if about:
        found["reasonCode"] = [{"text": about[:300]}]
    outcome = codeable(uris.CONTACT_OUTCOME, contact.outcome, OUTCOMES[contact.outcome])
    set_extension(found, uris.OUTCOME, "CodeableConcept", outcome)
    set_extension(found, uris.CHANNEL, "Code", contact.channel)
    set_extension(found, uris.MINUTES, "Integer", contact.minutes)
    if because:
        set_extension(found, uris.DESPITE, "Code", contact.despite)
    if contact.through and contact.outcome == "reached":
        spoken = contact.through.language or language_of(patient.resource) or ""
        write_interpreted(found, replace(contact.through, language=spoken))
    if contact.with_whom.strip():
        set_extension(found, uris.HEARD_FROM, "String", contact.with_whom.strip()[:200])
    return found


def _sign_or_keep(
    unit: Unit, patient: Stored, contact: Contact, encounter: Stored, task: str | None
) -> Stored | None:
    """With words it is signed; without, an attempt signs what happened, and a talk keeps a draft to be signed."""
    said = contact.note.strip()
    if not said and contact.outcome != "reached":
        said = f"{OUTCOMES[contact.outcome]} ({contact.channel}, {contact.minutes} min)."
    note = None
    if said and not contact.signs_later:
        note = write_note(unit, patient, said, encounter=encounter.reference)
    else:
        drafts.save(unit, patient.rid, note_form(encounter), {"text": said, "encounter": encounter.reference})
    drafts.finish(unit, patient.rid, form_of(task), opened=contact.opened)
    return note


def _promised(unit: Unit, patient: Stored, contact: Contact, encounter: Stored) -> Stored | None:
    if not contact.promise.strip():
        return None
    if contact.promised_for is None:
        raise BadPromise
    return write_promise(unit, patient, contact.promise, contact.promised_for, encounter.reference)


def _into_task(unit: Unit, seen: Stored, contact: Contact, encounter: Stored) -> tuple[Stored, str]:
    resource, work = working.copy_of(seen)
    if work.is_protected and contact.is_done and contact.outcome == "reached" and not contact.note.strip():
        raise EndUntold
    kind = "contact" if contact.outcome == "reached" else "attempt"
    output = {"type": codeable(uris.TASK_IO, kind), "valueReference": ref(encounter.reference)}
    resource["output"] = [*resource.get("output", ()), output]
    resource["status"] = "in-progress"
    retry = extension(resource, uris.RETRY_DAYS) if kind == "attempt" else None
    back = fhir_instant(unit.now + timedelta(days=retry)) if isinstance(retry, int) else None
    set_extension(resource, uris.WAKE, "DateTime", back)
    if contact.is_done and contact.outcome == "reached":
        resource["status"] = "completed"
        resource["statusReason"] = {**codeable(uris.REASON, "done", "Done"), "text": "Reached"}
        resource["executionPeriod"] = {"end": fhir_instant(unit.now)}
    saved = working.save(unit, resource, seen)
    return saved, STAYS_OPEN if kind == "attempt" and is_contact_satisfied(unit, resource) else ""
