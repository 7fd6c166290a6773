"""Bytes in, a `Message` with typed accessors out. Pure.

Split by hand: a separator always separates, also after an escape, so splitting is all there is to it; the hl7 library
takes two minutes for nine million bars, and is the second opinion in the tests.
Tolerant of what real senders do (byte-order marks, three kinds of line ends, own separators, no escapes),
strict about what TRUST 7 names: the header, the character set, the event, PID-3.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from careloop.connect.hl7v2 import escapes, times
from careloop.kernel.errors import CareError

START, END = b"\x0b", b"\x1c\x0d"
SUPPORTED = {"A01", "A03", "A04", "A08", "A11", "A13", "A18", "A30", "A34", "A40"}
READ = frozenset({"MSH", "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "DG1", "IN1", "MRG"})
MOST_SEGMENTS, MOST_READ, MOST_READ_LENGTH, MOST_REPEATS = 5_000, 200, 131_072, 500
_VERSION = re.compile(r"2\.[345678](\.\d+)*\Z")
_TRIGGER = re.compile(r"[A-Z][A-Z0-9]{2}\Z")


class BadMessage(CareError):
    """This message can't be taken in as it is."""

    code, status = "bad-hl7", 400
    # HL7 table 0357 and ERR-2 (segment^sequence^field)
    condition: ClassVar[str] = "207"
    where: ClassVar[str] = ""
    answer: ClassVar[str] = "AE"


class NoHeader(BadMessage):
    """The message does not begin with a readable MSH segment."""

    code, condition, where = "hl7-header", "100", "MSH^1"


class NoControlId(BadMessage):
    """The message has no id of its own (MSH-10)."""

    code, condition, where = "hl7-control-id", "101", "MSH^1^10"


class BadVersion(BadMessage):
    """The message does not name a version from 2.3 to 2.8 (MSH-12)."""

    code, condition, where = "hl7-version", "203", "MSH^1^12"


class UnknownCharset(BadMessage):
    """The characters can't be read in the set that the message declares (MSH-18)."""

    code, condition, where = "hl7-charset", "102", "MSH^1^18"


class NoEvent(BadMessage):
    """The message does not say what happened (MSH-9)."""

    code, condition, where = "hl7-event", "101", "MSH^1^9"


class NoPatientId(BadMessage):
    """The message does not say whom it is about (PID-3)."""

    code, condition, where = "hl7-pid3", "101", "PID^1^3"


class TooMuch(BadMessage):
    """The message says more about one person and one stay than anybody could mean. Nothing was made of it."""

    code, condition = "hl7-too-much", "207"


class UnsupportedEvent(BadMessage):
    """Careloop does not act on this kind of message yet. It was kept and listed."""

    code, condition, where, answer = "hl7-unsupported", "201", "MSH^1^9", "AR"


@dataclass(frozen=True)
class Separators:
    field: str = "|"
    component: str = "^"
    repeat: str = "~"
    escape: str = "\\"
    sub: str = "&"
    codec: str = "utf-8"

    @property
    def marks(self) -> tuple[str, str, str, str, str]:
        """In the order in which MSH writes them."""
        return (self.field, self.component, self.repeat, self.escape, self.sub)

    @property
    def meaning(self) -> dict[str, str]:
        return {"F": self.field, "S": self.component, "T": self.sub, "R": self.repeat, "E": self.escape}


@dataclass(frozen=True, repr=False)
class Parts:
    """One repetition of a field: components and subcomponents, unescaped on reading, counted from 1."""

    text: str
    seps: Separators

    def part(self, component: int = 1, sub: int | None = 1) -> str:
        """'' when absent or the HL7 null (""). sub None: all subcomponents, joined by a space."""
        pieces = self.text.split(self.seps.component)
        found = pieces[component - 1] if component <= len(pieces) else ""
        if found.strip() == '""':
            return ""
        subs = found.split(self.seps.sub) if self.seps.sub else [found]
        if sub is None:
            return " ".join(said for said in map(self._read, subs) if said)
        return self._read(subs[sub - 1]) if sub <= len(subs) else ""

    def _read(self, text: str) -> str:
        return escapes.unescape(text, self.seps.escape, self.seps.meaning, self.seps.codec).strip()

    def stamp(self, component: int = 1) -> times.Stamp | None:
        return times.read(self.part(component))

    def __bool__(self) -> bool:
        return bool(self.text.strip()) and self.text.strip() != '""'


