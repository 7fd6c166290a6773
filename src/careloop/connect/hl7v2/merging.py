"""A40: the hospital says that two of its records are one person. Careloop does not merge by itself: a person looks."""

from __future__ import annotations

from careloop.accounts.models import Sender
from careloop.actions import hospital_reviews
from careloop.care.identify import facts_of
from careloop.care.told import mark_of
from careloop.care.work import Work, WorkClass
from careloop.connect.hl7v2 import senders
from careloop.connect.hl7v2.datatypes import identifier
from careloop.connect.hl7v2.parse import Message
from careloop.connect.hl7v2.translate import Translation
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable
from careloop.projections import identity
from careloop.store import Stored, Unit


def ask(unit: Unit, message: Message, told: Translation, number: int, sender: Sender) -> Stored | None:
    """The person whose number stays, when exactly one is known; her to-do names the other as well."""
    origin = senders.origin_of(sender)
    gone: Resource = {
        "resourceType": "Patient",
        "identifier": [
            made for part in message.first("MRG").all(1) if (made := identifier(part, origin, "usual"))
        ],
    }
    stays, goes = _known(unit, told.patient), _known(unit, gone)
    work = Work(
        kind=hospital_reviews.MERGE,
        title="The hospital merged two records",
        because=_because(stays, goes),
        klass=WorkClass.ROUTINE,
        dedupe=f"merge:{sender.name}:{mark_of(sorted([*facts_of(told.patient).numbers, *facts_of(gone).numbers]))}",
        site=f"Organization/{sender.site}" if sender.site else None,
        reasons=tuple(one.reference for one in (*stays, *goes)),
        target=hospital_reviews.by_tonight(sender.zone or None, unit.now),
        zone=sender.zone or None,
    )
    person = stays[0] if len(stays) == 1 else None
    came = {"type": codeable(uris.TASK_IO, "message"), "valueString": str(number)}
    hospital_reviews.ask(unit, work, person, inputs=[came])
    return person


def _known(unit: Unit, patient: Resource) -> list[Stored]:
    numbers = facts_of(patient).numbers
    if not numbers:
        return []
    return [one for one in identity.look_alikes(unit, patient) if facts_of(one.resource).numbers & numbers]


def _because(stays: list[Stored], goes: list[Stored]) -> str:
    if {one.reference for one in stays} & {one.reference for one in goes}:
        return "The hospital joined two of its record numbers; here both stand on one person already."
    if stays and goes:
        return "The hospital says that these two are one person. Nothing was merged here; a person decides."
    if stays or goes:
        return "The hospital joined two of its records; only one of them is known here. Nothing was changed."
    return "The hospital joined two of its records; neither is known here. Nothing was changed."
