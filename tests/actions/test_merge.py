"""Two records of Maria Duarte become one, and two again."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from careloop import projections, store
from careloop.access import Actor, Scope, SmartScope, system_actor
from careloop.actions import record
from careloop.actions.carry_late import carry_late
from careloop.actions.merge_people import merge_people
from careloop.actions.unmerge_people import give_to_other, unmerge_people, written_meanwhile
from careloop.actions.working import NoPractitioner
from careloop.care import merge as merging
from careloop.fhir import uris
from careloop.fhir.elements import codeable, ref
from careloop.kernel.errors import Conflict, Forbidden, NotFound, StaleVersion
from careloop.projections import finder, worklist
from careloop.projections.rebuilding import rebuild
from careloop.store import people_sets, verify
from careloop.store.keys import number_of
from tests.conftest import owner_connection
from tests.projections import builders as b
from tests.store.rows import rows

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


@pytest.fixture
def clinic(record, now):
    return Clinic(now)


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


def test_everything_of_the_one_is_the_others_and_the_old_number_says_where_she_is(clinic):
    of_all_kinds(clinic, "mary")
    joined = clinic.merge()
    assert joined.survivor == "maria"
    for each in (*MARYS, "Provenance/told", "AllergyIntolerance/allergy"):
        assert clinic.home_of(f"{each}-mary") == "Patient/maria"
    assert clinic.read("Encounter/visit-mary").resource["subject"] == ref("Patient/maria")
    assert clinic.read("Encounter/visit-mary").version == 2
    old = clinic.read("Patient/mary").resource
    assert old["active"] is False
    assert old["link"] == [{"other": ref("Patient/maria"), "type": "replaced-by"}]
    assert clinic.read("Patient/maria").resource["link"] == [
        {"other": ref("Patient/mary"), "type": "replaces"}
    ]
    assert clinic.home_of("Provenance/made-mary") == "Patient/mary"  # it tells of that record itself
    clinic.check()


def test_search_finds_who_stays_by_the_other_name_and_number(clinic):
    clinic.merge()
    with store.open(clinic.staff(), now=clinic.now) as unit:
        assert [one.id for one in finder.find(unit, "Mary Duarte")] == ["maria"]
        assert [one.id for one in finder.find(unit, "815")] == ["maria"]
        assert [one.id for one in finder.namesakes(unit, unit.rid_of("Patient/maria"))] == []


def test_work_timers_sheets_grants_and_denials_go_along(clinic):
    of_all_kinds(clinic, "mary")
    mary, maria = clinic.rid("Patient/mary"), clinic.rid("Patient/maria")
    with record.begin(HOUSE, clinic.now) as unit:
        unit.set_timer(mary, "escalate", "Task/task-mary", clinic.now)
        unit.set_timer(mary, "silence", "Patient/mary", clinic.now)
    with owner_connection() as owner:
        owner.execute(
            "insert into grants(principal, kind, value, since, why) values (9, 1, %s, now(), 'cover'), "
            "(9, 6, %s, now(), 'emergency')",
            [mary, mary],
        )
        owner.execute("insert into denies(principal, person) values (11, %s)", [mary])
        owner.execute(
            "insert into drafts(person, actor, form, codec, answers, started_at, at) "
            "values (%s, 7, 'contact:-', 0, '{}', now(), now())",
            [mary],
        )
    joined = clinic.merge()
    assert rows("select person, kind, key from timers") == [(maria, "escalate", "Task/task-mary")]
    assert rows("select person from drafts") == [(maria,)]
    assert rows("select principal, person from denies order by person") == [(11, maria), (11, mary)]
    granted = rows(f"select kind, value from grants where value = {maria}")
    assert granted == [(1, maria)]  # an emergency was declared for the one record
    with store.open(clinic.staff(), now=clinic.now) as unit:
        assert [row.task_id for row in worklist.of_person(unit, maria, clinic.now) if row.kind == "call"] == [
            "task-mary"
        ]
    clinic.part(joined.number)
    assert rows("select person, kind, key from timers") == [(mary, "escalate", "Task/task-mary")]
    assert rows("select person from drafts") == [(mary,)]
    assert rows("select principal, person from denies") == [(11, mary)]
    assert rows(f"select value from grants where value = {maria}") == []


def test_whoever_may_not_see_the_person_may_not_see_the_old_record_either(clinic):
    clinic.write(b.patient("mary", "Mary", "Duarte", site="ranch"))
    both = clinic.staff(sites=[clinic.site, clinic.ranch])
    at_ranch = clinic.staff(sites=[clinic.ranch])
    with store.open(at_ranch, now=clinic.now) as unit:
        assert unit.may_see(unit.rid_of("Patient/mary"))
    clinic.merge(scope=both)
    with store.open(at_ranch, now=clinic.now) as unit:
        assert not unit.may_see(unit.rid_of("Patient/mary"))
        with pytest.raises(NotFound):
            unit.read("Patient", "mary")
    clinic.check()


def test_somebody_whom_she_may_not_see_or_change_can_not_be_joined(clinic):
    clinic.write(b.patient("mary", "Mary", "Duarte", site="ranch"))
    with pytest.raises(NotFound):
        clinic.merge()
    assert clinic.read("Patient/mary").version == 2
    assert rows("select count(*) from merges") == [(0,)]


def test_a_link_alone_joins_nobody(clinic):
    linked = {
        **clinic.read("Patient/mary").resource,
        "link": [{"other": ref("Patient/maria"), "type": "replaced-by"}],
    }
    with pytest.raises(store.errors.JoinedRecord):
        clinic.write(linked)
    clinic.merge()
    unlinked = clinic.read("Patient/mary").resource
    del unlinked["link"]
    with pytest.raises(store.errors.JoinedRecord):
        clinic.write(unlinked)


def test_a_merge_in_doubt_needs_her_word_and_an_old_view_is_refused(clinic):
    clinic.write(number(b.patient("mary", "Mary", "Duarte"), "815") | {"birthDate": "1961-01-01"})
    with pytest.raises(merging.MergeInDoubt):
        clinic.merge(is_confirmed=False)
    with pytest.raises(StaleVersion):
        clinic.merge(versions=(1, 1))
    with pytest.raises(merging.SameRecord):
        clinic.merge(goes="maria")
    clinic.merge()
    with pytest.raises(merging.MergedAlready):
        clinic.merge()
    with pytest.raises(merging.MergedAlready):
        clinic.merge("mary", "maria")  # no loop
    with pytest.raises(merging.MergedAlready):
        clinic.merge("mary", "other")


def test_a_death_on_one_of_them_is_settled_first(clinic):
    clinic.write(number(b.patient("mary", "Mary", "Duarte"), "815") | {"deceasedBoolean": True})
    with pytest.raises(merging.DeathUnsettled):
        clinic.merge()


def test_taken_apart_each_thing_is_as_it_was_and_goes_to_whose_it_was(clinic):
    of_all_kinds(clinic, "mary")
    before = {each: clinic.read(f"{each}-mary").resource for each in MARYS}
    mary, maria = clinic.read("Patient/mary").resource, clinic.read("Patient/maria").resource
    people = b.remembered()["people"]
    joined = clinic.merge()
    parted = clinic.part(joined.number)
    assert parted.since == parted.changed == ()
    for each, was in before.items():
        now = clinic.read(f"{each}-mary")
        assert clinic.home_of(f"{each}-mary") == "Patient/mary"
        assert without_meta(now.resource) == without_meta(was)
        assert now.version == 3
    assert without_meta(clinic.read("Patient/mary").resource) == without_meta(mary)
    assert without_meta(clinic.read("Patient/maria").resource) == without_meta(maria)
    assert b.remembered()["people"] == people
    with pytest.raises(merging.NotMerged):
        clinic.part(joined.number)
    clinic.check()


def without_meta(resource):
    return {key: value for key, value in resource.items() if key != "meta"}


def test_what_was_written_meanwhile_is_listed_and_a_person_divides_it(clinic):
    of_all_kinds(clinic, "mary")
    joined = clinic.merge()
    clinic.later()
    done = clinic.read("Task/task-mary").resource | {"status": "completed"}
    clinic.write(done, b.contact("call", "maria", clinic.now), b.contact("hers", "maria", clinic.now))
    maria = clinic.read("Patient/maria").resource
    clinic.write(maria | {"telecom": [{"system": "phone", "value": "713-555-0100"}]})
    parted = clinic.part(joined.number)
    assert parted.since == ("Encounter/call", "Encounter/hers")
    assert parted.changed == ("Task/task-mary",)
    task = clinic.read("Task/task-mary").resource
    assert (task["status"], task["for"]) == ("completed", ref("Patient/mary"))
    now = clinic.read("Patient/maria").resource
    assert now["telecom"] == [{"system": "phone", "value": "713-555-0100"}]
    assert [each["value"] for each in now["identifier"]] == ["4711"]
    assert "link" not in now
    with store.open(clinic.staff(), now=clinic.now) as unit:
        assert [each.reference for each in written_meanwhile(unit, joined.number)] == [
            "Encounter/hers",
            "Encounter/call",
        ]
        titles = [row.title for row in worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)]
        assert "Divide what was written meanwhile" in titles
    clinic.later()
    assert give_to_other(clinic.staff(), joined.number, ["Encounter/call"], clinic.now) == ("Encounter/call",)
    assert clinic.home_of("Encounter/call") == "Patient/mary"
    assert clinic.home_of("Encounter/hers") == "Patient/maria"
    clinic.check()


def test_what_comes_late_for_the_old_number_is_hers_who_stayed_and_goes_back_with_it(clinic):
    joined = clinic.merge()
    clinic.later()
    clinic.write(b.contact("late", "mary", clinic.now))
    assert clinic.late("mary") == 1
    assert clinic.late("mary") == 0
    assert clinic.home_of("Encounter/late") == "Patient/maria"
    clinic.part(joined.number)
    assert clinic.home_of("Encounter/late") == "Patient/mary"
    clinic.check()


def test_a_chain_is_followed_to_its_end_and_taken_apart_from_there(clinic):
    of_all_kinds(clinic, "mary")
    first = clinic.merge("maria", "mary")
    second = clinic.merge("other", "maria")
    assert clinic.home_of("Encounter/visit-mary") == "Patient/other"
    clinic.later()
    clinic.write(b.contact("late", "mary", clinic.now))
    assert clinic.late("mary") == 2
    assert clinic.home_of("Encounter/late") == "Patient/other"
    with pytest.raises(merging.UndoLaterFirst):
        clinic.part(first.number)
    clinic.part(second.number)
    assert clinic.home_of("Encounter/visit-mary") == clinic.home_of("Encounter/late") == "Patient/maria"
    clinic.part(first.number)
    assert clinic.home_of("Encounter/visit-mary") == clinic.home_of("Encounter/late") == "Patient/mary"
    clinic.check()


def consent(id, person, kind="permit", status="active", who="Organization/ranch", category="privacy"):
    return {
        "resourceType": "Consent",
        "id": id,
        "status": status,
        "scope": codeable("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [codeable("urn:careloop:code:portal" if category == "portal" else "urn:x", "x")],
        "patient": ref(f"Patient/{person}"),
        "policyRule": {"text": "as told"},
        "provision": {
            "type": kind,
            "actor": [{"role": {"text": "who"}, "reference": ref(who, "Luis Duarte")}],
        },
    }


def test_the_stricter_consent_stays(clinic):
    clinic.write(
        consent("yes", "maria"),
        consent("no", "mary", kind="deny"),
        consent("ended", "mary", status="inactive", category="portal"),
        consent("open", "maria", category="portal"),
    )
    sensitive(clinic, "Consent/no")
    joined = clinic.merge()
    assert clinic.read("Consent/yes").resource["status"] == "inactive"  # it spoke of one record only
    assert clinic.read("Consent/no").resource["status"] == "active"
    assert clinic.home_of("Consent/no") == "Patient/maria"
    assert clinic.read("Consent/open").resource["status"] == "inactive"  # the other record had closed to him
    with store.open(clinic.staff(), now=clinic.now) as unit:
        because = [row.because for row in worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)]
    assert "Permissions are on hold until the person was asked again." in because
    clinic.part(joined.number)
    assert clinic.read("Consent/yes").resource["status"] == "active"
    assert clinic.read("Consent/open").resource["status"] == "active"
    clinic.check()


def sensitive(clinic, reference):
    with owner_connection() as owner:
        owner.execute("update heads set labels = labels | 8 where rid = %s", [clinic.rid(reference)])


def test_a_permission_that_both_records_gave_stands(clinic):
    clinic.write(consent("one", "maria"), consent("two", "mary"))
    sensitive(clinic, "Consent/one")
    sensitive(clinic, "Consent/two")
    clinic.merge()
    assert (
        clinic.read("Consent/one").resource["status"]
        == clinic.read("Consent/two").resource["status"]
        == "active"
    )


def test_both_plans_and_allergies_are_told_to_whoever_leads_her(clinic):
    of_all_kinds(clinic, "mary")
    of_all_kinds(clinic, "maria")
    clinic.merge()
    with store.open(clinic.staff(), now=clinic.now) as unit:
        work = {row.kind: row for row in worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)}
    assert work["review-joined"].because == "Both have an active plan. Both have a list of allergies."


def test_another_code_status_is_told_at_once(clinic):
    clinic.write(
        {
            "resourceType": "Observation",
            "id": "status",
            "status": "final",
            "category": [
                codeable("http://terminology.hl7.org/CodeSystem/observation-category", "social-history")
            ],
            "code": codeable("urn:careloop:code:about", "code-status"),
            "subject": ref("Patient/mary"),
            "effectiveDateTime": "2026-06-01",
            "valueString": "Do not resuscitate",
        }
    )
    clinic.merge()
    with store.open(clinic.staff(), now=clinic.now) as unit:
        (work,) = worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)
    assert work.because == "They say different things about the code status. Confirm it with the person."


def test_safety_of_both_and_work_of_one_key(clinic):
    marias, marys = (
        number(b.patient(p, p.title(), "Duarte"), n) for p, n in (("maria", "4711"), ("mary", "815"))
    )
    for one, words in ((marias, "Dog"), (marys, "Never alone")):
        one["extension"] = [*one["extension"], {"url": uris.SAFETY, "valueString": words}]
    task = b.task("quiet", "mary", clinic.now, dedupe="silence:Patient/mary:2026-11-01T1000")
    clinic.write(marias, marys, task)
    clinic.merge()
    said = [
        e["valueString"]
        for e in clinic.read("Patient/maria").resource["extension"]
        if e["url"] == uris.SAFETY
    ]
    assert said == ["Dog; Never alone"]
    assert (
        clinic.read("Task/quiet").resource["identifier"][0]["value"]
        == "silence:Patient/maria:2026-11-01T1000"
    )


def test_both_stand_in_the_audit_trail_with_who_did_it(clinic):
    clinic.merge()
    maria, mary = clinic.rid("Patient/maria"), clinic.rid("Patient/mary")
    found = rows("select actor, people from audit where people is not null")
    by_actor = {}
    for actor, people in found:
        by_actor.setdefault(actor, set()).update(people_sets.unpack(bytes(people)))
    assert {maria, mary} <= by_actor[7]
    assert {maria, mary} <= by_actor[-9]


def test_who_could_not_write_can_not_join(clinic):
    reader = Scope(
        Actor(1, "client", "Reader", scopes=(SmartScope.parse("system/*.rs"),)), "fhir", "treatment"
    )
    with pytest.raises((NoPractitioner, Forbidden)):
        clinic.merge(scope=reader)
    with pytest.raises((NotFound, Forbidden)):
        clinic.merge(scope=clinic.staff("volunteer"))
    assert rows("select count(*) from merges") == [(0,)]


def test_whatever_is_joined_parted_and_written_in_any_order_nothing_is_lost(clinic):
    """Seeded walks of merges, partings and late words over four records: whatever happened, each thing is there once,
    at a record that stands, no merge goes in a circle, and the record is whole."""
    walk = random.Random(4711)
    clinic.write(number(b.patient("fourth", "Maria", "Duarte"), "3"))
    people = ("maria", "mary", "other", "fourth")
    written = []
    for person in people:
        written += [clinic.write(b.contact(f"first-{person}", person, clinic.now))[0].reference]
    open_merges = []
    for step in range(40):
        clinic.later()
        kind = walk.choice(("merge", "part", "write", "write", "change", "late"))
        try:
            if kind == "merge":
                open_merges.append(clinic.merge(*walk.sample(people, 2)).number)
            elif kind == "part" and open_merges:
                clinic.part(chosen := walk.choice(open_merges))
                open_merges.remove(chosen)
            elif kind == "write":
                written += [
                    clinic.write(b.contact(f"late-{step}", walk.choice(people), clinic.now))[0].reference
                ]
            elif kind == "change":
                one = clinic.read(walk.choice(written)).resource
                clinic.write(one | {"reasonCode": [{"text": f"step {step}"}]})
            else:
                clinic.late(walk.choice(people))
        except (merging.MergedAlready, merging.UndoLaterFirst):
            continue
    for person in people:
        clinic.late(person)
    assert open_merges
    gone = {f"Patient/{p}" for p in people if merging.replaced_by(clinic.read(f"Patient/{p}").resource)}
    assert gone
    for reference in written:
        home = clinic.home_of(reference)
        assert home not in gone
        assert clinic.read(reference).resource["subject"] == ref(home)
    assert (
        rows("select count(*) from heads where state = 1")[0][0] == 7 + len(written) + provenances_and_work()
    )
    clinic.check()


def provenances_and_work():
    kinds = f"{number_of('Provenance')}, {number_of('Task')}"
    return rows(f"select count(*) from heads where type in ({kinds})")[0][0]


def test_her_own_account_opens_the_record_that_stays_at_the_end_of_a_chain(clinic):
    from careloop.accounts import family_accounts
    from careloop.actions.family_actor import family_of

    account = family_accounts.open_account("Patient/mary", "Maria Duarte", "en", clinic.now)
    first = clinic.merge("maria", "mary")
    second = clinic.merge("other", "maria")
    assert [each.id for each in family_of(account.principal_id, clinic.now).whose] == ["other"]
    clinic.part(second.number)
    clinic.part(first.number)
    assert [each.id for each in family_of(account.principal_id, clinic.now).whose] == ["mary"]


def test_of_eight_who_join_the_two_at_the_same_moment_one_does(clinic):
    clinic.later()
    versions, barrier = clinic.versions("maria", "mary"), Barrier(8)

    def racer(number):
        try:
            barrier.wait()
            stays, goes = ("maria", "mary") if number % 2 else ("mary", "maria")
            seen = versions if number % 2 else versions[::-1]
            return merge_people(
                clinic.staff(), stays, goes, clinic.now, reason="race", versions=seen, is_confirmed=True
            )
        except (Conflict, StaleVersion) as lost:
            return lost
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as racers:
        ends = list(racers.map(racer, range(8)))
    assert sum(not isinstance(end, Conflict | StaleVersion) for end in ends) == 1
    assert rows("select count(*) from merges") == [(1,)]
    clinic.check()
