"""A file of messages: one or many, framed (MLLP) or bare, with or without batch segments. Pure."""

from __future__ import annotations

import codecs
import re

from careloop.connect.hl7v2.frames import Broken, Frames, Whole

# A message begins where a line does: MSH and a separator that is no letter.
_BEGINS = re.compile(rb"(?:(?<=[\r\n\x1c\x0b])|\A)[ \t]*(?=MSH[^A-Za-z0-9\s])")
_BATCH = re.compile(rb"(?:(?<=[\r\n])|\A)(?:FHS|BHS|BTS|FTS)[^A-Za-z0-9\s][^\r\n]*(?:\r\n|\r|\n|\Z)")


def messages_in(data: bytes) -> list[bytes]:
    """Each message by itself. What is no message comes out too, so that it is refused and kept, never dropped."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip(b"\r\n\t ").startswith(b"\x0b"):
        return _framed(data)
    bare = _BATCH.sub(b"", data)
    starts = [found.end() for found in _BEGINS.finditer(bare)]
    if not starts or bare[: starts[0]].strip(b"\r\n\t \x1a"):
        starts = [0, *starts]
    pieces = [bare[start:end] for start, end in zip(starts, [*starts[1:], len(bare)], strict=True)]
    return [piece for piece in pieces if piece.strip(b"\r\n\t \x1a")]


def _framed(data: bytes) -> list[bytes]:
    frames = Frames()
    found: list[Whole | Broken] = frames.feed(data)
    if left := frames.close():
        found.append(left)
    return [each.content for each in found]
