"""Files outside the database that say where each lane of the audit trail ended: `<home>/audit/heads-<day>.log`.

Two kinds of lines: `h <lane> <seq> <hash>` after a commit, and each minute `s <at> <heads> <signature>`, signed with
the installation's key over the newest head of every lane and the signature before it. Whoever cuts the end off a chain
must forge these files too. A signed line tells all that stands before it, so a week of files is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from careloop.store.connection import Keeper
from careloop.store.errors import AuditUnavailable

_open: dict[tuple[str, str], int] = {}
_FILES_KEPT: Final = 7
_FILES_OPEN: Final = 3

Heads = dict[int, tuple[int, str]]  # lane: number and hash of its last row


def folder() -> Path:
    return Path(settings.HOME) / "audit"


def files() -> list[Path]:
    """Oldest first."""
    return sorted(folder().glob("heads-*.log"))


def forget() -> None:
    while _open:
        os.close(_open.popitem()[1])


def descriptor(at: datetime) -> int:
    """Of that day's file, open for appending. Raises AuditUnavailable: asked before a commit, so that it fails before,
    not after."""
    key = (str(settings.HOME), at.astimezone(UTC).date().isoformat())
    known = _open.get(key)
    if known is None:
        try:
            folder().mkdir(parents=True, exist_ok=True)
            path = folder() / f"heads-{key[1]}.log"
            known = _open[key] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            # Yesterday's stays open, for another thread may be writing there.
            others = sorted((opened for opened in _open if opened != key), key=lambda opened: opened[1])
            for old in others[: 1 - _FILES_OPEN]:
                os.close(_open.pop(old))
        except OSError as failed:
            raise AuditUnavailable from failed
    return known


def append(keeper: Keeper, at: datetime) -> None:
    """One short write: lines of several processes do not mix."""
    try:
        os.write(descriptor(at), f"h {keeper.lane} {keeper.seq} {keeper.digest.hex()}\n".encode())
    except OSError as failed:
        raise AuditUnavailable from failed


def sign_heads(now: datetime) -> int:
    """Signs the newest head of every lane; `careloop work` calls it each minute, from one process. Returns the number
    of lanes."""
    heads, signature, _ = read()
    if not heads:
        return 0
    said = {str(lane): [seq, digest] for lane, (seq, digest) in sorted(heads.items())}
    text = json.dumps([now.isoformat(), said, signature], separators=(",", ":"))
    os.write(descriptor(now), f"s {text} {_sign(text)}\n".encode())
    os.fsync(descriptor(now))
    for path in files()[:-_FILES_KEPT]:
        path.unlink()
    return len(heads)


def read() -> tuple[Heads, str, list[str]]:
    """Newest head of each lane; the last good signature; what is wrong with the files, in sentences."""
    heads: Heads = {}
    signature: str | None = None
    wrong: list[str] = []
    for where, line in _lines():
        kind, _, rest = line.partition(" ")
        if kind == "h" and len(parts := rest.split(" ")) == 3:
            _newer(heads, int(parts[0]), int(parts[1]), parts[2])
        elif kind == "s":
            text, _, signed = rest.rpartition(" ")
            if not hmac.compare_digest(signed, _sign(text)):
                wrong.append(f"{where} carries a wrong signature.")
                continue
            _, said, before = json.loads(text)
            if signature is not None and before != signature:
                wrong.append(
                    f"{where} was signed after another line than the one before it: lines are missing."
                )
            signature = signed
            for lane, (seq, digest) in said.items():
                _newer(heads, int(lane), seq, digest)
        elif line:
            wrong.append(f"{where} can't be read.")
    return heads, signature or "", wrong


def _lines() -> Iterator[tuple[str, str]]:
    for path in files():
        with path.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                yield f"Line {number} of {path.name}", line.rstrip("\n")


def _newer(heads: Heads, lane: int, seq: int, digest: str) -> None:
    if seq >= heads.get(lane, (0, ""))[0]:
        heads[lane] = (seq, digest)


def _sign(text: str) -> str:
    key = hashlib.sha256(b"careloop audit heads\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
