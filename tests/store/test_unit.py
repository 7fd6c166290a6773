"""The unit of work: what is written is there afterwards, whole, audited, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import store
from careloop.access import Actor, Scope
from careloop.kernel.errors import Forbidden, Gone, NotFound, StaleVersion
from careloop.store import audit, connection
from careloop.store.errors import AlreadyExists, RecordFault
from tests.store.people import maria, reading
from tests.store.rows import one, rows


def test_what_is_created_is_read_back_as_it_was_said(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
    with store.open(scope, now=now) as unit:
        found = unit.read("Patient", made.id)
    assert found.resource["name"] == maria()["name"]
    assert found.resource["meta"] == {"versionId": "1", "lastUpdated": "2026-11-23T15:00:00.000Z"}
    assert (found.version, found.op, found.person) == (1, "create", found.rid)


def test_a_decimal_keeps_its_last_zero(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
        made = unit.create(reading(patient.reference, Decimal("1.10")))
        same = unit.update(reading(patient.reference, Decimal("1.10")) | {"id": made.id})
        assert same.version == 1
        other = unit.update(reading(patient.reference, Decimal("1.1")) | {"id": made.id})
    assert other.version == 2
    with store.open(scope, now=now) as unit:
        assert str(unit.read_version("Observation", made.id, 1).resource["valueQuantity"]["value"]) == "1.10"


def test_the_home_of_a_reading_is_the_person_it_is_about(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
        found = unit.create(reading(patient.reference))
        assert found.person == patient.rid
        assert [s.reference for s in unit.of_person(patient.rid, ["Observation"])] == [found.reference]


def test_a_reading_may_come_before_its_person(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        early = unit.create(reading("Patient/maria"))
    with store.open(scope, now=now) as unit:
        patient = unit.update(maria() | {"id": "maria"}, create=True)
    assert early.person == patient.rid


def test_another_subject_means_another_home_and_the_history_follows(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        one_person, other = unit.create(maria()), unit.create(maria())
        made = unit.create(reading(one_person.reference))
    with store.open(scope, now=now) as unit:
        moved = unit.update(reading(other.reference) | {"id": made.id})
    with store.open(scope, now=now) as unit:
        assert moved.person == other.rid
        assert [s.version for s in unit.history("Observation", made.id)] == [2, 1]
        assert unit.of_person(one_person.rid, ["Observation"]) == []
        assert [s.version for s in unit.of_person(other.rid, ["Observation"])] == [2]


def test_an_update_that_changes_nothing_writes_nothing(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
    with store.open(scope, now=now + timedelta(hours=1)) as unit:
        again = unit.update(unit.read("Patient", made.id).resource)
        assert unit.changes == []
    assert again.version == 1
    assert one("select count(*) from versions") == 1


def test_a_stale_version_is_refused_and_nothing_is_saved(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
        unit.update(maria() | {"id": made.id, "gender": "other"}, if_match=1)
    with pytest.raises(StaleVersion), store.open(scope, now=now) as unit:
        unit.update(maria() | {"id": made.id, "gender": "male"}, if_match=1)
    with store.open(scope, now=now) as unit:
        assert unit.read("Patient", made.id).resource["gender"] == "other"


def test_deleted_means_gone_but_not_forgotten(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
    with store.open(scope, now=now) as unit:
        unit.delete("Patient", made.id)
    with pytest.raises(Gone), store.open(scope, now=now) as unit:
        unit.read("Patient", made.id)
    with store.open(scope, now=now) as unit:
        assert unit.find("Patient", made.id) is None
        assert [s.op for s in unit.history("Patient", made.id)] == ["delete", "create"]
        assert unit.read_version("Patient", made.id, 1).resource["gender"] == "female"
        assert unit.search("Patient", {"gender": "female"}).entries == []
    assert one("select count(*) from index_token") == 0


def test_a_failure_leaves_nothing_behind(record: None, scope: Scope, now: datetime) -> None:
    def fail_midway() -> None:
        with store.open(scope, now=now) as unit:
            unit.create(maria())
            unit.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert one("select count(*) from versions") == 0
    assert one("select count(*) from heads") == 0
    assert rows("select outcome from audit") == [(audit.FAILED,)]


def test_creating_under_an_id_that_is_taken_is_refused(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")
    with pytest.raises(AlreadyExists), store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")


def test_nothing_there_and_nobody_asked_are_not_found(record: None, scope: Scope, now: datetime) -> None:
    with pytest.raises(NotFound), store.open(scope, now=now) as unit:
        unit.read("Patient", "nobody")
    with pytest.raises(NotFound), store.open(scope, now=now) as unit:
        unit.update(maria() | {"id": "nobody"})


def test_a_conditional_create_finds_what_was_there(record: None, scope: Scope, now: datetime) -> None:
    condition = [("identifier", "urn:mrn|4711")]
    with store.open(scope, now=now) as unit:
        first = unit.create(maria(), if_none_exist=condition)
    with store.open(scope, now=now) as unit:
        second = unit.create(maria(), if_none_exist=condition)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.reference == first.reference


def test_every_read_is_written_down_with_its_person(record: None, scope: Scope, now: datetime) -> None:
    from careloop.store import people_sets

    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
    for _ in range(3):
        with store.open(scope, now=now) as unit:
            unit.read("Patient", made.id)
    found = rows("select action, outcome, people, request from audit order by seq")
    assert [row[:2] for row in found] == [("C", 0), ("R", 0), ("R", 0), ("R", 0)]
    assert all(people_sets.unpack(row[2]) == [made.rid] for row in found)
    assert all(row[3] == scope.request for row in found)


def test_opening_the_record_without_looking_leaves_no_trace(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now):
        pass
    assert one("select count(*) from audit") == 0


def test_who_may_not_is_refused_and_that_is_written_down(record: None, now: datetime) -> None:
    nobody = Scope(Actor(9, "client", "No scopes"), "fhir", "treatment")
    with pytest.raises(Forbidden), store.open(nobody, now=now) as unit:
        unit.create(maria())
    assert rows("select outcome, actor from audit") == [(audit.DENIED, 9)]


class Facts:
    """A projector that only knows sites."""

    def project(self, unit: store.Unit, changes: Any) -> None:
        for change in changes:
            patient = change.after
            if patient and patient.type == "Patient" and "managingOrganization" in patient.resource:
                site = unit.mention(patient.resource["managingOrganization"]["reference"])
                unit.cursor().execute(
                    "insert into people(person, site) values (%s, %s) "
                    "on conflict (person) do update set site = excluded.site",
                    [patient.person, site],
                )

    def rebuild(self, unit: store.Unit) -> None: ...


@pytest.fixture
def sites(record: None, scope: Scope, now: datetime) -> dict[str, int]:
    with store.open(scope, now=now) as unit:
        return {name: unit.mention(f"Organization/{name}") for name in ("north", "south")}


def coordinator(site: int) -> Scope:
    who = Actor(5, "staff", "Ana", roles=frozenset({"coordinator"}), sites=frozenset({site}))
    return Scope(who, "page", "coordination")


def at_site(site: str) -> dict[str, Any]:
    return maria() | {"managingOrganization": {"reference": f"Organization/{site}"}}


def test_a_foreign_person_looks_like_a_missing_one(
    sites: dict[str, int], scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now, projectors=[Facts()]) as unit:
        made = unit.create(at_site("north"))
        foreign = unit.create(reading(made.reference))
    with store.open(coordinator(sites["north"]), now=now) as unit:
        assert unit.read("Patient", made.id).id == made.id
        assert unit.may_see(made.person)
    ana = coordinator(sites["south"])
    with pytest.raises(NotFound) as refused, store.open(ana, now=now) as unit:
        unit.read("Patient", made.id)
    with pytest.raises(NotFound) as missing, store.open(ana, now=now) as unit:
        unit.read("Patient", made.id[:-1] + "x")
    assert refused.value.sentence[:40] == missing.value.sentence[:40]
    with store.open(ana, now=now) as unit:
        assert unit.of_person(foreign.person, ["Observation"]) == []
        assert unit.get([made.reference]) == {}
        assert unit.search("Patient").entries == []
        assert not unit.may_see(made.person)
    assert rows("select outcome from audit where actor = 5 order by seq")[1] == (audit.DENIED,)


def test_nobody_writes_a_person_out_of_or_into_a_foreign_site(
    sites: dict[str, int], scope: Scope, now: datetime
) -> None:
    ana = coordinator(sites["north"])
    with pytest.raises(Forbidden), store.open(ana, now=now, projectors=[Facts()]) as unit:
        unit.create(at_site("south"))
    with store.open(ana, now=now, projectors=[Facts()]) as unit:
        made = unit.create(at_site("north"))
    with pytest.raises(Forbidden), store.open(ana, now=now, projectors=[Facts()]) as unit:
        unit.update(at_site("south") | {"id": made.id})
    with pytest.raises(NotFound), store.open(coordinator(sites["south"]), now=now) as unit:
        unit.update(at_site("south") | {"id": made.id})
    assert one("select count(*) from versions") == 1
    assert rows("select outcome from audit where actor = 5 order by lane, seq") == [(4,), (0,), (4,), (4,)]


def test_a_claim_is_won_once(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        assert unit.claim("task", "Task/1")
        assert not unit.claim("task", "Task/1")
    with store.open(scope, now=now) as unit:
        assert not unit.claim("task", "Task/1")


def test_a_resource_that_mentions_strangers_gives_them_keys_at_the_commit(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(reading("Patient/a") | {"performer": [{"reference": "Practitioner/stranger"}]})
    with store.open(scope, now=now) as unit:
        assert unit.rid_of("Practitioner/stranger") is not None


def test_a_connection_that_died_while_nobody_used_it_is_replaced_before_it_is_used(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        made = unit.create(maria())
    kept = connection.keeper()
    one("select pg_terminate_backend(%s)", kept.pg.info.backend_pid)
    kept.used -= 60
    with store.open(scope, now=now) as unit:
        assert unit.read("Patient", made.id).version == 1
    assert connection.keeper() is not kept


@pytest.mark.parametrize("failure", ["select 1/0", "python"])
def test_a_projection_that_fails_fails_the_unit_and_nothing_after_it(
    record: None, scope: Scope, now: datetime, failure: str
) -> None:
    class Failing:
        def project(self, unit: store.Unit, changes: Any) -> None:
            unit.cursor().execute("insert into codes(kind, text) values (7, 'left behind')")
            if failure == "python":
                raise LookupError("a projection")
            unit.cursor().execute(failure)
            unit.cursor().execute("insert into codes(kind, text) values (8, 'never')")

        def rebuild(self, unit: store.Unit) -> None: ...

    expected = LookupError if failure == "python" else RecordFault
    with pytest.raises(expected), store.open(scope, now=now, projectors=[Failing()]) as unit:
        unit.create(maria())
    assert rows("select text from codes") == []
    assert one("select count(*) from versions") == 0
    with store.open(scope, now=now) as unit:
        unit.create(maria())
    assert rows("select outcome from audit order by seq") == [(8,), (0,)]
