"""SMART App Launch scopes: `patient/Observation.rs?category=…|laboratory`, `user/*.read`, `launch`, `openid`.

Strict, for a scope that is not understood must never be read as a wider one: an unknown type, letter, parameter or
modifier is refused, and so is a mixture of contexts (https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from careloop.fhir.definitions import RESOURCE_TYPES, search_params
from careloop.fhir.search import BadSearch
from careloop.fhir.search import parse as parse_search
from careloop.kernel.errors import CareError

_RESOURCE = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<may>[a-z]+|\*)(?:\?(?P<query>.+))?\Z"
)
_V2 = re.compile(r"c?r?u?d?s?\Z")
_V1_LETTERS: Final = {"read": "rs", "write": "cud", "*": "cruds"}
LETTERS: Final = "cruds"

# What is no scope over resources: context of the launch, who the user is, how long the app may stay.
LAUNCH: Final = frozenset({"launch", "launch/patient"})
IDENTITY: Final = frozenset({"openid", "fhirUser"})
STAYING: Final = frozenset({"offline_access", "online_access"})
SPECIAL: Final = LAUNCH | IDENTITY | STAYING

_MOST_CHARACTERS: Final = 4_000
_MOST_SCOPES: Final = 100


class BadScope(CareError):
    """This scope can't be granted."""

    code, status, issue_type = "bad-scope", 400, "value"


@dataclass(frozen=True)
class SmartScope:
    """One scope over resources, `system/Patient.rs`: the letters are create, read, update, delete, search.
    query: granular; the rows must match it."""

    context: str
    type: str
    may: frozenset[str]
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SmartScope:
        """v2 (`.cruds`, with a search behind it) and v1 (`.read`, `.write`, `.*`). Raises BadScope; never silently
        narrower or wider."""
        match = _RESOURCE.match(text)
        if match is None:
            raise BadScope(f"“{text[:80]}” is not of the form system/Patient.rs.")
        letters = _V1_LETTERS.get(match["may"]) or (match["may"] if _V2.match(match["may"]) else "")
        if not letters:
            raise BadScope(f"“{match['may'][:20]}” has to be of c, r, u, d, s, in this order.")
        if match["type"] != "*" and match["type"] not in RESOURCE_TYPES:
            raise BadScope(f"“{match['type'][:60]}” is no resource type.")
        query = _granular(match, letters) if match["query"] else ()
        return cls(match["context"], match["type"], frozenset(letters), query)

    def __str__(self) -> str:
        asked = f"?{urlencode(self.query, safe=':/|')}" if self.query else ""
        return f"{self.context}/{self.type}.{''.join(x for x in LETTERS if x in self.may)}{asked}"

    def covers(self, resource_type: str, letter: str) -> bool:
        return letter in self.may and self.type in (resource_type, "*")

    def includes(self, other: SmartScope) -> bool:
        """Whether whoever has this one has the other as well."""
        return (
            self.context == other.context
            and self.type in (other.type, "*")
            and self.may >= other.may
            and set(self.query) <= set(other.query)
        )


def _granular(match: re.Match[str], letters: str) -> tuple[tuple[str, str], ...]:
    """The search of a granular scope. What one row can be judged by: its codes, in one type, to read."""
    if match["may"] in _V1_LETTERS:
        raise BadScope("A scope with a search is written in version 2: .rs, not .read.")
    if set(letters) - {"r", "s"}:
        raise BadScope("A scope with a search can read and search (rs), not write.")
    if match["type"] == "*":
        raise BadScope("A scope with a search names one type.")
    try:
        pairs = tuple(
            parse_qsl(match["query"], keep_blank_values=True, strict_parsing=True, max_num_fields=10)
        )
        parse_search(match["type"], pairs)
    except (ValueError, BadSearch):
        raise BadScope(f"“{match['query'][:80]}” is no search of ours on {match['type']}.") from None
    params = search_params(match["type"])
    if any(name.startswith("_") or params[name].type != "token" for name, _ in pairs):
        raise BadScope("A scope with a search asks for codes, like category=system|code.")
    return pairs


@dataclass(frozen=True)
class Asked:
    """What an app asks for, read. resources: in the order asked."""

    resources: tuple[SmartScope, ...]
    special: frozenset[str]

    @property
    def context(self) -> str:
        """patient, user, system, or empty: a sign-in alone."""
        return self.resources[0].context if self.resources else ""

    @property
    def wants_patient(self) -> bool:
        return "launch/patient" in self.special

    @property
    def wants_refresh(self) -> bool:
        return bool(self.special & STAYING)

    def __str__(self) -> str:
        return " ".join([*sorted(self.special), *map(str, self.resources)])


def read_scopes(text: str) -> Asked:
    """The scopes of a request, separated by spaces. Raises BadScope for one that is unknown, or given twice, or for
    contexts side by side: `user/` beside `patient/` would widen what `patient/` promises."""
    asked = read_allowed(text)
    if len({scope.context for scope in asked.resources}) > 1:
        raise BadScope("Ask for patient/, user/ or system/ scopes, never two of them together.")
    if asked.context == "system" and asked.special:
        raise BadScope("A program that acts for itself has no launch, no user and no refresh token.")
    if "fhirUser" in asked.special and "openid" not in asked.special:
        raise BadScope("fhirUser comes with openid.")
    if asked.special >= STAYING:
        raise BadScope("Ask for offline_access or online_access, not both.")
    return asked


def read_allowed(text: str) -> Asked:
    """The scopes that an app is registered with: all it may ever ask for, though not all in one request."""
    words = text.split(" ")
    if len(text) > _MOST_CHARACTERS or len(words) > _MOST_SCOPES:
        raise BadScope("These are too many.")
    if len(set(words)) < len(words) or "" in words:
        raise BadScope("Name each scope once, with one space between two.")
    return Asked(
        resources=tuple(SmartScope.parse(word) for word in words if word not in SPECIAL),
        special=frozenset(word for word in words if word in SPECIAL),
    )


def within(asked: Asked, allowed: Asked) -> bool:
    """Whether nothing is asked for that is not allowed."""
    return asked.special <= allowed.special and all(
        any(wide.includes(scope) for wide in allowed.resources) for scope in asked.resources
    )
