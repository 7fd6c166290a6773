"""A panel that was sent up waits, as a draft of who sent it, until it is taken, dropped, or a day old."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.import_panel import Report
from careloop.actions.panel_file import guess, read_panel
from careloop.kernel.errors import NotFound
from careloop.kernel.ids import new_id
from careloop.store import Unit, drafts
from careloop.store.drafts import Draft

NOBODY: Final = 0
FORM: Final = "panel:"
# Many people's names, births and phones in one place: not kept for longer than the work needs.
KEPT_FOR: Final = timedelta(days=1)


def send_up(
    scope: Scope, data: bytes, now: datetime, *, name: str = "", site: str = "", program: str = ""
) -> Draft:
    """One panel at a time: an earlier one is forgotten. Raises BadPanel."""
    panel = read_panel(data)
    kept = {
        "data": b64encode(data).decode(),
        "name": name[:200],
        "site": site,
        "program": program,
        "mapped": guess(panel.columns),
        "done": 0,
        "counts": {},
    }
    with record.begin(scope, now) as unit:
        for earlier in drafts.listed(unit, NOBODY, begins=FORM):
            drafts.delete(unit, earlier.id)
        return drafts.save(unit, NOBODY, f"{FORM}{new_id()}", kept)


def kept_panel(unit: Unit, draft: int, *, to_change: bool = False) -> Draft:
    """Raises NotFound for what is no panel, not hers, or too old."""
    found = drafts.get(unit, draft, to_change=to_change)
    if not found.form.startswith(FORM) or found.at < unit.now - KEPT_FOR:
        raise NotFound
    return found


def data_of(panel: Draft) -> bytes:
    return b64decode(panel.answers["data"])


def name_columns(scope: Scope, draft: int, mapped: Mapping[str, int], now: datetime) -> None:
    """Once it is half taken its columns stay as they were. Raises NotFound."""
    with record.begin(scope, now) as unit:
        found = kept_panel(unit, draft, to_change=True)
        if not found.answers["done"]:
            drafts.change(unit, draft, {**found.answers, "mapped": dict(mapped)})


def note_progress(scope: Scope, draft: int, report: Report, now: datetime) -> dict[str, Any]:
    """What was counted so far; the file goes with its last row. Raises NotFound."""
    with record.begin(scope, now) as unit:
        found = kept_panel(unit, draft, to_change=True)
        counts = dict(found.answers["counts"])
        for outcome, count in report.counts.items():
            counts[outcome] = counts.get(outcome, 0) + count
        if report.done >= len(report.panel.rows):
            drafts.delete(unit, draft)
        else:
            drafts.change(unit, draft, {**found.answers, "done": report.done, "counts": counts})
    return counts


def drop_panel(scope: Scope, draft: int, now: datetime) -> None:
    """Nothing was taken from it. Raises NotFound."""
    with record.begin(scope, now) as unit:
        drafts.delete(unit, kept_panel(unit, draft).id)


def forget_old_panels(unit: Unit) -> int:
    """Whoever's they are. How many."""
    return drafts.expire(unit, FORM, unit.now - KEPT_FOR)
