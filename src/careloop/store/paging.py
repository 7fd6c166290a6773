"""Where a page of a search ended, as an opaque text: bound to its search, and sealed, so that nobody edits it and
that nothing of what was asked or found can be read in an address.

The seal is a synthetic IV (as in RFC 5297): a keyed hash of the content, which is also what the key stream grows from.
The same place gives the same text; another content, another stream.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import zlib
from dataclasses import dataclass
from hashlib import sha256, shake_256
from typing import Any, Final

from django.conf import settings

from careloop.fhir.search import BadSearch, Query

_SEAL_BYTES: Final = 16
# A cursor longer than this isn't ours: the longest search we take is far shorter once it is packed.
_LONGEST: Final = 16_384


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: its sort keys (None: it has no value), then what makes it unique."""

    keys: tuple[Any, ...]
    person: int
    rid: int


def sealed(purpose: str, content: Any) -> str:
    """content: anything that JSON can say. purpose: what opens it has to name the same."""
    body = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    seal = _seal(purpose, body)
    return base64.urlsafe_b64encode(seal + _turned(purpose, seal, body)).decode().rstrip("=")


def opened(purpose: str, text: str) -> Any:
    """What was sealed for this purpose; None for anything else."""
    if len(text) > _LONGEST:
        return None
    try:
        packed = text.encode("ascii")
        whole = base64.b64decode(packed + b"=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    seal, body = whole[:_SEAL_BYTES], _turned(purpose, whole[:_SEAL_BYTES], whole[_SEAL_BYTES:])
    if not hmac.compare_digest(seal, _seal(purpose, body)):
        return None
    return json.loads(zlib.decompress(body))


def _key(purpose: str, use: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"careloop {purpose} {use}".encode(), sha256).digest()


def _seal(purpose: str, body: bytes) -> bytes:
    return hmac.new(_key(purpose, "seal"), body, sha256).digest()[:_SEAL_BYTES]


def _turned(purpose: str, seal: bytes, body: bytes) -> bytes:
    """There and back."""
    stream = shake_256(_key(purpose, "stream") + seal).digest(len(body))
    return bytes(one ^ other for one, other in zip(body, stream, strict=True))


def cursor_of(query: Query, place: Place) -> str:
    return sealed("cursor", [query.signature, place.keys, place.person, place.rid])


def place_of(query: Query) -> Place | None:
    """None on the first page. Raises BadSearch for a cursor of another search, and for one that we did not make."""
    if query.cursor is None:
        return None
    found = opened("cursor", query.cursor)
    if found is None:
        raise BadSearch(
            "“_cursor” is not one that we gave out; start from the first page.", parameter="_cursor"
        )
    signature, keys, person, rid = found
    if signature != query.signature:
        raise BadSearch(
            "“_cursor” belongs to another search; start from its first page.", parameter="_cursor"
        )
    return Place(tuple(keys), person, rid)
