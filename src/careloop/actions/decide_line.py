"""Accept, edit or decline one proposed line. Deciding changes only the line; the plan is made by activate_plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.propose_plan import lines_of, local_day
from careloop.care.line_change import change_of, with_change
from careloop.care.plan import DECLINE_REASONS
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codeable, extension, ref, set_extension
from careloop.fhir.translation import translate, translated
from careloop.kernel.errors import CareError, Conflict, NotFound
from careloop.store import Stored, Unit

Choice = Literal["accepted", "declined", "undecided"]
LONGEST_TEXT: Final = 300
LATEST_YEARS: Final = 5


class AlreadyDecided(Conflict):
    """This proposal was already made the plan, or was withdrawn."""

    code = "already-decided"


class ReasonNeeded(CareError):
    """Say why the line is declined, so that nobody proposes it again next week."""

    code, status, issue_type = "reason-needed", 422, "required"


class BadEdit(CareError):
    """This line can’t be kept like that."""

    code, status, issue_type = "bad-edit", 422, "value"

    def __init__(self, detail: str, field: str) -> None:
        """field: text, due, below or owner."""
        self.field = field
        super().__init__(detail, field=field)


@dataclass(frozen=True)
class Edit:
    """text: the line in other words; spanish: the same for a person who reads Spanish, empty for none; due: another
    day; owner: reference, with its name, for an action; below: another number to come below, for a goal."""

    text: str | None = None
    due: date | None = None
    owner: str | None = None
    owner_name: str | None = None
    spanish: str | None = None
    below: int | None = None


def decide_line(
    scope: Scope,
    proposal: str,
    line: str,
    choice: Choice,
    now: datetime,
    *,
    edit: Edit | None = None,
    reason: str | None = None,
    words: str | None = None,
    version: int | None = None,
    with_all_under: bool = False,
) -> Stored:
    """proposal: CarePlan id; line: reference of its resource; version: of the line as it was seen. with_all_under:
    what hangs under a declined need or goal, and has no decision yet, is declined with it."""
    if choice == "declined" and reason not in DECLINE_REASONS:
        raise ReasonNeeded
    with record.begin(scope, now) as unit:
        plan = open_proposal(unit, proposal)
        stored = line_of(unit, plan.resource, line)
        resource = _copy(stored)
        if edit:
            _apply(unit, resource, edit)
        said = "edited" if edit and choice == "accepted" else choice
        _decided(resource, said, reason, words)
        saved = unit.update(resource, if_match=version)
        if choice == "declined" and with_all_under:
            for child in _undecided_under(unit, plan.resource, line):
                copy = _copy(child)
                _decided(copy, said, reason, words)
                unit.update(copy, if_match=child.version)
        return saved


def accept_rest(scope: Scope, proposal: str, seen: Mapping[str, int], now: datetime) -> int:
    """seen: version of every line that the page showed without a decision. Lines decided since then stay as they are;
    one that was changed raises StaleVersion. Returns how many were accepted."""
    with record.begin(scope, now) as unit:
        plan = open_proposal(unit, proposal)
        accepted = 0
        for reference, stored in unit.get(lines_of(plan.resource)).items():
            if reference in seen and extension(stored.resource, uris.DECISION) is None:
                copy = _copy(stored)
                _decided(copy, "accepted", None, None)
                unit.update(copy, if_match=seen[reference])
                accepted += 1
        return accepted


def open_proposal(unit: Unit, proposal: str) -> Stored:
    """Raises NotFound, AlreadyDecided."""
    plan = unit.read("CarePlan", proposal)
    if plan.resource.get("intent") != "proposal":
        raise AlreadyDecided if plan.resource.get("intent") == "plan" else NotFound
    if plan.resource["status"] != "draft":
        raise AlreadyDecided
    return plan


def line_of(unit: Unit, plan: Resource, line: str) -> Stored:
    if line not in lines_of(plan) or line not in (found := unit.get([line])):
        raise NotFound
    return found[line]


def parent_of(resource: Resource) -> str | None:
    """The need of a goal, the goal of an action."""
    if resource["resourceType"] == "Task":
        return (resource.get("reasonReference") or {}).get("reference")
    return next((each.get("reference") for each in resource.get("addresses", ())), None)


def _undecided_under(unit: Unit, plan: Resource, line: str) -> list[Stored]:
    found = unit.get(lines_of(plan))
    under, grown = {line}, True
    while grown:
        more = {r for r, s in found.items() if parent_of(s.resource) in under} - under
        under, grown = under | more, bool(more)
    return [
        found[reference]
        for reference in found
        if reference in under - {line} and extension(found[reference].resource, uris.DECISION) is None
    ]


def _copy(stored: Stored) -> Resource:
    resource = dict(stored.resource)
    resource["extension"] = list(resource.get("extension", ()))
    return resource


def _decided(resource: Resource, said: str, reason: str | None, words: str | None) -> None:
    set_extension(resource, uris.DECISION, "Code", None if said == "undecided" else said)
    why = None
    if said == "declined" and reason:
        why = codeable(uris.REASON, reason, (words or "").strip() or DECLINE_REASONS[reason].en)
    set_extension(resource, uris.REASON, "CodeableConcept", why)


def _apply(unit: Unit, resource: Resource, edit: Edit) -> None:
    if change_of(resource) is not None:
        return _apply_to_change(unit, resource, edit)
    _reword(resource, edit)
    if edit.due:
        _redate(unit, resource, edit.due)
    if edit.owner and resource["resourceType"] == "Task":
        resource["owner"] = ref(edit.owner, edit.owner_name)
    elif edit.owner == "" and resource["resourceType"] == "Task":
        resource.pop("owner", None)
    if edit.below is not None and resource["resourceType"] == "Goal":
        _retarget(resource, edit.below)


def _apply_to_change(unit: Unit, task: Resource, edit: Edit) -> None:
    """What the line is to become; what it says now is not reworded here."""
    change = change_of(task)
    if change is None or change.act == "end":
        return
    if edit.due:
        _check_due(unit, task, edit.due)
        change = replace(change, due=edit.due)
    if edit.below is not None:
        _check_below(edit.below)
        change = replace(change, below=Decimal(edit.below))
    if edit.owner is not None:
        change = replace(change, owner=(edit.owner, edit.owner_name or ""))
    with_change(task, change)


def _reword(resource: Resource, edit: Edit) -> None:
    field = "description" if resource["resourceType"] == "Goal" else "code"
    concept = dict(resource[field])
    text = edit.text.strip() if edit.text is not None else concept.get("text", "")
    if edit.text is not None and not text:
        raise BadEdit("Say it in a few words.", "text")
    if len(text) > LONGEST_TEXT:
        raise BadEdit("Keep it under 300 characters, so that it fits on the person’s page.", "text")
    before = translated(concept, "text", "es")
    is_stale = text != concept.get("text", "")
    if is_stale:
        concept["text"] = text
        translate(concept, "text", "es", None)  # the old words in Spanish say something else now
    if edit.spanish is not None and not (is_stale and edit.spanish.strip() == before):
        translate(concept, "text", "es", edit.spanish.strip()[:LONGEST_TEXT] or None)
    resource[field] = concept
    if resource["resourceType"] == "Task":
        resource["description"] = text


def _redate(unit: Unit, resource: Resource, due: date) -> None:
    _check_due(unit, resource, due)
    if resource["resourceType"] == "Goal":
        target = resource.get("target", [{}])
        resource["target"] = [{**target[0], "dueDate": due.isoformat()}, *target[1:]]
    elif resource["resourceType"] == "Task":
        resource["restriction"] = {"period": {"end": due.isoformat()}}


def _check_due(unit: Unit, resource: Resource, due: date) -> None:
    person = (resource.get("for") or resource.get("subject") or {}).get("reference", "")
    today = local_day(unit.get([person])[person].resource, unit.now)
    if due < today:
        raise BadEdit("This day is over. Choose today or later.", "due")
    if due.year > today.year + LATEST_YEARS:
        raise BadEdit("This is more than five years away. Please check the year.", "due")


def _check_below(below: int) -> None:
    if not 0 < below < 1000:
        raise BadEdit("Choose a number above 0.", "below")


def _retarget(resource: Resource, below: int) -> None:
    target = resource.get("target", [{}])
    if "detailQuantity" not in target[0]:
        return
    _check_below(below)
    quantity = {**target[0]["detailQuantity"], "value": below}
    resource["target"] = [{**target[0], "detailQuantity": quantity}, *target[1:]]
