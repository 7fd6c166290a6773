"""Links and codes that work once: 256 random bits for whoever holds them, a hash for us."""

from __future__ import annotations

import secrets
from hashlib import sha256


def fresh() -> tuple[str, str]:
    """The token, to be handed over once, and what is kept of it."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """256 random bits can't be guessed from a hash, so one round of SHA-256 is enough. Hexadecimal, 64 letters."""
    return sha256(token.encode()).hexdigest()
