"""Integer keys of references. A reference has a key from its first mention on, whether it exists or not."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any
from zlib import crc32

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.kernel.ids import is_fhir_id


@cache
def number_of(resource_type: str) -> int:
    """The integer of a resource type: from its name, so that it is the same in every installation and release."""
    return crc32(resource_type.encode()) & 0x7FFFFFFF


_NAMES = {number_of(name): name for name in RESOURCE_TYPES}


def name_of(number: int) -> str:
    return _NAMES[number]


def parts_of(reference: str) -> tuple[str, str] | None:
    """("Patient", "1") of `Patient/1` or `Patient/1/_history/2`; None for anything that is no address of ours."""
    parts = reference.split("/")
    if len(parts) == 4 and parts[2] == "_history":
        parts = parts[:2]
    if len(parts) != 2 or parts[0] not in RESOURCE_TYPES or not is_fhir_id(parts[1]):
        return None
    return parts[0], parts[1]


# (type, id) -> rid. A key never changes once it is committed, so that it may be remembered by every thread.
_remembered: dict[tuple[str, str], int] = {}
_MOST_REMEMBERED = 200_000


def forget() -> None:
    _remembered.clear()


def remembered(parts: tuple[str, str]) -> int | None:
    return _remembered.get(parts)


def remember(found: dict[tuple[str, str], int]) -> None:
    """Only committed keys."""
    if len(_remembered) + len(found) > _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.update(found)


SELECT_KEYS = """
select i.type, i.id, i.rid, i.person from ids i
join unnest(%s::integer[], %s::text[]) as wanted(type, id) on i.type = wanted.type and i.id = wanted.id
"""
INSERT_KEYS = """
insert into ids(type, id, rid, person)
select * from unnest(%s::integer[], %s::text[], %s::bigint[], %s::bigint[])
on conflict (type, id) do nothing returning type, id, rid
"""


def look_up(cursor: Any, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Those that have a key, in one round trip at most."""
    found = {parts: rid for parts in wanted if (rid := _remembered.get(parts)) is not None}
    missing = [parts for parts in wanted if parts not in found]
    if missing:
        cursor.execute(SELECT_KEYS, [[number_of(t) for t, _ in missing], [i for _, i in missing]])
        found.update({(name_of(row[0]), row[1]): row[2] for row in cursor.fetchall()})
    return found


def rid_of(cursor: Any, reference: str, *, is_settled: bool = False) -> int | None:
    """is_settled: asked outside of any transaction, so that what is found is committed, and may be remembered."""
    parts = parts_of(reference)
    found = look_up(cursor, [parts]) if parts else {}
    if is_settled:
        remember(found)
    return found.get(parts) if parts else None
