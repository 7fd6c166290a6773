"""Which apps may act for whom, and ending that. Ending works with the app's next request: each one looks at the row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from careloop.accounts.smart_models import AppGrant


@dataclass(frozen=True)
class Grant:
    """words: the scopes that were allowed, as written. patient, person: FHIR id and rid of the one in whose context,
    empty and 0 for an app of a user's own. by: principal who allowed it. used: when it last got a token."""

    id: str
    app: str
    publisher: str
    words: tuple[str, ...]
    patient: str
    person: int
    by: int
    began: datetime
    used: datetime
    stays: bool


def grants_of(principal: int | None = None, person: int | None = None) -> list[Grant]:
    """Those that last, the latest used first: what this account allowed, or whatever reads this person's record by
    name (her own, her family's, a member of staff's). Give one of both, or both."""
    asked = Q()
    if principal is not None:
        asked |= Q(principal=principal)
    if person:
        asked |= Q(person=person)
    if not asked:
        raise ValueError("whose grants?")
    rows = _lasting().filter(asked).select_related("app")
    return [_read(row) for row in rows.order_by("-used")]


def end_grant(id: str, now: datetime, why: str = "ended by its owner") -> bool:
    """Whether there was something to end. Whose it is, the caller has checked (grants_of)."""
    return bool(_lasting().filter(pk=id).update(ended=now, why=why[:60]))


def end_all_of(principal: int, now: datetime, why: str) -> int:
    return _lasting().filter(principal=principal).update(ended=now, why=why[:60])


def end_all_about(person: int, now: datetime, why: str, principal: int | None = None) -> int:
    """Whatever acts in this person's context; of one account alone when a share of it ended."""
    rows = _lasting().filter(person=person)
    return (rows if principal is None else rows.filter(principal=principal)).update(ended=now, why=why[:60])


def scopes_allowed(app: int, principal: int, patient: str) -> str:
    """What lasts of earlier consents to this app in this context, empty for none."""
    found = _lasting().filter(app_id=app, principal=principal, patient=patient).first()
    return found.scopes if found else ""


def _lasting() -> QuerySet[AppGrant]:
    return AppGrant.objects.filter(ended=None)


def _read(row: AppGrant) -> Grant:
    words = tuple(row.scopes.split(" "))
    return Grant(
        id=row.id,
        app=row.app.name,
        publisher=row.app.publisher,
        words=words,
        patient=row.patient,
        person=row.person,
        by=row.principal,
        began=row.began,
        used=row.used,
        stays="offline_access" in words,
    )
