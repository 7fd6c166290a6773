"""Second factors: six digits once, also for two processes at the same moment; recovery codes once, hashed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from careloop.accounts import attempts, factors, sealing, tickets, totp
from careloop.accounts.models import Principal
from careloop.accounts.sign_in_models import Authenticator, RecoveryCode
from tests.accounts.test_attempts import in_threads

# RFC 6238, appendix B: the ASCII secret 12345678901234567890, SHA-1, last six digits.
RFC = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def ana(record: None) -> int:
    return Principal.objects.create(kind="staff", name="Ana").pk


@pytest.fixture
def secret(ana: int, now: datetime) -> str:
    """An app she set up a while ago."""
    made = totp.new_secret()
    Authenticator.objects.create(
        principal_id=ana, name="Phone", sealed=sealing.seal(made), last_step=0, added_at=now
    )
    return made


def code(secret: str, at: datetime) -> str:
    return totp.code_at(secret, totp.step_of(at))


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_digits_are_those_of_the_rfc(seconds: int, digits: str) -> None:
    assert code(RFC, datetime.fromtimestamp(seconds, UTC)) == digits


@pytest.mark.parametrize(("off", "fits"), [(0, True), (-30, True), (30, True), (-61, False), (61, False)])
def test_a_clock_may_be_half_a_minute_wrong(now: datetime, off: int, fits: bool) -> None:
    at = now + timedelta(seconds=off)
    assert (totp.matching_step(RFC, code(RFC, at), now) is not None) is fits


def test_digits_are_taken_once_and_older_ones_no_more(ana: int, secret: str, now: datetime) -> None:
    digits = code(secret, now)
    assert factors.try_code(ana, f" {digits[:3]} {digits[3:]}", now).method == "totp"
    assert factors.try_code(ana, digits, now).method == ""
    before = code(secret, now - timedelta(seconds=30))
    assert factors.try_code(ana, before, now).method == ""
    later = now + timedelta(seconds=30)
    assert factors.try_code(ana, code(secret, later), later).method == "totp"


def test_digits_of_other_writings_are_wrong_codes_and_no_fault(ana: int, secret: str, now: datetime) -> None:
    arabic = code(secret, now).translate({48 + digit: 0x660 + digit for digit in range(10)})
    assert arabic.isdecimal()
    assert factors.try_code(ana, arabic, now).method == ""
    assert factors.try_code(ana, "²" * 6, now).method == ""
    assert factors.try_code(ana, "ſı" * 7, now).method == ""
    assert factors.add_app(ana, secret, arabic, "Phone", now).method == ""
    assert totp.matching_step(secret, arabic, now) is None
    link = tickets.issue(tickets.PASSWORD, ana, ana, now)
    ticket = tickets.look(tickets.PASSWORD, link.token, now)
    spoken = link.spoken.translate({48 + digit: 0x660 + digit for digit in range(10)})
    assert tickets.is_spoken(ticket, spoken, now) == (False, 0)
    assert tickets.is_spoken(ticket, link.spoken, now) == (True, 0)


def test_of_sixteen_that_show_the_same_digits_at_once_one_gets_in(
    ana: int, secret: str, now: datetime
) -> None:
    digits = code(secret, now)
    seen = in_threads(16, lambda: len(factors.try_code(ana, digits, now).method))
    assert sum(1 for each in seen if each) == 1


def test_ten_wrong_ones_make_her_wait_even_with_the_right_one(ana: int, secret: str, now: datetime) -> None:
    wrong = str((int(code(secret, now)) + 1) % 10**6).zfill(6)
    wrong = wrong if totp.matching_step(secret, wrong, now) is None else "no"
    for _ in range(attempts.FREE_TRIES):
        assert factors.try_code(ana, wrong, now) == factors.Tried()
    assert factors.try_code(ana, code(secret, now), now) == factors.Tried(wait=30)
    later = now + timedelta(seconds=31)
    assert factors.try_code(ana, code(secret, later), later).method == "totp"


def test_the_secret_is_sealed_and_another_key_opens_nothing(ana: int, secret: str, now: datetime) -> None:
    row = Authenticator.objects.get()
    assert secret not in row.sealed
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]), pytest.raises(sealing.Unsealable):
        factors.try_code(ana, "123456", now)
    from django.conf import settings

    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert factors.try_code(ana, code(secret, now), now).method == "totp"


def test_an_app_is_kept_once_its_first_code_was_right_and_that_code_is_used_up(
    ana: int, now: datetime
) -> None:
    made = totp.new_secret()
    assert factors.add_app(ana, made, "000000x", "Phone", now).method == ""
    assert not factors.has_any(ana)
    assert factors.add_app(ana, made, code(made, now), "Phone", now).method == "totp"
    assert factors.has_app(ana)
    assert factors.try_code(ana, code(made, now), now).method == ""


def test_recovery_codes_are_hashed_work_once_and_die_with_new_ones(ana: int, now: datetime) -> None:
    codes = factors.new_codes(ana, now)
    assert len(set(codes)) == 10
    kept = " ".join(RecoveryCode.objects.values_list("rest_hash", flat=True))
    assert not any(each.split("-")[1] in kept for each in codes)
    assert factors.try_code(ana, codes[0].upper().replace("-", " "), now).method == "recovery"
    assert factors.try_code(ana, codes[0], now).method == ""
    assert factors.try_code(ana + 1, codes[1], now).method == ""
    assert factors.codes_left(ana) == 9
    factors.new_codes(ana, now)
    assert factors.try_code(ana, codes[1], now).method == ""
    assert factors.codes_left(ana) == 10


def test_the_last_factor_stays_unless_another_is_there(ana: int, secret: str, now: datetime) -> None:
    first = Authenticator.objects.get()
    assert not factors.remove(ana, "app", first.pk, may_be_last=False)
    second = totp.new_secret()
    factors.add_app(ana, second, code(second, now), "Tablet", now)
    other = Principal.objects.create(kind="staff", name="Ben").pk
    assert not factors.remove(other, "app", first.pk, may_be_last=True)
    assert factors.remove(ana, "app", first.pk, may_be_last=False)
    assert [each.name for each in factors.apps_of(ana)] == ["Tablet"]
    factors.new_codes(ana, now)
    assert factors.remove_all(ana) == 11
    assert not factors.has_any(ana)
