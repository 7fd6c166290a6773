"""Who is asking: a member of staff, an API client, or a named system actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from careloop.access.smart_scope import BadScope, SmartScope

__all__ = ["SYSTEM_PRINCIPALS", "Actor", "BadScope", "Kind", "SmartScope", "system_actor"]

Kind = Literal["staff", "person", "partner", "client", "system"]


@dataclass(frozen=True)
class Actor:
    """principal: accounts' integer key, kept in every audit row. The numbers are the record's integer keys (rid): of
    Organization in sites, of CareTeam in teams, of Practitioner in covered, of Patient in the others.

    kind: staff; person (a patient, her family, her representative); partner (an organization's account); client (a
    program for itself); system. people: records granted by name. covered: whose caseload she has today. denied: whom
    she must never see. emergencies, part2_emergencies: opened with a reason, until it ends. shares: of a person,
    (patient, share). app: the program that acts for this actor; then scopes only narrow, within context when they are
    the patient's."""

    principal: int
    kind: Kind
    name: str
    roles: frozenset[str] = frozenset()
    sites: frozenset[int] = frozenset()
    teams: frozenset[int] = frozenset()
    programs: frozenset[str] = frozenset()
    practitioner: str | None = None  # "Practitioner/…", for owners, authors and recorders
    practitioner_rid: int | None = None
    scopes: tuple[SmartScope, ...] = field(default=())
    people: frozenset[int] = frozenset()
    covered: frozenset[int] = frozenset()
    denied: frozenset[int] = frozenset()
    emergencies: frozenset[int] = frozenset()
    part2_emergencies: frozenset[int] = frozenset()
    shares: frozenset[tuple[int, str]] = frozenset()
    organization: int | None = None
    app: int | None = None
    context: int | None = None

    @property
    def grantees(self) -> frozenset[int]:
        """As whom a consent may name this actor: a site, a team, a practitioner, an organization."""
        own = frozenset(filter(None, (self.practitioner_rid, self.organization)))
        return self.sites | self.teams | own

    def __repr__(self) -> str:
        return f"Actor({self.kind} {self.principal})"


# Named system actors: each has policy rules of its own and is audited like anyone.
SYSTEM_PRINCIPALS = {
    "hl7": -1,
    "reactions": -2,
    "timers": -3,
    "import": -4,
    "rebuild": -5,
    "demo": -6,
    "jobs": -7,
    "accounts": -8,
    "merges": -9,
}


def system_actor(name: str) -> Actor:
    """A named system actor: hl7, reactions, timers, import, rebuild, demo, jobs, accounts, merges."""
    return Actor(
        principal=SYSTEM_PRINCIPALS[name],
        kind="system",
        name=f"Careloop ({name})",
        roles=frozenset({f"system:{name}"}),
    )
