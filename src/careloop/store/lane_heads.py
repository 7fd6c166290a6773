"""The file outside the database that says where each lane of the audit trail ended: `<home>/audit/heads.log`.

Two kinds of lines: `h <lane> <seq> <hash>` after a commit, and each minute `s <at> <heads> <signature>`, signed over
all that was said before with the installation's key. Whoever cuts the end off a chain must forge this file too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from careloop.store.connection import Keeper
from careloop.store.errors import AuditUnavailable

_open: dict[Path, int] = {}
_COMPACT_ABOVE: Final = 8 * 1024 * 1024


def path() -> Path:
    return Path(settings.HOME) / "audit" / "heads.log"


def forget() -> None:
    while _open:
        os.close(_open.popitem()[1])


def descriptor() -> int:
    """Open for appending. Raises AuditUnavailable: asked before a commit, so that it fails before, not after."""
    found = path()
    known = _open.get(found)
    if known is None:
        try:
            found.parent.mkdir(parents=True, exist_ok=True)
            known = _open[found] = os.open(found, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as failed:
            raise AuditUnavailable from failed
    return known


def append(keeper: Keeper) -> None:
    """One short write: lines of several processes do not mix."""
    try:
        os.write(descriptor(), f"h {keeper.lane} {keeper.seq} {keeper.digest.hex()}\n".encode())
    except OSError as failed:
        raise AuditUnavailable from failed


def sign_heads(now: datetime) -> int:
    """Signs the newest head of every lane; `careloop work` calls it each minute. Returns the number of lanes."""
    heads, signature, _ = read()
    if not heads:
        return 0
    said = {str(lane): [seq, digest] for lane, (seq, digest) in sorted(heads.items())}
    text = json.dumps([now.isoformat(), said], separators=(",", ":"))
    os.write(descriptor(), f"s {text} {_sign(signature, text)}\n".encode())
    os.fsync(descriptor())
    return len(heads)


def read() -> tuple[dict[int, tuple[int, str]], str, list[str]]:
    """Newest (seq, hash) of each lane; the last good signature; what is wrong with the file, in sentences."""
    heads: dict[int, tuple[int, str]] = {}
    signature = ""
    wrong: list[str] = []
    if not path().exists():
        return heads, signature, wrong
    for number, line in enumerate(path().read_text(errors="replace").splitlines(), 1):
        kind, _, rest = line.partition(" ")
        if kind == "h" and len(parts := rest.split(" ")) == 3:
            _newer(heads, int(parts[0]), int(parts[1]), parts[2])
        elif kind == "s":
            text, _, signed = rest.rpartition(" ")
            if not hmac.compare_digest(signed, _sign(signature, text)):
                wrong.append(f"Line {number} of {path().name} carries a wrong signature.")
                continue
            signature = signed
            for lane, (seq, digest) in json.loads(text)[1].items():
                _newer(heads, int(lane), seq, digest)
        elif line:
            wrong.append(f"Line {number} of {path().name} can't be read.")
    return heads, signature, wrong


def _newer(heads: dict[int, tuple[int, str]], lane: int, seq: int, digest: str) -> None:
    if seq >= heads.get(lane, (0, ""))[0]:
        heads[lane] = (seq, digest)


def _sign(before: str, text: str) -> str:
    key = hashlib.sha256(b"careloop audit heads\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, f"{before} {text}".encode(), hashlib.sha256).hexdigest()
