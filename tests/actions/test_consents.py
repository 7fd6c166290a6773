"""A consent is written down, shows what it permits, ends, and takes with it what was on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop.access import Actor, Scope, system_actor
from careloop.actions import record
from careloop.actions.record_consent import ConsentLacks, Paper, reach, record_consent
from careloop.actions.revocation import REVOCATION_DOORS, stop_letters
from careloop.actions.revoke_consent import revoke_consent, would_reach
from careloop.care.consent_asked import Asked
from careloop.care.revocation import Limit
from careloop.fhir.elements import Resource
from careloop.kernel.errors import NotFound
from careloop.projections import caseload, story, worklist
from careloop.projections.caseload import Asked as Listing
from careloop.projections.finder import find
from careloop.reactions import timers
from careloop.store import conditions

pytestmark = pytest.mark.usefixtures("record")
MAKER = Scope(system_actor("import"), "command", "maintenance")
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def make(now: datetime, *resources: Resource) -> None:
    with record.begin(MAKER, now) as unit:
        for each in resources:
            unit.create(each, id=each["id"])


def rid(now: datetime, reference: str) -> int:
    with record.begin(MAKER, now) as unit:
        found = unit.rid_of(reference)
    assert found is not None
    return found


@pytest.fixture
def ana(now: datetime) -> Scope:
    """Ana coordinates at the clinic, where Maria is; what Bayou Recovery wrote about her is Part 2."""
    make(
        now,
        {"resourceType": "Organization", "id": "clinic", "name": "Clinic"},
        {"resourceType": "Organization", "id": "pantry", "name": "Food Pantry"},
        {
            "resourceType": "Organization",
            "id": "bayou",
            "name": "Bayou Recovery",
            "type": [{"coding": [{"system": "urn:careloop:code:org-kind", "code": "part2-program"}]}],
        },
        {"resourceType": "Practitioner", "id": "ana", "name": [{"text": "Ana Reyes"}]},
        {
            "resourceType": "Patient",
            "id": "maria",
            "name": [{"given": ["Maria"], "family": "Duarte", "use": "official"}],
            "managingOrganization": {"reference": "Organization/clinic"},
        },
        {
            "resourceType": "CareTeam",
            "id": "team",
            "status": "active",
            "subject": {"reference": "Patient/maria"},
            "participant": [
                {
                    "role": [{"coding": [{"system": "urn:careloop:code:team-role", "code": "lead"}]}],
                    "member": {"reference": "Practitioner/ana"},
                }
            ],
        },
    )
    make(now, note("counseling"), contact("visit"), task("call-counselor", focus="Encounter/visit"))
    actor = Actor(
        principal=5,
        kind="staff",
        name="Ana Reyes",
        roles=frozenset({"coordinator"}),
        sites=frozenset({rid(now, "Organization/clinic")}),
        practitioner="Practitioner/ana",
        practitioner_rid=rid(now, "Practitioner/ana"),
    )
    return Scope(actor, "page", "coordination")


def note(id: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"text": "Attendance"},
        "subject": {"reference": "Patient/maria"},
        "performer": [{"reference": "Organization/bayou"}],
        "effectiveDateTime": "2026-11-20T10:00:00Z",
        "valueString": "came",
    }


def contact(id: str) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": id,
        "status": "finished",
        "class": {"system": ACT, "code": "AMB"},
        "subject": {"reference": "Patient/maria"},
        "serviceProvider": {"reference": "Organization/bayou"},
        "period": {"start": "2026-11-20T10:00:00Z", "end": "2026-11-20T11:00:00Z"},
    }


def task(id: str, *, owner: str = "Practitioner/ana", focus: str = "") -> Resource:
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "description": f"Do {id}",
        "for": {"reference": "Patient/maria"},
        "owner": {"reference": owner},
        **({"focus": {"reference": focus}} if focus else {}),
    }


def asked(**more: Any) -> Asked:
    said: dict[str, Any] = {
        "person": "Patient/maria",
        "by_whom": "Organization/bayou",
        "recipients": ("Organization/clinic",),
        "what": ("part2",),
        "purpose": "tpo",
        "signed_by": "Maria Duarte",
        "how": "written",
    }
    return Asked(**(said | more))


def seen(scope: Scope, now: datetime) -> dict[str, Any]:
    """All the ways round: what somebody sees of Maria."""
    with record.begin(scope, now) as unit:
        person = unit.mention("Patient/maria")
        today = worklist.today(unit, now)
        people = caseload.caseload(unit, Listing(view="all"))
        return {
            "read": unit.find("Observation", "counseling") is not None,
            "search": [e.id for e in unit.search("Observation", {"patient": "maria"}).entries],
            "count": unit.search("Observation", {"patient": "maria", "_summary": "count"}).total,
            "story": [
                e.reference for e in story.story(unit, person) if not e.reference.startswith("Consent/")
            ],
            "today": [row.task_id for row in today.rows],
            "waits": sum(today.counts.values()),
            "work": [row.task_id for row in worklist.of_person(unit, person, now)],
            "listed": [(one.person.name, one.open, one.next_title) for one in people.rows],
            "found": [one.name for one in find(unit, "Duarte")],
            "withheld": unit.withholds(person),
            "says so": (today.is_partial, people.is_partial),
        }


NOTHING = {
    "read": False,
    "search": [],
    "count": 0,
    "story": [],
    "today": [],
    "waits": 0,
    "work": [],
    "listed": [("Maria Duarte", 0, "")],
    "found": ["Maria Duarte"],
    "withheld": True,
    "says so": (True, True),
}


def test_part_2_records_are_seen_while_a_consent_lasts_and_by_whom_it_names(
    ana: Scope, now: datetime
) -> None:
    assert seen(ana, now) == NOTHING
    record_consent(ana, asked(), now)
    shown = seen(ana, now)
    assert shown["read"]
    assert shown["search"] == ["counseling"]
    assert shown["count"] == 1
    assert "Encounter/visit" in shown["story"]
    assert shown["today"] == shown["work"] == ["call-counselor"]
    assert shown["listed"] == [("Maria Duarte", 1, "Do call-counselor")]
    assert not shown["withheld"]
    assert shown["says so"] == (False, False)


def test_ended_it_shows_nothing_at_the_next_look(ana: Scope, now: datetime) -> None:
    kept = record_consent(ana, asked(), now)
    done = revoke_consent(ana, kept.id, "She said so", now + timedelta(minutes=1))
    assert done.consent.resource["status"] == "inactive"
    with_notice = seen(ana, now + timedelta(minutes=1))
    # Of what is told to the coordinator instead there is one to-do, and it says nothing about why.
    assert len(with_notice["work"]) == 1
    assert {**with_notice, **{k: NOTHING[k] for k in ("today", "waits", "work", "listed")}} == NOTHING


def test_it_ends_by_itself(ana: Scope, now: datetime) -> None:
    record_consent(ana, asked(until=now + timedelta(days=10)), now)
    assert seen(ana, now + timedelta(days=9))["read"]
    assert seen(ana, now + timedelta(days=10)) == NOTHING


def test_without_the_look_at_the_hour_an_ended_consent_would_still_show(
    ana: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the test above fails when nobody looks at the dates."""
    record_consent(ana, asked(until=now + timedelta(days=10)), now)
    monkeypatch.setattr(conditions, "_LASTS", "{0}.since <= %s and ({0}.since < %s or true)")
    assert seen(ana, now + timedelta(days=10))["read"]


