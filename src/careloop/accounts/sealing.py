"""Secrets that we must be able to read again (of authenticator apps, of providers) lie sealed in the database.

The key is derived from SECRET_KEY, which lies outside of it: a copied database gives no second factor away.
Rotation: the old key goes into SECRET_KEY_FALLBACKS; what it sealed is still read.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from careloop.kernel.errors import CareError


class Unsealable(CareError):
    """A secret of this account was sealed under another key. Ask your administrator to reset it."""

    code, status = "unsealable", 409


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises Unsealable."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as wrong:
        raise Unsealable from wrong


def _box() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(str(key))) for key in keys])


def _derived(key: str) -> bytes:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"careloop sealed secrets")
    return urlsafe_b64encode(made.derive(key.encode()))
