"""What is no reading or writing of the record, and still belongs into the audit trail: a sign-in, a refusal, a consent
page, a token, a backup, an export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


@contextmanager
def noted(scope: Scope, now: datetime) -> Iterator[Callable[[str], None]]:
    """For an act that is no resource: what is done inside commits with its row of the trail, or not at all. Yields what
    says it, as in `note`; say at least one thing. What lies outside of the database (a cookie, a session's key) is
    changed after this, not inside.

    Raises AuditUnavailable, and nothing was done.
    """
    with store.open(scope, now=now) as unit:
        unit.cursor()  # the transaction begins here
        yield lambda what: unit.saw((), what)