@dataclass(frozen=True, repr=False)
class Segment:
    """One line, split on first use; every field stays as written."""

    name: str
    line: str
    seps: Separators

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """fields[n] is field n as written; fields[0] the name. MSH-1 is the separator itself."""
        pieces = self.line.split(self.seps.field)
        return (self.name, *([self.seps.field] if self.name == "MSH" else []), *pieces[1:])

    def raw(self, n: int) -> str:
        return self.fields[n] if n < len(self.fields) else ""

    def all(self, n: int) -> list[Parts]:
        """The repetitions that say something."""
        texts = self.raw(n).split(self.seps.repeat) if self.seps.repeat else [self.raw(n)]
        return [part for text in texts if (part := Parts(text, self.seps))]

    def first(self, n: int) -> Parts:
        return next(iter(self.all(n)), Parts("", self.seps))

    def value(self, n: int, component: int = 1, sub: int | None = 1) -> str:
        return self.first(n).part(component, sub)

    def stamp(self, n: int) -> times.Stamp | None:
        return times.read(self.value(n))

    def is_null(self, n: int) -> bool:
        """The sender says: remove what you have."""
        return self.raw(n).strip() == '""'


@dataclass(frozen=True, repr=False)
class Header:
    """MSH as written, so that an acknowledgment can echo it. charset: MSH-18 as written."""

    segment: Segment
    charset: str = ""

    def raw(self, n: int) -> str:
        return escapes.plain(self.segment.raw(n).strip())

    @property
    def control_id(self) -> str:
        return self.segment.value(10)

    @property
    def version(self) -> str:
        return self.segment.value(12)

    @property
    def application(self) -> str:
        return self.segment.value(3)

    @property
    def facility(self) -> str:
        return self.segment.value(4)

    @property
    def kind(self) -> str:
        return self.segment.value(9).upper()

    @property
    def trigger(self) -> str:
        return self.segment.value(9, 2).upper()

    @property
    def is_test(self) -> bool:
        return self.segment.value(11).upper() in ("T", "D")


@dataclass(frozen=True, repr=False)
class Message:
    header: Header
    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = field(default=())

    def all(self, name: str) -> Iterator[Segment]:
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment:
        """An empty segment when there is none, so that reading never fails."""
        return next(self.all(name), Segment(name, name, self.header.segment.seps))

    def has(self, name: str) -> bool:
        return any(self.all(name))

    def __repr__(self) -> str:
        return f"Message({self.header.kind}^{self.header.trigger}, {len(self.segments)} segments)"


def unframed(raw: bytes) -> bytes:
    """The content of an MLLP block; content that came without a frame (a file) as it is."""
    return raw[1:].removesuffix(END).removesuffix(b"\x1c") if raw.startswith(START) else raw


def framed(content: bytes) -> bytes:
    return START + content + END


def header(raw: bytes) -> Header:
    """MSH alone, read byte by byte as Latin-1 so that even a message in an unknown set can be answered.
    Raises NoHeader."""
    body = unframed(raw).lstrip(b"\r\n\t ").removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n\t ")
    line = re.split(rb"[\r\n]", body, maxsplit=1)[0].decode("latin-1")
    if not line.startswith("MSH") or len(line) < 5:
        raise NoHeader()
    seps = _separators(line)
    segment = Segment("MSH", line, seps)
    return Header(segment, segment.raw(18))


def _separators(line: str) -> Separators:
    """Raises NoHeader where the separators can't be told from text or from one another."""
    sep = line[3]
    given = line[4:].split(sep, 1)[0]
    # The fifth one (truncation, since 2.7) means nothing to us. Some senders leave the last ones out.
    chosen = list(given[:4]) + list("^~\\&"[len(given[:4]) :])
    # A sender who leaves them out may use our default for something else.
    chosen = [c if index < len(given) or c not in (sep, *given) else "" for index, c in enumerate(chosen)]
    marks = [sep, *(c for c in chosen if c)]
    if not given or len(given) > 5 or len(set(marks)) != len(marks):
        raise NoHeader("Its separators (MSH-1, MSH-2) can't be told apart.")
    if any(c.isalnum() or c.isspace() or not c.isprintable() or not c.isascii() for c in marks):
        raise NoHeader("Its separators (MSH-1, MSH-2) are letters, blanks or control characters.")
    return Separators(sep, *chosen)


