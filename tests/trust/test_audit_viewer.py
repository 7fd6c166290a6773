"""Who looked at whom: found by staff, person, time, door and outcome; by those who may; and looking is written down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client, override_settings

from careloop import projections, store
from careloop.access import Scope
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import SignedIn
from careloop.kernel.clock import MovableClock
from careloop.kernel.errors import NotFound
from careloop.projections import looks
from careloop.projections.alerts import raise_alert
from careloop.projections.looks import Asked
from careloop.server import middleware
from careloop.store import audit, people_sets
from careloop.web.staff.audit_export import harmless
from tests.conftest import owner_connection
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward
from tests.store.rows import rows
from tests.web.desk import words

Opened = Callable[[str], Client]


class Trail(Ward):
    """Ana opened Maria’s record at nine; Ben tried Walter’s, who is of another site."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.users = {who: _account(who, name, [role]) for who, name, role in _PEOPLE}
        self.looks("ana", "maria", now)
        with pytest.raises(NotFound):
            self.looks("ben", "walter", now + timedelta(minutes=20))

    def looks(self, who: str, person: str, at: datetime) -> None:
        actor = replace(
            self.actor,
            principal=self.users[who].principal_id,
            practitioner_rid=self.ana if who == "ana" else self.ben,
        )
        with store.open(Scope(actor, "page", "coordination"), now=at) as unit:
            unit.read("Patient", person)


_PEOPLE = (
    ("ana", "Ana Reyes", "coordinator"),
    ("ben", "Ben Osei", "coordinator"),
    ("ada", "Ada Lund", "auditor"),
    ("pia", "Pia Moss", "privacy-officer"),
)


def _account(who: str, name: str, roles: list[str]) -> User:
    return User.objects.create_user(
        f"{who}@example.org",
        "a quiet Monday morning",
        name,
        roles=roles,
        sites=["bayview"],
        practitioner=who if who in ("ana", "ben") else "",
        zone="America/Chicago",
    )


@pytest.fixture
def trail(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trail]:
    clock = MovableClock(now + timedelta(hours=1))
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield Trail(now)


@pytest.fixture
def as_(trail: Trail) -> Opened:
    def opened(who: str) -> Client:
        client = Client()
        client.force_login(trail.users[who])
        return client

    return opened


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.content.decode()[:800]
    return words(answer.content.decode())


def test_the_auditor_reads_who_opened_what_and_why(as_: Opened) -> None:
    shown = page(as_("ada"), "/audit")
    assert "Ana Reyes" in shown
    assert "care coordinator" in shown
    assert "opened the record" in shown
    assert "Maria Duarte" in shown
    assert "leads this person’s care" in shown
    assert 'class="refused"' in shown


@pytest.mark.parametrize("address", ["/audit", "/audit/alerts", "/audit/rows/0-1", "/audit/alerts/1"])
def test_a_coordinator_sees_nothing_of_it(as_: Opened, address: str) -> None:
    answer = as_("ana").get(address)
    assert answer.status_code == 403
    assert b"Ben Osei" not in answer.content
    [(outcome,)] = rows("select outcome from audit order by at desc, seq desc limit 1")
    assert outcome == audit.DENIED


def test_she_has_no_such_place_in_her_rail(as_: Opened) -> None:
    assert 'href="/audit"' not in page(as_("ana"), "/today")
    assert 'href="/audit"' in page(as_("ada"), "/audit")


def test_a_person_of_another_site_is_counted_and_not_named(as_: Opened, trail: Trail) -> None:
    shown = page(as_("ada"), f"/audit?staff={trail.users['ben'].principal_id}")
    assert "refused" in shown
    assert "Walter" not in shown
    assert "Nguyen" not in shown
    page(as_("ada"), "/audit?person=walter", 404)


def test_filters_narrow(as_: Opened, trail: Trail, now: datetime) -> None:
    ada, ana = as_("ada"), trail.users["ana"].principal_id
    body = lambda address: page(ada, address).partition("<tbody>")[2]  # noqa: E731
    assert "Ana Reyes" in body("/audit?person=maria")
    assert "Ben Osei" not in body("/audit?person=maria")
    assert "Ben Osei" not in body(f"/audit?staff={ana}")
    assert "Ana Reyes" not in body("/audit?outcome=refused")
    assert "Ana Reyes" not in body("/audit?door=fhir")
    assert "Ana Reyes" not in body("/audit?to=2026-11-22")
    assert "Ana Reyes" in body(f"/audit?from=2026-11-23&to=2026-11-23&staff={ana}")