def test_a_consent_to_part_2_records_that_lacks_something_is_refused_and_says_what(
    ana: Scope, now: datetime
) -> None:
    with pytest.raises(ConsentLacks) as refused:
        record_consent(ana, asked(by_whom="", signed_by=""), now)
    assert refused.value.lacking == ("signed_by", "by_whom")
    with pytest.raises(NotFound):
        record_consent(ana, asked(recipients=("Organization/nobody",)), now)


def test_a_paper_is_kept_with_it(ana: Scope, now: datetime) -> None:
    kept = record_consent(ana, asked(), now, paper=Paper("Consent form 7", None, "binder 3"))
    with record.begin(ana, now) as unit:
        paper = unit.read("DocumentReference", kept.resource["sourceReference"]["reference"].split("/")[1])
    assert paper.resource["description"] == "Consent form 7. Kept: binder 3"


def test_open_referrals_to_them_wait_and_they_are_told_to_stop(ana: Scope, now: datetime) -> None:
    kept = record_consent(ana, asked(recipients=("Organization/pantry",), what=(), purpose="treatment"), now)
    make(
        now,
        {
            "resourceType": "ServiceRequest",
            "id": "food",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/maria"},
            "performer": [{"reference": "Organization/pantry"}],
        },
        task("deliver", owner="Organization/pantry", focus="ServiceRequest/food"),
        task("call-maria"),
    )
    with record.begin(ana, now) as unit:
        assert {each.id for each in would_reach(unit, unit.read("Consent", kept.id))} == {"food", "deliver"}
    now += timedelta(minutes=1)
    done = revoke_consent(ana, kept.id, "", now)
    assert {"ServiceRequest/food", "Task/deliver"} <= set(done.reached)
    with record.begin(ana, now) as unit:
        assert unit.read("ServiceRequest", "food").resource["status"] == "on-hold"
        assert unit.read("Task", "deliver").resource["status"] == "on-hold"
        assert unit.read("Task", "call-maria").resource["status"] == "requested"
        told = unit.search("Communication", {"patient": "maria"}).entries
        letters = unit.cursor().execute("select kind, dest from outbox where state = 'waiting'").fetchall()
        rows = worklist.of_person(unit, unit.mention("Patient/maria"), now)
    assert len(told) == 1
    assert "Bayou" not in str(told[0].resource)
    assert letters == [("letter", "Food Pantry")]
    assert "Talk about what is shared: a consent has changed" in [row.title for row in rows]
    assert reach(rid(now, "Patient/maria"), now) == ()  # said once


