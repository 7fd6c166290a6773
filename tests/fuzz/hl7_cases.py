"""Malformed HL7 v2, made from good messages by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.fuzz.cases import ODD_TEXT, Case, bent


def _fields(dice: random.Random, message: bytes) -> bytes:
    """Fields lost, swapped, repeated, or holding something odd."""
    segments = [segment.split(b"|") for segment in message.strip(b"\r").split(b"\r")]
    for _ in range(dice.choice((1, 1, 2, 5))):
        row = dice.choice(segments)
        at = dice.randrange(len(row))
        odd = dice.choice(ODD_TEXT).encode("utf-8", "surrogatepass")[:2_000]
        match dice.randrange(6):
            case 0:
                row[at] = odd
            case 1:
                row[at] = b"~".join([row[at]] * dice.choice((2, 50, 500)))
            case 2:
                row[at] = b"^".join([odd, row[at], odd, b"&".join([odd] * 5)])
            case 3:
                del row[at]
            case 4:
                row[at:at] = [b""] * dice.choice((1, 20, 300))
            case _:
                row[at] = dice.choice(
                    (
                        b'""',
                        b"\\X0D\\",
                        b"\\Xzz\\",
                        b"\\E\\",
                        b"\\.br\\",
                        b"20261399",
                        b"20261123090000.0000+9900",
                        b"-1",
                    )
                )
    match dice.randrange(6):
        case 0:
            dice.shuffle(segments)
        case 1:
            segments *= dice.choice((2, 30))
        case 2:
            segments.insert(
                dice.randrange(len(segments) + 1),
                [dice.choice((b"", b"ZZZ", b"PID", b"MSH", b"\xff\xff", b"BHS"))],
            )
        case _:
            pass
    return b"\r".join(b"|".join(row) for row in segments) + dice.choice(
        (b"\r", b"", b"\n", b"\r\n", b"\x1c\r")
    )


def _separators(dice: random.Random, message: bytes) -> bytes:
    return message[:3] + bytes(dice.choice(b"|^~\\&#%AZ\x00\r \xff") for _ in range(5)) + message[8:]


def hl7(seed: int, count: int, good: Callable[[random.Random], bytes]) -> Iterator[Case]:
    """good: makes a message that would be taken."""
    dice = random.Random(seed)
    for _ in range(count):
        message = good(dice)
        match dice.randrange(6):
            case 0 | 1:
                yield Case("bytes", bent(dice, message))
            case 2 | 3:
                yield Case("fields", _fields(dice, message))
            case 4:
                yield Case("separators", _separators(dice, message))
            case _:
                sets = (b"UNICODE UTF-8", b"8859/1", b"ASCII", b"UNICODE UTF-16", b"ISO IR87", b"x" * 300)
                yield Case(
                    "character sets",
                    bent(dice, message.replace(b"|P|2.5.1", b"|P|2.5.1||||||" + dice.choice(sets))),
                )