def test_a_person_is_found_before_and_after_the_days_are_added_up(as_: Opened) -> None:
    before = page(as_("ada"), "/audit?person=maria").count("leads this person’s care")
    with transaction.atomic(), connection.cursor() as cursor:
        audit.digest_people(cursor)
    assert page(as_("ada"), "/audit?person=maria").count("leads this person’s care") == before == 1


def test_whose_record_is_asked_by_post_and_no_name_stands_in_an_address(as_: Opened) -> None:
    answer = as_("ada").post("/audit/person", {"who": "Maria Duarte"})
    assert (answer.status_code, answer["Location"]) == (302, "/audit?person=maria")


def test_a_line_opens_with_its_chain_and_what_was_around_it(as_: Opened, trail: Trail) -> None:
    ana = trail.users["ana"].principal_id
    [(lane, seq)] = rows("select lane, seq from audit where actor = %s", ana)
    shown = page(as_("ada"), f"/audit/rows/{lane}-{seq}")
    assert f"lane {lane}, line {seq}" in shown
    assert "Patient/maria" in shown
    page(as_("ada"), "/audit/rows/0-999999", 404)


def test_that_she_looked_stands_in_the_trail(as_: Opened, trail: Trail) -> None:
    page(as_("ada"), "/audit?person=maria")
    [(people,)] = rows(
        "select people from audit where actor = %s order by at desc, seq desc limit 1",
        trail.users["ada"].principal_id,
    )
    with store.open(HOUSE, now=trail.now) as unit:
        assert unit.rid_of("Patient/maria") in people_sets.unpack(bytes(people))


# --- alerts


@pytest.fixture
def flagged(trail: Trail, now: datetime) -> int:
    with store.open(HOUSE, now=now) as unit:
        maria = unit.rid_of("Patient/maria") or 0
        raise_alert(unit, "odd-access", maria, trail.users["ben"].principal_id, [("same-surname", {})])
    return int(rows("select id from alerts")[0][0])


def test_the_privacy_officer_decides_with_a_reason(as_: Opened, flagged: int) -> None:
    pia = as_("pia")
    assert "Both have the same last name." in page(pia, "/audit/alerts")
    answer = pia.post(f"/audit/alerts/{flagged}", {"state": "fine", "why": " "})
    assert answer.status_code == 422
    assert pia.post(f"/audit/alerts/{flagged}", {"state": "fine", "why": "Cousin; asked."}).status_code == 302
    assert rows("select state, why from alerts") == [("fine", "Cousin; asked.")]
    assert "Both have the same last name." not in page(pia, "/audit/alerts")
    assert "Cousin; asked." in page(pia, f"/audit/alerts/{flagged}")
    again = pia.post(f"/audit/alerts/{flagged}", {"state": "reported", "why": "No."})
    assert again.status_code == 422
    assert rows("select state from alerts") == [("fine",)]


def test_nobody_decides_about_herself(as_: Opened, trail: Trail, now: datetime) -> None:
    with store.open(HOUSE, now=now) as unit:
        maria = unit.rid_of("Patient/maria") or 0
        raise_alert(unit, "odd-access", maria, trail.users["pia"].principal_id, [("same-surname", {})])
    [(own,)] = rows("select id from alerts")
    pia = as_("pia")
    assert "somebody else has to decide it" in page(pia, f"/audit/alerts/{own}")
    answer = pia.post(f"/audit/alerts/{own}", {"state": "fine", "why": "It was only me."})
    assert answer.status_code == 403
    assert "somebody else has to decide it" in words(answer.content.decode())
    assert rows("select state, why from alerts") == [("open", "")]


def test_an_auditor_reads_alerts_and_decides_none(as_: Opened, flagged: int) -> None:
    assert "Ben Osei" in page(as_("ada"), "/audit/alerts")
    answer = as_("ada").post(f"/audit/alerts/{flagged}", {"state": "fine", "why": "No."})
    assert answer.status_code == 403
    assert rows("select state from alerts") == [("open",)]


