"""What a password must be (TRUST 11): 15 characters, or 8 once a second factor stands beside it; nothing common,
nothing that names its owner. No rules about digits and signs: they make passwords hard to keep and easy to guess."""

from __future__ import annotations

import re
from typing import Final

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext

from careloop.accounts import factors
from careloop.accounts.models import User

ALONE: Final = 15
WITH_FACTOR: Final = 8
# Argon2 reads every letter: what is longer than any sentence costs us, not a guesser.
LONGEST: Final = 1024
FEWEST_DIFFERENT: Final = 5
SHORTEST_WORD: Final = 4


def shortest_for(user: User | None) -> int:
    """A second factor that is still to come does not count: whoever knew a short password could set it up."""
    has_factor = user is not None and user.principal_id and factors.has_any(user.principal_id)
    return WITH_FACTOR if has_factor else ALONE


class LongEnough:
    def validate(self, password: str, user: User | None = None) -> None:
        least = shortest_for(user)
        if len(password) < least:
            said = ngettext(
                "Use at least %(n)d character. A short sentence is easy to keep.",
                "Use at least %(n)d characters. A short sentence is easy to keep.",
                least,
            )
            raise ValidationError(said % {"n": least}, code="password-short")
        if len(password) > LONGEST:
            raise ValidationError(gettext("This is too long."), code="password-long")

    def get_help_text(self) -> str:
        return gettext("At least 15 characters; a short sentence is easy to keep.")


class NothingCommon(CommonPasswordValidator):
    """Django's list of 20,000, also when somebody made one of them longer with digits and signs, or a few letters over
    and over."""

    def validate(self, password: str, user: User | None = None) -> None:
        plain = password.lower().strip()
        core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
        is_padded = core in self.passwords and len(core) >= SHORTEST_WORD
        if plain in self.passwords or is_padded or len(set(plain)) < FEWEST_DIFFERENT:
            said = gettext("Many people use this one, so it is guessed first. Choose another.")
            raise ValidationError(said, code="password-common")

    def get_help_text(self) -> str:
        return gettext("Nothing that many people use.")


class NothingOfHers:
    """Her name, her e-mail address and ours are the first that a guesser tries."""

    def validate(self, password: str, user: User | None = None) -> None:
        plain = password.lower()
        told = f"{user.name} {user.email.partition('@')[0]}" if user is not None else ""
        words = {word for word in re.split(r"[\W\d_]+", told.lower()) if len(word) >= SHORTEST_WORD}
        if any(word in plain for word in words | {"careloop"}):
            said = gettext("Leave out your name, your email and the word Careloop.")
            raise ValidationError(said, code="password-names")

    def get_help_text(self) -> str:
        return gettext("Without your name, your email or the word Careloop.")


def keep_password(user: User, new: str, *, enables: bool = False) -> None:
    """new: checked before. enables: an account that waited for its first password may sign in from now on. Ending its
    sessions is the caller's."""
    user.set_password(new)
    user.is_active = user.is_active or enables
    user.save(update_fields=["password", "is_active"])