def test_on_its_last_day_a_timer_does_the_same(ana: Scope, now: datetime) -> None:
    from careloop import library

    record_consent(
        ana,
        asked(
            recipients=("Organization/pantry",), what=(), purpose="treatment", until=now + timedelta(days=3)
        ),
        now,
    )
    make(now, task("deliver", owner="Organization/pantry"))
    timers.run_timers(now + timedelta(days=2), library.load())
    with record.begin(MAKER, now) as unit:
        assert unit.read("Task", "deliver").resource["status"] == "requested"
    timers.run_timers(now + timedelta(days=3, minutes=1), library.load())
    with record.begin(MAKER, now) as unit:
        assert unit.read("Task", "deliver").resource["status"] == "on-hold"


def test_who_is_denied_everything_does_not_find_her(ana: Scope, now: datetime) -> None:
    record_consent(
        ana, asked(is_denial=True, what=(), purpose="", by_whom="", recipients=("Organization/clinic",)), now
    )
    with record.begin(ana, now) as unit:
        person = unit.mention("Patient/maria")
        assert find(unit, "Duarte") == []
        assert caseload.caseload(unit, Listing(view="all")).rows == ()
        assert worklist.today(unit, now).rows == ()
        assert not unit.may_see(person)
        with pytest.raises(NotFound):
            unit.read("Patient", "maria")
    herself = Actor(7, "person", "Maria", shares=frozenset({(rid(now, "Patient/maria"), "all")}))
    with record.begin(replace(ana, actor=herself), now) as unit:
        assert unit.read("Patient", "maria").id == "maria"


def test_a_denial_is_lifted_and_every_row_is_free_again(ana: Scope, now: datetime) -> None:
    made = {
        "resourceType": "Consent",
        "id": "no-hiv",
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [{"text": "privacy"}],
        "patient": {"reference": "Patient/maria"},
        "dateTime": "2026-01-01",
        "policyRule": {"text": "as she said"},
        "provision": {"type": "deny", "securityLabel": [{"system": ACT, "code": "HIV"}]},
    }
    count = "select count(*) from {} where labels & 65536 <> 0"
    make(now, made)
    with record.begin(MAKER, now) as unit:
        for table in ("heads", "people", "work", "story"):
            (found,) = unit.cursor().execute(count.format(table).encode()).fetchone() or (0,)
            assert found, table
        unit.create({**task("later"), "id": "later"}, id="later")
    with record.begin(MAKER, now) as unit:
        kept = unit.read("Consent", "no-hiv")
        (found,) = unit.cursor().execute(b"select labels from work where task_id = 'later'").fetchone() or (
            0,
        )
        assert found & 65536
        unit.update({**kept.resource, "status": "inactive"})
    with record.begin(MAKER, now) as unit:
        for table in ("heads", "people", "work", "story"):
            (found,) = unit.cursor().execute(count.format(table).encode()).fetchone() or (1,)
            assert not found, table


def test_a_consent_that_nobody_can_read_withholds_and_somebody_is_asked(ana: Scope, now: datetime) -> None:
    with record.begin(MAKER, now) as unit:
        unit.create(
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {"text": "what I said"},
                "category": [{"text": "privacy"}],
                "patient": {"reference": "Patient/maria"},
                "policyRule": {"text": "?"},
            },
            id="odd",
        )
    reach(rid(now, "Patient/maria"), now)
    with record.begin(ana, now) as unit:
        assert not unit.may_see(unit.mention("Patient/maria"))
    with record.begin(MAKER, now) as unit:
        titles = [t.resource["description"] for t in unit.search("Task", {"patient": "maria"}).entries]
    assert "Read a consent that could not be understood" in titles


