"""Passkeys, with a device in software: right ones get in once, and each way to be wrong does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop.accounts import passkeys
from careloop.accounts.models import Principal
from careloop.accounts.passkeys import Asked, NotThisPasskey, Place
from careloop.accounts.sign_in_models import Passkey
from tests.accounts.soft_passkey import PRESENT, SoftPasskey
from tests.accounts.test_attempts import in_threads

HERE = Place("https://care.example.org")


@pytest.fixture
def ana(record: None) -> int:
    return Principal.objects.create(kind="staff", name="Ana").pk


@pytest.fixture
def device(ana: int, now: datetime) -> SoftPasskey:
    """With Ana's passkey on it."""
    found = SoftPasskey(HERE.origin)
    make(found, ana, now)
    return found


def options_of(asked: Asked) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(asked.options)
    return options


def make(device: SoftPasskey, principal: int, now: datetime, place: Place = HERE) -> Passkey:
    asked = passkeys.ask_to_make(place, principal, "ana@example.org", "Ana Reyes", now)
    return passkeys.make(place, principal, asked.token, device.make(options_of(asked)), "Laptop", now)


def test_a_passkey_is_asked_for_with_its_owner_verified_and_says_whose_it_is(
    ana: int, device: SoftPasskey, now: datetime
) -> None:
    asked = passkeys.ask_to_sign_in(HERE, now)
    options = options_of(asked)
    assert (options["userVerification"], options["rpId"]) == ("required", "care.example.org")
    assert "allowCredentials" not in options  # nobody is named before anybody is known
    assert passkeys.check(HERE, asked.token, device.show(options), now) == ana
    assert Passkey.objects.get().used_at == now
    again = passkeys.ask_to_make(HERE, ana, "ana@example.org", "Ana Reyes", now)
    assert len(options_of(again)["excludeCredentials"]) == 1
    assert options_of(again)["user"]["id"] == device.handle


def test_of_eight_that_send_the_same_answer_at_once_one_gets_in(device: SoftPasskey, now: datetime) -> None:
    asked = passkeys.ask_to_sign_in(HERE, now)
    answer = device.show(options_of(asked))

    def tries() -> int:
        try:
            return passkeys.check(HERE, asked.token, answer, now)
        except NotThisPasskey:
            return 0

    assert sum(1 for each in in_threads(8, tries) if each) == 1


Wrong = Callable[[SoftPasskey], None]


def now_has(**said: Any) -> Wrong:
    def change(device: SoftPasskey) -> None:
        for name, value in said.items():
            setattr(device, name, value)

    return change


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(now_has(origin="https://care.example.org.evil.example"), id="phished"),
        pytest.param(now_has(origin="http://care.example.org"), id="without TLS"),
        pytest.param(now_has(flags=PRESENT), id="its owner was not verified"),
        pytest.param(now_has(flags=0), id="nobody was there"),
        pytest.param(now_has(key=SoftPasskey("x").key), id="another key"),
        pytest.param(now_has(id=b"unknown" * 5), id="an unknown passkey"),
        pytest.param(now_has(handle="c29tZWJvZHkgZWxzZQ"), id="the number of somebody else"),
    ],
)
def test_what_is_not_right_lets_nobody_in(device: SoftPasskey, now: datetime, wrong: Wrong) -> None:
    asked = passkeys.ask_to_sign_in(HERE, now)
    wrong(device)
    with pytest.raises(NotThisPasskey):
        passkeys.check(HERE, asked.token, device.show(options_of(asked)), now)
    assert Passkey.objects.get().used_at is None


