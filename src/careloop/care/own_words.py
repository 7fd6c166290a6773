"""What a person says about herself, in her own words, as an Observation keeps it. Pure.

The same whether somebody writes it down on her page or it is the answer to a question that asks for just that
(`own_words` in an instrument).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire import Answers
from careloop.library.questions import Question

ABOUT: Final = "urn:careloop:code:about"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
SAID_OF: Final = {
    "what-matters": "What matters to me",
    "strengths": "What I am good at, and who stands by me",
    "preferences": "How I want things done",
}


def in_own_words(about: str, said: str) -> Resource:
    """The part of the Observation that says it. about: of SAID_OF."""
    return {
        "category": [{"coding": [{"system": CATEGORY, "code": "social-history"}]}],
        "code": {"coding": [{"system": ABOUT, "code": about}], "text": SAID_OF[about]},
        "valueString": said,
    }


def words_in(questions: Iterable[Question], asked: Answers, response: str) -> list[Resource]:
    """Of answers to questions that ask for her own words, each with a key of its own. response: where they stand."""
    found = []
    for question in questions:
        answer = asked.get(question.id)
        if question.own_words and answer is not None and answer.is_given:
            said = " ".join(str(value).strip() for value in answer.values)
            key = {"system": uris.DEDUPE, "value": f"words:{response}:{question.id}"}
            found.append({"identifier": [key], **in_own_words(question.own_words, said)})
    return found
