"""The feed is followed once and in order, by one worker; killed, it begins again; what it can't work out is seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from careloop import reactions, store
from careloop.actions import follow_person
from careloop.kernel.errors import Unavailable
from careloop.reactions import follow
from careloop.store import feed
from careloop.store.errors import RecordUnavailable
from tests.projections import builders as b
from tests.store.rows import rows
from tests.stories.ward import HOME_WORK, HOUSE, LIBRARY, StoryWard, settle

PARKED = "select count(*) from parked where resolved_at is null"


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    found = StoryWard(now)
    found.react()
    return found


def arrives(ward: StoryWard, **more: Any) -> None:
    """A discharge is written, and nobody has followed it yet."""
    ward.write(ward.stay(status="finished", ended="Fri 16:20", to="01", **more))
    settle()


def test_nothing_to_follow_writes_nothing(ward: StoryWard) -> None:
    before = rows("select count(*) from audit")
    assert reactions.run(ward.now, LIBRARY) == 0
    assert rows("select count(*) from audit") == before


def test_a_letter_to_do_that_names_no_letter_does_not_hold_up_the_rest(ward: StoryWard) -> None:
    nowhere = "urn:uuid:5a4e8a0c-0000-4000-8000-000000000001"
    for number, about in enumerate(("Communication/lost", "Encounter/stay-v1", nowhere)):
        told = b.task(f"mail-{number}", "maria", ward.now, kind="mail-letter", reasons=(about,))
        ward.write(told | {"status": "completed"})
    arrives(ward)
    assert reactions.run(ward.now, LIBRARY) == 4
    assert set(HOME_WORK) <= set(ward.titles())


def test_a_batch_follows_each_person_once(ward: StoryWard, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[int] = []
    real = follow.follow

    def counted(unit: store.Unit, person: int, library: Any) -> object:
        followed.append(person)
        return real(unit, person, library)

    monkeypatch.setattr(follow, "follow", counted)
    arrives(ward)
    arrives(ward, began="2026-11-16 09:00")
    assert reactions.run(ward.now, LIBRARY) == 2
    assert len(followed) == 1


def test_killed_before_the_cursor_moved_nothing_doubles(
    ward: StoryWard, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrives(ward)

    class Killed(BaseException):
        """kill -9 between the two commits."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(feed, "advance", killed)
        with pytest.raises(Killed):
            reactions.run(ward.now, LIBRARY)
    before = ward.versions()
    assert len(before) == 3
    assert reactions.run(ward.now, LIBRARY) > 0
    ward.react()
    assert ward.versions() == before


def test_followed_from_the_beginning_once_more_nothing_doubles(ward: StoryWard) -> None:
    ward.discharge()
    ward.cancel_discharge()
    ward.discharge(at="Sat 10:00")
    before, remembered = ward.versions(), b.remembered()
    with store.open(HOUSE, now=ward.now) as unit:
        unit.cursor().execute("update cursors set xid = '0', pos = 0 where name = 'reactions'")
    assert ward.react() > 5
    assert (ward.versions(), b.remembered()) == (before, remembered)


def test_two_workers_follow_as_one(ward: StoryWard) -> None:
    arrives(ward)

    def work(_: int) -> int:
        try:
            return reactions.run(ward.now, LIBRARY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) >= 1
    ward.react()
    assert [row.title for row in ward.rows()] == list(HOME_WORK)
    assert len(ward.tasks()) == 3


def test_a_person_and_a_worker_at_the_same_moment_make_the_work_once(ward: StoryWard) -> None:
    arrives(ward)

    def work(_: int) -> None:
        try:
            with follow.record.begin(follow.scope(), ward.now) as unit:
                rid = unit.rid_of("Patient/maria")
                assert rid is not None
                follow_person.follow(unit, rid, LIBRARY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(ward.tasks()) == 3


# What can't be worked out


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Whoever is named here can't be worked out."""
    faults: dict[str, BaseException] = {}
    real = follow.follow

    def poisoned(unit: store.Unit, person: int, library: Any) -> object:
        if fault := faults.get(unit.reference_of(person)):
            raise fault
        return real(unit, person, library)

    monkeypatch.setattr(follow, "follow", poisoned)
    return faults


def test_what_fails_three_times_is_told_and_others_go_on(
    ward: StoryWard, poison: dict[str, BaseException]
) -> None:
    poison["Patient/maria"] = KeyError("Duarte")
    ward.write(b.patient("rosa", "Rosa", "Lima"))
    arrives(ward)
    arrives(ward, visit="V9", person="rosa")
    for _ in range(6):
        reactions.run(ward.now, LIBRARY)
    ward.react()
    (row,) = ward.rows()
    assert row.title == "Look at this record: what follows could not be worked out"
    assert row.because == (
        "Encounter/stay-v1, version 1: A fault in Careloop (KeyError). Nothing that depends on it was done."
    )
    assert rows(PARKED) == [(1,)]
    assert [each.title for each in ward.rows("rosa")] == list(HOME_WORK)
    assert "Duarte" not in repr(rows("select error from parked"))


def test_when_it_works_again_the_item_goes_by_itself(
    ward: StoryWard, poison: dict[str, BaseException]
) -> None:
    poison["Patient/maria"] = ValueError()
    arrives(ward)
    for _ in range(6):
        reactions.run(ward.now, LIBRARY)
    poison.clear()
    ward.discharge()
    ward.discharge(at="Fri 16:30")
    assert [row.title for row in ward.rows()] == list(HOME_WORK)
    assert "Withdrawn: It could be worked out after all." in ward.reasons()
    assert rows(PARKED) == [(0,)]


def test_a_database_that_is_away_is_nobodys_fault(ward: StoryWard, poison: dict[str, BaseException]) -> None:
    poison["Patient/maria"] = RecordUnavailable()
    arrives(ward)
    for _ in range(4):
        with pytest.raises(Unavailable):
            reactions.run(ward.now, LIBRARY)
    assert rows("select tries from cursors where name = 'reactions'") == [(0,)]
    poison.clear()
    ward.react()
    assert [row.title for row in ward.rows()] == list(HOME_WORK)
