"""Three people with a canary in a resource of every type."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careloop.access import Scope, kinds, system_actor
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.fhir.elements import Resource
from tests.trust.matrix.canaries import NoExample, canary_of, home_of, make
from tests.trust.matrix.cast import FOREIGN, LABELS, OWN, PEOPLE, REFUSED

LABELED_TYPES = ("Observation", "Task", "DocumentReference")
MAKER = Scope(system_actor("demo"), "command", "maintenance")
SITES = {OWN: "north", FOREIGN: "south", REFUSED: "north"}


@dataclass(frozen=True)
class Canary:
    """person: whose; empty for nobody's. word: what stands in it."""

    word: str
    person: str
    type: str
    label: str
    id: str

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass
class World:
    rid: dict[str, int] = field(default_factory=dict)
    canaries: list[Canary] = field(default_factory=list)
    by_word: dict[str, Canary] = field(default_factory=dict)
    unmade: list[str] = field(default_factory=list)

    def add(self, canary: Canary) -> None:
        self.canaries.append(canary)
        self.by_word[canary.word] = canary

    def words_in(self, text: str) -> set[str]:
        """Every canary that stands in an answer."""
        found: set[str] = set()
        at = text.find("canary")
        while at >= 0:
            end = at
            while end < len(text) and text[end].isalpha():
                end += 1
            found.add(text[at:end])
            at = text.find("canary", end)
        return found & self.by_word.keys()


def build(now: datetime) -> World:
    world = World()
    _people(world, now)
    for person in PEOPLE:
        with begin(MAKER, now) as unit:
            for type in sorted(kinds.EVERYTHING - {"Patient"}):
                _create(world, unit, person, type, "")
    with begin(MAKER, now) as unit:
        for label in LABELS:
            for type in LABELED_TYPES:
                _create(world, unit, OWN, type, label)
    _refuse(now)
    return world


def _people(world: World, now: datetime) -> None:
    with begin(MAKER, now) as unit:
        for name in ("north", "south", "pantry"):
            made = unit.create_named({"resourceType": "Organization", "id": name, "name": name.title()})
            world.rid[name] = made.rid
        world.rid["lea"] = unit.mention("Practitioner/lea")
        for person in PEOPLE:
            word = canary_of(person, "Patient")
            patient = make("Patient", f"Patient/{person}", word)
            patient["managingOrganization"] = {"reference": f"Organization/{SITES[person]}"}
            made = unit.create_named(patient)
            world.rid[person] = made.rid
            world.add(Canary(word, person, "Patient", "", person))
        for fact in _facts():
            unit.create(fact)


def _facts() -> list[Resource]:
    lead = {"coding": [{"system": "urn:careloop:code:team-role", "code": "lead"}]}
    return [
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "patient": {"reference": f"Patient/{OWN}"},
            "type": [{"coding": [{"system": uris.PROGRAM, "code": "alpha"}]}],
            "period": {"start": "2026-01-01T00:00:00Z"},
        },
        {
            "resourceType": "CareTeam",
            "status": "active",
            "subject": {"reference": f"Patient/{OWN}"},
            "participant": [{"role": [lead], "member": {"reference": "Practitioner/lea"}}],
        },
    ]


def _create(world: World, unit: Any, person: str, type: str, label: str) -> None:
    word = canary_of(person, type, label)
    try:
        resource = make(type, f"Patient/{person}", word, LABELS[label] if label else "")
    except NoExample:
        world.unmade.append(type)
        return
    whose = person if home_of(resource) == f"Patient/{person}" else ""
    if whose == "" and person != OWN:
        return
    # What is asked for stands in the answer, too, even in the one that says that there is nothing: no canary in an id.
    id = f"row-{len(world.canaries)}"
    unit.create({**resource, "id": id}, id=id)
    world.add(Canary(word, whose, type, label, id))


def _refuse(now: datetime) -> None:
    """She lets North see nothing."""
    with begin(MAKER, now) as unit:
        unit.create(
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/consentscope",
                            "code": "patient-privacy",
                        }
                    ]
                },
                "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
                "patient": {"reference": f"Patient/{REFUSED}"},
                "policyRule": {"text": "opt out"},
                "dateTime": "2026-01-01",
                "provision": {
                    "type": "deny",
                    "actor": [
                        {
                            "role": {"coding": [{"code": "PRCP"}]},
                            "reference": {"reference": "Organization/north"},
                        }
                    ],
                },
            }
        )
