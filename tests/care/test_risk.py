"""Every golden case of every risk score, from content/risks; and what must hold whatever a record says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.care import hcc
from careloop.care import risk as deciding
from careloop.care.risk import NO_MODEL, assess
from careloop.care.risk_cases import DAY, differs, facts_of
from careloop.care.risk_measures import MEASURES, Diagnosed, RiskFacts, StaySeen, Told
from careloop.library import Case, load
from careloop.library.risks import MEASURES as NAMED
from careloop.library.risks import Risk

LIBRARY = load()
CASES = [(risk, case) for risk in LIBRARY.risks.values() for case in risk.cases]


@pytest.mark.parametrize(("risk", "case"), CASES, ids=[f"{risk.id}: {case.name}" for risk, case in CASES])
def test_golden(risk: Risk, case: Case) -> None:
    assert differs(risk, case) == ""


@pytest.mark.parametrize("risk", LIBRARY.risks.values(), ids=lambda each: each.id)
def test_each_score_has_at_least_five_golden_cases_and_a_person_it_leaves_alone(risk: Risk) -> None:
    assert len(risk.cases) >= 5
    assert any("not_scored" in case.expect for case in risk.cases)


def test_a_case_that_does_not_hold_says_so() -> None:
    wrong = Case("wrong", {"facts": {"diagnoses": ["I50.9"]}}, {"value": 7, "band": "heavy"}, "", 0)
    assert differs(LIBRARY.risks["charlson"], wrong) == "value: 1 instead of 7; band: light instead of heavy"


def test_every_measure_that_content_may_name_is_worked_out() -> None:
    assert set(MEASURES) == set(NAMED)


def test_an_answer_given_before_the_stay_says_nothing_about_it() -> None:
    lace = LIBRARY.risks["lace"]
    stay = StaySeen("Encounter/1", "stay", DAY - timedelta(days=5), DAY - timedelta(days=2), True)
    early = Told(Decimal(4), DAY - timedelta(days=9), "QuestionnaireResponse/1")
    facts = RiskFacts(DAY, 70, "female", (stay,), (Diagnosed("I10", "Condition/1"),))
    asked = "risk-questions/emergency-visits"
    assert [p.id for p in assess(lace, replace(facts, told={asked: early})).missing] == ["emergency"]
    late = replace(early, on=DAY)
    found = assess(lace, replace(facts, told={asked: late}))
    assert not found.missing
    assert "QuestionnaireResponse/1" in found.basis


def test_an_emergency_visit_that_led_into_the_stay_says_it_was_unplanned() -> None:
    came = StaySeen("Encounter/0", "emergency", DAY - timedelta(days=5), DAY - timedelta(days=5))
    stay = StaySeen("Encounter/1", "stay", DAY - timedelta(days=5), DAY - timedelta(days=2))
    facts = RiskFacts(DAY, 70, "female", (came, stay), (Diagnosed("I10", "Condition/1"),))
    acute = next(part for part in assess(LIBRARY.risks["lace"], facts).parts if part.id == "acute")
    assert (acute.low, acute.high, acute.sources) == (3, 3, ("Encounter/1", "Encounter/0"))


def test_without_the_package_nothing_is_scored_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "scenarios", lambda *_: None)
    facts = facts_of({"diagnoses": ["I10"], "coverage": ["medicare"]})
    assert assess(LIBRARY.risks["cms-hcc"], facts).not_scored == NO_MODEL


def test_the_package_is_looked_for_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    hcc._calculator.cache_clear()
    monkeypatch.setattr(hcc, "find_spec", lambda _: None)
    assert hcc.scenarios("CMS-HCC Model V28", ["I10"], 67, "female", {}) is None
    hcc._calculator.cache_clear()


def test_what_is_between_says_both_ends() -> None:
    facts = facts_of({"diagnoses": ["I10"], "coverage": ["medicare"]})
    found = assess(LIBRARY.risks["cms-hcc"], facts)
    assert found.value is None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.high


def test_whoever_is_new_to_medicare_is_counted_as_new_wherever_she_lives() -> None:
    home = {"medicare_over_a_year": ("no",), "long_term_institution": ("no",)}
    away = {"medicare_over_a_year": ("no",), "long_term_institution": ("yes",)}
    runs = [hcc.scenarios("CMS-HCC Model V28", ["E119"], 67, "female", each) for each in (home, away)]
    assert runs[0] == runs[1]


def test_a_plan_that_began_lately_does_not_say_that_medicare_did() -> None:
    said = {"diagnoses": ["I10"], "coverage": ["medicare"], "medicare_since": DAY - timedelta(days=40)}
    assert "since" in [part.id for part in assess(LIBRARY.risks["cms-hcc"], facts_of(said)).missing]
    said["medicare_since"] = DAY - timedelta(days=400)
    assert "since" not in [part.id for part in assess(LIBRARY.risks["cms-hcc"], facts_of(said)).missing]


days = st.dates(date(2026, 1, 1), date(2026, 11, 23))
stays = st.builds(
    StaySeen,
    st.sampled_from(["Encounter/1", "Encounter/2", "Encounter/3"]),
    st.sampled_from(["stay", "emergency"]),
    st.none() | days,
    st.none() | days,
    st.none() | st.booleans(),
    st.sampled_from(["", "medicine", "ONC"]),
)
codes = st.sampled_from(["I509", "E119", "E1122", "K766", "K7460", "C7801", "C349", "B20", "I10", "ZZZ"])
records = st.builds(
    RiskFacts,
    st.just(DAY),
    st.none() | st.integers(0, 110),
    st.sampled_from(["female", "male", "other", ""]),
    st.lists(stays, max_size=4).map(tuple),
    st.lists(st.builds(Diagnosed, codes, st.just("Condition/1")), max_size=6).map(tuple),
    st.integers(0, 2),
    coverage=st.sampled_from([frozenset(), frozenset({"medicare"}), frozenset({"medicare", "medicaid"})]),
)


@settings(max_examples=150, deadline=None)
@given(records)
def test_no_record_raises_and_what_is_missing_never_counts_as_nothing_in_silence(facts: RiskFacts) -> None:
    for risk in LIBRARY.risks.values():
        found = assess(risk, facts)
        if found.not_scored is not None:
            assert not found.parts
            continue
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.high
        assert risk.maximum is None or found.high <= risk.maximum
        assert (found.value is None) == bool(found.missing)
        if found.band:
            assert found.band.first <= found.low <= found.high <= found.band.last
