"""Somebody else's questions, as they are stored: read whole before they are kept, or refused with the linkId."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.adopted import ASKED, QuestionsRefused, adopted, by_address, checked
from careloop.fhir import wire
from careloop.fhir.elements import Resource
from careloop.fhir.validate import check
from careloop.kernel.errors import Unprocessable
from careloop.library import Library
from careloop.library.adopting import Adopted
from careloop.store import Stored, Unit

MOST_BYTES: Final = 2_000_000


class NotAQuestionnaire(Unprocessable):
    """This file is not a Questionnaire in FHIR JSON. Nothing was stored."""

    code = "not-a-questionnaire"


@dataclass(frozen=True)
class Looked:
    """A file, read and not yet kept. known: the one of the same address that the record holds."""

    instrument: Adopted
    questionnaire: Resource
    known: Stored | None


def take_questionnaires(unit: Unit, library: Library) -> None:
    """Every Questionnaire that this unit wrote can be asked. Raises QuestionsRefused."""
    for change in list(unit.changes):
        after = change.after
        if after is None or after.type != "Questionnaire" or after.is_deleted:
            continue
        if after.resource.get("status") in ASKED:
            adopted(unit, library, after)


def look_at(unit: Unit, library: Library, body: bytes) -> Looked:
    """Raises NotAQuestionnaire, InvalidResource, QuestionsRefused."""
    questionnaire = _read(body)
    url = str(questionnaire.get("url", ""))
    return Looked(
        checked(unit, library, questionnaire), questionnaire, by_address(unit, url) if url else None
    )


def keep_questionnaire(scope: Scope, body: bytes, library: Library, now: datetime) -> Stored:
    """A file of somebody who may: a new one, or the next version of the one with the same address. Raises what
    `look_at` raises, and Forbidden."""
    with record.begin(scope, now) as unit:
        looked = look_at(unit, library, body)
        resource = {name: value for name, value in looked.questionnaire.items() if name not in ("id", "meta")}
        if looked.known is not None:
            stored = unit.update({**resource, "id": looked.known.id}, if_match=looked.known.version)
        else:
            stored = unit.create(resource)
        take_questionnaires(unit, library)
        return stored


def retire_questionnaire(scope: Scope, id: str, now: datetime) -> Stored:
    """Not asked any more; the answers that name it keep it."""
    with record.begin(scope, now) as unit:
        stored = unit.read("Questionnaire", id)
        return unit.update({**stored.resource, "status": "retired"}, if_match=stored.version)


def _read(body: bytes) -> Resource:
    if len(body) > MOST_BYTES:
        raise NotAQuestionnaire("It is bigger than 2 MB.")
    try:
        found = wire.loads(body)
    except (wire.MalformedBody, wire.TooLarge) as bad:
        raise NotAQuestionnaire(bad.detail) from bad
    if found.get("resourceType") != "Questionnaire":
        raise NotAQuestionnaire
    return check(found)


__all__ = [
    "Looked",
    "NotAQuestionnaire",
    "QuestionsRefused",
    "keep_questionnaire",
    "look_at",
    "retire_questionnaire",
    "take_questionnaires",
]
