"""Every golden case of every instrument, from content/, through the same code as the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from careloop.care.assess import observations, score
from careloop.fhir.questionnaire import ABSENT, Answer, check, enabled
from careloop.fhir.responses import About, answers_of, problems_of, response
from careloop.library import Case, Instrument, load

LIBRARY = load()
CASES = [(instrument, case) for instrument in LIBRARY.instruments.values() for case in instrument.cases]
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def answers(given: dict[str, Any]) -> dict[str, Answer]:
    return {
        item: Answer(absent=said)
        if isinstance(said, str) and said in ABSENT
        else Answer(tuple(said) if isinstance(said, list) else (said,))
        for item, said in given.items()
    }


@pytest.mark.parametrize(
    ("instrument", "case"), CASES, ids=[f"{instrument.id}: {case.name}" for instrument, case in CASES]
)
def test_golden(instrument: Instrument, case: Case) -> None:
    given = answers(case.answers["answers"])
    result, shown = score(instrument, given), enabled(instrument.form, given)
    expected = dict(case.expect)
    assert check(instrument.form, given, is_complete=False) == []
    if expected.pop("not_scored", False):
        assert result.value is None
        assert result.not_scored_because is not None
    if "score" in expected:
        assert result.value == expected.pop("score")
        assert result.band is not None
        assert result.band.code == expected.pop("band")
    seen = {
        "at_least": result.at_least,
        "missing": list(result.missing),
        "findings": [each.id for each in result.findings],
        "critical": [each.critical.id for each in result.critical],
        "next": [each.instrument for each in result.next],
        "asked": sum(each.is_question for each in instrument.questions if each.id in shown),
    }
    assert {key: seen[key] for key in expected} == expected


@pytest.mark.parametrize("instrument", LIBRARY.instruments.values(), ids=lambda each: each.id)
def test_each_instrument_has_at_least_five_golden_cases(instrument: Instrument) -> None:
    assert len(instrument.cases) >= 5


@pytest.mark.parametrize(
    ("instrument", "case"), CASES, ids=[f"{instrument.id}: {case.name}" for instrument, case in CASES]
)
def test_a_response_reads_back_as_the_answers_it_was_written_from(instrument: Instrument, case: Case) -> None:
    given = answers(case.answers["answers"])
    written = response(instrument.form, given, About("Patient/m", NOW), status="in-progress")
    read, problems = answers_of(instrument.form, written)
    assert problems == []
    assert read == given
    assert problems_of(instrument.form, written) == []


def test_a_posted_response_with_an_answer_that_is_none_of_ours_is_refused() -> None:
    phq = LIBRARY.instruments["phq-9"]
    posted = response(
        phq.form, answers({"mood": "several-days"}), About("Patient/m", NOW), status="completed"
    )
    posted["item"][0]["item"][0]["answer"][0]["valueCoding"]["code"] = "LA33-6"
    codes = [problem.code for problem in problems_of(phq.form, posted)]
    assert codes[0] == "not-an-option"
    assert codes.count("missing") == 9


def test_the_answer_of_a_hidden_question_counts_nothing() -> None:
    asq = LIBRARY.instruments["asq"]
    four = {"wished-dead": "no", "better-off": "no", "thoughts": "no", "ever-tried": "no"}
    assert score(asq, answers({**four, "right-now": "yes"})).critical == ()


def test_only_the_sign_that_needs_911_is_named_in_its_alarm() -> None:
    call = LIBRARY.instruments["transition-call"]
    alarms = score(call, answers({"signs": ["chest-pain", "fall"]})).critical
    assert [alarm.because.en for alarm in alarms] == [
        "Told in the call after the discharge: Chest pain or pressure.",
        "Told in the call after the discharge: A fall since coming home.",
    ]


def test_the_score_becomes_an_observation_derived_from_the_response() -> None:
    gad = LIBRARY.instruments["gad-7"]
    given = answers(gad.cases[3].answers["answers"])
    about = {
        "response": "QuestionnaireResponse/q",
        "subject": "Patient/m",
        "effective": NOW,
        "performer": None,
    }
    [observed] = observations(gad, given, score(gad, given), **about)
    assert observed["valueQuantity"]["value"] == 10
    assert observed["derivedFrom"] == [{"reference": "QuestionnaireResponse/q"}]
    assert observed["interpretation"] == [{"text": "moderate"}]


def test_a_declined_answer_makes_an_observation_that_says_so_not_a_zero() -> None:
    phq = LIBRARY.instruments["phq-2"]
    given = answers({"interest": "several-days", "mood": "declined"})
    about = {
        "response": "QuestionnaireResponse/q",
        "subject": "Patient/m",
        "effective": NOW,
        "performer": None,
    }
    [observed] = observations(phq, given, score(phq, given), **about)
    assert "valueQuantity" not in observed
    assert "missing" in observed["dataAbsentReason"]["text"]
