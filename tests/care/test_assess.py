"""Every golden case of every instrument, from content/, through the same code as the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from careloop.care.assess import score
from careloop.care.golden import answers_in, differences
from careloop.care.scored import observations
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.fhir.questionnaire import Answer
from careloop.fhir.responses import About, answers_of, problems_of, response
from careloop.library import Case, Instrument, load

LIBRARY = load()
CASES = [(instrument, case) for instrument in LIBRARY.instruments.values() for case in instrument.cases]
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def answers(given: dict[str, Any]) -> dict[str, Answer]:
    return answers_in(Case("", {"answers": given}, {}, "", 0))


@pytest.mark.parametrize(
    ("instrument", "case"), CASES, ids=[f"{instrument.id}: {case.name}" for instrument, case in CASES]
)
def test_golden(instrument: Instrument, case: Case) -> None:
    assert differences(instrument, case) == []


def test_a_golden_case_that_does_not_hold_says_what_came_out() -> None:
    phq = LIBRARY.instruments["phq-2"]
    wrong = Case(
        "wrong", {"answers": {"interest": "several-days", "mood": "not-at-all"}}, {"score": 2}, "", 0
    )
    assert differences(phq, wrong) == ["score: expected 2, came out 1"]
    unknown = replace(wrong, expect={"sum": 1})
    assert "can’t expect “sum”" in differences(phq, unknown)[0]
    impossible = replace(wrong, answers={"answers": {"interest": "nonsense"}}, expect={})
    assert differences(phq, impossible) == ["interest: This is not one of the answers."]


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


def test_each_observation_says_when_by_whom_and_whose_words_it_is() -> None:
    peg = LIBRARY.instruments["peg"]
    given = answers({"pain": 3, "enjoyment": 3, "activity": 4})
    told = {
        "source": {"reference": "RelatedPerson/rosa"},
        "extension": [
            {"url": uris.HEARD_FROM, "valueString": "Rosa, daughter"},
            {"url": uris.INTERPRETED_BY, "valueString": "Mr. Ortiz"},
        ],
    }
    [observed] = observations(
        peg,
        given,
        score(peg, given),
        response="QuestionnaireResponse/q",
        subject="Patient/m",
        effective=NOW,
        performer="Practitioner/ana",
        written_by="Ana Reyes",
        issued=NOW,
        told=told,
    )
    assert observed["valueQuantity"]["value"] == Decimal("3.3")
    assert observed["performer"] == [{"reference": "Practitioner/ana", "display": "Ana Reyes"}]
    assert observed["effectiveDateTime"] == observed["issued"] == "2026-11-23T15:00:00.000Z"
    assert extension(observed, uris.ANSWERED_BY) == {"reference": "RelatedPerson/rosa"}
    assert extension(observed, uris.HEARD_FROM) == "Rosa, daughter"
    assert extension(observed, uris.INTERPRETED_BY) == "Mr. Ortiz"


def test_a_score_without_a_code_of_loinc_carries_our_own() -> None:
    katz = LIBRARY.instruments["katz-adl"]
    given = answers(katz.cases[0].answers["answers"])
    [observed] = observations(
        katz,
        given,
        score(katz, given),
        response="QuestionnaireResponse/q",
        subject="Patient/m",
        effective=NOW,
        performer=None,
        written_by="Careloop (import)",
    )
    assert observed["code"]["coding"][0]["system"] == "urn:careloop:instrument:katz-adl"
    assert observed["performer"] == [{"display": "Careloop (import)"}]
