"""What somebody says in her own words in an assessment is what stands on her plan, as if it had been written there."""

from __future__ import annotations

from careloop.care.own_words import SAID_OF, words_in
from careloop.fhir.questionnaire import Answer
from careloop.library import load
from careloop.library.questions import OWN_WORDS

INTAKE = load().instruments["intake"]


def test_what_matters_in_the_intake_is_her_own_words() -> None:
    asked = {"matters": Answer(("To dance at the wedding.",)), "worry": Answer(("The stairs",))}
    [found] = words_in(INTAKE.questions, asked, "QuestionnaireResponse/r1")
    assert found["valueString"] == "To dance at the wedding."
    assert found["code"]["coding"][0]["code"] == "what-matters"
    assert found["identifier"][0]["value"] == "words:QuestionnaireResponse/r1:matters"


def test_who_did_not_want_to_say_said_nothing() -> None:
    assert (
        words_in(INTAKE.questions, {"matters": Answer(absent="declined")}, "QuestionnaireResponse/r1") == []
    )
    assert words_in(INTAKE.questions, {}, "QuestionnaireResponse/r1") == []


def test_content_and_decision_know_the_same_kinds() -> None:
    assert set(OWN_WORDS) == set(SAID_OF)
