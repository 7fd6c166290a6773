"""Which question is which other one: by its code, by what content says, never out of a talk in private."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careloop.library import BrokenContent, load
from careloop.library.same import check_same, same_questions

LIBRARY = load()
ASKED = LIBRARY.instruments


def test_what_carries_the_same_code_and_the_same_answers_is_the_same() -> None:
    assert same_questions(ASKED["phq-2"], ASKED["phq-9"]) == {"interest": "interest", "mood": "mood"}
    assert same_questions(ASKED["ahc-hrsn"], ASKED["intake"])["food-worry"] == "food-worry"


def test_two_that_name_a_third_are_the_same_as_each_other() -> None:
    found = same_questions(ASKED["hospice-assessment"], ASKED["nursing-home-comprehensive"])
    assert found["matters"] == "matters"
    assert same_questions(ASKED["transition-call"], ASKED["intake"]) == {
        "helpers": "helpers",
        "enough": "enough",
    }


def test_of_a_talk_in_private_nothing_is_the_same_elsewhere() -> None:
    private = ASKED["private-safety"]
    copied = replace(ASKED["phq-2"], questions=private.questions)
    assert same_questions(private, copied) == {}
    assert same_questions(copied, private) == {}
    assert "afraid" in same_questions(private, private)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("phq-2/nothing", "There is no question"),
        ("nowhere/mood", "There is no question"),
        ("private-safety/afraid", "stays there"),
        ("gad-7/nervous", "other answers"),
        ("intake/matters", "other answers"),
    ],
)
def test_what_can_not_be_the_same_is_refused(named: str, says: str) -> None:
    known = {**ASKED}
    if named == "gad-7/nervous":
        first = next(q for q in ASKED["gad-7"].questions if q.is_question)
        named = f"gad-7/{first.id}"
        fewer = replace(ASKED["phq-2"].by_id["mood"], choices=ASKED["phq-2"].by_id["mood"].choices[:2])
    else:
        fewer = ASKED["phq-2"].by_id["mood"]
    with pytest.raises(BrokenContent, match=says):
        check_same(replace(fewer, same_as=named), "instruments/phq-2/questionnaire.yaml", known)


def test_every_element_that_our_forms_say_they_serve_is_known_to_a_standard() -> None:
    """And what a standard wants to be asked, somebody asks; a visit is no question."""
    named = {covered for each in ASKED.values() for q in each.questions for covered in q.covers}
    wanted = {
        leaf.name
        for standard in LIBRARY.standards.values()
        for leaf in standard.leaves
        if leaf.kind == "covers"
    }
    assert {each.partition("/")[0] for each in named} <= set(LIBRARY.standards)
    assert wanted - named <= {"chi/visit"}, "nobody asks what a standard wants to be asked"
