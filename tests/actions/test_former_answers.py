"""A question answered once is offered, not asked again: with who said so and when, never filled in silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from careloop import store
from careloop.access import Actor, Scope
from careloop.actions.complete_assessment import complete_assessment, stop_assessment
from careloop.actions.drafting import Circumstances, InvalidAnswer
from careloop.actions.populate_answers import origin_of
from careloop.actions.save_answer import save_answer
from careloop.actions.start_assessment import Previous, is_fresh, previous_answers, start_assessment
from careloop.library import load
from careloop.store import Stored

LIBRARY = load()
HRSN = LIBRARY.instruments["ahc-hrsn"]


@pytest.fixture
def mine(scope: Scope) -> Scope:
    actor = Actor(2, "client", "Ana", scopes=scope.actor.scopes, practitioner="Practitioner/ana")
    return Scope(actor, "page", "coordination")


@pytest.fixture
def maria(record: None, mine: Scope, now: datetime) -> Stored:
    with store.open(mine, now=now) as unit:
        return unit.create({"resourceType": "Patient", "name": [{"family": "Duarte"}]})


def asked(scope: Scope, person: Stored, name: str, now: datetime, **answers: str | list[str]) -> str:
    """Finished; what is not named is “not asked”. Returns the response's id."""
    told = Circumstances("es", f"Patient/{person.id}", "", "Lupe")
    draft = start_assessment(scope, person.id, name, LIBRARY, now, asked=told).draft.id
    for question in (q for q in LIBRARY.instruments[name].questions if q.is_question):
        value = answers.get(question.id.replace("-", "_"))
        values = [] if value is None else [value] if isinstance(value, str) else value
        try:
            save_answer(
                scope, draft, question.id, values, LIBRARY, now, absent=None if values else "not-asked"
            )
        except InvalidAnswer:
            continue
    return complete_assessment(scope, draft, LIBRARY, now).response.id


def before(scope: Scope, person: Stored, name: str, now: datetime) -> dict[str, Previous]:
    with store.open(scope, now=now) as unit:
        return previous_answers(unit, person.rid, LIBRARY.instruments[name], LIBRARY)


def test_an_answer_given_in_other_questions_is_offered_with_who_and_when(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    response = asked(mine, maria, "ahc-hrsn", now, food_worry="often", food_lasted="never")
    offered = before(mine, maria, "intake", now)
    assert offered["food-worry"].answer.values == ("often",)
    assert offered["food-worry"].response == response
    assert offered["food-worry"].asked.interpreter == "Lupe"
    assert offered["food-worry"].called == HRSN.short
    draft = start_assessment(mine, maria.id, "intake", LIBRARY, now)
    assert draft.state.answers == {}, "nothing is filled in silence"


def test_one_key_keeps_it_and_the_response_says_where_it_comes_from(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    response = asked(mine, maria, "ahc-hrsn", now, food_worry="often", food_lasted="never")
    later = now + timedelta(days=20)
    draft = start_assessment(mine, maria.id, "intake", LIBRARY, later).draft.id
    saved = save_answer(mine, draft, "food-worry", [], LIBRARY, later, seen="", former=True)
    assert saved.found.state.answers["food-worry"].values == ("often",)
    stored = stop_assessment(mine, draft, LIBRARY, later)
    assert stored
    home = next(each for each in stored.resource["item"] if each["linkId"] == "home-group")
    worry = next(each for each in home["item"] if each["linkId"] == "food-worry")
    assert origin_of(worry["extension"]) == (f"QuestionnaireResponse/{response}", now)


def test_what_is_answered_anew_says_nothing_of_before(maria: Stored, mine: Scope, now: datetime) -> None:
    asked(mine, maria, "ahc-hrsn", now, food_worry="often", food_lasted="never")
    draft = start_assessment(mine, maria.id, "intake", LIBRARY, now).draft.id
    save_answer(mine, draft, "food-worry", [], LIBRARY, now, former=True)
    saved = save_answer(mine, draft, "food-worry", ["never"], LIBRARY, now)
    assert saved.found.state.origins == {}


def test_too_old_is_shown_as_old_and_not_kept(maria: Stored, mine: Scope, now: datetime) -> None:
    asked(mine, maria, "ahc-hrsn", now, food_worry="often", food_lasted="never")
    intake = LIBRARY.instruments["intake"]
    limit = timedelta(days=intake.by_id["food-worry"].fresh_days)
    last = now.astimezone(UTC) + limit
    over = last + timedelta(seconds=1)
    offered = before(mine, maria, "intake", over)
    assert is_fresh(intake, "food-worry", offered["food-worry"], last)
    assert not is_fresh(intake, "food-worry", offered["food-worry"], over)
    draft = start_assessment(mine, maria.id, "intake", LIBRARY, over).draft.id
    with pytest.raises(InvalidAnswer):
        save_answer(mine, draft, "food-worry", [], LIBRARY, over, former=True)


def test_a_reason_for_no_answer_is_no_answer_to_keep(maria: Stored, mine: Scope, now: datetime) -> None:
    asked(mine, maria, "ahc-hrsn", now, food_lasted="never")
    draft = start_assessment(mine, maria.id, "intake", LIBRARY, now).draft.id
    with pytest.raises(InvalidAnswer):
        save_answer(mine, draft, "food-worry", [], LIBRARY, now, former=True)


def test_what_was_said_in_private_is_offered_nowhere_else(maria: Stored, mine: Scope, now: datetime) -> None:
    asked(mine, maria, "private-safety", now, alone="yes", afraid="no", hurt="no", wants=["nothing"])
    for name in LIBRARY.instruments:
        if name != "private-safety":
            assert before(mine, maria, name, now) == {}
    assert "afraid" in before(mine, maria, "private-safety", now)
    draft = start_assessment(mine, maria.id, "private-safety", LIBRARY, now).draft.id
    with pytest.raises(InvalidAnswer):  # being alone is asked each time
        save_answer(mine, draft, "alone", [], LIBRARY, now, former=True)


def test_what_counts_in_a_score_is_kept_for_a_day_only(maria: Stored, mine: Scope, now: datetime) -> None:
    asked(mine, maria, "phq-2", now, interest="several-days", mood="several-days")
    phq = LIBRARY.instruments["phq-9"]
    offered = before(mine, maria, "phq-9", now)
    assert is_fresh(phq, "mood", offered["mood"], now.astimezone(UTC) + timedelta(hours=23))
    assert not is_fresh(phq, "mood", offered["mood"], now.astimezone(UTC) + timedelta(hours=25))
    intake = LIBRARY.instruments["intake"]  # which says for how long: the two weeks that they ask about
    assert is_fresh(intake, "mood", before(mine, maria, "intake", now)["mood"], now + timedelta(days=13))


def test_a_critical_answer_that_is_kept_speaks_as_if_it_were_given(
    maria: Stored, mine: Scope, now: datetime
) -> None:
    draft = start_assessment(mine, maria.id, "transition-call", LIBRARY, now).draft.id
    save_answer(mine, draft, "signs", ["fever"], LIBRARY, now)
    stop_assessment(mine, draft, LIBRARY, now)
    asked(mine, maria, "transition-call", now, signs=["fever"], medicines="all")
    again = start_assessment(mine, maria.id, "transition-call", LIBRARY, now).draft.id
    saved = save_answer(mine, again, "signs", [], LIBRARY, now, former=True)
    assert [alarm.critical.id for alarm in saved.alarms] == ["warning-sign"]
