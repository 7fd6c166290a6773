"""What was told and when, beside the record of a person or a stay: one Basic each, so that bookkeeping makes no new
version of what people read and change."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from careloop.care.told import Memory
from careloop.fhir.elements import Resource, codeable, extension, ref
from careloop.store import Stored, Unit

CODE: Final = "urn:careloop:code:memory"
TOLD: Final = "urn:careloop:ext:told"


class HospitalMemory:
    """of: the reference of the Patient or Encounter that it stands beside."""

    def __init__(self, unit: Unit, of: str, patient: str) -> None:
        self._unit, self._patient = unit, patient
        self._id = "told-" + hashlib.sha256(of.encode()).hexdigest()[:32]
        self._stored: Stored | None = unit.find("Basic", self._id)
        said = extension(self._stored.resource, TOLD) if self._stored else None
        self._known: dict[str, Memory] = json.loads(said) if said else {}

    def about(self, reference: str) -> Memory:
        return self._known.get(reference, {})

    def keep(self, reference: str, memory: Memory) -> None:
        if memory:
            self._known[reference] = memory

    def save(self) -> None:
        """Nothing is written when nothing changed."""
        text = json.dumps(self._known, sort_keys=True, separators=(",", ":"))
        resource: Resource = {
            "resourceType": "Basic",
            "id": self._id,
            "code": codeable(CODE, "told", "What a hospital told, and when"),
            "subject": ref(self._patient),
            "extension": [{"url": TOLD, "valueString": text}],
        }
        if self._stored is None:
            self._unit.create(resource, id=self._id)
        else:
            self._unit.update(resource, if_match=self._stored.version)
