"""What others did while a proposal stood open, in sentences: to one of its lines, and to the plan itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language, gettext

from careloop.actions.propose_plan import active_plan, lines_of, reason_in
from careloop.fhir import uris
from careloop.fhir.elements import Resource, day, extension
from careloop.kernel.errors import NotFound
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff.proposal_lines import text_in

DECIDED = {
    "accepted": "It was accepted.",
    "edited": "It was accepted with changes.",
    "declined": "It was declined: “%(why)s”.",
}


@dataclass(frozen=True)
class PlanMoved:
    """The plan that a proposal was made against is another one now. version: of the plan as it stands; None when it
    was ended."""

    version: int | None
    at: datetime | None
    added: tuple[str, ...]
    removed: tuple[str, ...]


def line_changes(unit: Unit, reference: str, version: int | None) -> tuple[str, ...]:
    """Between the version that was seen and now."""
    kind, _, id = reference.partition("/")
    current = unit.read(kind, id).resource
    try:
        before = unit.read_version(kind, id, version).resource if version else {}
    except NotFound:
        before = {}
    return tuple(_said(before, current)) or (gettext("Somebody saved it again without a visible change."),)


def _said(before: Resource, after: Resource) -> Iterable[str]:
    was, is_now = extension(before, uris.DECISION), extension(after, uris.DECISION)
    if was != is_now:
        why = reason_in(after).get(get_language() or "en")
        yield (
            gettext(DECIDED[str(is_now)]) % {"why": why}
            if is_now
            else gettext("Its decision was taken back.")
        )
    language = get_language() or "en"
    if _text(before, language) != _text(after, language):
        yield gettext("It now reads “%(text)s”.") % {"text": _text(after, language)}
    if (due := _due(after)) != _due(before):
        on = day(due)
        yield (
            gettext("It is now due %(day)s.") % {"day": formats.full_date(on)}
            if on
            else gettext("It has no day any more.")
        )
    owner, had = after.get("owner") or {}, before.get("owner") or {}
    if owner.get("reference") != had.get("reference"):
        name = owner.get("display")
        yield (
            gettext("It now belongs to %(name)s.") % {"name": name}
            if name
            else gettext("It now belongs to nobody in particular.")
        )


def _text(line: Resource, language: str) -> str:
    return text_in(
        line.get("description") if line.get("resourceType") == "Goal" else line.get("code"), language
    )


def _due(line: Resource) -> str | None:
    for target in line.get("target", ()):
        return str(target.get("dueDate", "")) or None
    end = (line.get("restriction") or {}).get("period", {}).get("end")
    return str(end) if end else None


def plan_moved(unit: Unit, proposal: Stored) -> PlanMoved | None:
    """None when the plan is still the one that the proposal was made against."""
    base = extension(proposal.resource, uris.PLAN_BASE)
    active = active_plan(unit.of_person(proposal.person, ["CarePlan"]))
    present = f"{active.reference}@{active.version}" if active else "none"
    if base is None or base == present:
        return None
    now = _lines(unit, active.resource) if active else {}
    was = _lines(unit, _base(unit, base))
    return PlanMoved(
        active.version if active else None,
        active.at if active else None,
        tuple(text for reference, text in now.items() if reference not in was),
        tuple(text for reference, text in was.items() if reference not in now),
    )


def _base(unit: Unit, base: str) -> Resource:
    reference, _, version = base.partition("@")
    kind, _, id = reference.partition("/")
    if not (version.isascii() and version.isdecimal()):
        return {}
    try:
        return unit.read_version(kind, id, int(version)).resource
    except NotFound:
        return {}


def _lines(unit: Unit, plan: Resource) -> dict[str, str]:
    language = get_language() or "en"
    return {reference: _text(s.resource, language) for reference, s in unit.get(lines_of(plan)).items()}
