"""Six digits that change every half minute (RFC 6238, SHA-1, as every authenticator app knows them)."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
# One step to either side: a phone's clock is rarely right, and typing takes time.
AROUND: Final = (0, -1, 1)


def new_secret() -> str:
    """160 bits, base32, as RFC 4226 asks."""
    return b32encode(secrets.token_bytes(20)).decode()


def step_of(at: datetime) -> int:
    return int(at.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    digest = hmac.new(b32decode(secret), step.to_bytes(8, "big"), "sha1").digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: str, typed: str, at: datetime) -> int | None:
    """Which step's code was typed; None for none near. All are compared, whichever fits."""
    if not typed.isascii():  # other writings of the digits are no code, and can't be compared
        return None
    now = step_of(at)
    fitting = [
        step for step in (now + by for by in AROUND) if hmac.compare_digest(code_at(secret, step), typed)
    ]
    return fitting[0] if fitting else None


def address(secret: str, account: str, issuer: str) -> str:
    """`otpauth://…`, which apps read from a QR code."""
    asked = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{asked}"
