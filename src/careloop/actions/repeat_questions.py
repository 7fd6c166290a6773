"""One more child, one medicine less: repetitions of a group of questions, while it is being asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from careloop.access import Scope
from careloop.actions import record
from careloop.actions.drafting import DraftState, InvalidAnswer, OpenDraft, keep, opened
from careloop.fhir.questionnaire import settled, with_another, without
from careloop.fhir.questionnaire.form import MOST_REPEATS
from careloop.fhir.questionnaire.places import counts, located, repetitions
from careloop.library import Library


def add_repetition(
    scope: Scope, draft: int, group: str, library: Library, now: datetime
) -> tuple[OpenDraft, str]:
    """group: the key of a repeating group (`children`, `children[1]/visits`). Answers with the new place, which stands
    empty at the end. Raises InvalidAnswer, and what `opened` raises."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        form, state = found.instrument.form, found.state
        place = located(form, group)
        if place is None or place.is_repetition or place.item.type != "group" or not place.item.repeats:
            raise InvalidAnswer(f"“{group[:80]}” does not repeat.")
        number = repetitions(form, place.item, group, state.answers, counts(state.answers))
        if number >= min(MOST_REPEATS, place.item.max_occurs or MOST_REPEATS):
            raise InvalidAnswer(f"At most {number} of these are asked for.", item=group)
        answers = settled(form, with_another(form, state.answers, group))
        return keep(unit, found, replace(state, answers=answers)), f"{group}[{number + 1}]"


def drop_repetition(scope: Scope, draft: int, place: str, library: Library, now: datetime) -> OpenDraft:
    """place: `children[2]`. Those behind it move up. Raises InvalidAnswer, and what `opened` raises."""
    with record.begin(scope, now) as unit:
        found = opened(unit, draft, library)
        form, state = found.instrument.form, found.state
        at = located(form, place)
        if at is None or not at.is_repetition or at.item.type != "group":
            raise InvalidAnswer(f"“{place[:80]}” is not one of several.")
        return keep(unit, found, _without(state, found, place))


def _without(state: DraftState, found: OpenDraft, place: str) -> DraftState:
    answers = settled(found.instrument.form, without(state.answers, place))
    return replace(
        state,
        answers=answers,
        said_at=without(state.said_at, place),
        origins=without(state.origins, place),
    )
