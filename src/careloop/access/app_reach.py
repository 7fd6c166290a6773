"""What a scope gives an app today, of what its user may: so that nobody is asked to allow what gives nothing."""

from __future__ import annotations

from dataclasses import replace

from careloop.access.actor import Actor, SmartScope
from careloop.access.policy import INTERACTIONS, SMART_LETTER, decide
from careloop.fhir.definitions import RESOURCE_TYPES


def letters_given(actor: Actor, scope: SmartScope, person: int) -> frozenset[str]:
    """Of the scope's letters those that open anything, in the context of this person (rid; 0 for none). Empty for a
    scope that gives nothing."""
    shares = frozenset(each for each in actor.shares if not person or each[0] == person)
    asked = replace(actor, app=actor.app or 0, scopes=(scope,), context=person or None, shares=shares)
    types = RESOURCE_TYPES if scope.type == "*" else {scope.type}
    return frozenset(
        SMART_LETTER[interaction]
        for interaction in INTERACTIONS
        if SMART_LETTER[interaction] in scope.may
        and any(decide(asked, interaction, each).allowed for each in types)
    )
