"""What a hospital's message says becomes part of the record: person, family, coverage, stay, diagnoses, doctors, and
where it came from. Runs inside the unit of work that also marks the message as done: both are true, or neither.

Which word counts is decided in care/told.py and care/told_stay.py. Nothing that staff entered is erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.actions import hospital_reviews
from careloop.actions.hospital_memory import HospitalMemory
from careloop.care.identify import plain
from careloop.care.told import RANK, Difference, Key, mark_of, tell
from careloop.care.told_stay import tell_stay
from careloop.care.work import Work, WorkClass
from careloop.fhir.elements import Resource, codings, day, fhir_instant, identifiers, text_of
from careloop.kernel.errors import Conflict
from careloop.kernel.ids import new_id
from careloop.store import Stored, Unit

REUSED_AFTER_DAYS: Final = 30
LEFT_OUT: Final = "urn:careloop:ext:left-out"  # on a Provenance: what the message said and the record can't


class StayOfAnother(Conflict):
    """The hospital uses a visit number that stands on somebody else’s stay. Nothing was written."""

    code = "stay-of-another"


class OldStay(Conflict):
    """It tells of an older stay under a visit number that stands on a newer one by now. Nothing was written."""

    code = "old-stay"


@dataclass(frozen=True, repr=False)
class Arrival:
    """One message as FHIR. bundle: Patient first; fullUrls are the addresses inside. person: the Patient whom it is
    about, None for somebody new. recorded: when its sender recorded it. digest: of its bytes. notes: what was left
    out. attention: what a person must look at. message: its number in the inbox."""

    bundle: Resource
    event: str
    recorded: datetime
    digest: str
    person: str | None
    message: int
    notes: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Applied:
    """written: references of what changed; empty when all of it was known. asked: to-dos for a person."""

    patient: Stored
    stay: str | None
    written: tuple[str, ...]
    asked: tuple[str, ...]


def apply_bundle(unit: Unit, arrival: Arrival) -> Applied:
    """Raises StayOfAnother, OldStay, InvalidResource, StaleVersion (somebody changed the same just now: try again)."""
    return _Applying(unit, arrival).run()


class _Applying:
    def __init__(self, unit: Unit, arrival: Arrival) -> None:
        self.unit, self.arrival = unit, arrival
        self.key = Key(fhir_instant(arrival.recorded), RANK.get(arrival.event, 1), arrival.digest[:12])
        self.entries = [(entry["fullUrl"], entry["resource"]) for entry in arrival.bundle["entry"]]
        self.names: dict[str, str | None] = {}
        self.written: list[str] = []
        self.differences: list[Difference] = []
        self.contradictions: tuple[str, ...] = ()
        self.asked: list[str] = []

    def run(self) -> Applied:
        found = self.arrival.person
        known = self.unit.read("Patient", found.partition("/")[2]) if found else None
        reference = known.reference if known else f"Patient/{new_id()}"
        memory = HospitalMemory(self.unit, reference, reference)
        ((address, said),) = self._of("Patient")
        patient = self._tell(known, said, memory, reference)
        self.names[address] = patient.reference
        for address, said in self._of("Practitioner"):
            self.names[address] = self._practitioner(said)
        self._family_and_coverage(patient, memory)
        memory.save()
        stay = self._stay(patient)
        self._provenance()
        self._ask(patient, stay)
        return Applied(patient, stay, tuple(self.written), tuple(self.asked))

    def _of(self, kind: str) -> list[tuple[str, Resource]]:
        return [pair for pair in self.entries if pair[1]["resourceType"] == kind]

    def _tell(
        self, known: Stored | None, said: Resource, memory: HospitalMemory, reference: str = ""
    ) -> Stored:
        """One resource, told element by element, written when that changes it."""
        reference = known.reference if known else reference or f"{said['resourceType']}/{new_id()}"
        current = known.resource if known else None
        told = tell(current, self._rewritten(said), memory.about(reference), self.key)
        memory.keep(reference, told.memory)
        self.differences += told.differences
        return self._write(told.resource, known, reference)

    def _write(self, resource: Resource, known: Stored | None, reference: str) -> Stored:
        id = reference.partition("/")[2]
        if known is None:
            stored = self.unit.create_named({**resource, "id": id})
        else:
            stored = self.unit.update({**resource, "id": id}, if_match=known.version)
        if known is None or stored.version != known.version:
            self.written.append(reference)
        return stored

    def _rewritten(self, value: Any) -> Any:
        """References inside of the bundle become those of the record; one that leads nowhere goes."""
        if isinstance(value, list):
            return [self._rewritten(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = {name: self._rewritten(item) for name, item in value.items() if name != "reference"}
        reference = value.get("reference")
        if isinstance(reference, str):
            reference = self.names.get(reference) if reference.startswith("urn:uuid:") else reference
        return {"reference": reference, **found} if reference else found

    def _practitioner(self, said: Resource) -> str | None:
        """By number; made when unknown, never changed afterwards: what our own staff is called is ours to say.
        None when the number stands on several."""
        (number,) = said["identifier"]
        asked = {"identifier": hospital_reviews.token(number["system"], number["value"]), "_count": "2"}
        known = self.unit.search("Practitioner", asked).entries
        if known:
            return known[0].reference if len(known) == 1 else None
        return self._write(said, None, f"Practitioner/{new_id()}").reference

    def _family_and_coverage(self, patient: Stored, memory: HospitalMemory) -> None:
        """A contact is the same by name, a coverage by payer and plan."""
        kinds = ("RelatedPerson", "Coverage")
        if not any(self._of(kind) for kind in kinds):
            return
        have: dict[tuple[str, ...], Stored] = {}
        for stored in self.unit.of_person(patient.rid, kinds):
            have[_sameness(stored.resource)] = stored
        for kind in kinds:
            for address, said in self._of(kind):
                stored = self._tell(have.get(_sameness(said)), said, memory)
                have[_sameness(said)] = stored
                self.names[address] = stored.reference

    # The stay

    def _stay(self, patient: Stored) -> str | None:
        for address, said in self._of("Encounter"):
            known = self._known_stay(said, patient)
            reference = known.reference if known else f"Encounter/{new_id()}"
            self.names[address] = reference
            memory = HospitalMemory(self.unit, reference, patient.reference)
            self._diagnoses(reference, memory, is_new=known is None)
            told = tell_stay(
                known.resource if known else None,
                self._rewritten(said),
                self.arrival.event,
                memory.about(reference),
                self.key,
            )
            memory.keep(reference, told.memory)
            self.contradictions = told.contradictions
            self._write(told.resource, known, reference)
            memory.save()
            return reference
        return None

    def _known_stay(self, said: Resource, patient: Stored) -> Stored | None:
        """By visit number. Without one, a stay of hers from this sender that began at the same moment."""
        for number in identifiers(said):
            token = hospital_reviews.token(str(number.get("system", "")), str(number.get("value", "")))
            for found in self.unit.search("Encounter", {"identifier": token}).entries:
                if found.person != patient.rid:
                    raise StayOfAnother(f"The stay is {found.reference}.")
                if _is_long_before(said, found.resource):
                    raise OldStay(f"The newer one is {found.reference}.")
                return found
        if list(identifiers(said)):
            return None
        return next(
            (
                found
                for found in self.unit.of_person(patient.rid, ("Encounter",))
                if not list(identifiers(found.resource))
                and _source(found.resource) == _source(said)
                and _start(found.resource) == _start(said)
            ),
            None,
        )

    def _diagnoses(self, stay: str, memory: HospitalMemory, *, is_new: bool) -> None:
        said = self._of("Condition")
        if not said:
            return
        known = [] if is_new else self.unit.search("Condition", {"encounter": stay, "_count": "200"}).entries
        have = {_sameness(stored.resource): stored for stored in known}
        for address, condition in said:
            stored = self._tell(have.get(_sameness(condition)), condition, memory)
            have[_sameness(condition)] = stored
            self.names[address] = stored.reference

    # Where it came from, and what a person should see

    def _provenance(self) -> None:
        """Of what this message changed; a message that told nothing new leaves no trace here but in the inbox."""
        if not self.written:
            return
        ((_, said),) = self._of("Provenance")
        made = {**said, "target": [{"reference": reference} for reference in self.written]}
        if self.arrival.notes:
            made["extension"] = [{"url": LEFT_OUT, "valueString": note} for note in self.arrival.notes]
        self.unit.create(made)

    def _ask(self, patient: Stored, stay: str | None) -> None:
        site = (patient.resource.get("managingOrganization") or {}).get("reference")
        sentences = [*self.arrival.attention, *self.contradictions]
        for sentence in dict.fromkeys(sentences):
            key = f"message:{stay or patient.reference}:{mark_of(sentence)}"
            work = hospital_reviews.look_at_message(sentence, key, site, (stay,) if stay else ())
            self.asked.append(hospital_reviews.ask(self.unit, work, patient).reference)
        if self.differences:
            work = _differing(self.differences, patient.reference, site)
            self.asked.append(hospital_reviews.ask(self.unit, work, patient).reference)


def _differing(differences: list[Difference], patient: str, site: str | None) -> Work:
    said = "; ".join(each.text for each in differences)
    return Work(
        kind=hospital_reviews.DIFFERENCE,
        title="Check what the hospital has otherwise",
        because=f"{said[:1].upper()}{said[1:]}. Nothing of ours was changed.",
        klass=WorkClass.ROUTINE,
        dedupe=f"difference:{patient}:{mark_of(sorted(each.text for each in differences))}",
        site=site,
    )


def _sameness(resource: Resource) -> tuple[str, ...]:
    """What makes two of them the same thing, however they came."""
    kind = str(resource["resourceType"])
    if kind == "RelatedPerson":
        return (kind, *sorted(_plain_name(name) for name in resource.get("name", ())[:1]))
    if kind == "Coverage":
        payers = [plain(str(payor.get("display", ""))) for payor in resource.get("payor", ())]
        plans = [plan["value"] for plan in resource.get("class", ()) if _is_plan(plan)]
        return (kind, *payers[:1], *(str(plan) for plan in plans[:1]))
    code = resource.get("code")
    return (kind, *(f"{system}|{code}" for system, code in codings(code)), plain(text_of(code)))


def _is_plan(part: Resource) -> bool:
    return any(code == "plan" for _, code in codings(part.get("type"))) and bool(part.get("value"))


def _plain_name(name: Resource) -> str:
    return plain(" ".join((*name.get("given", ())[:1], str(name.get("family", "")))))


def _is_long_before(said: Resource, known: Resource) -> bool:
    """Over more than 30 days before the known one began: one number, two stays."""
    told, stands = said.get("period") or {}, known.get("period") or {}
    last, first = day(told.get("end") or told.get("start")), day(stands.get("start") or stands.get("end"))
    return last is not None and first is not None and (first - last).days > REUSED_AFTER_DAYS


def _source(resource: Resource) -> str:
    return str((resource.get("meta") or {}).get("source", ""))


def _start(stay: Resource) -> str:
    return str((stay.get("period") or {}).get("start", ""))
