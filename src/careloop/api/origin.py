"""A plan that another system hands in says whose it is, so that it is never taken for ours.

FHIR lets a server say in meta.source where something came from when the sender has not. All else is kept as sent.
"""

from __future__ import annotations

import re
from typing import Any

from careloop.api.exchange import Exchange
from careloop.care.others_plans import is_others
from careloop.fhir import uris
from careloop.fhir.elements import Resource, identifier_in

SENDER = "urn:careloop:client:"


def say_where_from(exchange: Exchange, resource: Resource) -> None:
    """Plans that are agreed already, from a program and with no mark of their own. A proposal is for us to decide."""
    if resource.get("resourceType") != "CarePlan" or exchange.actor.kind != "client":
        return
    if not _can_be_read(resource):
        return
    is_agreed = resource.get("intent") == "plan"
    if is_agreed and not is_others(resource) and identifier_in(resource, uris.DEDUPE) is None:
        name = re.sub(r"[^a-z0-9]+", "-", exchange.actor.name.casefold()).strip("-") or "program"
        resource["meta"] = {**resource.get("meta", {}), "source": f"{SENDER}{name}"}


def _can_be_read(plan: Resource) -> bool:
    """What is asked of it has the shape that FHIR gives it. It was not validated yet: where it has not, it is refused
    later, in words."""
    named = plan.get("identifier", [])
    objects = [plan.get("meta", {}), plan.get("author", {}), *(named if isinstance(named, list) else [named])]
    return isinstance(named, list) and all(isinstance(each, dict) for each in objects)


def say_where_all_from(exchange: Exchange, bundle: Resource) -> None:
    """What is no Bundle as it should be is left for the transaction to refuse."""
    entries: Any = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        found: Any = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(found, dict):
            say_where_from(exchange, found)
