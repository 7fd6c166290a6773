"""A18, A30, A34, A40: the hospital says that two of its records are one person. Carried out where nothing speaks
against it; else a person decides, and nothing is changed before.

In any order and any number of times it ends the same: a number that was given up stays hers, so that a message that
comes late for it finds her, and a merge of what is one already changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from careloop.accounts.models import Sender
from careloop.actions import hospital_reviews, joining
from careloop.actions.merge_people import doubts_between
from careloop.care.identify import Match, facts_of, identify
from careloop.care.merge import conflicts, is_deceased
from careloop.care.told import mark_of
from careloop.care.work import Work, WorkClass
from careloop.connect.hl7v2 import senders
from careloop.connect.hl7v2.datatypes import identifier
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Message
from careloop.connect.hl7v2.translate import CannotTranslate, Translation
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable
from careloop.kernel.errors import CareError
from careloop.projections import identity
from careloop.store import Stored, Unit, merges

REASON = "The hospital joined its two record numbers."


class OtherMerge(CareError):
    """It joins more than two records at once. Ask the hospital, and join them by hand."""

    code, status = "hl7-many-merges", 422


@dataclass(frozen=True, repr=False)
class Told:
    """The two numbers as the message names them: of whom it keeps, of whom it gives up; and who is known by either."""

    patient: Resource
    gone: Resource
    stays: list[Stored]
    goes: list[Stored]

    def __repr__(self) -> str:
        return f"Told({len(self.stays)}, {len(self.goes)})"


def take_in(unit: Unit, message: Message, told: Translation, number: int, sender: Sender) -> Stored | None:
    """The person whom it is about, when exactly one is known. Raises OtherMerge, CannotTranslate."""
    if sum(1 for _ in message.all("MRG")) > 1:
        raise OtherMerge
    said = _said(unit, message, told.patient, senders.origin_of(sender))
    if not facts_of(said.gone).numbers:
        raise CannotTranslate("It does not say which record number was given up (MRG-1).")
    stays, goes = said.stays, said.goes
    if len(stays) == len(goes) == 1:
        if stays[0].rid == goes[0].rid:
            return stays[0]
        if against := _against(unit, said, sender):
            return _ask(unit, said, number, sender, against)
        first, second = joining.both(unit, stays[0].rid, goes[0].rid)
        who = {"display": message.header.facility or sender.name}
        joining.join(unit, first, second, joining.Decided(who, REASON))
        return first
    if len(stays) + len(goes) == 1 and _is_the_same(said.patient, (*stays, *goes)[0]):
        return _numbered(unit, said, (*stays, *goes)[0])
    return _ask(unit, said, number, sender, ())


def _said(unit: Unit, message: Message, patient: Resource, origin: Origin) -> Told:
    numbers = [made for part in message.first("MRG").all(1) if (made := identifier(part, origin, "usual"))]
    gone: Resource = {"resourceType": "Patient", "identifier": numbers}
    return Told(patient, gone, _known(unit, patient), _known(unit, gone))


def _known(unit: Unit, patient: Resource) -> list[Stored]:
    numbers = facts_of(patient).numbers
    if not numbers:
        return []
    return [one for one in identity.look_alikes(unit, patient) if facts_of(one.resource).numbers & numbers]


def _is_the_same(told: Resource, known: Stored) -> bool:
    """By all but the number: another number of the same hospital is what this message is about."""
    facts = facts_of(known.resource)
    return isinstance(identify(replace(facts_of(told), numbers=facts.numbers), [facts]), Match)


def _against(unit: Unit, said: Told, sender: Sender) -> tuple[str, ...]:
    """What a machine may not pass over."""
    stays, goes = said.stays[0], said.goes[0]
    found = [*doubts_between(stays, goes), *conflicts(joining.side(unit, stays), joining.side(unit, goes))]
    if not _is_the_same(said.patient, stays):
        found.append("What the hospital says of the person differs from the record that stays.")
    if is_deceased(stays.resource) != is_deceased(goes.resource):
        found.append("One of the records says that the person has died.")
    if merges.was_undone(unit, stays.rid, goes.rid):
        found.append("Somebody here has taken these two apart before.")
    if sender.site and any(_site(one) not in ("", f"Organization/{sender.site}") for one in (stays, goes)):
        found.append("They belong to another site than the one that this hospital writes to.")
    return tuple(found)


def _site(stored: Stored) -> str:
    return str((stored.resource.get("managingOrganization") or {}).get("reference", ""))


def _numbered(unit: Unit, said: Told, known: Stored) -> Stored:
    """Only one of the two is known: both numbers are hers from now on."""
    own = known.resource.get("identifier", [])
    held = {(each.get("system"), each.get("value")) for each in own}
    told = [*said.patient.get("identifier", ()), *said.gone["identifier"]]
    news = [each for each in told if (each.get("system"), each.get("value")) not in held]
    if not news:
        return known
    return unit.update({**known.resource, "identifier": [*own, *news]}, if_match=known.version)


def _ask(unit: Unit, said: Told, number: int, sender: Sender, against: tuple[str, ...]) -> Stored | None:
    numbers = sorted([*facts_of(said.patient).numbers, *facts_of(said.gone).numbers])
    work = Work(
        kind=hospital_reviews.MERGE,
        title="The hospital merged two records",
        because=" ".join((_because(said), *against)),
        klass=WorkClass.ROUTINE,
        dedupe=f"merge:{sender.name}:{mark_of(numbers)}",
        site=f"Organization/{sender.site}" if sender.site else None,
        reasons=tuple(one.reference for one in (*said.stays, *said.goes)),
        target=hospital_reviews.by_tonight(sender.zone or None, unit.now),
        zone=sender.zone or None,
    )
    person = said.stays[0] if len(said.stays) == 1 else None
    came = {"type": codeable(uris.TASK_IO, "message"), "valueString": str(number)}
    hospital_reviews.ask(unit, work, person, inputs=[came])
    return person


def _because(said: Told) -> str:
    if said.stays and said.goes:
        return "The hospital says that these two are one person. Nothing was merged here; a person decides."
    if said.stays or said.goes:
        return "The hospital joined two of its records; only one of them is known here. Nothing was changed."
    return "The hospital joined two of its records; neither is known here. Nothing was changed."
