"""What is no reading or writing of the record, and still belongs into the audit trail: a sign-in, a refusal, a consent
page, a token, a backup, an export."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from careloop import store
from careloop.access import Scope


def note(scope: Scope, what: str, people: Iterable[int], now: datetime) -> None:
    """One row, committed when this returns. what: a few words of ours that carry no name and nothing typed; a refusal
    begins with `denied`. people: rids of whom it is about. Opens a unit of its own, so never inside another.

    Raises AuditUnavailable: what can't be written down must not be done.
    """
    with store.open(scope, now=now) as unit:
        unit.saw(people, what)
