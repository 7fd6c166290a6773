"""What a person asked about being reached is obeyed by every contact, letter and text, whoever makes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careloop import store
from careloop.actions import record
from careloop.actions.heed_safe_contact import UnsafeContact, allowed, rules_for
from careloop.actions.log_contact import Contact, log_contact
from careloop.actions.record_safe_contact import record_safe_contact
from careloop.care.safe_contact import Allowed, Refused, Rules
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.jobs import outbox
from careloop.kernel.errors import Forbidden, NotFound, StaleVersion
from careloop.projections import worklist
from tests.actions.clinic import HOUSE, Clinic
from tests.store.rows import rows

SILENT = Rules(frozenset({"call", "text", "letter"}), code_word="bluebird", say_from="the library")


@pytest.fixture
def clinic(record, now):
    return Clinic(now)


def ask(clinic, rules=SILENT, person="maria", scope=None):
    clinic.later()
    return record_safe_contact(scope or clinic.staff(), person, rules, clinic.now)


def call(clinic, **more):
    clinic.later()
    given = {"outcome": "no-answer", "minutes": 1, **more}
    return log_contact(clinic.staff(), Contact(**given), clinic.now, person="maria")


def works(clinic):
    with store.open(clinic.staff(), now=clinic.now) as unit:
        return worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)


def test_a_call_in_a_way_that_is_not_safe_needs_a_reason(clinic):
    ask(clinic)
    with pytest.raises(UnsafeContact):
        call(clinic)
    with pytest.raises(UnsafeContact):
        call(clinic, channel="text", outcome="reached", note="Yes", despite="whatever")
    assert rows("select count(*) from heads where type = 0") == [(0,)]
    made = call(clinic, despite="asked").made[0]
    assert extension(made.resource, uris.DESPITE) == "asked"
    assert call(clinic, channel="home", outcome="reached", note="At the door").made


def test_one_that_happened_already_is_told_and_somebody_looks_after_her_in_private(clinic):
    ask(clinic)
    call(clinic, despite="happened")
    (work,) = [row for row in works(clinic) if row.kind == "follow-up-private"]
    assert work.title == "Follow up in private"
    labels = rows(
        "select h.labels & 64 from heads h join work w on w.task = h.rid where w.kind = 'follow-up-private'"
    )
    assert labels == [(64,)]


def test_no_messages_leaves_calls_alone(clinic):
    ask(clinic, Rules(frozenset({"message"})))
    call(clinic)
    with pytest.raises(UnsafeContact):
        call(clinic, outcome="left-message")


def test_the_newest_word_counts_and_nothing_asked_ends_it(clinic):
    ask(clinic)
    ask(clinic, Rules(frozenset({"letter"})))
    call(clinic)
    assert ask(clinic, Rules()) is None
    with record.begin(HOUSE, clinic.now) as unit:
        assert rules_for(unit, unit.rid_of("Patient/maria")) == ()


def test_what_was_changed_meanwhile_is_not_ended_unseen(clinic):
    ask(clinic)
    clinic.later()
    with pytest.raises(StaleVersion):
        record_safe_contact(clinic.staff(), "maria", Rules(), clinic.now, seen=frozenset())


def test_who_may_not_see_her_writes_nothing_about_her(clinic):
    for scope in (clinic.staff(sites=[clinic.ranch]), clinic.staff("biller")):
        with pytest.raises((NotFound, Forbidden)):
            ask(clinic, scope=scope)


def test_a_letter_that_is_on_its_way_is_stopped_and_becomes_work(clinic):
    sent = []
    with record.begin(HOUSE, clinic.now) as unit:
        maria = unit.rid_of("Patient/maria")
        unit.send("a", "sms", "+17135550142", {"reaches": "text", "text": "Call us"}, maria)
        unit.send("b", "sms", "+17135550000", {"text": "to the clinic"}, maria)
    ask(clinic)
    clinic.now += timedelta(minutes=2)
    outbox.run(clinic.now, {"sms": sent.append})
    assert [letter.key for letter in sent] == ["b"]
    assert rows("select key, state from outbox order by key") == [("a", "dead"), ("b", "sent")]
    (work,) = [row for row in works(clinic) if row.kind == "review-letter"]
    assert "asked not to be texted" in work.because


def test_what_was_asked_on_a_record_that_was_joined_is_obeyed_on_both(clinic):
    ask(clinic, Rules(frozenset({"letter"})), person="mary")
    ask(clinic, Rules(frozenset({"text"})))
    clinic.merge()
    with record.begin(HOUSE, clinic.now) as unit:
        for person in ("maria", "mary"):
            rid = unit.rid_of(f"Patient/{person}")
            assert isinstance(allowed(unit, rid, "letter", clinic.now), Refused)
            assert isinstance(allowed(unit, rid, "text", clinic.now), Refused)
            assert isinstance(allowed(unit, rid, "call", clinic.now), Allowed)
