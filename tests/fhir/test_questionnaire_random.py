"""Forms and answers that nobody would write: nothing raises, what is written reads back the same, and twice the form
takes twice the time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.fhir.questionnaire import (
    Answer,
    BadQuestionnaire,
    answer_problems,
    check,
    compile_form,
    enabled,
    only_asked,
    progress,
    settled,
    value_from_text,
    walk,
    with_another,
    without,
)
from careloop.fhir.responses import About, answers_of, problems_of, response
from tests.fhir.forms import calculated, form, item, when

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LINK_IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "/1-2", "g[x]", "h/i", "j k"])
TYPES = [
    "string",
    "integer",
    "decimal",
    "boolean",
    "date",
    "choice",
    "open-choice",
    "quantity",
    "text",
    "time",
]
WHEN = st.sampled_from(
    [
        ("exists", {"answerBoolean": True}),
        ("=", {"answerInteger": 1}),
        ("!=", {"answerString": "x"}),
        (">", {"answerDecimal": Decimal("1.5")}),
        ("<=", {"answerDate": "2026-01-01"}),
    ]
)
EXPRESSIONS = st.sampled_from(
    [
        "%resource.item.count()",
        "%resource.descendants().answer.value",
        "1 / 0",
        "item.answer.value + 1",
        "{}",
        "'x'",
    ]
)
OPTIONS = [{"valueCoding": {"system": "http://x", "code": c}} for c in "xyz"] + [{"valueString": "plain"}]


@st.composite
def items(draw: Any, depth: int = 0) -> dict[str, Any]:
    is_group = depth < 3 and draw(st.integers(0, 3)) == 0
    made: dict[str, Any] = {
        "linkId": draw(LINK_IDS),
        "type": "group" if is_group else draw(st.sampled_from(TYPES)),
    }
    if draw(st.booleans()):
        made["repeats"] = True
    if draw(st.integers(0, 3)) == 0:
        operator, answer = draw(WHEN)
        made |= when(draw(LINK_IDS), operator, **answer)
    if not is_group:
        made["required"] = draw(st.booleans())
        if "choice" in made["type"]:
            made["answerOption"] = OPTIONS
        if draw(st.integers(0, 5)) == 0:
            made["extension"] = [calculated(draw(EXPRESSIONS))]
    if is_group or draw(st.integers(0, 6)) == 0:
        made["item"] = draw(st.lists(items(depth + 1), max_size=3)) if depth < 3 else []
    return made


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 2**40),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
    st.sampled_from(["x", "y", "2026-01-01", "10:00:00", "2026"]),
    st.dictionaries(
        st.sampled_from(["value", "code", "unit", "reference", "display"]), st.integers(0, 5), max_size=2
    ),
)
KEYS = st.one_of(
    LINK_IDS, st.builds("{}[{}]/{}".format, LINK_IDS, st.integers(0, 3), LINK_IDS), st.text(max_size=8)
)
ANSWERS = st.dictionaries(
    KEYS,
    st.builds(
        Answer, st.lists(VALUES, max_size=3).map(tuple), st.sampled_from([None, None, "declined", "never"])
    ),
    max_size=6,
)


def compiled(found: list[dict[str, Any]]) -> Any:
    """None where the form contradicts itself: that is refused, and in no other way."""
    try:
        return compile_form(form(*found))
    except BadQuestionnaire:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(items(), max_size=5), ANSWERS)
def test_nothing_raises(found: list[dict[str, Any]], answers: dict[str, Answer]) -> None:
    made = compiled(found)
    if made is None:
        return
    answers = settled(made, answers)
    enabled(made, answers)
    progress(made, answers)
    only_asked(made, answers)
    for is_complete in (True, False):
        check(made, answers, is_complete=is_complete)
    for place in list(walk(made, answers)):
        if place.is_repetition:
            without(answers, place.key)
        elif place.item.repeats:
            with_another(made, answers, place.key)


@settings(max_examples=150, deadline=None)
@given(st.lists(items(), max_size=5), st.data())
def test_typed_on_the_page_or_sent_by_a_program_it_is_the_same(
    found: list[dict[str, Any]], data: Any
) -> None:
    made = compiled(found)
    if made is None:
        return
    answers: dict[str, Answer] = {}
    for place in list(walk(made, answers)):
        if place.is_repetition or not place.item.is_question or place.item.is_calculated:
            continue
        typed = data.draw(
            st.sampled_from(["", "1", "2.5", "true", "x", "plain", "2026-01-01", "10:00", "82 kg", "zz"])
        )
        if typed:
            answer = Answer((value_from_text(place.item, typed),))
            if not answer_problems(place.item, answer):
                answers[place.key] = answer
    answers = only_asked(made, settled(made, answers))
    written = response(made, answers, About("Patient/maria", NOW), status="completed")
    read, faults = answers_of(made, written)
    asked = enabled(made, answers)
    assert faults == []
    assert {k: a for k, a in read.items() if a.is_given} == {
        k: a for k, a in answers.items() if a.is_given and k in asked
    }
    page = sorted((p.link_id, p.code) for p in check(made, only_asked(made, answers), is_complete=True))
    sent = sorted((p.link_id, p.code) for p in problems_of(made, written))
    assert [each for each in page if each[1] != "not-enabled"] == [
        each for each in sent if each[1] != "not-enabled"
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
def test_any_response_at_all_is_read(anything: Any) -> None:
    made = compile_form(form(item("a"), item("b", "integer")))
    listed = [{"linkId": "a", "answer": [{"valueString": anything}]}, {"linkId": "zz"}]
    answers_of(made, {"item": listed})


def test_twice_the_form_takes_twice_the_time() -> None:
    def seconds(count: int) -> float:
        items_of = [
            item(f"i{n}", "integer", **(when(f"i{n - 1}", ">", answerInteger=0) if n else {}))
            for n in range(count)
        ]
        made = compile_form(form(*items_of))
        answers = {f"i{n}": Answer((1,)) for n in range(count)}
        best = 9.0
        for _ in range(3):
            begun = perf_counter()
            check(made, answers, is_complete=True)
            response(made, answers, About("Patient/maria", NOW), status="completed")
            best = min(best, perf_counter() - begun)
        return best

    seconds(200)
    small, big = seconds(500), seconds(2000)
    assert big < small * 12, (small, big)  # four times the form; a square would be sixteen
