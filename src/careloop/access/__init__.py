"""Who may do what. Pure: an actor, what it wants, what kind of thing; out comes allowed, a reason, a condition.

`store` opens only with a `Scope`; only `store/conditions.py` turns a condition into SQL.
"""

from careloop.access.actor import Actor, SmartScope, system_actor
from careloop.access.conditions import (
    All,
    AnyOf,
    Condition,
    Everyone,
    LabelsAllowed,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    ReferredTo,
    RowMatches,
    SiteIn,
    TeamIn,
    is_of_anybody,
    without_labels,
)
from careloop.access.kinds import PERSONAL
from careloop.access.policy import Decision, Interaction, decide, explain
from careloop.access.scope import Scope

__all__ = [
    "PERSONAL",
    "Actor",
    "All",
    "AnyOf",
    "Condition",
    "Decision",
    "Everyone",
    "Interaction",
    "LabelsAllowed",
    "LeadIs",
    "NoOne",
    "Not",
    "NotLabeled",
    "PersonIn",
    "ProgramIn",
    "ReferredTo",
    "RowMatches",
    "Scope",
    "SiteIn",
    "SmartScope",
    "TeamIn",
    "decide",
    "explain",
    "is_of_anybody",
    "system_actor",
    "without_labels",
]
