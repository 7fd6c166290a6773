"""MLLP, read: bytes in whatever pieces they come, whole messages out. Pure.

A frame is 0x0B, content, 0x1C 0x0D. Tolerated: a missing 0x0D, line ends between frames. Anything else outside of a
frame, a frame that never ends or begins again inside, is broken: handed out as such, never taken for a message.
"""

from __future__ import annotations

from dataclasses import dataclass

START, END = 0x0B, 0x1C
_BETWEEN = b"\r\n \t"
LIMIT = 10 * 1024 * 1024  # TRUST 15
_KEPT = 65_536


@dataclass(frozen=True, repr=False)
class Whole:
    """The content of one frame."""

    content: bytes


@dataclass(frozen=True, repr=False)
class Broken:
    """reason: the sentence for the list of what could not be read. is_too_long: the rest is not read any more."""

    content: bytes
    reason: str
    is_too_long: bool = False


OUTSIDE = "There were bytes outside of a frame (MLLP)."
UNENDED = "The frame was begun again before it ended (MLLP)."
CUT = "The connection ended inside of a frame (MLLP)."


class Frames:
    """One connection's reader."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._inside = False

    @property
    def is_inside(self) -> bool:
        return self._inside

    def feed(self, data: bytes) -> list[Whole | Broken]:
        found: list[Whole | Broken] = []
        at = 0
        while at < len(data):
            at = self._inside_of(data, at, found) if self._inside else self._outside_of(data, at, found)
        return found

    def close(self) -> Broken | None:
        """What is left when the connection ends."""
        left = self._take()
        if self._inside:
            self._inside = False
            return Broken(left, CUT)
        return Broken(left, OUTSIDE) if left.strip(_BETWEEN) else None

    def _take(self) -> bytes:
        left, self._held = bytes(self._held), bytearray()
        return left

    def _outside_of(self, data: bytes, at: int, found: list[Whole | Broken]) -> int:
        start = data.find(START, at)
        end = start if start >= 0 else len(data)
        # Between frames only a little is remembered: enough to show a person what came.
        self._held += data[at : min(end, at + _KEPT - len(self._held))]
        self._held = self._held.lstrip(_BETWEEN)
        if start < 0:
            return end
        self._inside = True
        if (left := self._take()).strip(_BETWEEN):
            found.append(Broken(left, OUTSIDE))
        return start + 1

    def _inside_of(self, data: bytes, at: int, found: list[Whole | Broken]) -> int:
        ends = [place for mark in (END, START) if (place := data.find(mark, at)) >= 0]
        end = min(ends, default=len(data))
        self._held += data[at:end]
        if len(self._held) > self._limit:
            self._inside = False
            found.append(Broken(self._take()[:_KEPT], "", is_too_long=True))
            return len(data)
        if end == len(data):
            return end
        if data[end] == START:
            found.append(Broken(self._take(), UNENDED))
        else:
            self._inside = False
            found.append(Whole(self._take()))
        return end + 1
