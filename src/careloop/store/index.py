"""Keeps the index rows of resources in step with their bodies, inside the unit of work.

SKELETON (signatures stand). Tables: schema_index.sql.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careloop.fhir.elements import Resource

Mention = Callable[[Collection[str]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource whose index must follow. before: the body that was indexed (None: nothing was);
    after: the body now (None: deleted). was_person: home before, where it differs.
    is_current: False when the head's `iv` is not `fhir.index.VERSION`: then all old rows are replaced."""

    person: int
    rid: int
    before: Resource | None
    after: Resource | None
    was_person: int | None = None
    is_current: bool = True


def write(cursor: Any, entries: Sequence[Entry], mention: Mention) -> None:
    """Brings the rows of all entries up to date in at most one delete and one insert statement.
    mention: references ("Patient/1") to integer keys, for many at once, making those that are new."""
    raise NotImplementedError
