"""The arithmetic of scores: every published rule, and what no combination of answers may do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.care.assess import NOBODY, Score, Who, score, who_is
from careloop.fhir.questionnaire import Answer
from careloop.library import Instrument, Question, load
from tests.library.writing import OBSERVED, SOURCE, made

LIBRARY = load()
HOW = "type: choice, answers: how"
YES_NO = "type: choice, answers: yes-no"
FOUR = dict.fromkeys("abcd", HOW)
BECAUSE = "because: {en: Missing., es: Falta.}"
NO_BANDS = "no_bands: {en: None., es: Ninguno.}"
RULE = "rule: {en: The mean of the others stands for it., es: El promedio de las demás la reemplaza.}"


def tried(items: Mapping[str, str], *lines: str) -> Instrument:
    with tempfile.TemporaryDirectory() as folder:
        return made(Path(folder), dict(items), "\n".join([*lines, OBSERVED, SOURCE]) + "\n")


SUM = tried(
    FOUR, "kind: sum", "items: [a, b, c, d]", "maximum: 8", f"missing: {{allowed: 0, {BECAUSE}}}", NO_BANDS
)
LEFT_OUT = tried(
    FOUR, "kind: sum", "items: [a, b, c, d]", "maximum: 8", f"missing: {{allowed: 1, {BECAUSE}}}", NO_BANDS
)
PRORATED = tried(
    FOUR,
    "kind: sum",
    "items: [a, b, c, d]",
    "maximum: 8",
    f"missing: {{allowed: 2, replace: mean, {RULE}, {BECAUSE}}}",
    NO_BANDS,
)
REVERSED = tried(
    FOUR,
    "kind: sum",
    "items: [a, b, c, d]",
    "reversed: [c, d]",
    "maximum: 8",
    f"missing: {{allowed: 1, replace: mean, {RULE}, {BECAUSE}}}",
    NO_BANDS,
)
MEAN = tried(
    FOUR, "kind: mean", "items: [a, b, c, d]", "maximum: 2", f"missing: {{allowed: 2, {BECAUSE}}}", NO_BANDS
)
HIGHEST = tried(
    FOUR,
    "kind: highest",
    "items: [a, b, c, d]",
    "maximum: 2",
    f"missing: {{allowed: 1, {BECAUSE}}}",
    NO_BANDS,
)
COUNT = tried(
    dict.fromkeys("abcd", YES_NO),
    "kind: count",
    "items: [a, b, c, d]",
    'positive: ["yes"]',
    "reversed: [d]",
    "maximum: 4",
    f"missing: {{allowed: 0, {BECAUSE}}}",
    NO_BANDS,
)
GATED = tried(
    {
        "gate": YES_NO,
        **dict.fromkeys("ab", f'{HOW}, ask_when: {{item: gate, is: "yes"}}'),
        "c": HOW,
    },
    "kind: sum",
    "items: [a, b, c]",
    "maximum: 6",
    "skipped: lowest",
    f"missing: {{allowed: 1, {BECAUSE}}}",
    NO_BANDS,
)
WEIGHTS = """
points:
  - {when: {item: a, is: much}, add: 3, text: {en: A, es: A}}
  - first_of:
      - {when: {all: [{item: b, at_least: 1}, {item: c, at_least: 1}]}, add: 1, text: {en: B and C, es: B y C}}
      - {when: {item: b, at_least: 1}, add: 4, text: {en: B alone, es: Solo B}}
  - first_of:
      - {when: {fact: age, at_least: 80}, add: 2, text: {en: From 80, es: Desde 80}}
      - {when: {fact: age, at_least: 65}, add: 1, text: {en: From 65, es: Desde 65}}
"""
WEIGHTED = tried(FOUR, "kind: points", WEIGHTS, "maximum: 9", f"missing: {{allowed: 0, {BECAUSE}}}", NO_BANDS)
LENIENT = tried(FOUR, "kind: points", WEIGHTS, "maximum: 9", f"missing: {{allowed: 2, {BECAUSE}}}", NO_BANDS)
PARTS = """
subscales:
  - id: front
    text: {en: front, es: delante}
    kind: sum
    items: [a, b]
    maximum: 4
    observation: {loinc: 1-8, text: Front}
    missing: {allowed: 0, because: {en: Missing., es: Falta.}}
    bands:
      - {from: 0, to: 1, code: low, text: {en: low, es: bajo}}
      - {from: 2, to: 4, code: high, text: {en: high, es: alto}}
  - id: back
    text: {en: back, es: detrás}
    kind: highest
    items: [c, d]
    maximum: 2
    observation: {text: Back}
    missing: {allowed: 0, because: {en: Missing., es: Falta.}}
    no_bands: {en: None., es: Ninguno.}
