"""The one policy. Default is no; each rule that says yes carries a reason a person can read.

An actor may do a thing to a type when at least one rule speaks for it; whose rows, and with which labels, is the union
of what those rules say. What takes away (a denied person, the scopes of an app) is taken from all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from careloop.access import kinds, labels, purposes, shares
from careloop.access.actor import Actor
from careloop.access.conditions import (
    All,
    Condition,
    Everyone,
    LabelsAllowed,
    LeadIs,
    NoOne,
    Not,
    PersonIn,
    ProgramIn,
    ReferredTo,
    RowMatches,
    SiteIn,
    TeamIn,
    all_of,
    any_of,
)
from careloop.access.roles import CARE_ROLES, ROLES, STAFF_ROLES, Role

__all__ = [
    "CARE_ROLES",
    "RULES",
    "STAFF_ROLES",
    "Answer",
    "Decision",
    "Interaction",
    "Rule",
    "decide",
    "explain",
]

Interaction = Literal["create", "read", "update", "delete", "search", "history"]
INTERACTIONS: tuple[Interaction, ...] = ("create", "read", "update", "delete", "search", "history")

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

# What a program that speaks for itself sees without a consent to its organization.
_CLIENT_SEES = labels.SENSITIVE & ~labels.NEVER_BY_ROLE
# What she sees of her own record: not psychotherapy notes (45 CFR 164.524), and nothing about violence, for somebody
# may look over her shoulder.
_SELF_SEES = labels.PART2 | labels.SUBSTANCE | labels.REPRODUCTIVE | labels.HIV | labels.SAFETY_ADDRESS


@dataclass(frozen=True)
class Decision:
    """rules: the names of those that spoke."""

    allowed: bool
    reason: str
    condition: Condition
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """name: stable, for tests and audit. reason: the sentence a person reads. speaks: whether it says yes.
    rows: whose, and which of them."""

    name: str
    reason: str
    speaks: Callable[[Actor, str, str], bool]
    rows: Callable[[Actor, str], Condition]


@dataclass(frozen=True)
class Answer:
    """What one rule says of one question. says: whether it speaks for it."""

    rule: str
    says: bool
    reason: str


def _labeled(actor: Actor, sees: int, uses: int = purposes.CARE) -> Condition:
    return LabelsAllowed(sees, actor.grantees, actor.emergencies, actor.part2_emergencies, uses)


# --- staff ---


def _own_people(actor: Actor, role: Role) -> Condition:
    """Nobody's rows (the directory) pass whatever this is, as long as it is not NoOne."""
    named = actor.people | actor.emergencies | actor.part2_emergencies
    by_name: Condition = PersonIn(named) if named else NoOne()
    programs: Condition = ProgramIn(actor.programs) if actor.programs else NoOne()
    if role.whose == "nobody":
        return PersonIn(frozenset())
    if role.whose == "granted":
        return by_name
    if role.whose == "members":
        return any_of(programs, by_name)
    led = sorted({*actor.covered, *filter(None, [actor.practitioner_rid])})
    return any_of(
        # Whoever has sites works in her programs there; the programs alone are the reach of an account without a site.
        SiteIn(actor.sites) if actor.sites else programs,
        TeamIn(actor.teams) if actor.teams else NoOne(),
        *map(LeadIs, led),
        by_name,
    )


def _role_rule(role: Role) -> Rule:
    def speaks(actor: Actor, what: str, rtype: str) -> bool:
        types = role.reads if what in READING else role.writes if what in WRITING else frozenset()
        return actor.kind == "staff" and role.name in actor.roles and rtype in types

    def rows(actor: Actor, rtype: str) -> Condition:
        if rtype in kinds.KEPT:
            return Everyone()  # the trail is a list of its own; who may open it, sees all of it
        return all_of(_own_people(actor, role), _labeled(actor, role.sees, role.uses))

    return Rule(role.name, role.reason, speaks, rows)


# --- a person at the family's door ---


def _shared(actor: Actor, rtype: str) -> tuple[frozenset[int], frozenset[int]]:
    """Whose record she has whole (her own, or whom she stands for), and of whom this type is shared with her. Her
    pages leave out rows that an app would get: for an app, whole types are."""
    opened = shares.SHARES if actor.app is None else shares.SHARES_OF_APPS
    reached = [each for each in actor.shares if rtype in opened.get(each[1], ())]
    whole = frozenset(person for person, share in reached if share == shares.SELF)
    return whole, frozenset(person for person, _ in reached) - whole


def _family_speaks(actor: Actor, what: str, rtype: str) -> bool:
    if actor.kind != "person" or rtype in kinds.KEPT:
        return False
    whole, part = _shared(actor, rtype)
    if what in READING:
        return bool(whole or part or rtype in kinds.DIRECTORY)
    if actor.app is not None:
        return what == "create" and bool(whole) and rtype in shares.ADDED_BY_APPS
    if what == "update":
        return bool(whole) and rtype in shares.CHANGED
    mine, helped = bool(whole) and rtype in shares.ADDED, bool(part) and rtype in shares.ADDED_BY_HELPERS
    return what == "create" and (mine or helped)


def _family_rows(actor: Actor, rtype: str) -> Condition:
    whole, part = _shared(actor, rtype)
    own = (
        all_of(PersonIn(whole), LabelsAllowed(_SELF_SEES, actor.grantees, purposes=purposes.ANY, is_own=True))
        if whole
        else NoOne()
    )
    others = (
        all_of(PersonIn(part), LabelsAllowed(0, actor.grantees, purposes=purposes.ANY)) if part else NoOne()
    )
    if not whole and not part and rtype in kinds.DIRECTORY:
        return PersonIn(frozenset())
    return any_of(own, others)


