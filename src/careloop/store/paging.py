"""Where a page of a search ended, as an opaque text: bound to its search, and signed so that nobody edits it."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from django.conf import settings

from careloop.fhir.search import BadSearch, Query

_SIGNED_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: its sort keys (None: it has no value), then what makes it unique."""

    keys: tuple[Any, ...]
    person: int
    rid: int


def _seal(body: bytes) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), b"search cursor" + body, sha256).digest()[:_SIGNED_BYTES]


def cursor_of(query: Query, place: Place) -> str:
    body = json.dumps([query.signature, place.keys, place.person, place.rid], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(body) + body).decode().rstrip("=")


def place_of(query: Query) -> Place | None:
    """None on the first page. Raises BadSearch for a cursor of another search, and for one that we did not make."""
    if query.cursor is None:
        return None
    try:
        text = query.cursor.encode("ascii")
        sealed = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError) as wrong:
        raise _not_ours() from wrong
    seal, body = sealed[:_SIGNED_BYTES], sealed[_SIGNED_BYTES:]
    if not hmac.compare_digest(seal, _seal(body)):
        raise _not_ours()
    signature, keys, person, rid = json.loads(body)
    if signature != query.signature:
        raise BadSearch(
            "“_cursor” belongs to another search; start from its first page.", parameter="_cursor"
        )
    return Place(tuple(keys), person, rid)


def _not_ours() -> BadSearch:
    return BadSearch("“_cursor” is not one that we gave out; start from the first page.", parameter="_cursor")