findings:
  - {id: front-high, text: {en: high in front, es: alto delante}, when: {band: front, is: high}}
  - {id: back-high, text: {en: high behind, es: alto detrás}, when: {score: back, at_least: 2}}
"""
SPLIT = tried(
    FOUR,
    "kind: sum",
    "items: [a, b, c, d]",
    "maximum: 8",
    f"missing: {{allowed: 0, {BECAUSE}}}",
    NO_BANDS,
    PARTS,
)
MADE = {
    "sum": SUM,
    "left out": LEFT_OUT,
    "prorated": PRORATED,
    "reversed": REVERSED,
    "mean": MEAN,
    "highest": HIGHEST,
    "count": COUNT,
    "gated": GATED,
    "weighted": WEIGHTED,
    "lenient": LENIENT,
    "split": SPLIT,
}
EVERY = {**LIBRARY.instruments, **MADE}


def of(instrument: Instrument, who: Who = NOBODY, **said: str) -> Score:
    answers = {
        name: Answer(absent="declined") if value == "declined" else Answer((value,))
        for name, value in said.items()
    }
    return score(instrument, answers, who)


# --- each rule, by hand


def test_a_missing_answer_that_may_be_left_out_counts_nothing() -> None:
    result = of(LEFT_OUT, a="much", b="much", c="some", d="declined")
    assert (result.value, result.missing) == (5, ("d",))
    assert of(LEFT_OUT, a="much", b="much").value is None


def test_a_missing_answer_is_made_up_for_by_the_published_rule_and_it_says_so() -> None:
    result = of(PRORATED, a="much", b="some", c="some")
    assert result.value == 5  # 4 of 3 answers: 5.33
    assert result.notes[0].en == "1 of 4 answers missing. The mean of the others stands for it."
    assert result.at_least == 4
    assert of(PRORATED, a="much").value is None
    assert of(PRORATED).value is None


def test_reversed_items_count_the_other_way_round() -> None:
    assert of(REVERSED, a="never", b="never", c="much", d="much").value == 0
    assert of(REVERSED, a="much", b="much", c="never", d="never").value == 8


def test_a_mean_is_of_what_was_answered_and_says_when_something_lacks() -> None:
    assert of(MEAN, a="much", b="some", c="some", d="some").value == Decimal("1.3")
    result = of(MEAN, a="much", b="some", c="declined", d="declined")
    assert result.value == Decimal("1.5")
    assert result.at_least == Decimal("0.7")
    assert result.notes


def test_the_highest_item_counts() -> None:
    assert of(HIGHEST, a="never", b="much", c="some", d="never").value == 2


def test_answers_are_counted_and_no_counts_where_it_is_reversed() -> None:
    assert of(COUNT, a="yes", b="no", c="yes", d="no").value == 3
    assert of(COUNT, a="no", b="no", c="no", d="yes").value == 0


def test_a_needless_question_counts_the_lowest_but_an_open_gate_does_not_close_it() -> None:
    assert of(GATED, gate="no", c="much").value == 2
    assert of(GATED, gate="declined", c="much").value is None
    assert of(GATED, gate="yes", a="much", b="some", c="much").value == 5


def test_of_lines_that_belong_together_only_the_first_counts() -> None:
    old = Who(age=81)
    assert of(WEIGHTED, old, a="much", b="some", c="some").value == 6
    assert of(WEIGHTED, old, a="much", b="some", c="never").value == 9
    assert of(WEIGHTED, Who(age=70), a="never", b="never", c="never").value == 1


def test_a_later_line_does_not_count_in_place_of_one_that_nobody_can_answer() -> None:
    result = of(LENIENT, Who(age=70), a="never", b="some", c="declined")
    assert result.value == 1
    assert result.missing == ("c",)


def test_without_a_birth_date_an_age_is_missing_not_zero() -> None:
    result = of(WEIGHTED, a="much", b="never", c="never")
    assert result.value is None
    assert result.missing == ("age",)
    assert result.at_least == 3


def test_a_subscale_has_its_own_number_band_and_finding() -> None:
    result = of(SPLIT, a="much", b="never", c="much", d="never")
    assert {part.id: part.value for part in result.subscales} == {"front": 2, "back": 2}
    assert result.subscales[0].band is not None
    assert [each.id for each in result.findings] == ["front-high", "back-high"]
    half = of(SPLIT, a="some", b="never", c="declined", d="never")
    assert [part.value for part in half.parts] == [None, 1, None]


def test_the_band_is_the_one_of_her_sex_and_the_lower_one_when_that_is_not_known() -> None:
    said = {"frequency": "two-to-four-a-month", "amount": "three-or-four", "six-or-more": "never"}
    bands = {}
    for sex in ("male", "female", None):
        result = of(LIBRARY.instruments["audit-c"], Who(sex), **said)
        bands[sex] = (result.value, result.band.code if result.band else "", result.notes[0].en)
    assert bands["male"][:2] == (3, "below")
    assert bands["female"][:2] == (3, "positive")
    assert bands[None][:2] == (3, "positive")
    assert "the lower cut point of 3 is used" in bands[None][2]


BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"


@pytest.mark.parametrize(
    ("patient", "sex", "age"),
    [
        ({"gender": "male", "birthDate": "1950-11-24"}, "male", 75),
        ({"gender": "female", "birthDate": "1950-11-23"}, "female", 76),
        ({"gender": "other"}, None, None),
        ({"gender": "unknown", "birthDate": "1950"}, None, None),
        ({"gender": "female", "extension": [{"url": BIRTH_SEX, "valueCode": "M"}]}, None, None),
        ({"gender": "female", "extension": [{"url": BIRTH_SEX, "valueCode": "F"}]}, "female", None),
        ({"gender": "male", "birthDate": "2030-01-01"}, "male", None),
        ({}, None, None),
    ],
)
def test_whose_answers_they_are(patient: dict[str, Any], sex: str | None, age: int | None) -> None:
    from datetime import date

    who = who_is(patient, date(2026, 11, 23))
    assert (who.sex, who.age) == (sex, age)


# --- what no combination of answers may do


def answer_to(question: Question) -> st.SearchStrategy[Answer | None]:
    absent = st.sampled_from(["declined", "unknown", "not-asked"]).map(lambda why: Answer(absent=why))
    given_one: st.SearchStrategy[Any]
    match question.kind:
        case "choice":
            given_one = st.sampled_from([c.code for c in question.choices]).map(lambda code: (code,))
        case "choices":
            given_one = st.lists(st.sampled_from([c.code for c in question.choices]), min_size=1, unique=True)
        case "yes-no":
            given_one = st.booleans().map(lambda said: (said,))
        case "integer":
            low, high = question.minimum or 0, question.maximum if question.maximum is not None else 99
            given_one = st.integers(low, high).map(lambda number: (number,))
        case "date":
            given_one = st.dates().map(lambda on: (on.isoformat(),))
        case _:
            given_one = st.text("abc ", min_size=1).map(lambda words: (words,))
    return st.one_of(given_one.map(lambda values: Answer(tuple(values))), absent, st.none())


def answers_to(instrument: Instrument) -> st.SearchStrategy[dict[str, Answer]]:
    asked = {each.id: answer_to(each) for each in instrument.questions if each.is_question}
    return st.fixed_dictionaries(asked).map(
        lambda said: {name: answer for name, answer in said.items() if answer is not None}
    )


PEOPLE = st.builds(Who, st.sampled_from(["male", "female", None]), st.one_of(st.none(), st.integers(0, 120)))


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_answers_raise_and_a_score_stays_within_its_ends(name: str, data: st.DataObject) -> None:
    instrument = EVERY[name]
    result = score(instrument, data.draw(answers_to(instrument)), data.draw(PEOPLE))
    for part in result.parts:
        total = part.total
        if part.value is None:
            assert part.not_scored_because is not None
            assert part.missing
        else:
            assert total.minimum <= part.value <= total.maximum
            assert part.value == part.value.quantize(total.step)
            assert bool(part.band) is bool(total.band_sets)
            assert len(part.missing) <= max(total.allowed_missing, 0) or total.kind == "points"
        assert part.at_least <= total.maximum
        if part.value is not None and not part.missing:
            assert part.at_least <= part.value < part.at_least + 1


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_missing_answer_never_raises_a_score_in_silence(name: str, data: st.DataObject) -> None:
    """Nor does a higher band, and what is certain already was certain of the whole."""
    instrument = EVERY[name]
    whole = data.draw(answers_to(instrument))
    who = data.draw(PEOPLE)
    if not whole:
        return
    left = dict(whole)
    del left[data.draw(st.sampled_from(sorted(whole)))]
    before, after = score(instrument, whole, who), score(instrument, left, who)
    for one, other in zip(before.parts, after.parts, strict=True):
        if one.value is None or other.value is None:
            continue
        made_up_for = any("missing" in note.en for note in other.notes)
        assert other.value <= one.value or made_up_for
