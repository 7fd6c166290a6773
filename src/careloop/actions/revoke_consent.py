"""End a consent: what it permitted is withheld with this commit, and what is on its way is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.end_share import end_in
from careloop.actions.record_consent import reach
from careloop.actions.revocation import reached_by
from careloop.care.consent import is_privacy, read
from careloop.care.representation import is_portal
from careloop.care.revocation import Limit
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.library.labels import rules
from careloop.store import Stored, Unit


@dataclass(frozen=True)
class Revoked:
    """reached: references of what was put on hold, and keys of letters that stayed."""

    consent: Stored
    reached: tuple[str, ...]


def revoke_consent(
    scope: Scope, consent: str, why: str, now: datetime, *, version: int | None = None
) -> Revoked:
    """consent: id. Twice is the same as once. Raises NotFound, for a Consent about something else as well (a share of
    the family's pages ends by `end_share`, a program by leaving it), and StaleVersion."""
    with record.begin(scope, now) as unit:
        seen = unit.read("Consent", consent)
        if not is_privacy(seen.resource) or is_portal(seen.resource):
            raise NotFound(f"Consent/{consent}")
        if version is not None and seen.resource.get("status") == "active" and version != seen.version:
            raise StaleVersion(f"Consent/{consent} is at version {seen.version}.", version=seen.version)
        ended = end_in(unit, seen, why)
    return Revoked(ended, reach(ended.person, now))


def would_reach(unit: Unit, consent: Stored) -> tuple[Stored, ...]:
    """Open referrals and to-dos of partners that ending it would put on hold: shown before she decides."""
    said = read(consent.resource, rules()).statements
    named = frozenset(each.grantee for each in said if each.permits and each.grantee)
    return reached_by(unit, consent.person, Limit(consent.reference, "", named))
