"""What every opening of the record needs. It has no default: whoever reads says who, through which door, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from careloop.access.actor import Actor
from careloop.kernel.ids import new_request_id

Door = Literal["page", "family", "partner", "fhir", "oauth", "hl7", "file", "work", "command"]
Purpose = Literal[
    "treatment", "coordination", "operations", "maintenance", "own record", "emergency", "disclosure", "audit"
]


@dataclass(frozen=True)
class Scope:
    actor: Actor
    door: Door
    purpose: Purpose
    request: str = field(default_factory=new_request_id)
