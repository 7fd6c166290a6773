"""Who is asking: a member of staff, an API client, or a named system actor."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from careloop.kernel.errors import CareError

Kind = Literal["staff", "person", "partner", "client", "system"]

_V2 = re.compile(r"(?P<context>patient|user|system)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<may>c?r?u?d?s?)\Z")
_V1 = re.compile(r"(?P<context>patient|user|system)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<may>read|write|\*)\Z")
_V1_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}


class BadScope(CareError):
    """This scope can't be granted."""

    code, status, issue_type = "bad-scope", 400, "value"


@dataclass(frozen=True)
class SmartScope:
    """One SMART scope, `system/Patient.rs`: the letters are create, read, update, delete, search."""

    context: str
    type: str
    may: frozenset[str]
    query: tuple[tuple[str, str], ...] = ()  # granular: the rows must match it

    @classmethod
    def parse(cls, text: str) -> SmartScope:
        """v2 (`.cruds`) and v1 (`.read`, `.write`, `.*`). Raises BadScope; never silently narrower or wider."""
        if (match := _V2.match(text)) and match["may"]:
            letters = match["may"]
        elif match := _V1.match(text):
            letters = _V1_LETTERS[match["may"]]
        else:
            raise BadScope(f"“{text}” is not of the form system/Patient.rs.")
        return cls(match["context"], match["type"], frozenset(letters))

    def __str__(self) -> str:
        return f"{self.context}/{self.type}.{''.join(x for x in 'cruds' if x in self.may)}"

    def covers(self, resource_type: str, letter: str) -> bool:
        return letter in self.may and self.type in (resource_type, "*")


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
}


def system_actor(name: str) -> Actor:
    """A named system actor: hl7, reactions, timers, import, rebuild, demo, jobs, accounts."""
    return Actor(
        principal=SYSTEM_PRINCIPALS[name],
        kind="system",
        name=f"Careloop ({name})",
        roles=frozenset({f"system:{name}"}),
    )
