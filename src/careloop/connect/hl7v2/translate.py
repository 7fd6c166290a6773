"""A Message -> a FHIR transaction Bundle, with everything that could not be said. Pure: same message, same bundle.

What the bundle means for what is already known (an older message, a stay that was canceled) is decided later, by
care/stay.py inside actions/apply_bundle.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from careloop.connect.hl7v2 import coverage, people, stay, tables
from careloop.connect.hl7v2.datatypes import Notes, coding, moment
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import Message, Segment
from careloop.fhir import validate
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import CareError

# All say that MRG-1 is now who PID-3 is; the older three are what A40 became.
MERGES = frozenset({"A18", "A30", "A34", "A40"})
STAY_EVENTS = frozenset({"A01", "A03", "A04", "A11", "A13"})
# An old one of these must not pass for news. What corrects or cancels is newer than what it speaks of.
HAPPENED = frozenset({"A01", "A03", "A04"})
_SLACK = timedelta(hours=24)
_EVENT_WORDS = {
    "A01": "Admission",
    "A03": "Discharge",
    "A04": "Registration",
    "A08": "Update",
    "A11": "Admission canceled",
    "A13": "Discharge canceled",
    **dict.fromkeys(sorted(MERGES), "Merge of two records"),
}


class CannotTranslate(CareError):
    """The message was understood but can't be turned into a record."""

    code, status = "hl7-translate", 422


@dataclass(frozen=True, repr=False)
class Translation:
    """bundle: FHIR transaction, Patient first. recorded: when the sender knew it, for telling late from new.
    notes: what was left out. attention: what a person must look at; nothing was guessed."""

    event: str
    words: str
    control_id: str
    bundle: Resource
    recorded: datetime
    notes: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()

    @property
    def patient(self) -> Resource:
        found: Resource = self.bundle["entry"][0]["resource"]
        return found


@dataclass
class _Draft:
    """The bundle while it grows: each resource gets the address that others refer to it by."""

    seed: str
    notes: Notes
    entries: list[Resource] = field(default_factory=list)

    def address(self, what: str) -> str:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{self.seed}|{what}')}"

    def add(self, what: str, resource: Resource) -> str | None:
        """None when it can't be said as valid FHIR; the notes tell why."""
        kept = _valid(resource, self.notes)
        if kept is None:
            return None
        address = self.address(what)
        self.entries.append(
            {"fullUrl": address, "resource": kept, "request": {"method": "POST", "url": kept["resourceType"]}}
        )
        return address


def translate(message: Message, origin: Origin, received: datetime, digest: str) -> Translation:
    """received: when the message came, aware. digest: of its bytes. Raises CannotTranslate."""
    head, notes = message.header, Notes()
    for note in message.notes:
        notes.add(note)
    if sum(1 for _ in message.all("PID")) > 1 and head.trigger not in MERGES:
        raise CannotTranslate("It speaks of more than one person (PID).")
    draft = _Draft(f"{origin.name}|{digest}", notes)
    person = draft.add("patient", people.patient(message, origin, received, notes))
    if person is None:
        raise CannotTranslate("What it says about the person is not valid.")
    if head.trigger not in MERGES:
        _around(message, person, origin, received, draft)
        _stay(message, person, origin, received, draft)
    recorded = recorded_at(message, origin, received, notes)
    draft.add("provenance", _provenance(message, draft, origin, recorded, received))
    bundle: Resource = {"resourceType": "Bundle", "type": "transaction", "entry": draft.entries}
    words = _EVENT_WORDS[head.trigger]
    return Translation(
        head.trigger, words, head.control_id, bundle, recorded, tuple(notes.said), tuple(notes.attention)
    )


def _around(message: Message, person: str, origin: Origin, received: datetime, draft: _Draft) -> None:
    for n, made in enumerate(people.related(message, origin, received, draft.notes)):
        draft.add(f"related-{n}", {**made, "patient": {"reference": person}})
    for n, made in enumerate(coverage.coverages(message, person, origin, draft.notes)):
        draft.add(f"coverage-{n}", made)


