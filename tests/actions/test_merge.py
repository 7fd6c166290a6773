"""Two records of Maria Duarte become one: what moves, who decides, which consent stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careloop import store
from careloop.access import Actor, Scope, SmartScope
from careloop.actions import record
from careloop.actions.working import NoPractitioner
from careloop.care import merge as merging
from careloop.fhir import uris
from careloop.fhir.elements import codeable, ref
from careloop.kernel.errors import Forbidden, NotFound, StaleVersion
from careloop.projections import finder, worklist
from careloop.store import grants, people_sets
from careloop.store.grants import Grant, Kind
from tests.actions.clinic import HOUSE, MARYS, Clinic, number, of_all_kinds
from tests.conftest import owner_connection
from tests.projections import builders as b
from tests.store.rows import rows


@pytest.fixture
def clinic(record, now):
    return Clinic(now)


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


def test_what_was_given_by_name_keeps_who_gave_it_and_what_was_said(clinic):
    mary, maria = clinic.rid("Patient/mary"), clinic.rid("Patient/maria")
    day = timedelta(days=1)
    told, until = {"words": "her neighbor asked"}, clinic.now + 9 * day
    with record.begin(HOUSE, clinic.now) as unit:
        for principal in (21, 22):
            given = Grant(principal, Kind.PERSON, mary, clinic.now, until, "errand", 7, told)
            grants.give(unit, given)
    joined = clinic.merge()
    with record.begin(HOUSE, clinic.now + day) as unit:
        held = grants.on(unit, [Kind.PERSON], [maria])
        assert {(g.principal, g.given_by, g.why) for g in held} == {
            (principal, 7, "errand") for principal in (21, 22)
        }
        assert all(g.told == told for g in held)
        assert {g.until for g in held} == {until}
        grants.end(unit, 22, [Kind.PERSON], maria)
    clinic.part(joined.number)
    with store.open(HOUSE, now=clinic.now + 2 * day) as unit:
        assert [(g.principal, g.given_by) for g in grants.on(unit, [Kind.PERSON], [mary])] == [(21, 7)]
        assert grants.on(unit, [Kind.PERSON], [maria]) == []


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
