"""Ana's clinic with two records of one person, for the stories of merges and of safe contact."""

from __future__ import annotations

from datetime import timedelta

from careloop import projections, store
from careloop.access import Actor, Scope, system_actor
from careloop.actions import record
from careloop.actions.carry_late import carry_late
from careloop.actions.merge_people import merge_people
from careloop.actions.unmerge_people import unmerge_people
from careloop.fhir.elements import codeable, ref
from careloop.projections.rebuilding import rebuild
from careloop.store import verify
from tests.conftest import owner_connection
from tests.projections import builders as b

HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")


class Clinic:
    """Ana's two records of one person: maria, whom everybody knows, and mary, whom the front desk made twice."""

    def __init__(self, now):
        self.now = now
        self.write(
            b.organization("bayview", "Bayview"),
            b.organization("ranch", "Ranch"),
            b.practitioner("ana", "Ana", "Reyes"),
            number(b.patient("maria", "Maria", "Duarte"), "4711"),
            number(b.patient("mary", "Mary", "Duarte"), "815"),
            number(b.patient("other", "Rosa", "Lee"), "99"),
        )
        with store.open(HOUSE, now=now) as unit:
            self.site, self.ranch = unit.mention("Organization/bayview"), unit.mention("Organization/ranch")
            self.ana = unit.mention("Practitioner/ana")

    def staff(self, *roles, sites=None):
        return Scope(
            Actor(
                principal=7,
                kind="staff",
                name="Ana Reyes",
                roles=frozenset(roles or ("coordinator",)),
                sites=frozenset([self.site] if sites is None else sites),
                practitioner="Practitioner/ana",
                practitioner_rid=self.ana,
            ),
            "page",
            "coordination",
        )

    def write(self, *resources):
        with store.open(HOUSE, now=self.now, projectors=projections.ALL) as unit:
            return [unit.update(one, create=True) for one in resources]

    def read(self, reference):
        with store.open(HOUSE, now=self.now) as unit:
            return unit.read(*reference.split("/"))

    def rid(self, reference):
        with store.open(HOUSE, now=self.now) as unit:
            return unit.rid_of(reference)

    def home_of(self, reference):
        with store.open(HOUSE, now=self.now) as unit:
            return unit.reference_of(unit.read(*reference.split("/")).person)

    def later(self):
        self.now += timedelta(minutes=1)

    def versions(self, *people):
        return tuple(self.read(f"Patient/{person}").version for person in people)

    def merge(self, stays="maria", goes="mary", scope=None, **more):
        self.later()
        given = {"reason": "Asked her", "versions": self.versions(stays, goes), "is_confirmed": True, **more}
        return merge_people(scope or self.staff(), stays, goes, self.now, **given)

    def part(self, number, scope=None):
        self.later()
        return unmerge_people(scope or self.staff(), number, self.now, reason="It was her sister")

    def late(self, person):
        self.later()
        with record.begin(HOUSE, self.now) as unit:
            return carry_late(unit, unit.rid_of(f"Patient/{person}"))

    def check(self):
        """The record is whole, and every projection is what a rebuild gives."""
        with owner_connection() as owner:
            assert verify.whole(owner.cursor()).problems == []
        different = [each for each in rebuild(HOUSE, self.now, check=True) if not each.is_whole]
        assert different == []


def number(patient, value, system="urn:bayview:mrn"):
    return patient | {"identifier": [{"system": system, "value": value}]}


def allergy(id, person):
    return {
        "resourceType": "AllergyIntolerance",
        "id": id,
        "code": {"text": "Penicillin"},
        "patient": ref(f"Patient/{person}"),
        "clinicalStatus": codeable(
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"
        ),
    }


def plan(id, person):
    return {
        "resourceType": "CarePlan",
        "id": id,
        "status": "active",
        "intent": "plan",
        "subject": ref(f"Patient/{person}"),
    }


def of_all_kinds(clinic, person):
    """What hangs on a record: work, a contact, a team, a program, what tells of them, and a file."""
    clinic.write(
        b.team(f"team-{person}", person, "ana"),
        b.episode(f"episode-{person}", person),
        b.contact(f"visit-{person}", person, clinic.now),
        b.task(f"task-{person}", person, clinic.now),
        plan(f"plan-{person}", person),
        allergy(f"allergy-{person}", person),
        {
            "resourceType": "Provenance",
            "id": f"told-{person}",
            "target": [ref(f"Encounter/visit-{person}")],
            "recorded": "2026-11-01T10:00:00Z",
            "agent": [{"who": {"display": "St. Luke’s"}}],
        },
        {
            "resourceType": "Provenance",
            "id": f"made-{person}",
            "target": [ref(f"Patient/{person}")],
            "recorded": "2026-11-01T10:00:00Z",
            "agent": [{"who": {"display": "Front desk"}}],
        },
        {
            "resourceType": "Binary",
            "id": f"file-{person}",
            "contentType": "text/plain",
            "data": "aGk=",
            "securityContext": ref(f"Encounter/visit-{person}"),
        },
    )


MARYS = (
    "CareTeam/team",
    "EpisodeOfCare/episode",
    "Encounter/visit",
    "Task/task",
    "CarePlan/plan",
    "Binary/file",
)


def without_meta(resource):
    return {key: value for key, value in resource.items() if key != "meta"}
