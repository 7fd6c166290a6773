"""Tries are taken before anything is compared: no number of parallel guessers gets more of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection

from careloop.accounts import attempts
from careloop.accounts.attempts import ACCOUNT, ADDRESS, FREE_TRIES, of_email, wait_after
from careloop.accounts.models import SignInFailures, User

ANA = of_email("ana@example.org")


def in_threads(count: int, act: Callable[[], int]) -> list[int]:
    def one(_: int) -> int:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_thirty_two_that_guess_at_once_have_ten_tries_and_later_one_each_wait(
    record: None, now: datetime
) -> None:
    answers = in_threads(32, lambda: attempts.take(ANA, now))
    assert answers.count(0) == FREE_TRIES
    assert {wait for wait in answers if wait} == {wait_after(FREE_TRIES)}
    later = now + timedelta(seconds=wait_after(FREE_TRIES))
    assert in_threads(32, lambda: attempts.take(ANA, later)).count(0) == 1
    assert attempts.take(ANA, later) == wait_after(FREE_TRIES + 1)


def test_counting_only_after_the_comparison_would_let_all_through(record: None, now: datetime) -> None:
    """The negative control: ask, compare, then count, as one would write it first."""

    def asked_then_counted() -> int:
        wait = attempts.seconds_to_wait(ANA, now)
        if not wait:
            barrier.wait()
            attempts.failed(ANA, now)
        return wait

    from threading import Barrier

    barrier = Barrier(16, timeout=10)
    assert in_threads(16, asked_then_counted).count(0) == 16 > FREE_TRIES


def test_a_right_one_forgets_and_a_day_forgets(record: None, now: datetime) -> None:
    for _ in range(FREE_TRIES):
        assert attempts.take("second:7", now) == 0
    assert attempts.take("second:7", now) == 30
    assert attempts.take("second:8", now) == 0
    attempts.forget("second:7")
    assert attempts.take("second:7", now) == 0
    for _ in range(20):
        attempts.failed("second:7", now)
    assert attempts.seconds_to_wait("second:7", now) == 3600
    assert attempts.take("second:7", now + timedelta(hours=24, seconds=1)) == 0
    assert SignInFailures.objects.get(key=attempts._key("second:7")).failures == 1
    assert attempts.purge(now + timedelta(days=9)) == 2


def test_one_letter_more_or_less_of_the_same_address_is_the_same_account(record: None, now: datetime) -> None:
    for typed in ("Ana@Example.org", " ana@example.org ", "ANA@EXAMPLE.ORG"):
        attempts.failed(of_email(typed), now)
    assert SignInFailures.objects.get().failures == 3
    assert "ana" not in SignInFailures.objects.get().key


@pytest.mark.parametrize(
    "typed", ["second:12", "email:second:12", "SECOND:12", "address:192.0.2.7", "set-up"]
)
def test_nothing_typed_as_an_address_counts_for_something_else(
    record: None, now: datetime, typed: str
) -> None:
    for _ in range(FREE_TRIES + 1):
        attempts.take(of_email(typed), now)
    assert attempts.take(of_email(typed), now) > 0
    for other in ("second:12", "address:192.0.2.7", "set-up", of_email("12"), of_email(typed, "device")):
        assert attempts.seconds_to_wait(other, now) == 0


def test_a_counter_without_the_name_of_its_kind_is_refused(record: None, now: datetime) -> None:
    for who in ("ana@example.org", "someone:12", ""):
        with pytest.raises(ValueError, match="name what is counted"):
            attempts.take(who, now)


@pytest.mark.parametrize(("failures", "wait"), [(0, 0), (9, 0), (10, 30), (11, 60), (17, 3600), (900, 3600)])
def test_the_wait_doubles_up_to_an_hour(failures: int, wait: int) -> None:
    assert ACCOUNT.wait_after(failures) == wait


def test_behind_one_address_many_may_fail_and_a_right_one_gives_only_its_own_try_back(
    record: None, now: datetime
) -> None:
    who = "address:192.0.2.7"
    for _ in range(ADDRESS.free):
        assert attempts.take(who, now, ADDRESS) == 0
    assert attempts.take(who, now, ADDRESS) == 2
    attempts.give_back(who)
    assert attempts.take(who, now, ADDRESS) == 0
    assert attempts.take(who, now, ADDRESS) == 2


@pytest.mark.parametrize(
    "writing", ["ANA@Example.org", " ana@example.org\u00a0", "ａna@example.org", "ana@eXample.org"]
)
def test_all_writings_of_an_address_are_counted_together(record: None, now: datetime, writing: str) -> None:
    for _ in range(FREE_TRIES):
        assert attempts.take(ANA, now) == 0
    assert attempts.take(of_email(writing), now) > 0
    assert attempts.take(of_email("ann@example.org"), now) == 0


@pytest.mark.parametrize(
    "trick", ["ſuſı@example.org", "susı@example.org", "ſusi@example.org", "susi@example.orｇ"]
)
def test_a_trick_writing_is_nobodys_though_the_database_takes_it_for_hers(record: None, trick: str) -> None:
    User.objects.create_user("Susi@example.org", None, "Susi")
    assert User.objects.called(" SUSI@example.ORG ") is not None
    assert User.objects.called(trick) is None
    assert User.objects.called("susi@example.org\0") is None


def test_the_database_alone_would_have_found_her(record: None) -> None:
    """The control: why `iexact` does not do."""
    User.objects.create_user("susi@example.org", None, "Susi")
    assert User.objects.filter(email__iexact="ſusi@example.org").exists()
