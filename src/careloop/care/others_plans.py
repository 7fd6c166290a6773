"""Which plans are ours, and whose the others are. Pure.

A plan that another organization wrote is kept as it was sent and never becomes ours by being there: its lines are shown
beside ours, and no step of it is anybody's work here until a person takes it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, identifier_in, identifiers

OURS: Final = frozenset({"plan", "proposal"})
LIVE: Final = frozenset({"active", "on-hold"})
# Where a house of ours says that something came from: not a sign of somebody else.
HOUSE_SOURCES: Final = ("urn:careloop:demo",)


def is_others(plan: Resource) -> bool:
    """By what it says of itself: where it came from, whose numbers it carries, which organization wrote it. A plan that
    was made here carries our own key."""
    if plan.get("intent") not in OURS:
        return True
    if identifier_in(plan, uris.DEDUPE):
        return False
    source = str((plan.get("meta") or {}).get("source") or "")
    if source and not source.startswith(HOUSE_SOURCES):
        return True
    if any(not str(each.get("system", "")).startswith("urn:careloop:") for each in identifiers(plan)):
        return True
    return str((plan.get("author") or {}).get("reference", "")).startswith("Organization/")


def is_our_plan(plan: Resource) -> bool:
    """The one that this house follows."""
    return (plan.get("status"), plan.get("intent")) == ("active", "plan") and not is_others(plan)


def live_plans_of_others(plans: Iterable[Resource]) -> list[Resource]:
    return [plan for plan in plans if plan.get("status") in LIVE and is_others(plan)]


def lines_of(plan: Mapping[str, Any]) -> list[str]:
    """References of its needs, goals and steps."""
    actions = [each.get("reference") or {} for each in plan.get("activity", ())]
    every = (*plan.get("addresses", ()), *plan.get("goal", ()), *actions)
    return [str(each["reference"]) for each in every if "reference" in each]


def lines_of_others(plans: Iterable[Resource]) -> frozenset[str]:
    """Goals and steps that only plans of others name: they belong to no plan of ours. A diagnosis that such a plan
    addresses stays the person's."""
    found = list(plans)
    ours = {line for plan in found if not is_others(plan) for line in lines_of(plan)}
    theirs = {line for plan in found if is_others(plan) for line in lines_of(plan)}
    return frozenset(line for line in theirs - ours if not line.startswith("Condition/"))


def whose(resource: Resource) -> str:
    """A key for whoever says it: a reference, else a name; empty when nobody is named."""
    for name in (
        "author",
        "requester",
        "orderer",
        "informationSource",
        "expressedBy",
        "performer",
        "recorder",
    ):
        said = resource.get(name)
        said = said[0] if isinstance(said, list) and said else said
        if isinstance(said, Mapping) and (found := said.get("reference") or said.get("display")):
            return str(found)
    organization = resource.get("managingOrganization") or {}
    return str(organization.get("reference") or (resource.get("meta") or {}).get("source") or "")
