"""The answer to a message: MSH turned round, MSA, and for a fault ERR with a sentence. Pure.

Always in original mode (AA, AE, AR), also where MSH-15 and MSH-16 ask for nothing: an answer too many harms nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from careloop.connect.hl7v2 import parse
from careloop.connect.hl7v2.parse import BadMessage, Header

_CONDITIONS = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "207": "Application internal error",
}
_PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."})
_OURS = "CARELOOP"
_LONGEST_ECHO = 250


@dataclass(frozen=True, repr=False)
class Ack:
    """code: AA, AE or AR. reason: the sentence of a fault, never patient data. content: the message to send back,
    without a frame. is_kept: the message that it answers is stored. is_duplicate: it had come before."""

    code: str
    reason: str
    content: bytes
    is_kept: bool = True
    is_duplicate: bool = False

    def __repr__(self) -> str:
        return f"Ack({self.code})"


def accepted(head: Header, now: datetime, number: str) -> bytes:
    return _message(head, "AA", now, number, None)


def refused(head: Header | None, fault: BadMessage, now: datetime, number: str) -> bytes:
    """head: None when not even MSH could be read; the answer then names no message."""
    return _message(head, fault.answer, now, number, fault)


def _message(head: Header | None, code: str, now: datetime, number: str, fault: BadMessage | None) -> bytes:
    seps = head.segment.seps if head else parse.Separators()
    sep, com = seps.field, seps.component
    lines = [
        _msh(head, seps, now, number),
        sep.join(["MSA", code, _echo(head, 10), *([_text(fault.sentence, seps)] if fault else [])]),
    ]
    if fault is not None:
        lines.append(_err(head, seps, fault, com))
    text = "\r".join(lines) + "\r"
    # Header is read byte by byte as Latin-1: so what is echoed leaves as the very bytes that came.
    return text.encode("latin-1", errors="replace")


def _msh(head: Header | None, seps: parse.Separators, now: datetime, number: str) -> str:
    """MSH-3/4 and MSH-5/6 change places; version, processing id and character set are the sender's."""
    sep, com = seps.field, seps.component
    stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
    if head is None:
        return f"MSH|^~\\&|{_OURS}||||{stamp}||ACK|{number}|P|2.5"
    marks, version = head.segment.raw(2)[:5], _echo(head, 12) or "2.5"
    fields = [
        *("MSH", marks, _echo(head, 5) or _OURS, _echo(head, 6), _echo(head, 3), _echo(head, 4)),
        *(stamp, "", _kind(head, com), number, _echo(head, 11) or "P", version),
        *("", "", "", "", "", _echo(head, 18)),
    ]
    return sep.join(fields).rstrip(sep)


def _kind(head: Header, com: str) -> str:
    """ACK^A03^ACK since 2.4, ACK^A03 before."""
    pieces = _echo(head, 9).split(com) if com else []
    if len(pieces) < 2 or not pieces[1]:
        return "ACK"
    return com.join(["ACK", pieces[1], *(["ACK"] if head.version >= "2.4" else [])])


def _echo(head: Header | None, n: int) -> str:
    return head.raw(n)[:_LONGEST_ECHO] if head else ""


def _err(head: Header | None, seps: parse.Separators, fault: BadMessage, com: str) -> str:
    """ERR-2 to ERR-8 since 2.5; one component of ERR-1 before."""
    sep = seps.field
    com = com or " "
    words = _CONDITIONS.get(fault.condition, "")
    where = fault.where.replace("^", com)
    if head is not None and "2.3" <= head.version < "2.5":
        code = (seps.sub or " ").join([fault.condition, words, "HL70357"])
        places = [*where.split(com), "", ""][:3]
        return sep.join(["ERR", com.join([*places, code])])
    coded = com.join([fault.condition, words, "HL70357"])
    return sep.join(["ERR", "", where, coded, "E", "", "", "", _text(fault.sentence, seps)])


def _text(text: str, seps: parse.Separators) -> str:
    """A sentence in plain characters, its separators escaped (or left out where there is no escape)."""
    found = text.translate(_PLAIN)
    escape = seps.escape
    for mark, letter in ((escape, "E"), *((m, k) for k, m in seps.meaning.items() if k != "E")):
        if mark:
            found = found.replace(mark, f"{escape}{letter}{escape}" if escape else " ")
    return "".join(c if c.isprintable() else " " for c in found)[:250]
