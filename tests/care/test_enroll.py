"""Who may join, what comes next, and what is refused with a sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from careloop import library
from careloop.care import enroll
from careloop.care.enroll import BadConsent, Consented, DoesNotFit, Judgment, NotYet, Standing, Where
from careloop.library import Program

FITS = Judgment(True, "It fits.")


@pytest.fixture(scope="module")
def transitions() -> Program:
    return library.load().programs["transitions"]


def looking(**facts: Any) -> Any:
    return lambda path: facts.get(path.removeprefix("fact/"))


def test_every_criterion_says_whether_it_is_met(transitions: Program) -> None:
    found = enroll.eligibility(
        transitions, looking(days_since_discharge=3, discharged_to="snf", has_died=False)
    )
    assert [(each.criterion.id, each.fit) for each in found.answers] == [
        ("alive", "yes"),
        ("discharged", "yes"),
        ("went-home", "no"),
    ]
    assert found.fit == "no"
    assert "that place leads" in found.because


def test_what_is_not_known_is_neither_yes_nor_no(transitions: Program) -> None:
    found = enroll.eligibility(transitions, looking(days_since_discharge=3, has_died=False))
    assert found.fit == "unknown"
    assert found.because == "Not known: Went home from there."


@pytest.mark.parametrize(
    ("facts", "fits", "needs_reason"),
    [
        ({"days_since_discharge": 3, "discharged_to": "home"}, True, False),
        ({"days_since_discharge": 3, "discharged_to": "home"}, False, True),
        ({"days_since_discharge": 40, "discharged_to": "home"}, True, True),
        ({"days_since_discharge": 40, "discharged_to": "home"}, False, False),
        ({}, True, True),
        ({}, False, True),
    ],
)
def test_against_the_criteria_a_person_says_why(
    transitions: Program, facts: dict[str, Any], fits: bool, needs_reason: bool
) -> None:
    found = enroll.eligibility(transitions, looking(**facts))
    if needs_reason:
        with pytest.raises(DoesNotFit):
            enroll.judge(found, fits, "  ")
        assert "Her daughter asked" in enroll.judge(found, fits, "Her daughter asked").because
    else:
        assert enroll.judge(found, fits, "").because == found.because


def test_the_way_in_step_by_step(transitions: Program, now: datetime) -> None:
    def at(**said: Any) -> Where:
        return enroll.where(Standing(**said), transitions)

    assert at(status="planned").step == "referred"
    assert at(status="planned", judgment=Judgment(False, "no")).step == "referred"
    assert at(status="waitlist", judgment=FITS).step == "outreach"
    tried = at(status="waitlist", judgment=FITS, attempts=2, last_try=now)
    assert (tried.next_try, tried.is_exhausted) == (now + timedelta(days=1), False)
    assert at(status="waitlist", judgment=FITS, attempts=3, last_try=now).is_exhausted
    assert at(status="waitlist", judgment=FITS, attempts=1, reached=True).step == "consent"
    assert at(status="waitlist", judgment=FITS, consent="given").step == "enroll"
    assert at(status="active").step == "enrolled"
    assert at(status="onhold").step == "paused"
    assert at(status="cancelled").step == "ended"


@pytest.mark.parametrize(
    ("step", "act", "sentence"),
    [
        ("referred", "enroll", "There is no consent yet."),
        ("outreach", "pause", "Only somebody who is in the program can pause."),
        ("enrolled", "resume", "The program is not paused."),
        ("ended", "end", "It has ended already."),
        ("ended", "consent", "after it has ended, begin anew"),
    ],
)
def test_a_step_out_of_turn_is_refused_in_words(step: Any, act: Any, sentence: str) -> None:
    with pytest.raises(NotYet, match=sentence):
        enroll.refuse_unless(Where(step), act)


def test_every_step_but_the_last_can_end() -> None:
    assert all("end" in acts for step, acts in enroll.POSSIBLE.items() if step != "ended")


@pytest.mark.parametrize(
    "said",
    [
        Consented(True, "neighbor", "verbal", told=3),
        Consented(True, "agent", "verbal", told=3),
        Consented(True, "person", "nodding", told=3),
        Consented(True, "person", "verbal", told=2),
    ],
)
def test_consent_says_who_how_and_that_all_was_told(transitions: Program, said: Consented) -> None:
    with pytest.raises(BadConsent):
        enroll.check_consent(transitions, said)


def test_a_no_needs_no_more_than_who_said_it(transitions: Program) -> None:
    enroll.check_consent(transitions, Consented(False, "person", ""))
    enroll.check_consent(transitions, Consented(True, "agent", "verbal", "Lucía Duarte", 3))


def test_the_history_of_statuses_is_kept(now: datetime) -> None:
    episode = enroll.with_status({"resourceType": "EpisodeOfCare"}, "planned", now)
    later = enroll.with_status(episode, "active", now + timedelta(days=2))
    assert [each["status"] for each in later["statusHistory"]] == ["planned", "active"]
    assert later["statusHistory"][0]["period"]["end"] == later["statusHistory"][1]["period"]["start"]
    assert "end" not in episode["statusHistory"][0]["period"]
