"""Files outside the database that say where each lane of the audit trail ended: `<home>/audit/heads-<day>.log`.

Two kinds of lines: `h <lane> <seq> <hash>` after a commit, and each minute `s <at, heads, before> <key>:<signature>`,
signed with a key of its own (heads_key.py) over the newest head of every lane and the signature before it. Whoever cuts
the end off a chain must forge these files too, and their copy in a second place when CARELOOP_AUDIT_HEADS names one. A
signed line tells all that stands before it, so a week of files is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import syslog
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from careloop.store import heads_key
from careloop.store.connection import Keeper
from careloop.store.errors import AuditUnavailable

_open: dict[tuple[Path, date], int] = {}
_FILES_KEPT: Final = 7
_FILES_OPEN: Final = 3
_HEAD: Final = re.compile(r"h (\d{1,5}) (\d{1,18}) ([0-9a-f]{64})")
_SIGNED: Final = re.compile(r"s ([^\0]+ (?:[0-9a-f]{16}:[0-9a-f]{128}|[0-9a-f]{64}))")

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
    key = (settings.HOME, at.astimezone(UTC).date())
    known = _open.get(key)
    if known is None:
        try:
            folder().mkdir(parents=True, exist_ok=True)
            path = folder() / f"heads-{key[1].isoformat()}.log"
            known = _open[key] = _opened(path)
            # Yesterday's stays open, for another thread may be writing there.
            others = sorted((opened for opened in _open if opened != key), key=lambda opened: opened[1])
            for old in others[: 1 - _FILES_OPEN]:
                os.close(_open.pop(old))
        except OSError as failed:
            raise AuditUnavailable from failed
    return known


def _opened(path: Path) -> int:
    """A line that a power loss tore off is ended first, so that the next one is whole."""
    found = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    size = os.fstat(found).st_size
    if size and os.pread(found, 1, size - 1) != b"\n":
        os.write(found, b"\n")
    return found


def append(keeper: Keeper, at: datetime) -> None:
    """One short write: lines of several processes do not mix."""
    try:
        os.write(descriptor(at), f"h {keeper.lane} {keeper.seq} {keeper.digest.hex()}\n".encode())
    except OSError as failed:
        raise AuditUnavailable from failed


def sign_heads(now: datetime) -> int:
    """Signs the newest head of every lane; `careloop work` calls it each minute, from one process. Returns the number
    of lanes. Raises AuditUnavailable, after the file beside the database was signed, when the second place can't be
    written."""
    heads, signature, _ = read()
    if not heads:
        return 0
    said = {str(lane): [seq, digest] for lane, (seq, digest) in sorted(heads.items())}
    text = json.dumps([now.isoformat(), said, signature], separators=(",", ":"))
    line = f"s {text} {heads_key.sign(text, now)}\n"
    try:
        os.write(descriptor(now), line.encode())
        os.fsync(descriptor(now))
        _prune(folder())
        _send_away(line, now)
    except OSError as failed:
        raise AuditUnavailable from failed
    return len(heads)


def second_place() -> Path | None:
    """CARELOOP_AUDIT_HEADS: a folder on another disk or machine, or none. `syslog` is a place nobody reads back."""
    named = str(getattr(settings, "AUDIT_HEADS", ""))
    return Path(named) if named and named != "syslog" else None


def _send_away(line: str, now: datetime) -> None:
    if getattr(settings, "AUDIT_HEADS", "") == "syslog":
        syslog.openlog("careloop-audit", 0, syslog.LOG_AUTH)
        text, _, signature = line.rstrip("\n").rpartition(" ")
        digest = hashlib.sha256(text.removeprefix("s ").encode()).hexdigest()
        syslog.syslog(syslog.LOG_NOTICE, f"heads {now.isoformat()} {digest} {signature}")
    elif away := second_place():
        away.mkdir(parents=True, exist_ok=True)
        with (away / f"heads-{now.astimezone(UTC).date().isoformat()}.log").open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        _prune(away)


def _prune(place: Path) -> None:
    for path in sorted(place.glob("heads-*.log"))[:-_FILES_KEPT]:
        path.unlink()


@dataclass
class _Reading:
    heads: Heads = field(default_factory=dict)
    signature: str | None = None
    signed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def read() -> tuple[Heads, str, list[str]]:
    """Newest head of each lane; the last good signature; what is wrong with the files, in sentences. What the second
    place tells counts as well."""
    keys = heads_key.known()
    here = _read(folder(), keys)
    here.wrong[:0] = keys.wrong
    if away := second_place():
        _compare(here, _read(away, keys), away)
    return here.heads, here.signature or "", here.wrong


def _read(place: Path, keys: heads_key.Keys) -> _Reading:
    """A power loss may tear lines that no fsync had reached: what is no whole line tells nothing and is passed over.
    That hides nothing: a signed line that is missing is missed by the next one, and by the second place."""
    found = _Reading()
    for where, line in _lines(place):
        if head := _HEAD.fullmatch(line):
            _newer(found.heads, int(head[1]), int(head[2]), head[3])
        elif signed := _SIGNED.fullmatch(line):
            _read_signed(found, where, signed[1], keys)
    return found


def _read_signed(found: _Reading, where: str, rest: str, keys: heads_key.Keys) -> None:
    text, _, signed = rest.rpartition(" ")
    id, _, signature = signed.rpartition(":")
    is_good = keys.has_signed(id, text, signature) if id else _is_of_before(found, text, signed)
    if not is_good:
        found.wrong.append(f"{where} carries a wrong signature.")
        return
    _, said, before = json.loads(text)
    if found.signature is not None and before != found.signature:
        found.wrong.append(
            f"{where} was signed after another line than the one before it: lines are missing."
        )
    found.signature = signed
    found.signed.append(signed)
    for lane, (seq, digest) in said.items():
        _newer(found.heads, int(lane), seq, digest)


def _compare(here: _Reading, away: _Reading, place: Path) -> None:
    """What was signed is sent away: a line there that is not here was taken out here."""
    here.wrong += [f"In {place}: {sentence}" for sentence in away.wrong]
    mine, since = set(here.signed), here.signed[0] if here.signed else ""
    start = away.signed.index(since) if since in away.signed else 0
    if missing := [signed for signed in away.signed[start:] if signed not in mine]:
        here.wrong.append(f"{len(missing)} signed lines stand in {place} and not in {folder()}.")
    if here.signed and (not away.signed or away.signed[-1] != here.signed[-1]):
        here.wrong.append(f"The last signed line has not reached {place}.")
    for lane, (seq, digest) in away.heads.items():
        _newer(here.heads, lane, seq, digest)


def _is_of_before(found: _Reading, text: str, signed: str) -> bool:
    """Releases before signed with a secret derived from the installation's; only before the first line with a key."""
    secret = hashlib.sha256(b"careloop audit heads\0" + settings.SECRET_KEY.encode()).digest()
    expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return not any(":" in one for one in found.signed) and hmac.compare_digest(signed, expected)


def _lines(place: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(place.glob("heads-*.log")):
        with path.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                yield f"Line {number} of {path.name}", line.rstrip("\n")


def _newer(heads: Heads, lane: int, seq: int, digest: str) -> None:
    if seq >= heads.get(lane, (0, ""))[0]:
        heads[lane] = (seq, digest)
