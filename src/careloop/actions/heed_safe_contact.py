"""Before anybody is called, texted or written to: what the person asked. Read whole, whatever the reader may see of the
record, for whoever may not see the flag has to obey it all the same; and followed to the record that is in use."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from careloop.actions.hospital_reviews import token
from careloop.care.safe_contact import Allowed, Channel, Refused, Rules, may_contact, rules_of
from careloop.care.work import Work, WorkClass, to_task
from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError
from careloop.projections import sources
from careloop.projections.people import lead_of
from careloop.store import Stored, Unit, merges
from careloop.store.outbox import Letter

# Why a contact in a way that is not safe may be written down all the same.
DESPITE: Final = {
    "asked": "The person asked me to, this time",
    "happened": "It happened before I saw this",
}
PRIVATE: Final = "Follow up in private"  # neutral: this line may be read over somebody's shoulder
NEUTRAL: Final = "Something to talk about alone. Open it to read what."
KIND: Final = "follow-up-private"
# How letters of the outbox name the way that they go; what they do not name reaches nobody at home.
_WAYS: Final[dict[str, Channel]] = {
    **{"sms": "text", "text": "text"},
    **{"mail": "email", "email": "email"},
    "letter": "letter",
}
# Seen by those who look after her at the site; by no helper, partner or app.
LABEL: Final[Resource] = {"system": uris.LABEL, "code": "violence"}


class UnsafeContact(CareError):
    """This way of reaching the person is not safe. Choose another, or say why it was right all the same."""

    code, status, issue_type = "unsafe-contact", 422, "business-rule"


def flags_of(unit: Unit, person: int) -> list[Resource]:
    """person: rid of the Patient, or of a record that was joined to hers."""
    last = merges.survivors(unit, [person]).get(person, person)
    return [stored.resource for stored in sources.of_people(unit, {person, last}, ("Flag",))]


def rules_for(unit: Unit, person: int) -> tuple[Rules, ...]:
    """What is in force now; empty for nearly everybody."""
    return rules_of(flags_of(unit, person), unit.now)


def allowed(
    unit: Unit, person: int, channel: Channel, at: datetime, *, number: str | None = None
) -> Allowed | Refused:
    """person: rid. at: when it would ring or leave."""
    return may_contact(flags_of(unit, person), channel, at, number=number)


def refusal_of(unit: Unit, letter: Letter) -> str:
    """Why this letter must not leave for the person whom it reaches; empty when it may. What reaches somebody else, a
    doctor or an agency, says nothing of a way."""
    way = _WAYS.get(str(letter.payload.get("reaches") or letter.payload.get("kind") or ""))
    if way is None or not letter.person:
        return ""
    number = letter.dest if way == "text" else None
    answer = allowed(unit, letter.person, way, unit.now, number=number)
    return answer.because if isinstance(answer, Refused) else ""


def after_unsafe(unit: Unit, patient: Stored, encounter: Stored) -> None:
    """It can't be taken back: somebody has to find out, in private, whether she is safe."""
    because = "The person was reached in a way that is not safe. Find out in private whether all is well."
    ask_in_private(unit, patient, because, f"unsafe-contact:{encounter.id}", (encounter.reference,))


def ask_in_private(
    unit: Unit,
    patient: Stored,
    because: str,
    dedupe: str,
    reasons: tuple[str, ...] = (),
    *,
    due: datetime | None = None,
) -> Stored:
    """A to-do with a name that tells nothing, for whoever leads her; the same key is the same to-do. because: its note,
    which stands only on its own page. due: the hour to aim for."""
    work = Work(
        kind=KIND,
        title=PRIVATE,
        because=NEUTRAL,
        klass=WorkClass.CLOCK,
        dedupe=dedupe,
        owner=lead_of(unit, patient.rid),
        reasons=reasons,
        target=due,
        details=because,
    )
    task = to_task(work, patient.reference, unit.now) | {"meta": {"security": [LABEL]}}
    return unit.create(task, if_none_exist=[("identifier", token(uris.DEDUPE, dedupe))])
