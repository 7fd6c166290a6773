"""“Something is wrong or unclear”: asked, promised for a day, answered, read by whoever asked and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from careloop.actions.ask_person import QuestionMissing, ask_person
from careloop.actions.complete_work import complete_work
from careloop.actions.flag_wrong import AnswerMissing, answer_question
from careloop.actions.working import ReasonMissing
from careloop.care.work import WorkClass, work_of
from tests.family.front import Front, page, post
from tests.store.rows import rows


def the_work(front: Front) -> str:
    ((task,),) = rows("select task_id from work where kind = 'family-question'")
    return str(task)


def test_what_she_asks_about_a_line_becomes_work_with_a_day(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "Weigh each morning" in page(maria, "/my/maria/wrong?line=Task/step")
    post(maria, "/my/maria/wrong", {"line": "Task/step", "text": "My scale is broken."})
    task = front.ward.task(the_work(front))
    work = work_of(task)
    assert (work.klass, work.title) == (WorkClass.PROMISE, "Answer a question from the person")
    assert work.due == datetime(2026, 11, 25, 5, 59, 59, 999000, tzinfo=UTC)  # Tuesday night in Chicago
    assert work.owner == "Practitioner/ana"
    assert "My scale is broken." in (work.details or "")
    assert task["focus"]["reference"] == "Task/step"
    home = page(maria, "/my/maria")
    assert "My scale is broken." in home
    assert "Somebody answers by tomorrow" in home


def test_the_answer_is_shown_to_whoever_asked(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    post(maria, "/my/maria/wrong", {"text": "What is this pill for?"})
    with pytest.raises(AnswerMissing):
        answer_question(front.staff, the_work(front), " ", front.now)
    answer_question(front.staff, the_work(front), "It takes water out of your legs.", front.now)
    home = page(maria, "/my/maria")
    assert "Ana Reyes answered:" in home
    assert "It takes water out of your legs." in home


def test_it_is_not_closed_without_a_word_and_the_word_is_shown(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    post(maria, "/my/maria/wrong", {"text": "Who comes on Friday?"})
    with pytest.raises(ReasonMissing):
        complete_work(front.staff, the_work(front), "done", front.now)
    complete_work(front.staff, the_work(front), "done", front.now, words="The nurse comes at 10.")
    assert "The nurse comes at 10." in page(maria, "/my/maria")


def test_what_her_daughter_asks_is_her_daughter_s_and_the_other_way_round(front: Front) -> None:
    front.share("plan")
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    post(maria, "/my/maria/wrong", {"text": "Only for my nurse."})
    post(lucia, "/my/maria/wrong", {"text": "She forgets her pills."})
    assert "Only for my nurse." not in page(lucia, "/my/maria")
    assert "She forgets her pills." in page(lucia, "/my/maria")
    assert "She forgets her pills." not in page(maria, "/my/maria")


def test_who_sees_neither_plan_nor_visits_is_told_whom_to_call(front: Front) -> None:
    front.share("coverage")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    asked = page(lucia, "/my/maria/wrong")
    assert "Tell us in your own words" not in asked
    assert "988" in asked
    post(lucia, "/my/maria/wrong", {"text": "Let me in."}, 403)
    assert rows("select count(*) from work where kind = 'family-question'") == [(0,)]


def test_words_are_needed_and_a_line_of_somebody_else_s_is_no_line(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "Write what is wrong" in post(maria, "/my/maria/wrong", {"text": "  "}, 422)
    post(maria, "/my/maria/wrong", {"line": "Task/secret", "text": "What is this?"})
    task = front.ward.task(the_work(front))
    assert "focus" not in task
    assert "Not for the family" not in str(task)


def test_after_twenty_open_questions_those_are_answered_first(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    for number in range(20):
        post(maria, "/my/maria/wrong", {"text": f"Question {number}"})
    assert "open questions already" in post(maria, "/my/maria/wrong", {"text": "One more"}, 429)


# --- the other way round: the care team asks


def test_what_her_nurse_asks_stands_on_her_page_until_she_answers(front: Front) -> None:
    asked = ask_person(front.staff, "maria", "Does the new pill make you dizzy?", front.now)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "Does the new pill make you dizzy?" in page(maria, "/my/maria")
    post(maria, f"/my/maria/asked/{asked.id}", {"text": " "})
    assert "Write your answer" in page(maria, "/my/maria")
    post(maria, f"/my/maria/asked/{asked.id}", {"text": "Only in the morning."})
    home = page(maria, "/my/maria")
    assert "Does the new pill" not in home
    ((task,),) = rows("select task_id from work where kind = 'read-answer' and is_open")
    work = work_of(front.ward.task(task))
    assert work.owner == "Practitioner/ana"
    assert "Only in the morning." in (work.details or "")
    post(maria, f"/my/maria/asked/{asked.id}", {"text": "Again"})
    assert "answered, or is no longer asked" in page(maria, "/my/maria")


def test_nobody_answers_for_her_and_nothing_else_is_answered(front: Front) -> None:
    asked = ask_person(front.staff, "maria", "Are you dizzy?", front.now)
    front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    assert "Are you dizzy?" not in page(lucia, "/my/maria")
    post(lucia, f"/my/maria/asked/{asked.id}", {"text": "No"}, 404)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    post(maria, "/my/maria/asked/secret", {"text": "Done"}, 404)
    with pytest.raises(QuestionMissing):
        ask_person(front.staff, "maria", "", front.now)
    assert rows("select count(*) from work where kind = 'read-answer'") == [(0,)]