def test_whoever_was_flagged_is_not_told(as_: Opened, flagged: int) -> None:
    ben = as_("ben")
    for address in ("/today", "/review", "/people"):
        assert "last name" not in page(ben, address)
    assert ben.get("/audit/alerts").status_code == 403


# --- out as files and as FHIR


def test_the_export_is_whole_and_written_down(as_: Opened, trail: Trail) -> None:
    ada = as_("ada")
    answer = ada.post("/audit/export", {"as": "csv"})
    assert answer["Content-Disposition"] == 'attachment; filename="audit-2026-11-23.csv"'
    told = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert ["Ana Reyes", "Patient/maria"] in [[one["who"], one["people"]] for one in told]
    lines = ada.post("/audit/export", {"as": "ndjson"}).content.splitlines()
    assert {json.loads(line)["resourceType"] for line in lines} == {"AuditEvent"}
    assert as_("ana").post("/audit/export", {"as": "csv"}).status_code == 403
    details = rows("select count(*) from audit where actor = %s", trail.users["ada"].principal_id)
    assert details[0][0] == 2
    assert ada.get("/audit/export").status_code == 405


def test_the_export_asks_for_a_fresh_second_factor(as_: Opened, now: datetime) -> None:
    ada = as_("ada")
    SignedIn.objects.update(proved_at=None)
    answer = ada.post("/audit/export", {"as": "csv"}, headers={"referer": "http://testserver/audit"})
    assert (answer.status_code, answer["Location"]) == (302, "/account/prove?next=%2Faudit")
    assert not answer.content
    SignedIn.objects.update(proved_at=now + timedelta(minutes=55))
    assert ada.post("/audit/export", {"as": "csv"}).status_code == 200


def test_a_name_is_no_formula() -> None:
    assert harmless('=HYPERLINK("http://x")') == '\'=HYPERLINK("http://x")'
    assert harmless("@SUM(A1)") == "'@SUM(A1)"
    assert harmless("-2") == "-2"
    assert harmless("Ana") == "Ana"


def test_a_program_with_the_scope_reads_audit_events(trail: Trail, issue_token: Any) -> None:
    from tests.api.conftest import Door

    door = Door(issue_token("auditing", "system/AuditEvent.rs")[1])
    ana = trail.users["ana"].principal_id
    bundle = json.loads(door.ask("GET", f"AuditEvent?agent={ana}&patient=maria").content)
    [event] = [entry["resource"] for entry in bundle["entry"]]
    assert event["action"] == "R"
    assert event["outcome"] == "0"
    assert event["agent"][0]["who"]["display"] == "Ana Reyes"
    assert {"reference": "Patient/maria"} in [entity["what"] for entity in event["entity"]]
    assert json.loads(door.ask("GET", f"AuditEvent/{event['id']}").content) == event
    refused = json.loads(door.ask("GET", "AuditEvent?outcome=4").content)
    assert len(refused["entry"]) == 1
    assert "entry" not in json.loads(door.ask("GET", "AuditEvent?date=lt2020-01-01").content)
    assert door.ask("GET", "AuditEvent?policy=x").status_code == 400
    assert door.ask("GET", "AuditEvent/0-99999").status_code == 404


def test_audit_events_are_fhir(trail: Trail, issue_token: Any) -> None:
    from careloop.fhir.validate import problems
    from tests.api.conftest import Door

    door = Door(issue_token("auditing", "system/AuditEvent.rs")[1])
    for entry in json.loads(door.ask("GET", "AuditEvent").content)["entry"]:
        assert problems(entry["resource"]) == []


def test_pages_of_audit_events_go_on_where_they_ended(trail: Trail, issue_token: Any) -> None:
    from tests.api.conftest import Door

    door = Door(issue_token("auditing", "system/AuditEvent.rs")[1])
    seen: list[str] = []
    address = "AuditEvent?_count=2&date=le2026-11-23T15:30:00Z"
    while address:
        bundle = json.loads(door.ask("GET", address).content)
        seen += [entry["resource"]["id"] for entry in bundle.get("entry", ())]
        address = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) >= 3


