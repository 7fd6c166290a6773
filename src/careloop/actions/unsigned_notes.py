"""Notes that a colleague wrote and did not sign do not go with her account: after a day a supervisor of the person's
site reads them, and signs in her place, saying why, or hands them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from careloop.access import Scope, decide
from careloop.access.conditions import SiteIn
from careloop.accounts.actors import actor_of_user
from careloop.accounts.models import Principal, User
from careloop.actions import record, working
from careloop.actions.sign_note import Written, write_note
from careloop.fhir.elements import Resource, fhir_instant, instant
from careloop.kernel.errors import Conflict, NotFound
from careloop.store import Stored, Unit, drafts
from careloop.store.drafts import Draft

FORM: Final = "note:"
LEFT_FOR: Final = timedelta(days=1)
NOTHING_WRITTEN: Final = "No words were written about this contact."


class AuthorGone(Conflict):
    """Who wrote it has no account any more, or no longer sees this person. Sign it yourself, and say why."""

    code = "author-gone"


def waiting(unit: Unit) -> list[Draft]:
    """Oldest first; nothing for who is no supervisor. Each is in the audit trail as read."""
    return _waiting(unit)


def waiting_note(unit: Unit, draft: int, *, to_change: bool = False) -> Draft:
    """Raises NotFound, also when it is not hers to look after."""
    for found in _waiting(unit, draft, to_change=to_change):
        return found
    raise NotFound


def _waiting(unit: Unit, draft: int | None = None, *, to_change: bool = False) -> list[Draft]:
    actor, before = unit.scope.actor, unit.now - LEFT_FOR
    if actor.kind != "staff" or "supervisor" not in actor.roles or not actor.sites:
        return []
    found = drafts.left_by_others(
        unit, SiteIn(actor.sites), begins=FORM, before=before, draft_id=draft, lock=to_change
    )
    return [each for each in found if not _is_with_author(each, before)]


def _is_with_author(draft: Draft, before: datetime) -> bool:
    """Handed back less than a day ago."""
    back = instant(str((draft.answers.get("back") or {}).get("at", "")))
    return back is not None and back > before


def writers(found: list[Draft]) -> dict[int, str]:
    """Names by actor."""
    people = Principal.objects.filter(id__in={draft.actor for draft in found})
    return {each.pk: each.name for each in people}


def can_go_back(unit: Unit, draft: Draft) -> bool:
    """Whether its author can still sign in and see the person."""
    user = User.objects.filter(principal_id=draft.actor, is_active=True).first()
    if user is None:
        return False
    may = decide(actor_of_user(user, unit.rid_of), "read", "Patient")
    return may.allowed and drafts.is_about_one_of(unit, draft, may.condition)


def sign_for_author(scope: Scope, draft: int, because: str, now: datetime) -> Stored:
    """The words as they were left, and below them who wrote and who signed, and why. Raises ReasonMissing, NotFound."""
    why = working.words(because, 300)
    with record.begin(scope, now) as unit:
        found = waiting_note(unit, draft, to_change=True)
        patient = unit.read("Patient", unit.reference_of(found.person).removeprefix("Patient/"))
        encounter = str(found.answers.get("encounter", ""))
        written = Written(_author(unit, found, encounter), found.at, why)
        said = str(found.answers.get("text", "")).strip() or NOTHING_WRITTEN
        below = f"Written by {written.author['display']}, signed by {scope.actor.name} because: {why}"
        drafts.delete_of_other(unit, found)
        return write_note(unit, patient, f"{said}\n\n{below}", encounter=encounter or None, written=written)


def _author(unit: Unit, draft: Draft, encounter: str) -> Resource:
    """Who had the contact; the draft is hers. Without a record of it, the name of her account."""
    name = writers([draft]).get(draft.actor, "")
    stored = unit.find("Encounter", encounter.removeprefix("Encounter/")) if encounter else None
    for participant in stored.resource.get("participant", ()) if stored else ():
        if reference := (participant.get("individual") or {}).get("reference"):
            return {"reference": reference, "display": name or participant["individual"].get("display", "")}
    return {"display": name or "A colleague"}


def hand_back(scope: Scope, draft: int, words: str, now: datetime) -> None:
    """It stands on its author's Today as before, now with these words; here it comes again after a day.
    Raises ReasonMissing, AuthorGone, NotFound."""
    said = working.words(words, 300)
    with record.begin(scope, now) as unit:
        found = waiting_note(unit, draft, to_change=True)
        if not can_go_back(unit, found):
            raise AuthorGone
        back = {"at": fhir_instant(now), "who": scope.actor.name, "words": said}
        drafts.change_of_other(unit, found, {**found.answers, "back": back})
