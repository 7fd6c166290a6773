"""End what somebody may see: at once, on the next click, and every session of hers with it."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.accounts import family_accounts
from careloop.actions import record
from careloop.care.representation import is_portal, standing_of
from careloop.fhir.elements import Resource, fhir_instant
from careloop.kernel.errors import NotFound
from careloop.store import Stored, Unit


def end_share(scope: Scope, consent: str, why: str, now: datetime) -> Stored:
    """consent: id. Twice is the same as once. She must sign in again for what others share with her.

    Raises NotFound, for a Consent about something else as well."""
    with record.begin(scope, now) as unit:
        seen = unit.read("Consent", consent)
        standing = standing_of(seen.resource)
        if standing is None or not is_portal(seen.resource):
            raise NotFound(f"Consent/{consent}")
        ended = end_in(unit, seen, why)
    family_accounts.sign_out_everywhere(standing.related, now, "share ended")
    return ended


def end_in(unit: Unit, seen: Stored, why: str) -> Stored:
    """In the caller's unit: the Consent is over, and says since when and why."""
    if seen.resource.get("status") != "active":
        return seen
    resource: Resource = {**seen.resource, "status": "inactive"}
    provision = dict(resource.get("provision") or {})
    provision["period"] = {**provision.get("period", {}), "end": fhir_instant(unit.now)}
    resource["provision"] = provision
    if why.strip():
        rule = resource.get("policyRule") or {}
        said = str(rule.get("text", ""))
        resource["policyRule"] = {**rule, "text": f"{said} Ended: {why.strip()[:300]}".strip()}
    return unit.update(resource, if_match=seen.version)
