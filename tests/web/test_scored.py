"""Scores that are more than a sum, on the page that asks and on the page of answers: by sex, reversed, with a mean; and
each of them stamped with its day, its author and whose words it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension
from careloop.library import load
from tests.projections import builders as b
from tests.projections.ward import HOUSE
from tests.web.desk import Desk, at_the_desk
from tests.web.test_assess import begin, finish, say

LIBRARY = load()


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def is_a(desk: Desk, gender: str) -> None:
    desk.ward.has({**b.patient("maria", "Maria", "Duarte"), "gender": gender})


def held(desk: Desk, kind: str) -> list[Resource]:
    with store.open(HOUSE, now=desk.ward.now) as unit:
        return [each.resource for each in unit.search(kind, [("subject", "Patient/maria")]).entries]


def tell(desk: Desk, draft: str, said: dict[str, Any]) -> None:
    for item, value in said.items():
        desk.post(f"{draft}answer", {"item": item, "value": str(value)})


THREE_POINTS = {"frequency": "two-to-four-a-month", "amount": "three-or-four", "six-or-more": "never"}


@pytest.mark.parametrize(
    ("gender", "band", "note"),
    [
        ("male", "below the cut point", "for men, from 4"),
        ("female", "positive: drinking that may do harm", "for women, from 3"),
        ("unknown", "positive: drinking that may do harm", "the lower cut point of 3 is used"),
    ],
)
def test_the_band_of_her_sex_stands_on_the_page_with_whom_it_is_for(
    desk: Desk, gender: str, band: str, note: str
) -> None:
    is_a(desk, gender)
    draft = begin(desk, "audit-c")
    tell(desk, draft, THREE_POINTS)
    page = desk.page(finish(desk, draft))
    assert f'<b class="num">3</b> <span class="quiet">of 12</span>, {band}' in page
    assert note in page


def test_a_mean_shows_its_decimal_and_no_band(desk: Desk) -> None:
    draft = begin(desk, "peg")
    tell(desk, draft, {"pain": 3, "enjoyment": 3, "activity": 4})
    assert '<b class="num">3.3</b> <span class="quiet">of 10</span>' in desk.page(finish(desk, draft))


def test_a_no_that_counts_shows_that_it_counts(desk: Desk) -> None:
    gds = LIBRARY.instruments["gds-15"]
    draft = begin(desk, "gds-15")
    tell(desk, draft, dict.fromkeys(gds.scoring.items, "no"))
    page = desk.page(finish(desk, draft))
    assert '<b class="num">5</b> <span class="quiet">of 15</span>' in page
    assert '<td>No</td><td class="num">1</td>' in page
    assert '<td>No</td><td class="num">0</td>' in page


def test_a_scale_where_more_is_better_says_no_band_before_it_is_whole(desk: Desk) -> None:
    draft = begin(desk, "katz-adl")
    tell(desk, draft, {"bathing": "alone", "dressing": "alone", "toileting": "alone"})
    page = desk.page(draft)
    assert "at least 3" in page
    assert "some of daily living or more" not in page


def test_a_score_is_kept_with_its_day_its_author_and_whose_words_it_is(desk: Desk) -> None:
    draft = begin(desk, "peg", interpreter="1", interpreter_name="No. 4411")
    tell(desk, draft, {"pain": 8, "enjoyment": 7, "activity": 9})
    finish(desk, draft)
    [observed] = held(desk, "Observation")
    assert observed["valueQuantity"]["value"] == 8
    assert observed["effectiveDateTime"]
    assert observed["issued"]
    assert observed["performer"][0]["reference"] == "Practitioner/ana"
    assert extension(observed, uris.ANSWERED_BY)["reference"] == "Patient/maria"
    assert extension(observed, uris.INTERPRETED_BY) == "No. 4411"


def test_an_answer_of_another_day_of_the_same_sitting_keeps_its_own_day(desk: Desk) -> None:
    draft = begin(desk, "peg")
    tell(desk, draft, {"pain": 8})
    desk.later(days=2)
    tell(desk, draft, {"enjoyment": 7, "activity": 9})
    page = desk.page(finish(desk, draft))
    [response] = held(desk, "QuestionnaireResponse")
    first, *others = (extension(item, uris.SAID_AT) for item in response["item"])
    assert first.startswith("2026-11-23")
    assert all(at.startswith("2026-11-25") for at in others)
    assert 'class="small quiet nowrap">' in page
    assert page.count('class="small quiet nowrap">') == 1


def test_a_positive_asq_without_danger_now_leads_to_a_safety_plan(desk: Desk) -> None:
    draft = begin(desk, "asq")
    tell(desk, draft, dict.fromkeys(("wished-dead", "better-off", "thoughts", "ever-tried"), "no"))
    say(desk, draft, wished_dead="yes", right_now="no")
    desk.post(f"{draft}safety", {"where": "at home", "callback": "713 555 0101", "safe": "yes"})
    page = desk.page(finish(desk, draft))
    assert "makes a safety plan with the person" in page
    assert "Go on with Safety plan" in page


def test_three_key_questions_lead_to_the_twelve(desk: Desk) -> None:
    draft = begin(desk, "fall-key-questions")
    tell(desk, draft, {"unsteady": "no", "worries": "yes", "fallen": "no"})
    page = desk.page(finish(desk, draft))
    assert "At risk of falling" in page
    assert "Go on with Fall risk (12 questions)" in page