def test_every_door_that_a_consent_closes_is_on_the_list() -> None:
    assert [door.name for door in REVOCATION_DOORS] == [
        *("pages", "fragments", "fhir-read", "fhir-search", "fhir-history", "counts", "finder", "prints"),
        *("registry", "readings-and-scores", "case-reviews", "dry-runs", "fhir-operations", "acts-on-many"),
        *("exports", "protocols", "taken-along"),
        *("app-tokens", "disclosures", "referrals", "letters", "shares"),
    ]
    assert all(door.how for door in REVOCATION_DOORS)


@pytest.mark.parametrize("code", ["OPTIN", "OPTOUT"])
def test_a_consent_that_says_all_by_its_policy_ends_and_keeps_saying_it(
    ana: Scope, now: datetime, code: str
) -> None:
    scope = "http://terminology.hl7.org/CodeSystem/consentscope"
    rule = {"coding": [{"system": ACT, "code": code}]}
    said = {
        "resourceType": "Consent",
        "id": "by-policy",
        "status": "active",
        "scope": {"coding": [{"system": scope, "code": "patient-privacy"}]},
        "category": [{"text": "privacy"}],
        "patient": {"reference": "Patient/maria"},
        "dateTime": "2026-01-01",
        "policyRule": rule,
    }
    make(now, said)
    ended = revoke_consent(MAKER, "by-policy", "She asked", now + timedelta(minutes=1)).consent.resource
    assert ended["status"] == "inactive"
    assert ended["provision"]["period"]["end"]
    assert ended["policyRule"] == {**rule, "text": "Ended: She asked"}


def test_only_letters_to_them_are_stopped_and_each_is_named(ana: Scope, now: datetime) -> None:
    """By whom they are for, not by how that name begins; under a new name as well."""
    make(now, {"resourceType": "Organization", "id": "mercy", "name": "Mercy"})
    given = asked(recipients=("Organization/mercy",), what=(), purpose="treatment")
    kept = record_consent(ana, given, now)
    with record.begin(MAKER, now) as unit:
        maria = unit.mention("Patient/maria")
        letters = (
            ("typed", "letter", "Mercy, 12 Oak St", ""),
            ("west", "letter", "Mercy West", ""),
            ("old-name", "disclosure", "Old Mercy House", "Organization/mercy"),
            ("same-name", "disclosure", "Mercy", "Organization/pantry"),
        )
        for key, kind, to, recipient in letters:
            unit.send(key, kind, to, {"to": to, "recipient": recipient}, maria)
    revoke_consent(ana, kept.id, "", now + timedelta(minutes=1))
    assert withdrawn(now) == ["typed", "old-name"]
    with record.begin(ana, now) as unit:
        [told] = [t for t in unit.of_person(maria, ["Task"]) if "a consent has changed" in str(t.resource)]
    note = told.resource["note"][0]["text"]
    assert note == "Letters that did not leave: Mercy, 12 Oak St, Old Mercy House."


def test_who_denies_everybody_still_gets_her_own_letters(ana: Scope, now: datetime) -> None:
    everybody = Limit("Consent/x", "x", frozenset(), True, frozenset({"Organization/pantry"}), True)
    with record.begin(MAKER, now) as unit:
        maria = unit.mention("Patient/maria")
        letters = (
            ("code", "portal-code", {"kind": "phone", "sealed": "x"}),
            ("hers", "disclosure", {"to": "Maria Duarte", "recipient": "Patient/maria"}),
            ("reaches", "letter", {"to": "Maria Duarte", "reaches": "letter"}),
            ("nobody", "letter", {"to": ""}),
            ("spared", "letter", {"to": "Food Pantry"}),
            ("spared-too", "letter", {"to": "The pantry", "recipient": "Organization/pantry"}),
            ("not-spared", "letter", {"to": "Food Pantry West"}),
        )
        for key, kind, payload in letters:
            unit.send(key, kind, "somewhere", payload, maria)
    with record.begin(MAKER, now) as unit:
        assert stop_letters(unit, maria, everybody) == ("not-spared",)
    assert withdrawn(now) == ["not-spared"]


def withdrawn(now: datetime) -> list[str]:
    with record.begin(MAKER, now) as unit:
        rows = unit.cursor().execute("select key from outbox where state = 'withdrawn' order by id")
        return [row[0] for row in rows.fetchall()]