def _stay(message: Message, person: str, origin: Origin, received: datetime, draft: _Draft) -> None:
    pv1 = message.first("PV1")
    if not message.has("PV1") or not any(pv1.raw(n).strip() for n in range(2, 46)):
        if message.header.trigger in STAY_EVENTS:
            raise CannotTranslate("It does not say which stay it is about (PV1).")
        draft.notes.add("There is no stay in the message (PV1).")
        return
    known = _practitioners(pv1, origin, draft)
    encounter = stay.encounter(message, person, origin, received, draft.notes)
    if not encounter["identifier"]:
        del encounter["identifier"]
        draft.notes.ask("The stay has no visit number (PV1-19), so later messages can't be matched to it.")
    if seen_by := stay.participants(pv1, known):
        encounter["participant"] = seen_by
    address = draft.address("stay")
    diagnoses = []
    for n, (made, role) in enumerate(stay.conditions(message, person, address, origin, draft.notes)):
        if reference := draft.add(f"condition-{n}", made):
            use = coding("http://terminology.hl7.org/CodeSystem/diagnosis-role", role)
            diagnoses.append(
                {"condition": {"reference": reference}, **({"use": {"coding": [use]}} if role else {})}
            )
    if diagnoses:
        encounter["diagnosis"] = diagnoses
    if draft.add("stay", encounter) is None:
        raise CannotTranslate("What it says about the stay is not valid.")


def _practitioners(pv1: Segment, origin: Origin, draft: _Draft) -> dict[str, str]:
    known: dict[str, str] = {}
    numbers: dict[tuple[str, str], str] = {}
    for n, _, _ in stay.ROLES:
        for xcn in pv1.all(n):
            made = people.practitioner(xcn, origin, draft.notes, f"PV1-{n}")
            if made is None:
                continue
            number = (made["identifier"][0]["system"], made["identifier"][0]["value"])
            reference = numbers.get(number) or draft.add(f"practitioner-{len(numbers)}", made)
            if reference:
                known[xcn.text] = numbers[number] = reference
    return known


def recorded_at(message: Message, origin: Origin, received: datetime, notes: Notes) -> datetime:
    """When the sender recorded the event: EVN-2, else MSH-7, if it can be believed; else when an admission or discharge
    happened; else when it came to us.

    It can't lie after its arrival, nor before the stay that it tells of. Without an offset or a zone the wall time is
    read as UTC: that is good enough to put messages of one sender in order, and used for nothing else.
    """
    evn, msh, pv1 = message.first("EVN"), message.header.segment, message.first("PV1")
    told = [at for n in (44, 45) if (at := _order(pv1, n, origin)) and at <= received + _SLACK]
    earliest = max(told, default=datetime.min.replace(tzinfo=UTC) + _SLACK) - _SLACK
    for segment, n in ((evn, 2), (msh, 7)):
        at = _order(segment, n, origin)
        if at and earliest <= at <= received + _SLACK:
            return min(at, received)
    if told and message.header.trigger in HAPPENED:
        notes.add("The message does not say believably when it was recorded; the time of the event was used.")
        return min(max(told), received)
    notes.add("The message does not say believably when it was recorded; the time it came was used.")
    return received


def _order(segment: Segment, n: int, origin: Origin) -> datetime | None:
    stamp = segment.stamp(n)
    if stamp is None:
        return None
    return moment(segment, n, origin) or stamp.local.replace(tzinfo=UTC)


def _provenance(
    message: Message, draft: _Draft, origin: Origin, recorded: datetime, received: datetime
) -> Resource:
    head = message.header
    who = {
        **({"reference": origin.hospital} if origin.hospital else {}),
        "display": head.facility or origin.name,
    }
    return {
        "resourceType": "Provenance",
        "meta": {"source": origin.uri},
        "target": [{"reference": entry["fullUrl"]} for entry in draft.entries],
        "occurredDateTime": fhir_instant(recorded),
        "recorded": fhir_instant(received),
        "activity": {
            "coding": [coding(tables.V2 + "0003", head.trigger)],
            "text": _EVENT_WORDS[head.trigger],
        },
        "agent": [{"who": who}],
        "entity": [
            {
                "role": "source",
                "what": {
                    "identifier": {"system": origin.system("message"), "value": head.control_id},
                    "display": f"HL7 message {head.kind} {head.trigger}",
                },
            }
        ],
    }


def _valid(resource: Resource, notes: Notes) -> Resource | None:
    """The resource without the parts that are not valid FHIR; None when what is left isn't either."""
    kind = resource["resourceType"]
    for _ in range(8):
        faults = [issue for issue in validate.problems(resource) if issue.severity in ("error", "fatal")]
        if not faults:
            return resource
        broken = {_element(issue.expression) for issue in faults} & resource.keys() - {"resourceType"}
        if not broken:
            notes.add(f"{kind}: {faults[0].text} It was left out.")
            return None
        for key in broken:
            notes.add(f"{kind}.{key} would not be valid; it was left out.")
        resource = {key: said for key, said in resource.items() if key not in broken}
    return None


def _element(expression: str) -> str:
    """`name` of `Patient.name[0].family`."""
    return expression.split(".")[1].split("[")[0] if "." in expression else ""
