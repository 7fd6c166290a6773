"""The one policy. Default is no; each rule that says yes carries a reason a person can read.

An actor may do a thing to a type when at least one rule speaks for it; which people's rows, is the union of the
conditions of those rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from careloop.access.actor import Actor
from careloop.access.conditions import Condition, Everyone, LeadIs, NoOne, SiteIn, TeamIn, any_of

Interaction = Literal["create", "read", "update", "delete", "search", "history"]

SMART_LETTER: dict[str, str] = {
    "create": "c",
    "read": "r",
    "update": "u",
    "delete": "d",
    "search": "s",
    "history": "r",
}

READING = frozenset({"read", "search", "history"})
WRITING = frozenset({"create", "update"})

# Types that the house keeps for itself: nobody writes them through a door.
KEPT = frozenset({"AuditEvent"})


@dataclass(frozen=True)
class Decision:
    allowed: bool
    reason: str
    condition: Condition


@dataclass(frozen=True)
class Rule:
    """name: stable, for tests and audit. reason: the sentence a person reads. speaks: whether it says yes.
    people: whose rows."""

    name: str
    reason: str
    speaks: Callable[[Actor, str, str], bool]
    people: Callable[[Actor], Condition]


def _own_people(actor: Actor) -> Condition:
    lead: Condition = LeadIs(actor.practitioner_rid) if actor.practitioner_rid else NoOne()
    sites: Condition = SiteIn(actor.sites) if actor.sites else NoOne()
    teams: Condition = TeamIn(actor.teams) if actor.teams else NoOne()
    return any_of(sites, teams, lead)


def _everyone(actor: Actor) -> Condition:
    return Everyone()


CARE_ROLES = frozenset({"coordinator", "supervisor", "clinician"})
STAFF_ROLES = CARE_ROLES | {"administrator"}  # an administrator sees no clinical data

RULES: tuple[Rule, ...] = (
    Rule(
        "staff-care",
        "You coordinate care at this person's site, or lead her care.",
        lambda a, what, rtype: (
            a.kind == "staff"
            and bool(a.roles & CARE_ROLES)
            and what in READING | WRITING
            and rtype not in KEPT
        ),
        _own_people,
    ),
    Rule(
        "client-scope",
        "This program was given a scope for it.",
        lambda a, what, rtype: (
            a.kind == "client"
            and rtype not in KEPT
            and any(s.context == "system" and s.covers(rtype, SMART_LETTER[what]) for s in a.scopes)
        ),
        _everyone,
    ),
    Rule(
        "system-hl7",
        "The hospital feed writes what its messages say.",
        lambda a, what, rtype: "system:hl7" in a.roles and what in READING | WRITING and rtype not in KEPT,
        _everyone,
    ),
    Rule(
        "system-reactions",
        "Careloop turns changes into work.",
        lambda a, what, rtype: (
            bool(a.roles & {"system:reactions", "system:timers", "system:jobs"})
            and what in READING | WRITING
            and rtype not in KEPT
        ),
        _everyone,
    ),
    Rule(
        "system-upkeep",
        "Imports, rebuilds and the demonstration community.",
        lambda a, what, rtype: (
            bool(a.roles & {"system:import", "system:rebuild", "system:demo", "system:accounts"})
            and rtype not in KEPT
        ),
        _everyone,
    ),
)


def decide(actor: Actor, interaction: Interaction, resource_type: str) -> Decision:
    """Whether this actor may, why or why not, and for whose rows. Never raises."""
    speaking = [rule for rule in RULES if rule.speaks(actor, interaction, resource_type)]
    if not speaking:
        return Decision(False, f"No rule lets {actor.kind} {interaction} {resource_type}.", NoOne())
    condition = any_of(*(rule.people(actor) for rule in speaking))
    return Decision(not isinstance(condition, NoOne), " ".join(rule.reason for rule in speaking), condition)
