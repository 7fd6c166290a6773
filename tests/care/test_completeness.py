"""Whether a plan holds what a program requires: what meets it, what lacks, by when, and whom it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from careloop.care.completeness import Completeness, Evidence, Shown, completeness, on_gaps
from careloop.care.stay import Outstanding
from careloop.library import load

LIBRARY = load()
HOUSTON = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=HOUSTON)


def said(key: str, at: datetime = NOW, by: str = "Ana Reyes") -> Evidence:
    return Evidence(key, "QuestionnaireResponse/1", at, by)


def person(program: str, *keys: str | Evidence, joined: datetime = NOW, **more: object) -> Shown:
    found: dict[str, list[Evidence]] = {}
    for key in keys:
        evidence = key if isinstance(key, Evidence) else said(key)
        found.setdefault(evidence.key, []).append(evidence)
    shown = Shown("Patient/m", {program: joined}, found, "America/Chicago", "Practitioner/ana")
    return replace(shown, **more)  # type: ignore[arg-type]  # fields of Shown, by the test's own hand


def judged(shown: Shown, standard: str, now: datetime = NOW) -> Completeness:
    return next(each for each in completeness(shown, LIBRARY, now) if each.standard.id == standard)


def all_keys(standard: str) -> list[str]:
    return sorted({leaf.key for leaf in LIBRARY.standards[standard].leaves})


@pytest.mark.parametrize("standard", LIBRARY.standards)
def test_all_evidence_meets_all_elements_and_none_meets_none(standard: str) -> None:
    program = LIBRARY.standards[standard].programs[0]
    assert judged(person(program, *all_keys(standard)), standard).is_whole
    assert judged(person(program), standard).met == 0


def test_nine_of_eleven_and_what_is_missing() -> None:
    keys = [key for key in all_keys("ccm") if key not in ("covers/ccm/caregiver", "covers/ccm/prognosis")]
    found = judged(person("chronic-care", *keys), "ccm")
    assert found.sentence().en == (
        "9 of 11 for chronic care; missing: expected outcome and prognosis and caregiver assessment."
    )
    assert found.sentence().es.startswith("9 de 11 para cuidado crónico; falta: ")


def test_each_element_met_says_by_whom_and_when() -> None:
    at = NOW - timedelta(days=20)
    found = judged(person("chronic-care", said("covers/ccm/prognosis", at)), "ccm")
    [met] = [each for each in found.elements if each.is_met]
    assert (met.met_by[0].by, met.met_by[0].at) == ("Ana Reyes", at)


def test_both_halves_of_the_functional_assessment_are_needed() -> None:
    half = judged(person("chronic-care", "covers/ccm/functional"), "ccm")
    assert "functional" in [each.element.id for each in half.gaps]
    whole = judged(person("chronic-care", "covers/ccm/functional", "covers/ccm/cognitive"), "ccm")
    assert "functional" not in [each.element.id for each in whole.gaps]


def test_what_is_older_than_a_year_is_a_gap_that_names_the_old_answer() -> None:
    old = said("covers/ccm/caregiver", NOW - timedelta(days=400))
    found = judged(person("chronic-care", old), "ccm")
    gap = next(each for each in found.gaps if each.element.id == "caregiver")
    assert gap.old == old


def test_the_baseline_is_due_48_hours_after_joining() -> None:
    joined = NOW - timedelta(hours=10)
    [work] = [
        w
        for w in on_gaps(person("long-term-care", joined=joined), LIBRARY, NOW).proposal.work
        if w.rule == "nf-baseline@2026"
    ]
    assert work.due == joined + timedelta(hours=48)
    assert "42 CFR 483.21(a)" in (work.source or "")
    assert "initial goals" in work.because
    assert work.owner == "Practitioner/ana"


def test_the_comprehensive_plan_is_due_7_days_after_the_assessment_and_never_after_day_21() -> None:
    joined = datetime(2026, 11, 2, 10, 0, tzinfo=HOUSTON)
    key = "covers/nf-comprehensive/assessment"
    early = person("long-term-care", said(key, datetime(2026, 11, 5, 9, 0, tzinfo=HOUSTON)), joined=joined)
    assert due_day(early, "objectives") == "2026-11-12"
    late = person("long-term-care", said(key, datetime(2026, 11, 20, 9, 0, tzinfo=HOUSTON)), joined=joined)
    assert due_day(late, "objectives") == "2026-11-22"  # day 1 is the day of admission
    assert due_day(person("long-term-care", joined=joined), "objectives") == "2026-11-22"


def due_day(shown: Shown, element: str) -> str:
    found = judged(shown, "nf-comprehensive")
    deadline = next(each for each in found.elements if each.element.id == element).deadline
    assert deadline is not None
    return deadline.due.astimezone(HOUSTON).date().isoformat()


def test_the_hospice_review_comes_round_every_15_days() -> None:
    joined = NOW - timedelta(days=40)
    done = ["covers/hospice/initial", "covers/hospice/comprehensive"]
    fresh = said("covers/hospice/review", NOW - timedelta(days=10))
    shown = person("hospice", *done, fresh, joined=joined)
    look = on_gaps(shown, LIBRARY, NOW)
    assert look.proposal.work == ()
    assert look.look_again == fresh.at + timedelta(days=15)
    [work] = on_gaps(shown, LIBRARY, NOW + timedelta(days=6)).proposal.work
    assert "interdisciplinary review" in work.because
    again = replace(fresh, at=NOW + timedelta(days=6))
    later = person("hospice", *done, again, joined=joined)
    [next_one] = on_gaps(later, LIBRARY, NOW + timedelta(days=22)).proposal.work
    assert next_one.dedupe != work.dedupe


def test_a_plan_that_holds_it_now_takes_its_work_back() -> None:
    open_one = Outstanding("complete:Patient/m:nf-baseline:2026-11-23", "complete-plan", "open")
    shown = person(
        "long-term-care", *all_keys("nf-baseline"), *all_keys("nf-comprehensive"), work=(open_one,)
    )
    look = on_gaps(shown, LIBRARY, NOW)
    assert [each.dedupe for each in look.proposal.withdraw] == [open_one.dedupe]


def test_work_somebody_made_by_hand_is_left_alone() -> None:
    by_hand = Outstanding("Task/7", "complete-plan", "open")
    shown = person("chronic-care", *all_keys("ccm"), work=(by_hand,))
    assert on_gaps(shown, LIBRARY, NOW).proposal.withdraw == ()


def test_people_it_leaves_alone() -> None:
    nobody = Shown("Patient/m", {}, {})
    assert completeness(nobody, LIBRARY, NOW) == ()
    assert on_gaps(nobody, LIBRARY, NOW).proposal.work == ()
    died = person("long-term-care", is_deceased=True)
    assert completeness(died, LIBRARY, NOW) == ()
    chronic = on_gaps(person("chronic-care"), LIBRARY, NOW)
    assert chronic.proposal.work == ()  # gaps are shown; no law sets them an hour


def test_asked_twice_it_says_the_same() -> None:
    shown = person("hospice", joined=NOW - timedelta(days=3))
    assert on_gaps(shown, LIBRARY, NOW).proposal == on_gaps(shown, LIBRARY, NOW).proposal


def test_every_standard_says_its_source_and_how_sure_we_are() -> None:
    for standard in LIBRARY.standards.values():
        assert len(standard.source) > 40
        assert standard.verified in ("P", "S", "O", "U")
        assert standard.since.year >= 2008


def test_without_a_zone_none_is_guessed() -> None:
    joined = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    shown = person("hospice", joined=joined, zone=None)
    found = judged(shown, "hospice")
    due = next(each for each in found.elements if each.element.id == "comprehensive").deadline
    assert due is not None
    assert due.due == joined + timedelta(days=5)


def test_a_clock_in_utc_is_the_same_hour() -> None:
    joined = NOW.astimezone(UTC)
    here, there = (person("long-term-care", joined=at) for at in (joined, NOW))
    assert on_gaps(here, LIBRARY, NOW).proposal.work == on_gaps(there, LIBRARY, NOW).proposal.work