def parse(raw: bytes) -> Message:
    """Checks in the order of TRUST 7: header, character set, event, PID-3. Raises the first fault found."""
    head = header(raw)
    _check_header(head)
    message = split(raw, head)
    _check_event(message.header)
    _check_amount(message)
    _check_person(message)
    return message


def split(raw: bytes, head: Header) -> Message:
    """Whatever it is about. Raises UnknownCharset, TooMuch."""
    text, codec, notes = _decode(raw, head)
    return _split(text, head, codec, notes)


def _check_header(head: Header) -> None:
    if not head.control_id:
        raise NoControlId()
    if len(head.control_id) > 199:
        raise NoControlId("It is longer than 199 characters.")
    if not _VERSION.match(head.version):
        raise BadVersion()


def _check_event(head: Header) -> None:
    kind, trigger = head.kind, head.trigger
    if not _TRIGGER.match(kind) or (kind != "ACK" and not _TRIGGER.match(trigger)):
        raise NoEvent()
    if kind != "ADT" or trigger not in SUPPORTED:
        raise UnsupportedEvent(f"It is {kind} {trigger}.".replace(" .", "."))


def _check_amount(message: Message) -> None:
    """A limit on the work that one message may cause: real ones hold about 8 KB of what is read here."""
    lines = [each.line for each in message.segments if each.name in READ]
    repeats = message.header.segment.seps.repeat
    if len(lines) > MOST_READ or sum(map(len, lines)) > MOST_READ_LENGTH:
        raise TooMuch(f"{MOST_READ} segments of {MOST_READ_LENGTH:,} characters together are read.")
    if repeats and sum(line.count(repeats) for line in lines) > MOST_REPEATS:
        raise TooMuch(f"Its fields repeat more than {MOST_REPEATS} times.")


def _check_person(message: Message) -> None:
    if not message.has("PID"):
        raise NoPatientId("There is no PID segment.")
    if not any(part.part() for part in message.first("PID").all(3)):
        raise NoPatientId()


_CODECS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    **{f"8859/{n}": f"iso8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15)},
}


def _decode(raw: bytes, head: Header) -> tuple[str, str, tuple[str, ...]]:
    """The text, the codec, what was assumed. Raises UnknownCharset; no character is replaced silently."""
    body = unframed(raw).lstrip(b"\r\n\t ")
    has_mark = body.startswith(codecs.BOM_UTF8)
    body = body.removeprefix(codecs.BOM_UTF8)
    declared = head.charset.split(head.segment.seps.repeat or "~")[0].strip().upper()
    codec = _CODECS.get(declared) if declared else "utf-8"
    if codec is None:
        raise UnknownCharset(f"It declares “{escapes.plain(head.charset)[:40]}”.")
    if has_mark and codec not in ("utf-8", "ascii"):
        raise UnknownCharset("It declares one set and begins with the mark of another (UTF-8).")
    try:
        text = body.decode("utf-8" if has_mark else codec)
    except UnicodeDecodeError as broken:
        known = f"It declares {declared}" if declared else "It declares none and is not UTF-8"
        raise UnknownCharset(f"{known}; byte {broken.start} does not fit.") from broken
    assumed = () if declared or text.isascii() else ("No character set was declared; it was read as UTF-8.",)
    return text, "utf-8" if has_mark else codec, assumed


def _split(text: str, head: Header, codec: str, notes: tuple[str, ...]) -> Message:
    seps = replace(head.segment.seps, codec=codec)
    lines = [line.strip(" \t\x00") for line in re.split(r"\r\n|\r|\n", text.strip("\r\n\t \x00"))]
    lines = [line for line in lines if line]
    if len(lines) > MOST_SEGMENTS:
        raise TooMuch(f"It has more than {MOST_SEGMENTS:,} segments.")
    if any(line.startswith("MSH" + seps.field) for line in lines[1:]):
        raise NoHeader("Two messages came as one.")
    segments = tuple(Segment(line.split(seps.field, 1)[0].strip().upper(), line, seps) for line in lines)
    return Message(Header(segments[0], head.charset), segments, notes)
