"""Alerts about odd access: raised by actions, seen by the privacy officer alone, decided once.

They are no Tasks: whoever was flagged reads Tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careloop.kernel.errors import CareError, NotFound
from careloop.store import Unit

OPEN: Final = ("open", "follow-up")
DECISIONS: Final = ("fine", "follow-up", "reported")

# A reason as a code and what it needs to become a sentence; web/staff/audit_words.py says it.
Told = Sequence[tuple[str, Mapping[str, Any]]]


class AlertDecided(CareError):
    """Somebody has decided this alert already."""

    code, status = "alert-decided", 409


class OwnAlert(CareError):
    """This alert is about what you did yourself, so somebody else has to decide it."""

    code, status, issue_type = "own-alert", 403, "forbidden"


@dataclass(frozen=True, repr=False)
class Alert:
    """row: lane and seq of the audit row behind it; None without one."""

    id: int
    kind: str
    person: int
    principal: int
    at: datetime
    told: tuple[tuple[str, Mapping[str, Any]], ...]
    row: tuple[int, int] | None
    state: str
    decided_at: datetime | None
    decided_by: int | None
    why: str

    def __repr__(self) -> str:
        return f"Alert({self.id} {self.kind} {self.state})"


_COLUMNS: Final = "id, kind, person, principal, at, told, lane, seq, state, decided_at, decided_by, why"


def raise_alert(
    unit: Unit,
    kind: str,
    person: int,
    principal: int,
    told: Told | str,
    *,
    key: str = "",
    row: tuple[int, int] | None = None,
    at: datetime | None = None,
) -> bool:
    """In the caller's own unit. kind: odd-access, break-glass, part2-emergency, cover. told: reasons, or a sentence
    of ours. key: what makes it one; without one, one a kind, person, principal and day. True when it is new."""
    when = at or unit.now
    reasons = [["said", {"words": told}]] if isinstance(told, str) else [[c, dict(v)] for c, v in told]
    one = key or f"{kind}:{person}:{principal}:{when:%Y-%m-%d}"
    lane, seq = row or (None, None)
    found = unit.cursor().execute(
        "insert into alerts(key, kind, person, principal, at, told, lane, seq) "
        "values (%s, %s, %s, %s, %s, %s::jsonb, %s, %s) on conflict (key) do nothing returning 1",
        [one, kind, person, principal, when, json.dumps(reasons), lane, seq],
    )
    is_new = found.fetchone() is not None
    if is_new:
        unit.saw([person] if person else [], f"alert {kind}")
    return is_new


def alert(unit: Unit, id: int) -> Alert:
    unit.condition("AuditEvent", "read")
    row = unit.cursor().execute(f"select {_COLUMNS} from alerts where id = %s", [id]).fetchone()
    if row is None:
        raise NotFound(f"alert {id}")
    found = _alert(row)
    unit.saw([found.person] if found.person else [], "alert opened")
    return found


def alerts(unit: Unit, *, is_waiting: bool, limit: int = 100, before: int | None = None) -> list[Alert]:
    """Newest first. before: only those with a smaller number."""
    unit.condition("AuditEvent", "search")
    which = "state in ('open', 'follow-up')" if is_waiting else "true"
    rows = unit.cursor().execute(
        f"select {_COLUMNS} from alerts where {which} and id < %s order by at desc, id desc limit %s",
        [before or 2**62, limit],
    )
    found = [_alert(row) for row in rows.fetchall()]
    unit.saw({each.person for each in found if each.person}, "alerts")
    return found


def how_many_wait(unit: Unit) -> int:
    unit.condition("AuditEvent", "search")
    row = unit.glance().execute("select count(*) from alerts where state in ('open', 'follow-up')").fetchone()
    return int(row[0]) if row else 0


def decide_alert(unit: Unit, id: int, state: str, why: str) -> Alert:
    """Raises NotFound, AlertDecided, OwnAlert. A follow-up may be decided again."""
    found = alert(unit, id)
    if found.principal == unit.scope.actor.principal:
        raise OwnAlert
    done = unit.cursor().execute(
        "update alerts set state = %s, decided_at = %s, decided_by = %s, why = %s "
        "where id = %s and state in ('open', 'follow-up') returning 1",
        [state, unit.now, unit.scope.actor.principal, why, id],
    )
    if done.fetchone() is None:
        raise AlertDecided
    unit.saw([found.person] if found.person else [], f"alert decided {state}")
    return found


def _alert(row: Sequence[Any]) -> Alert:
    id, kind, person, principal, at, told, lane, seq, *rest = row
    reasons = tuple((code, values) for code, values in (json.loads(told) if isinstance(told, str) else told))
    return Alert(id, kind, person, principal, at, reasons, (lane, seq) if lane is not None else None, *rest)
