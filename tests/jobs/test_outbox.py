"""What leaves the house leaves after half a minute, at least once, and never fails unseen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from careloop import store
from careloop.actions.complete_work import complete_work
from careloop.actions.send_again import OnItsWay, send_again
from careloop.jobs import by_hand
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
        "Tried 8 times, last answer: The other side did not take it. We try again, later each time."
    )
    assert ward.tasks()[0]["note"][0]["text"].startswith("What: answer. To: Dr. Chen.")
    scope = ward.staff("Ana Reyes", "ana", "coordinator")
    send_again(scope, row.task_id, at)
    with pytest.raises(OnItsWay):
        send_again(scope, row.task_id, at)
    post.is_open = True
    assert jobs.run(at + AFTER, {"answer": post}) == 1
    assert ward.rows() == []


def test_without_a_sender_it_does_not_wait_unseen(ward: StoryWard) -> None:
    sends(ward)
    assert jobs.run(ward.now + AFTER, {}) == 1
    (row,) = ward.rows()
    assert row.title == "This could not be sent: reach them another way"
    assert row.because == "Tried once, last answer: Nothing is set up here that could send this."
    assert row.owner_name == "Ana Reyes"


def answered(ward: StoryWard) -> str:
    """The answer to a referral as a letter: in the record, and in the outbox."""
    letter = {
        "resourceType": "Communication",
        "id": "answer",
        "status": "in-progress",
        "subject": {"reference": "Patient/maria"},
    }
    ward.write(letter)
    with store.open(HOUSE, now=ward.now) as unit:
        payload = {"communication": "Communication/answer", "to": "Dr. Chen", "text": "She joined."}
        unit.send("Task/1@2", "letter", "Dr. Chen", payload, person=unit.rid_of("Patient/maria") or 0)
    return "Communication/answer"


def letter_status(ward: StoryWard) -> str:
    with store.open(HOUSE, now=ward.now) as unit:
        return str(unit.read("Communication", "answer").resource["status"])


def test_a_letter_is_printed_and_mailed_by_a_person_and_then_it_has_left(ward: StoryWard) -> None:
    answered(ward)
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    assert jobs.run(ward.now + AFTER, by_hand.senders(ward.now + AFTER)) == 1
    (row,) = ward.rows()
    assert (row.title, row.owner_name) == ("Print and mail a letter to Dr. Chen", "Ana Reyes")
    assert ward.tasks()[0]["note"] == [{"text": "She joined."}]
    ward.react()
    assert letter_status(ward) == "in-progress"
    complete_work(ana, row.task_id, "done", ward.now + timedelta(hours=1))
    ward.wait(hours=1)
    ward.react()
    assert letter_status(ward) == "completed"


def test_a_letter_that_nobody_could_mail_has_not_left(ward: StoryWard) -> None:
    answered(ward)
    ana = ward.staff("Ana Reyes", "ana", "coordinator")
    jobs.run(ward.now + AFTER, by_hand.senders(ward.now + AFTER))
    complete_work(ana, ward.rows()[0].task_id, "not-possible", ward.now, words="No address.")
    ward.react()
    assert letter_status(ward) == "in-progress"


def test_a_fault_that_is_no_answer_stops_the_worker_and_the_letter_waits(ward: StoryWard, post: Post) -> None:
    def no_memory(letter: Letter) -> None:
        raise MemoryError

    sends(ward)
    with pytest.raises(MemoryError):
        jobs.run(ward.now + AFTER, {"answer": no_memory})
    assert run(ward, post, AFTER + LEASE) == 1
