"""Joined records are taken apart; what came late or meanwhile finds its person; random walks lose nothing."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from careloop import store
from careloop.actions.merge_people import merge_people
from careloop.actions.unmerge_people import give_to_other, written_meanwhile
from careloop.care import merge as merging
from careloop.fhir.elements import ref
from careloop.kernel.errors import Conflict, StaleVersion
from careloop.projections import worklist
from careloop.store.keys import number_of
from tests.actions.clinic import MARYS, Clinic, number, of_all_kinds, without_meta
from tests.projections import builders as b
from tests.store.rows import rows


@pytest.fixture
def clinic(record, now):
    return Clinic(now)


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
