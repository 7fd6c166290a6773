"""Urgent work about somebody's safety stays what it is, whoever writes it: never put away, declined or taken back."""

from __future__ import annotations

from typing import Final

from careloop.actions.working import ProtectedWork
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.store import Change, Unit

TAKEN_BACK: Final = frozenset({"rejected", "cancelled", "entered-in-error", "failed", "on-hold", "draft"})


def refuse_weakened(unit: Unit) -> None:
    """Raises ProtectedWork for a change that would quiet urgent work. For doors that take resources whole."""
    for change in unit.changes:
        if _is_weakened(change):
            raise ProtectedWork("It can be acknowledged, handed to somebody by name, and finished.")


def _is_weakened(change: Change) -> bool:
    before, after = change.before, change.after
    if before is None or before.type != "Task" or before.is_deleted:
        return False
    if not extension(before.resource, uris.PROTECTED):
        return False
    if after is None or after.is_deleted:
        return True
    resource = after.resource
    return (
        not extension(resource, uris.PROTECTED)
        or extension(resource, uris.WAKE) is not None
        or resource.get("status") in TAKEN_BACK
    )
