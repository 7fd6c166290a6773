"""A set of people in few bytes: sorted keys, each as the distance to the one before, seven bits a byte."""

from __future__ import annotations

from collections.abc import Iterable


def pack(people: Iterable[int]) -> bytes:
    packed, last = bytearray(), 0
    for person in sorted(set(people)):
        distance, last = person - last, person
        while distance > 0x7F:
            packed.append(distance & 0x7F | 0x80)
            distance >>= 7
        packed.append(distance)
    return bytes(packed)


def unpack(packed: bytes) -> list[int]:
    people, last, distance, shift = [], 0, 0, 0
    for byte in packed:
        distance |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            last += distance
            people.append(last)
            distance, shift = 0, 0
    return people
