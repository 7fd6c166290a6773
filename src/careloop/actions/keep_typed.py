"""What is typed into the sheet of a call, or into a note that is not signed yet, is kept at each pause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.log_contact import form_of
from careloop.actions.sign_note import LONGEST
from careloop.kernel.errors import NotFound
from careloop.store import drafts

NOTE_FORM = "note:"


def keep_contact(
    scope: Scope, typed: Mapping[str, str], now: datetime, *, person: str = "", task: str | None = None
) -> bool:
    """typed["started"] says which opening of the sheet it is. False, and nothing is kept, when that one was logged
    already. person: Patient id, not needed with a task. Raises NotFound."""
    answers = {name: said[:LONGEST] for name, said in typed.items()}
    with record.begin(scope, now) as unit:
        home = unit.read("Task", task).person if task else unit.read("Patient", person).rid
        kept = drafts.keep(unit, home, form_of(task), answers, opened=answers.get("started", ""))
    return kept is not None


def keep_note(scope: Scope, draft: int, text: str, now: datetime) -> bool:
    """False, and nothing is kept, when the note was signed or taken back already."""
    with record.begin(scope, now) as unit:
        try:
            kept = drafts.get(unit, draft, to_change=True)
        except NotFound:
            return False
        if not kept.form.startswith(NOTE_FORM):
            return False
        return drafts.change(unit, draft, {**kept.answers, "text": text[:LONGEST]}) is not None
