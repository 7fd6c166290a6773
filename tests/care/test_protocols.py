"""What follows from what a protocol says: raised once, changed by a new value, at rest after a person's word, stopped
when it goes round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.care.protocol_replay import narrowing, replay
from careloop.care.protocols import (
    MOST_A_DAY,
    Adjusted,
    Past,
    decide,
    evaluate,
    is_open_at,
    opens_next,
)
from careloop.care.signals import Datum, Happened, Signals, treatment_of
from careloop.library import Words, load
from careloop.library.reviewing import review_from, review_said

LIBRARY = load()
WEIGHT = LIBRARY.protocols["heart-failure-weight"]
DEPRESSION = LIBRARY.protocols["depression-treat-to-target"]
QUIET = LIBRARY.protocols["no-contact"]
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HOUSTON = ZoneInfo("America/Chicago")


def weighed(*days: tuple[float, float], **more: object) -> Signals:
    data = [
        Datum(NOW + timedelta(days=d), Decimal(str(v)), None, f"Observation/{n}")
        for n, (d, v) in enumerate(days)
    ]
    facts = {"conditions": frozenset({"I50"}), "has_died": False}
    return Signals("Patient/maria", HOUSTON, {"weight": data}, facts=facts, shown={"weight": "kg"})


def scored(*days: tuple[float, int]) -> Signals:
    data = [
        Datum(NOW + timedelta(days=d), Decimal(v), None, f"QuestionnaireResponse/{n}")
        for n, (d, v) in enumerate(days)
    ]
    return Signals("Patient/maria", HOUSTON, scores={"phq-9": data})


GAINED = weighed((-2, 80), (0, 82.2))


def past(
    days_ago: float, *, ended: float | None = None, branch: str = "gain-2-days", because: str = ""
) -> Past:
    return Past(
        "DetectedIssue/1",
        branch,
        NOW - timedelta(days=days_ago),
        NOW - timedelta(days=ended) if ended is not None else None,
        because,
    )


def step(signals: Signals, *known: Past, adjusted: Adjusted | None = None, now: datetime = NOW) -> str:
    found = evaluate(WEIGHT, signals, (adjusted or Adjusted()).values, now)
    return decide(WEIGHT, found, known, adjusted or Adjusted(), now).step


def test_raised_once_and_said_anew_when_the_value_changes() -> None:
    assert step(GAINED) == "raise"
    said = evaluate(WEIGHT, GAINED, {}, NOW).because.en
    assert step(GAINED, past(0.1, because=said)) == "nothing"
    assert step(weighed((-2, 80), (0, 83)), past(0.1, because=said)) == "update"


def test_a_value_that_eased_leaves_it_for_a_person_to_end() -> None:
    assert step(weighed((-2, 80), (0, 80.2)), past(1, because="before")) == "nothing"


def test_after_a_person_ended_it_the_same_value_says_nothing_more() -> None:
    assert step(GAINED, past(0.5, ended=0.2)) == "rest"
    older = weighed((-4, 80), (-2, 82.2))
    assert step(older, past(2, ended=1.5)) == "rest"
    newer = weighed((-4, 80), (-2, 82.2), (0, 84.5))
    assert step(newer, past(3, ended=1.5)) == "raise"


def test_what_goes_round_is_stopped() -> None:
    rounds = [past(0.1 * n, ended=0.1 * n - 0.01, branch="other") for n in range(1, MOST_A_DAY + 1)]
    assert step(GAINED, *rounds) == "stop"
    assert step(GAINED, *rounds[:-1]) == "raise"


def test_her_own_number_and_off_until() -> None:
    assert step(GAINED, adjusted=Adjusted({"gain": Decimal(3), "week_gain": Decimal(3)})) == "nothing"
    off = Adjusted(off_until=NOW + timedelta(days=3))
    assert step(GAINED, adjusted=off) == "nothing"
    later = NOW + timedelta(days=3, minutes=1)
    assert step(weighed((1.5, 80), (3, 82.2)), adjusted=off, now=later) == "raise"


def test_silence_settles_itself_and_says_when_to_look_again() -> None:
    def heard(days: float) -> Signals:
        told = {
            "contact": [Happened(NOW - timedelta(days=days), "Encounter/1")],
            "contact/clinician": [Happened(NOW - timedelta(days=days), "Encounter/1")],
            "enrolled": [Happened(NOW - timedelta(days=300))],
        }
        return Signals("Patient/maria", HOUSTON, moments=told, facts={"has_died": False})

    calm = evaluate(QUIET, heard(10), {}, NOW)
    assert calm.branch is None
    assert calm.look_again == NOW + timedelta(days=20)
    quiet = evaluate(QUIET, heard(31), {}, NOW)
    assert quiet.branch is not None
    assert quiet.branch.id == "nobody"
    standing = past(1, branch="nobody", because=quiet.because.en)
    assert decide(QUIET, calm, [standing], Adjusted(), NOW).step == "settle"


def test_what_is_not_known_is_left_out_of_the_sentence() -> None:
    copd = LIBRARY.protocols["copd"]
    readings = {
        "oxygen": [
            Datum(NOW - timedelta(days=back), Decimal(value), None, f"Observation/{value}")
            for back, value in ((3, 96), (0, 91))
        ]
    }
    facts = {"conditions": frozenset({"J44"}), "has_died": False}
    hers = Signals("Patient/maria", HOUSTON, readings, facts=facts, shown={"oxygen": "%"})
    found = evaluate(copd, hers, {}, NOW)
    assert found.branch is not None
    assert found.branch.id == "falling"
    assert found.because.en == "Falling over the last week. Oxygen: 96 % to 91 %."
    assert found.because.es == "Ha bajado en la última semana. Oxígeno: de 96 % a 91 %."
    never = Signals(
        "Patient/maria",
        HOUSTON,
        moments={"enrolled": [Happened(NOW - timedelta(days=40), "EpisodeOfCare/e")]},
        facts={"has_died": False},
    )
    said = evaluate(QUIET, never, {}, NOW).because.en
    assert "not known" not in said
    assert said.startswith("After ")


def test_hours_in_which_somebody_watches() -> None:
    told = {
        "owner": "Dr. Mei Chen",
        "approved": "2026-11-01",
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "opens": "08:00",
        "closes": "17:00",
        "path": "next-opening",
        "after_hours": {"en": "Call 911.", "es": "Llame al 911."},
    }
    review = review_from(told)
    assert review is not None
    assert review_said(review) == told
    assert is_open_at(review, NOW, "America/Chicago")  # Monday, nine in the morning
    friday_night = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
    assert not is_open_at(review, friday_night, "America/Chicago")
    assert opens_next(review, friday_night, "America/Chicago") == datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
    assert not is_open_at(review, NOW, None)
    assert review_from({**told, "owner": " "}) is None
    assert review_from({**told, "days": ["someday"]}) is None
    assert review_from(None) is None


def test_a_relapse_begins_a_new_course() -> None:
    course = DEPRESSION.course
    assert course is not None
    scores = scored((-200, 18), (-150, 6), (-100, 12), (-70, 11)).scores["phq-9"]
    at_relapse = treatment_of(course, scores[:3])
    assert at_relapse is not None
    assert at_relapse.relapsed
    after = treatment_of(course, scores)
    assert after is not None
    assert (after.began.value, after.relapsed, after.lowest) == (12, False, None)


def test_a_dry_run_says_each_time_it_would_have_spoken() -> None:
    signals = scored((-84, 18), (-56, 17), (-27, 10), (0, 9))
    fired = replay(DEPRESSION, signals, {}, NOW - timedelta(days=90), NOW)
    said = [((NOW - each.at).days, each.branch) for each in fired]
    assert said == [(56, "review-week-4"), (28, "measure"), (27, "psychiatric-review")]


def test_whom_to_ask_is_known_from_the_conditions() -> None:
    assert narrowing(WEIGHT) == ("reading", ("weight",))
    assert narrowing(DEPRESSION) == ("score", ("phq-9",))
    assert narrowing(QUIET) == ("moment", ("enrolled",))
    assert narrowing(LIBRARY.protocols["hospice-pain-and-review"]) == ("program", ("hospice",))


series = st.lists(
    st.tuples(st.floats(-120, 0), st.integers(0, 27)), max_size=12, unique_by=lambda each: each[0]
).map(sorted)


@given(scores=series, hours=st.floats(0, 2000))
@settings(max_examples=150, deadline=None)
def test_asked_twice_of_the_same_nothing_changes(scores: list[tuple[float, int]], hours: float) -> None:
    """And no combination of scores raises; what is said once stands, so that asking again says nothing new."""
    signals = scored(*scores)
    now = NOW + timedelta(hours=hours)
    for protocol in LIBRARY.protocols.values():
        once, again = (evaluate(protocol, signals, {}, now) for _ in range(2))
        assert (once.branch, once.because, once.evidence) == (again.branch, again.because, again.evidence)
        if once.branch is None:
            continue
        assert decide(protocol, once, (), Adjusted(), now).step == "raise"
        standing = Past("DetectedIssue/1", once.branch.id, now, None, once.because.en)
        assert decide(protocol, once, (standing,), Adjusted(), now).step == "nothing"
        assert once.because != Words("", "")


@given(
    rows=st.lists(st.tuples(st.floats(-40, 0), st.decimals(1, 400, places=1)), max_size=15),
)
@settings(max_examples=150, deadline=None)
def test_no_weights_make_it_raise_and_a_rise_is_never_smaller_than_it_says(
    rows: list[tuple[float, Decimal]],
) -> None:
    data = sorted(
        (Datum(NOW + timedelta(days=d), v, None, f"Observation/{n}") for n, (d, v) in enumerate(rows)),
        key=lambda each: each.at,
    )
    signals = Signals(
        "Patient/maria",
        HOUSTON,
        {"weight": data},
        facts={"conditions": frozenset({"I50"}), "has_died": False},
    )
    found = evaluate(WEIGHT, signals, {}, NOW)
    if found.branch is not None and found.branch.id == "gain-2-days":
        rise = found.found["rise"]
        assert rise.value is not None
        assert rise.value >= 2
        assert rise.was is not None
        assert rise.now == rise.was + rise.value
