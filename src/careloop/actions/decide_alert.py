"""A privacy officer decides an alert: fine because, follow up, or report."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.working import ReasonMissing
from careloop.projections import alerts
from careloop.projections.alerts import Alert


def decide_alert(scope: Scope, id: int, state: str, why: str, now: datetime) -> Alert:
    """state: fine, follow-up or reported; each needs a why. Raises ReasonMissing, NotFound, AlertDecided, OwnAlert,
    Forbidden."""
    words = why.strip()[:2_000]
    if state not in alerts.DECISIONS or not words:
        raise ReasonMissing
    with record.begin(scope, now) as unit:
        # An alert is work: an auditor, who only reads the trail, decides nothing.
        unit.condition("Task", "update")
        return alerts.decide_alert(unit, id, state, words)