def test_a_challenge_is_for_one_purpose_one_person_and_five_minutes(
    ana: int, device: SoftPasskey, now: datetime
) -> None:
    ben = Principal.objects.create(kind="staff", name="Ben").pk
    asked = passkeys.ask_to_sign_in(HERE, now)
    answer = device.show(options_of(asked))
    for token, principal, at in (
        (asked.token, ana, now),  # made for a sign-in, not for her second step
        (asked.token[:-2] + "xx", None, now),
        (asked.token, None, now + timedelta(minutes=6)),
        (passkeys.ask_to_sign_in(HERE, now).token, None, now),  # another challenge
        (passkeys.ask_to_make(HERE, ana, "a", "A", now).token, None, now),
        ("", None, now),
    ):
        with pytest.raises(NotThisPasskey):
            passkeys.check(HERE, token, answer, at, principal)
    for_ben = passkeys.ask_to_sign_in(HERE, now, ben)
    with pytest.raises(NotThisPasskey):
        passkeys.check(HERE, for_ben.token, device.show(options_of(for_ben)), now, ben)
    with pytest.raises(NotThisPasskey):
        passkeys.check(HERE, asked.token, device.show(options_of(asked), "webauthn.create"), now)
    assert passkeys.check(HERE, asked.token, answer, now) == ana


def test_a_count_that_does_not_grow_says_that_the_key_was_copied(
    ana: int, device: SoftPasskey, now: datetime
) -> None:
    def signs_in(count: int) -> int:
        device.count = count
        asked = passkeys.ask_to_sign_in(HERE, now)
        return passkeys.check(HERE, asked.token, device.show(options_of(asked)), now)

    assert signs_in(0) == signs_in(0) == signs_in(5) == signs_in(6) == ana
    for count in (6, 3, 0):
        with pytest.raises(NotThisPasskey):
            signs_in(count)


def test_a_new_one_is_kept_once_and_only_where_it_was_made(ana: int, now: datetime) -> None:
    device = SoftPasskey(HERE.origin)
    asked = passkeys.ask_to_make(HERE, ana, "ana@example.org", "Ana", now)
    answer = device.make(options_of(asked))
    ben = Principal.objects.create(kind="staff", name="Ben").pk
    elsewhere = Place("https://other.example.org")
    for place, principal in ((HERE, ben), (elsewhere, ana)):
        with pytest.raises(NotThisPasskey):
            passkeys.make(place, principal, asked.token, answer, "Laptop", now)
    assert passkeys.make(HERE, ana, asked.token, answer, "Laptop", now).name == "Laptop"
    with pytest.raises(NotThisPasskey):
        passkeys.make(HERE, ana, asked.token, answer, "Laptop", now)
    with pytest.raises(NotThisPasskey):
        make(device, ben, now)  # the same passkey for two people
    assert Passkey.objects.get().principal_id == ana


@pytest.mark.parametrize(
    "answer",
    [
        *("", "null", "[]", "{}", '{"id": 1}', '{"id": "YQ", "rawId": "YQ", "response": {}}', "{" * 5_000),
        '{"id": "YQ", "rawId": "YQ", "response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": ""}}',
        '{"id": "YQ", "rawId": "YQ", "response": {"clientDataJSON": "YQ", "attestationObject": "oA"}}',
        '"' + "a" * 30_000 + '"',
    ],
)
def test_what_no_device_would_say_is_refused_in_words(ana: int, now: datetime, answer: str) -> None:
    shown, made = passkeys.ask_to_sign_in(HERE, now), passkeys.ask_to_make(HERE, ana, "a", "A", now)
    with pytest.raises(NotThisPasskey):
        passkeys.check(HERE, shown.token, answer, now)
    with pytest.raises(NotThisPasskey):
        passkeys.make(HERE, ana, made.token, answer, "Laptop", now)


def test_bytes_that_were_changed_on_the_way_are_refused_in_words(
    ana: int, device: SoftPasskey, now: datetime
) -> None:
    asked = passkeys.ask_to_sign_in(HERE, now)
    answer = json.loads(device.show(options_of(asked)))
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        whole = answer["response"][part]
        for cut in ("", whole[:8], whole[:-4], whole[::-1]):
            broken = {**answer, "response": {**answer["response"], part: cut}}
            with pytest.raises(NotThisPasskey):
                passkeys.check(HERE, asked.token, json.dumps(broken), now)
