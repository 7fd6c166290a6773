"""Who may do what. Pure: an actor, what it wants, what kind of thing; out comes allowed, a reason, a condition.

`store` opens only with a `Scope`; only `store/conditions.py` turns a condition into SQL.
"""

from careloop.access.actor import Actor, SmartScope, system_actor
from careloop.access.conditions import (
    All,
    AnyOf,
    Condition,
    Everyone,
    LeadIs,
    NoOne,
    Not,
    NotLabeled,
    PersonIn,
    ProgramIn,
    SiteIn,
    TeamIn,
)
from careloop.access.policy import Decision, Interaction, decide
from careloop.access.scope import Scope

__all__ = [
    "Actor",
    "All",
    "AnyOf",
    "Condition",
    "Decision",
    "Everyone",
    "Interaction",
    "LeadIs",
    "NoOne",
    "Not",
    "NotLabeled",
    "PersonIn",
    "ProgramIn",
    "Scope",
    "SiteIn",
    "SmartScope",
    "TeamIn",
    "decide",
    "system_actor",
]
