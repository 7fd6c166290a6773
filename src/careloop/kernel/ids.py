"""Identifiers: time-ordered, unguessable, and valid FHIR ids."""

from __future__ import annotations

import re
import secrets
import time

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def new_id() -> str:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, 74 random bits; 36 characters."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | secrets.randbits(80)
    value &= ~(0xF << 76)
    value |= 0x7 << 76
    value &= ~(0x3 << 62)
    value |= 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_request_id() -> str:
    """What an error page quotes and the audit trail keeps: 16 hex digits."""
    return secrets.token_hex(8)


def is_fhir_id(text: str) -> bool:
    return FHIR_ID.match(text) is not None