@pytest.mark.parametrize("scope", ["system/Patient.rs", "system/AuditEvent.cud"])
def test_a_program_without_it_is_refused(trail: Trail, issue_token: Any, scope: str) -> None:
    from tests.api.conftest import Door

    door = Door(issue_token("other", scope)[1])
    assert door.ask("GET", "AuditEvent").status_code == 403
    event = {"resourceType": "AuditEvent", "id": "0-1"}
    assert door.ask("PUT", "AuditEvent/0-1", event).status_code in (403, 422)


# --- whole, however busy it was


def busy(trail: Trail, now: datetime, looks_at_maria: int, between: int) -> None:
    """Ben opens James's record many times between two looks of Ana at Maria's."""
    with store.open(HOUSE, now=now, projectors=projections.ALL) as unit:
        unit.create_named(b.patient("james", "James", "Otieno"))
    for number in range(looks_at_maria):
        at = now + timedelta(minutes=number)
        for step in range(between):
            trail.looks("ben", "james", at + timedelta(seconds=step + 1))
        trail.looks("ana", "maria", at + timedelta(seconds=30))


@pytest.mark.parametrize("is_digested", [True, False])
def test_none_is_lost_behind_others_when_there_are_more_than_are_read_at_once(
    as_: Opened,
    trail: Trail,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    issue_token: Any,
    *,
    is_digested: bool,
) -> None:
    from tests.api.conftest import Door

    monkeypatch.setattr(looks, "_CHUNK", 4)
    busy(trail, now, 6, 5)
    if is_digested:
        with transaction.atomic(), connection.cursor() as cursor:
            audit.digest_people(cursor)
    ana = trail.users["ana"].principal_id
    opened = {f"{lane}-{seq}" for lane, seq in rows("select lane, seq from audit where actor = %s", ana)}
    assert len(opened) == 7
    ada = as_("ada")
    assert page(ada, "/audit?person=maria").count("leads this person’s care") == 7
    told = ada.post("/audit/export?person=maria", {"as": "csv", "person": "maria"}).content.decode(
        "utf-8-sig"
    )
    assert opened <= {one["id"] for one in csv.DictReader(io.StringIO(told))}
    door = Door(issue_token("auditing", "system/AuditEvent.rs")[1])
    bundle = json.loads(door.ask("GET", f"AuditEvent?patient=maria&agent={ana}").content)
    assert opened == {entry["resource"]["id"] for entry in bundle["entry"]}


def test_a_look_that_stops_early_says_where_it_goes_on(
    trail: Trail, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "_CHUNK", 2)
    monkeypatch.setattr(looks, "_MOST_CHUNKS", 2)
    busy(trail, now, 3, 5)
    seen: list[str] = []
    before, times = None, 0
    ada = replace(trail.actor, principal=trail.users["ada"].principal_id, roles=frozenset({"auditor"}))
    with store.open(Scope(ada, "page", "oversight"), now=now + timedelta(hours=1)) as unit:
        maria = unit.rid_of("Patient/maria")
        while times == 0 or before:
            found = looks.page(unit, Asked(person=maria, before=before, door="page"), 50)
            seen += [row.id for row in found.rows]
            before, times = found.next, times + 1
    assert len(seen) == len(set(seen)) == 4
    assert times > 2


# --- fast


def test_the_plans_of_the_queries_are_pinned(trail: Trail) -> None:
    """A hundred thousand rows: each question by its own index, never a look at all."""
    with owner_connection() as owner:
        owner.execute(
            "insert into audit select 900, n, timestamptz '2026-11-23 15:00Z' - n * interval '1 minute', 1 + n %% 60,"
            " null, 'R', 0, 'coordination', 'page', 'r', 1, 100 + n %% 5000, null, null, null, '\\x00'"
            " from generate_series(1, 20000) n".replace("%%", "%").encode()
        )
        owner.execute("analyze audit")
        wanted = {
            "audit_now_at_lane_seq_idx": Asked(),
            "audit_now_actor_at_lane_seq_idx": Asked(actor=7),
            "audit_now_rid_at_idx": Asked(thing=150),
        }
        for index, asked in wanted.items():
            query, given = looks.chunk_sql(asked)
            plan = "\n".join(row[0] for row in owner.execute(f"explain {query}".encode(), given).fetchall())
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan
