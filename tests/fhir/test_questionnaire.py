"""enableWhen, checks and progress, also for questionnaires that nobody here wrote."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.fhir.questionnaire import Answer, BadQuestionnaire, check, compile_form, enabled, progress

COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def form(when: list[dict[str, Any]], behavior: str = "any") -> Any:
    items = [{"linkId": name, "type": "integer"} for name in ("a", "b")]
    last = {"linkId": "c", "type": "string", "required": True, "enableWhen": when, "enableBehavior": behavior}
    return compile_form({"resourceType": "Questionnaire", "item": [*items, last]})


@given(st.sampled_from(sorted(COMPARE)), st.integers(-5, 5), st.integers(-5, 5))
def test_each_operator_compares_as_its_sign_says(sign: str, said: int, limit: int) -> None:
    made = form([{"question": "a", "operator": sign, "answerInteger": limit}])
    assert ("c" in enabled(made, {"a": Answer((said,))})) is COMPARE[sign](said, limit)


@given(st.booleans(), st.booleans(), st.sampled_from(["all", "any"]))
def test_all_and_any(a: bool, b: bool, behavior: str) -> None:
    when = [{"question": name, "operator": "exists", "answerBoolean": True} for name in ("a", "b")]
    answers = {name: Answer((1,)) for name, said in (("a", a), ("b", b)) if said}
    assert ("c" in enabled(form(when, behavior), answers)) is ((a and b) if behavior == "all" else (a or b))


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3)))
def test_what_is_not_asked_is_never_missing_and_never_counted(said: dict[str, int]) -> None:
    made = form([{"question": "a", "operator": ">", "answerInteger": 1}])
    answers = {name: Answer((value,)) for name, value in said.items()}
    is_asked = "c" in enabled(made, answers)
    assert any(p.code == "missing" for p in check(made, answers, is_complete=True)) is is_asked
    assert progress(made, answers).total == (3 if is_asked else 2)


def test_declined_is_an_answer_but_not_a_value() -> None:
    made = form([{"question": "a", "operator": "exists", "answerBoolean": True}])
    assert "c" not in enabled(made, {"a": Answer(absent="declined")})
    assert progress(made, {"a": Answer(absent="declined")}).answered == 1


def test_a_question_that_hangs_on_itself_is_refused() -> None:
    with pytest.raises(BadQuestionnaire, match="hangs on itself"):
        form([{"question": "c", "operator": "exists", "answerBoolean": True}])


def test_thirty_february_is_not_a_date() -> None:
    made = compile_form({"item": [{"linkId": "d", "type": "date"}]})
    assert [p.code for p in check(made, {"d": Answer(("2026-02-30",))}, is_complete=False)] == ["wrong-type"]