# --- programs, partners, Careloop itself ---


def _client_speaks(actor: Actor, what: str, rtype: str) -> bool:
    return (
        actor.kind == "client"
        and (rtype not in kinds.KEPT or what in READING)
        and any(s.context == "system" and s.covers(rtype, SMART_LETTER[what]) for s in actor.scopes)
    )


def _partner_speaks(actor: Actor, what: str, rtype: str) -> bool:
    if actor.kind != "partner" or actor.organization is None:
        return False
    if rtype == "Task":
        return what in READING or what == "update"
    return what in READING and (rtype == "ServiceRequest" or rtype in kinds.DIRECTORY)


def _partner_rows(actor: Actor, rtype: str) -> Condition:
    if rtype in kinds.DIRECTORY or actor.organization is None:
        return PersonIn(frozenset())
    return all_of(ReferredTo(actor.organization), _labeled(actor, 0))


def _everyone(actor: Actor, rtype: str) -> Condition:
    return Everyone()


def _system(name: str, reason: str, roles: set[str], may: frozenset[str] | None = None) -> Rule:
    def speaks(actor: Actor, what: str, rtype: str) -> bool:
        is_one = actor.kind == "system" and bool(actor.roles & roles)
        return is_one and (may is None or what in may) and rtype not in kinds.KEPT

    return Rule(name, reason, speaks, _everyone)


RULES: tuple[Rule, ...] = (
    *map(_role_rule, ROLES.values()),
    Rule("family", "It is your own record, or it was shared with you.", _family_speaks, _family_rows),
    Rule(
        "partner",
        "Your organization was asked for this, or it is in the directory.",
        _partner_speaks,
        _partner_rows,
    ),
    Rule(
        "client-scope",
        "This program was given a scope for it.",
        _client_speaks,
        lambda actor, rtype: Everyone() if rtype in kinds.KEPT else _labeled(actor, _CLIENT_SEES),
    ),
    _system(
        "system-hl7", "The hospital feed writes what its messages say.", {"system:hl7"}, READING | WRITING
    ),
    _system(
        "system-reactions",
        "Careloop turns changes into work.",
        {"system:reactions", "system:timers", "system:jobs", "system:merges"},
        READING | WRITING,
    ),
    _system(
        "system-upkeep",
        "Imports, rebuilds and the demonstration community.",
        {"system:import", "system:rebuild", "system:demo", "system:accounts"},
    ),
)


# --- the answer ---


def decide(actor: Actor, interaction: Interaction, resource_type: str) -> Decision:
    """Whether this actor may, why or why not, and for whose rows. Never raises."""
    speaking = [rule for rule in RULES if rule.speaks(actor, interaction, resource_type)]
    if not speaking:
        return Decision(False, f"No rule lets {actor.kind} {interaction} {resource_type}.", NoOne())
    limits = [_within_app(actor, interaction, resource_type)]
    if actor.denied:
        limits.append(Not(PersonIn(actor.denied)))
    if isinstance(limits[0], NoOne):
        return Decision(False, "The app was not given access to this.", NoOne())
    whose = any_of(*_folded([rule.rows(actor, resource_type) for rule in speaking]))
    condition = all_of(whose, *limits)
    names = tuple(rule.name for rule in speaking)
    reason = " ".join(rule.reason for rule in speaking)
    return Decision(not isinstance(condition, NoOne), reason, condition, names)


def _folded(said: list[Condition]) -> list[Condition]:
    """Two roles over the same people are one condition with the labels of both."""
    seen: dict[Condition, LabelsAllowed] = {}
    rest: list[Condition] = []
    for each in said:
        match each:
            case All((whose, LabelsAllowed() as label)):
                known = seen.get(whose)
                seen[whose] = label if known is None else _both(label, known)
            case _ if each not in rest:
                rest.append(each)
    return [*(all_of(whose, label) for whose, label in seen.items()), *rest]


def _both(one: LabelsAllowed, other: LabelsAllowed) -> LabelsAllowed:
    return replace(one, base=one.base | other.base, purposes=one.purposes | other.purposes)


def _within_app(actor: Actor, interaction: Interaction, rtype: str) -> Condition:
    """What an app may, of what its user may: its scopes never widen. A program that acts for itself, likewise. Without
    either, everything. What is not said of older versions (a scope with a search) opens no history."""
    if actor.app is None and actor.kind != "client":
        return Everyone()
    letter = SMART_LETTER[interaction]
    found: list[Condition] = []
    for scope in actor.scopes:
        if scope.covers(rtype, letter) and not (scope.query and interaction == "history"):
            rows: Condition = RowMatches(rtype, scope.query) if scope.query else Everyone()
            if scope.context == "patient" and actor.kind != "client":
                # The directory is nobody's and passes; what in it names a person (her schedule) is of that person.
                whose = PersonIn(frozenset(filter(None, [actor.context])))
                has_whom = actor.context is not None or rtype in kinds.DIRECTORY
                found.append(all_of(whose, rows) if has_whom else NoOne())
            elif scope.context == ("system" if actor.kind == "client" else "user"):
                found.append(rows)
    return any_of(*found)


def explain(actor: Actor, interaction: Interaction, resource_type: str) -> tuple[Answer, ...]:
    """What each rule says, those that speak first: for the page that answers why, and why not."""
    answers = [
        Answer(rule.name, rule.speaks(actor, interaction, resource_type), rule.reason) for rule in RULES
    ]
    return tuple(sorted(answers, key=lambda answer: not answer.says))
