"""What the record needs to know about a sender, as plain values: translating stays pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from careloop.connect.hl7v2.parse import Parts

_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_ODD = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True)
class Origin:
    """name: the sender’s slug. zone: of times without an offset, None when unknown. site, hospital: references
    ("Organization/…"). classes: the sender's own PV1-2 codes -> ActCode."""

    name: str
    zone: ZoneInfo | None = None
    site: str | None = None
    hospital: str | None = None
    classes: Mapping[str, str] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        return f"urn:careloop:sender:{self.name}"

    def system(self, part: str) -> str:
        """A code system of the sender's own."""
        return f"{self.uri}:{part}"

    def authority(self, namespace: str, universal: str = "", kind: str = "") -> str:
        """The identifier system of an HD. A namespace has a meaning at its sender only, so it stays there."""
        if kind.upper() == "ISO" and _OID.match(universal):
            return f"urn:oid:{universal}"
        if kind.upper() in ("UUID", "GUID") and _UUID.match(universal):
            return f"urn:uuid:{universal.lower()}"
        if kind.upper() in ("URI", "URL") and ":" in universal and not any(c.isspace() for c in universal):
            return universal
        named = _ODD.sub("-", (namespace or universal).lower()).strip("-")
        return self.system(f"id:{named}") if named else self.system("id")

    def authority_of(self, value: Parts, component: int) -> str:
        return self.authority(value.part(component), value.part(component, 2), value.part(component, 3))
