"""The key that signs identity tokens: RSA for RS256, in a file under the home folder that only its owner may read.

The newest signs; those before it stay published until the next rotation, so that what they signed can still be checked.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from joserfc import jwt
from joserfc.jwk import RSAKey

ALGORITHM: Final = "RS256"
_KEPT: Final = 2
_BITS: Final = 3072

_read: dict[tuple[str, int], list[RSAKey]] = {}


def path() -> Path:
    return Path(settings.HOME) / "identity-keys.json"


def keys() -> list[RSAKey]:
    """The newest first; the first one is made when there is none."""
    where = path()
    if not where.exists():
        _write([_made()], is_first=True)
    stamp = (str(where), where.stat().st_mtime_ns)
    if stamp not in _read:
        said = json.loads(where.read_text())
        _read.clear()
        _read[stamp] = [RSAKey.import_key(key) for key in said["keys"]]
    return _read[stamp]


def rotate() -> str:
    """A new key signs from now on. Returns its `kid`."""
    fresh = _made()
    _write([fresh, *keys()][:_KEPT])
    return str(fresh.kid)


def published() -> dict[str, Any]:
    """The JWKS, public halves alone."""
    return {"keys": [key.as_dict(private=False) for key in keys()]}


def sign(claims: dict[str, Any], now: datetime, seconds: int) -> str:
    key = keys()[0]
    at = int(now.timestamp())
    said = {**claims, "iat": at, "exp": at + seconds}
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, said, key, algorithms=[ALGORITHM])


def _made() -> RSAKey:
    key = RSAKey.generate_key(_BITS, parameters={"use": "sig", "alg": ALGORITHM}, private=True)
    key.ensure_kid()
    return key


def _write(found: list[RSAKey], *, is_first: bool = False) -> None:
    """Whole or not at all. Of two processes that make the first one, one wins, and both use that."""
    where = path()
    where.parent.mkdir(parents=True, exist_ok=True)
    beside = where.with_name(f".{where.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    beside.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in found]}))
    if not is_first:
        beside.replace(where)
        return
    try:
        os.link(beside, where)
    except FileExistsError:
        pass  # another process was first
    finally:
        beside.unlink()
