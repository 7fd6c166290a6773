"""What a password must be, and how it is hashed."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from careloop.accounts import sealing, totp
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Authenticator


@pytest.fixture
def ana(record: None) -> User:
    return User.objects.create_user("ana.reyes@example.org", None, "Ana Reyes")


def problems(password: str, user: User | None = None) -> list[str]:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        return [str(each.code) for each in weak.error_list]
    return []


@pytest.mark.parametrize(
    "fine",
    [
        "seven quiet pelicans wait",
        "x7$ Kq" * 3,
        "ñandú y colibrí vuelan",
        "e" * 20 + "a long sentence of one's own, " * 20,
        "correct horse battery staple",
        "  spaces count, also at the ends  ",
    ],
)
def test_a_sentence_of_any_kind_is_fine_and_sixty_four_letters_are_not_too_long(ana: User, fine: str) -> None:
    assert problems(fine, ana) == []


@pytest.mark.parametrize(
    ("weak", "why"),
    [
        ("a quiet sun", "password-short"),
        ("password12345678", "password-common"),
        ("!!!!Password!!!!2026", "password-common"),
        ("aaaaaaaaaaaaaaaaaaaa", "password-common"),
        ("121212121212121212", "password-common"),
        ("reyes likes green tea", "password-names"),
        ("my careloop password", "password-names"),
        ("x" * 500 + "abcde" * 200, "password-long"),
    ],
)
def test_what_is_guessed_first_is_refused(ana: User, weak: str, why: str) -> None:
    assert why in problems(weak, ana)


def test_eight_letters_are_enough_once_a_second_factor_stands_beside_them(ana: User, now: datetime) -> None:
    assert problems("oak plum", ana) == ["password-short"]
    Authenticator.objects.create(
        principal_id=ana.principal_id,
        name="Phone",
        sealed=sealing.seal(totp.new_secret()),
        last_step=0,
        added_at=now,
    )
    assert problems("oak plum", ana) == []
    assert problems("oakplum", ana) == ["password-short"]


def test_outside_of_tests_passwords_are_hashed_slowly() -> None:
    from careloop.server import settings as real

    assert real.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"
    assert settings.AUTH_PASSWORD_VALIDATORS == real.AUTH_PASSWORD_VALIDATORS
