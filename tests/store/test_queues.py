"""Feed, timers, inbox, outbox and drafts: what waits for somebody, and is never lost or done twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from careloop import store
from careloop.access import Actor, Scope, SmartScope
from careloop.kernel.errors import NotFound
from careloop.store import drafts, feed, inbox, outbox, timers
from tests.store.people import maria, reading
from tests.store.rows import one


def settled(name: str, limit: int = 100) -> list[feed.Event]:
    assert feed.wait_until_settled()
    return feed.read(name, limit)


def test_the_feed_tells_every_version_once_and_in_order(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
        observation = unit.create(reading(patient.reference))
    with store.open(scope, now=now) as unit:
        unit.delete("Observation", observation.id)
    events = settled("reactions")
    assert [(e.reference, e.version, e.op) for e in events] == [
        (patient.reference, 1, "create"),
        (observation.reference, 1, "create"),
        (observation.reference, 2, "delete"),
    ]
    assert {e.person for e in events} == {patient.rid}
    with store.open(scope, now=now) as unit:
        feed.advance(unit, "reactions", events[1])
    assert [e.op for e in settled("reactions")] == ["delete"]
    assert len(settled("another")) == 3


def test_an_open_transaction_holds_the_horizon_so_nothing_is_skipped(
    record: None, scope: Scope, now: datetime
) -> None:
    """The late one began first and commits last; a cursor that had passed it would never see it."""
    from tests.conftest import owner_connection

    late = owner_connection()
    late.autocommit = False
    late.execute("insert into codes(kind, text) values (9, 'holds a transaction id')")
    with store.open(scope, now=now) as unit:
        unit.create(maria())
    assert feed.read("reactions") == []
    late.rollback()
    late.close()
    assert len(settled("reactions")) == 1


def test_an_event_that_fails_three_times_is_parked_with_its_person(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        patient = unit.create(maria())
    (event,) = settled("reactions")
    for tries in (1, 2, 3):
        with store.open(scope, now=now) as unit:
            assert feed.failed(unit, "reactions", event, "The rule file has no zone.") is (tries == 3)
    assert settled("reactions") == []
    with store.open(scope, now=now) as unit:
        (parked,) = feed.parked(unit)
        assert (parked.person, parked.reference) == (patient.rid, patient.reference)
        feed.resolve(unit, parked.id)
        assert feed.parked(unit) == []


def test_a_timer_fires_when_its_time_has_come_and_once(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.set_timer(7, "escalate", "Task/1", now + timedelta(minutes=15))
    with store.open(scope, now=now + timedelta(minutes=14)) as unit:
        assert timers.due(unit) == []
    with store.open(scope, now=now + timedelta(minutes=15)) as unit:
        (timer,) = timers.due(unit)
        assert (timer.person, timer.kind, timer.key) == (7, "escalate", "Task/1")
        timers.done(unit, timer)
    with store.open(scope, now=now + timedelta(hours=1)) as unit:
        assert timers.due(unit) == []


def test_a_timer_that_fails_three_times_is_seen_by_a_person(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.set_timer(7, "escalate", "Task/1", now)
        (timer,) = timers.due(unit)
        assert [timers.failed(unit, timer, "no zone") for _ in range(3)] == [False, False, True]
        assert timers.due(unit) == []
        assert [t.key for t in timers.stuck(unit)] == ["Task/1"]


def test_no_backlog_keeps_urgent_work_waiting(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        for person in range(1, 6):
            unit.set_timer(person, "silence", "all", now - timedelta(hours=1))
        unit.set_timer(9, "escalate", "Task/1", now)
        assert [t.kind for t in timers.due(unit, 3, lasting={"escalate"})] == [
            "escalate",
            "silence",
            "silence",
        ]
        assert [t.kind for t in timers.due(unit, 3)] == ["silence"] * 3


def test_the_same_message_twice_is_stored_once(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        first = inbox.receive(unit, "mercy", "MSG1", b"MSH|...", "hl7")
        again = inbox.receive(unit, "mercy", "MSG1", b"MSH|...", "hl7")
        other = inbox.receive(unit, "mercy", "MSG1", b"MSH|... other", "hl7")
        elsewhere = inbox.receive(unit, "grace", "MSG1", b"MSH|...", "hl7")
    assert (first.state, first.is_duplicate, again.is_duplicate) == ("new", False, True)
    assert again.id == first.id
    assert (other.is_duplicate, other.is_repeat_id) == (False, True)
    assert (elsewhere.is_duplicate, elsewhere.is_repeat_id) == (False, False)


def test_messages_are_taken_in_order_and_what_fails_is_listed(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        for number in range(3):
            inbox.receive(unit, "mercy", f"M{number}", b"MSH|%d" % number, "hl7")
        inbox.receive(unit, "mercy", "", b"junk", "hl7", state="quarantined", error="No frame.")
    with store.open(scope, now=now) as unit:
        (first,) = inbox.waiting(unit)
        assert first.control == "M0"
        inbox.finish(unit, first.id, "review", error="The zone is unknown.")
    with store.open(scope, now=now) as unit:
        assert [m.control for m in inbox.waiting(unit, 10)] == ["M1", "M2"]
        assert [(m.state, m.raw) for m in inbox.listed(unit)] == [
            ("quarantined", b"junk"),
            ("review", b"MSH|0"),
        ]
        inbox.again(unit, first.id)
        assert inbox.counts(unit) == {"new": 3, "quarantined": 1}
    assert "MSH" not in repr(first)


def test_a_letter_leaves_once_unless_it_is_withdrawn_in_time(
    record: None, scope: Scope, now: datetime
) -> None:
    soon = now + timedelta(seconds=30)
    with store.open(scope, now=now) as unit:
        assert unit.send("answer/1", "mail", "clinic@example.org", {"text": "We called her."}, due=soon)
        assert not unit.send("answer/1", "mail", "clinic@example.org", {"text": "We called her."}, due=soon)
        unit.send("answer/2", "mail", "clinic@example.org", {"text": "Wrong person."}, due=soon)
        assert outbox.take(unit, unit.now + timedelta(minutes=5)) == []
        assert outbox.withdraw(unit, "answer/2")
    with store.open(scope, now=soon) as unit:
        (letter,) = outbox.take(unit, unit.now + timedelta(minutes=5))
        assert letter.payload == {"text": "We called her."}
        outbox.sent(unit, letter)
        assert not outbox.withdraw(unit, "answer/1")
        assert outbox.has_left(unit, "answer/1")
        assert outbox.take(unit, unit.now + timedelta(minutes=5)) == []


def test_a_partner_who_stays_silent_ends_as_a_dead_letter(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.send("k", "mail", "x@example.org", {})
    at, waits = now, []
    for _ in range(outbox.MOST_TRIES):
        with store.open(scope, now=at) as unit:
            (letter,) = outbox.take(unit, unit.now + timedelta(minutes=5))
            outbox.failed(unit, letter, "no answer", jitter=0)
        due = one("select due from outbox")
        waits.append((due - at).total_seconds())
        at = due
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280]
    with store.open(scope, now=at) as unit:
        assert outbox.take(unit, unit.now + timedelta(minutes=5)) == []
        assert not outbox.revive(unit, letter.id, person=7)
        assert outbox.revive(unit, letter.id)
        assert not outbox.revive(unit, letter.id)
        assert len(outbox.take(unit, unit.now + timedelta(minutes=5))) == 1


def test_answers_are_kept_at_each_answer_and_are_ones_own(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        person = unit.create(maria()).rid
        drafts.save(unit, person, "phq-9", {"1": 2})
    with store.open(scope, now=now) as unit:
        draft = drafts.save(unit, person, "phq-9", {"1": 2, "2": 3})
        assert drafts.load(unit, person, "phq-9") == draft
        assert [d.id for d in drafts.listed(unit, person)] == [draft.id]
    other = Scope(
        Actor(2, "client", "Other", scopes=(SmartScope.parse("system/*.cruds"),)), "page", "treatment"
    )
    with store.open(other, now=now) as unit:
        assert drafts.load(unit, person, "phq-9") is None
        drafts.delete(unit, draft.id)
    with pytest.raises(NotFound), store.open(other, now=now) as unit:
        drafts.get(unit, draft.id)
    with store.open(scope, now=now) as unit:
        assert drafts.get(unit, draft.id).answers == {"1": 2, "2": 3}
        drafts.delete(unit, draft.id)
        assert drafts.listed(unit) == []
