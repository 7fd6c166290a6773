"""What changed in a to-do while a form stood open, in sentences."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, ngettext

from careloop.care.work import work_of
from careloop.kernel.errors import NotFound
from careloop.projections.worklist_rows import attempts_in
from careloop.store import Stored, Unit

STATUS_WORDS = {
    "completed": "It was finished.",
    "cancelled": "It was withdrawn.",
    "failed": "It was closed as not possible.",
    "in-progress": "Somebody is working on it.",
    "entered-in-error": "It was taken back.",
}


def changes_since(unit: Unit, current: Stored, version: int | None) -> tuple[str, ...]:
    """Between the version she saw and now."""
    try:
        before = unit.read_version("Task", current.id, version).resource if version else {}
    except NotFound:
        before = {}
    return tuple(_said(before, current.resource)) or (
        gettext("Somebody saved it again without a visible change."),
    )


def _said(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if before.get("status") != after.get("status") and (words := STATUS_WORDS.get(str(after.get("status")))):
        found.append(gettext(words))
    was, now = before.get("owner") or {}, after.get("owner") or {}
    if was.get("reference") != now.get("reference"):
        name = now.get("display")
        found.append(
            gettext("It now belongs to %(name)s.") % {"name": name}
            if name
            else gettext("It now belongs to the team.")
        )
    if before and work_of(before).wake != work_of(after).wake and work_of(after).wake:
        found.append(gettext("It was snoozed."))
    if tries := attempts_in(after) - attempts_in(before):
        found.append(
            ngettext("%(n)d more attempt was logged.", "%(n)d more attempts were logged.", tries)
            % {"n": tries}
        )
    known = len(before.get("note", ()))
    found += [f"“{note.get('text', '')}”" for note in after.get("note", ())[known:] if before]
    return found
