"""Who interpreted, and how: on a contact (Encounter) and on answers (QuestionnaireResponse). Pure, both ways.

On an Encounter the interpreter is a participant of type `translator` (FHIR's own word for it), so that other systems
see one; how, and in which language it was spoken, stand in extensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codeable, extension, set_extension

PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/participant-type"
TRANSLATOR: Final = "translator"
# On the phone, by video, in the room; a relative or friend is told apart, since that one is no interpreter by training.
WAYS: Final = ("phone", "video", "present", "relative")
LONGEST: Final = 200
_MARK: Final = "interpreted"


@dataclass(frozen=True, repr=False)
class Interpreted:
    """way: of WAYS, or empty when nobody wrote it down. name: name or number of the interpreter, or empty.
    language: the code of what was spoken with the person, or empty."""

    way: str = ""
    name: str = ""
    language: str = ""

    def token(self) -> str:
        """For a table that keeps one line of text; `from_token` reads it."""
        return f"{_MARK}:{self.way}:{self.language}:{self.name}"

    @classmethod
    def from_token(cls, text: str) -> Interpreted | None:
        mark, _, rest = text.partition(":")
        if mark != _MARK or rest.count(":") < 2:
            return None
        way, language, name = rest.split(":", 2)
        return cls(way, name, language)

    def __repr__(self) -> str:
        return f"Interpreted({self.way})"


def write_interpreted(encounter: Resource, told: Interpreted) -> None:
    """Adds the interpreter to those who took part."""
    one: Resource = {"type": [codeable(PARTICIPANT, TRANSLATOR, "Translator")]}
    if told.name.strip():
        one["individual"] = {"display": told.name.strip()[:LONGEST]}
    encounter["participant"] = [*encounter.get("participant", ()), one]
    set_extension(encounter, uris.INTERPRETED_HOW, "Code", told.way if told.way in WAYS else None)
    set_extension(encounter, uris.ASKED_IN, "Code", told.language or None)


def interpreted_in(encounter: Mapping[str, Any]) -> Interpreted | None:
    """None when nobody interpreted, as far as is known. Those of other systems count as well."""
    for one in encounter.get("participant", ()):
        if any(code_in(kind, PARTICIPANT) == TRANSLATOR for kind in one.get("type", ())):
            return Interpreted(
                str(extension(encounter, uris.INTERPRETED_HOW) or ""),
                str((one.get("individual") or {}).get("display") or ""),
                str(extension(encounter, uris.ASKED_IN) or ""),
            )
    return None
