"""What all acts on a to-do share: read it as it was seen, change a copy, say what can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from careloop.care.work import Work, work_of
from careloop.fhir.elements import Resource, fhir_instant, ref
from careloop.kernel.errors import CareError, Conflict, Forbidden, StaleVersion
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit


class ProtectedWork(Conflict):
    """This is about somebody’s safety: it can’t be snoozed, undone or declined."""

    code = "protected-work"


class WorkEnded(Conflict):
    """This was finished or withdrawn already. Nothing was changed."""

    code = "work-ended"


class ReasonMissing(CareError):
    """Say why in a few words, so that the next person understands."""

    code, status, issue_type = "reason-missing", 422, "required"


class NoPractitioner(Forbidden):
    """Your account is not joined to a member of staff, so that nothing can be signed or owned by you."""

    code = "no-practitioner"


@dataclass(frozen=True)
class Result:
    """task: as it stands now. undo: what `undo` takes back, empty when nothing can be. hint: a further sentence."""

    task: Stored | None
    undo: str = ""
    hint: str = ""
    made: tuple[Stored, ...] = ()


def open_task(unit: Unit, task: str, version: int | None) -> Stored:
    """The Task as she saw it. Raises NotFound, StaleVersion, WorkEnded."""
    stored = unit.read("Task", task)
    if version is not None and version != stored.version:
        raise StaleVersion(f"Task/{task} is at version {stored.version}.", version=stored.version)
    if stored.resource.get("status") not in OPEN:
        raise WorkEnded
    return stored


def copy_of(stored: Stored) -> tuple[Resource, Work]:
    """A resource to change, its lists of its own, and the work in it."""
    resource = dict(stored.resource)
    for name in ("extension", "note", "output"):
        if name in resource:
            resource[name] = list(resource[name])
    return resource, work_of(stored.resource)


def me(unit: Unit) -> Resource:
    """The reference that owns and signs. Raises NoPractitioner."""
    actor = unit.scope.actor
    if actor.practitioner is None:
        raise NoPractitioner
    return ref(actor.practitioner, actor.name)


def add_note(resource: Resource, text: str, unit: Unit) -> None:
    """At the end: the first note is what the work came with."""
    note: dict[str, Any] = {"text": text, "time": fhir_instant(unit.now)}
    if unit.scope.actor.practitioner:
        note["authorReference"] = me(unit)
    resource["note"] = [*resource.get("note", ()), note]


def save(unit: Unit, resource: Resource, seen: Stored) -> Stored:
    resource["lastModified"] = fhir_instant(unit.now)
    return unit.update(resource, if_match=seen.version)


def undo_token(*written: Stored) -> str:
    """`Task/1@5,Encounter/2@1`: those very versions can be taken back, as long as nothing came after."""
    return ",".join(f"{stored.reference}@{stored.version}" for stored in written)


def refuse_protected(work: Work) -> None:
    if work.is_protected:
        raise ProtectedWork


def words(text: str, most: int = 2_000) -> str:
    """What was typed, trimmed. Raises ReasonMissing when nothing was."""
    found = text.strip()[:most]
    if not found:
        raise ReasonMissing
    return found
