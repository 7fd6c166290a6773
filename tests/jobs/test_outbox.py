"""What leaves the house leaves after half a minute, at least once, and never fails unseen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from careloop import store
from careloop.jobs import outbox as jobs
from careloop.jobs.outbox import HOLD, LEASE, NotSent
from careloop.store import outbox
from careloop.store.outbox import MOST_TRIES, Letter
from tests.stories.ward import HOUSE, StoryWard

AFTER = HOLD + timedelta(seconds=1)


class Post:
    """The outside world: takes letters, or does not."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_open = True

    def __call__(self, letter: Letter) -> None:
        if not self.is_open:
            raise NotSent(f"Fax machine of {letter.dest} is off.")
        self.taken.append(letter.key)


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    return StoryWard(now)


@pytest.fixture
def post() -> Post:
    return Post()


def sends(ward: StoryWard, key: str = "Task/1@2") -> None:
    with store.open(HOUSE, now=ward.now) as unit:
        rid = unit.rid_of("Patient/maria") or 0
        unit.send(key, "answer", "Dr. Chen", {"text": "She was seen."}, person=rid)


def run(ward: StoryWard, post: Post, after: timedelta = AFTER) -> int:
    return jobs.run(ward.now + after, {"answer": post})


def test_it_is_held_so_that_it_can_be_undone(ward: StoryWard, post: Post) -> None:
    sends(ward)
    assert run(ward, post, timedelta(seconds=29)) == 0
    with store.open(HOUSE, now=ward.now) as unit:
        assert outbox.withdraw(unit, "Task/1@2")
    assert run(ward, post) == 0
    assert post.taken == []


def test_then_it_leaves_once(ward: StoryWard, post: Post) -> None:
    sends(ward)
    assert run(ward, post) == 1
    assert run(ward, post, LEASE * 2) == 0
    assert post.taken == ["Task/1@2"]


def test_what_is_being_sent_has_left_and_is_nobody_elses(ward: StoryWard, post: Post) -> None:
    sends(ward)

    def meanwhile(letter: Letter) -> None:
        with store.open(HOUSE, now=ward.now + AFTER) as unit:
            assert outbox.has_left(unit, letter.key)
            assert not outbox.withdraw(unit, letter.key)
        assert run(ward, post, AFTER * 2) == 0

    assert jobs.run(ward.now + AFTER, {"answer": meanwhile}) == 1
    assert post.taken == []


def test_killed_while_sending_it_is_sent_again_under_the_same_key(ward: StoryWard, post: Post) -> None:
    class Killed(BaseException):
        """kill -9 after the other side has it."""

    def dies(letter: Letter) -> None:
        post(letter)
        raise Killed

    sends(ward)
    with pytest.raises(Killed):
        jobs.run(ward.now + AFTER, {"answer": dies})
    assert run(ward, post, AFTER + LEASE / 2) == 0
    assert run(ward, post, AFTER + LEASE) == 1
    assert post.taken == ["Task/1@2", "Task/1@2"]


def test_what_fails_waits_longer_each_time_and_others_are_not_held_up(ward: StoryWard, post: Post) -> None:
    sends(ward)
    post.is_open = False
    assert run(ward, post) == 1
    assert run(ward, post, AFTER + timedelta(seconds=9)) == 0
    post.is_open = True
    sends(ward, "Task/2@1")
    assert run(ward, post, AFTER + timedelta(seconds=9)) == 1
    assert run(ward, post, AFTER + timedelta(seconds=16)) == 1
    assert post.taken == ["Task/2@1", "Task/1@2"]


def gives_up(ward: StoryWard, senders: dict[str, Post]) -> datetime:
    at = ward.now + AFTER
    for _ in range(MOST_TRIES):
        assert jobs.run(at, senders) == 1
        at += timedelta(hours=3)
    return at


def test_given_up_it_is_work_that_a_person_sees(ward: StoryWard, post: Post) -> None:
    sends(ward)
    post.is_open = False
    at = gives_up(ward, {"answer": post})
    (row,) = ward.rows()
    assert row.title == "This could not be sent: reach them another way"
    assert row.because == (
        "Tried 8 times over, last answer: The other side did not take it. We try again, later each time."
    )
    assert ward.tasks()[0]["note"][0]["text"].startswith("What: answer. To: Dr. Chen.")
    with store.open(HOUSE, now=at) as unit:
        (dead,) = outbox.listed(unit)
        outbox.revive(unit, dead.id)
    post.is_open = True
    assert jobs.run(at + AFTER, {"answer": post}) == 1
    assert ward.rows() == []


def test_without_a_sender_it_does_not_wait_unseen(ward: StoryWard) -> None:
    sends(ward)
    gives_up(ward, {})
    assert ward.titles() == ["This could not be sent: reach them another way"]
    assert "Nothing is set up here" in ward.rows()[0].because


def test_a_fault_that_is_no_answer_stops_the_worker_and_the_letter_waits(ward: StoryWard, post: Post) -> None:
    def no_memory(letter: Letter) -> None:
        raise MemoryError

    sends(ward)
    with pytest.raises(MemoryError):
        jobs.run(ward.now + AFTER, {"answer": no_memory})
    assert run(ward, post, AFTER + LEASE) == 1
