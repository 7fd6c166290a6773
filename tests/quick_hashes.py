"""Passwords in tests are hashed quickly: 0.2 s for each account would be a third of the time of the pages. What is
hashed outside, and how slowly, is tested by the settings themselves (accounts/test_passwords.py,
hardening/test_asvs.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import override_settings


class QuickArgon2(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 8
    parallelism = 1


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.QuickArgon2"]):
        yield
