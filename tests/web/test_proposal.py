"""Deciding a proposal on its page: without JavaScript, as fragments, and while others change things."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.fhir import uris
from careloop.fhir.elements import extension
from careloop.kernel.clock import MovableClock
from tests.web.proposing import LIBRARY, Bayview, bayview

GAD_7 = LIBRARY.instruments["gad-7"].scoring.items


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bayview]:
    from careloop.server import middleware

    clock = MovableClock(now.astimezone(UTC))
    monkeypatch.setattr(middleware, "clock", clock)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        found = bayview(scope, now)
        found.clock = clock  # type: ignore[attr-defined]  # moved by one test
        yield found


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_each_line_says_why_from_where_and_to_whom_it_falls(ward: Bayview) -> None:
    plan = ward.proposal()
    page = text(ward.client.get(f"/proposals/{plan.id}/"))
    assert "Low mood that makes daily life harder" in page
    assert "PHQ-9 is 14" in page
    assert "Kroenke 2001" in page
    assert "said by her daughter Lucía" in page
    assert "Ana Reyes" in page
    assert "0 of 6 decided" in page
    assert "No plan yet" in page


def test_accept_edit_decline_and_make_it_the_plan_without_javascript(ward: Bayview) -> None:
    plan = ward.proposal()
    lines = ward.lines(plan)
    answer = ward.post(plan, lines["need:depression"], "accept")
    assert answer.status_code == 302
    assert "#line-Goal-" in answer["Location"]
    edited = ward.post(
        plan,
        lines["action:call-about-mood"],
        "edit",
        text="Call on Sunday after church",
        due="2026-11-29",
        owner=f"Practitioner/{ward.user.practitioner}",
        spanish="Llamar el domingo después de misa",
    )
    assert edited.status_code == 302
    assert ward.post(plan, lines["action:one-good-thing"], "decline", reason="not-now").status_code == 302
    ward.decide_all(plan)
    made = ward.client.post(f"/proposals/{plan.id}/activate", follow=True)
    page = text(made)
    assert "This is the plan now" in page
    assert "Call on Sunday after church" in page
    assert "Not now" in page
    assert "Sunday" in page  # the day where she lives, not the next one in UTC
    today = text(ward.client.get("/today"))
    assert "Call on Sunday after church" in today
    assert "PHQ-9 is 14" in today
    story = text(ward.client.get(f"/people/{ward.person.id}/story"))
    assert "Plan agreed" in story


def test_a_plan_with_undecided_lines_is_refused_in_words(ward: Bayview) -> None:
    plan = ward.proposal()
    answer = ward.client.post(f"/proposals/{plan.id}/activate")
    assert answer.status_code == 422
    assert "Some lines are not decided yet" in text(answer)
    assert ward.lines(plan)["need:depression"].resource["clinicalStatus"]["coding"][0]["code"] == "inactive"


def test_a_decline_needs_a_reason_and_another_reason_needs_words(ward: Bayview) -> None:
    plan = ward.proposal()
    line = ward.lines(plan)["goal:phq-9-below-5"]
    missing = ward.post(plan, line, "decline")
    assert missing.status_code == 422
    assert "Say why the line is declined" in text(missing)
    other = ward.post(plan, line, "decline", reason="other")
    assert "Say the reason in a few words" in text(other)


def test_what_is_under_a_declined_need_goes_with_it(ward: Bayview) -> None:
    plan = ward.proposal()
    ward.post(plan, ward.lines(plan)["need:depression"], "decline", reason="not-wanted", under="yes")
    decisions = {extension(line.resource, uris.DECISION) for line in ward.lines(plan).values()}
    assert decisions == {"declined"}
    closed = ward.client.post(f"/proposals/{plan.id}/activate", follow=True)
    assert "Proposal closed" in text(closed)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("due", "2020-01-01", "This day is over"),
        ("due", "next week", "Write the day as month, day and year."),
        ("text", " ", "Say it in a few words."),
        ("owner", "Practitioner/stranger", "Choose somebody from the list."),
    ],
)
def test_an_impossible_edit_is_told_at_its_field_and_keeps_what_was_typed(
    ward: Bayview, field: str, value: str, said: str
) -> None:
    plan = ward.proposal()
    line = ward.lines(plan)["action:repeat-phq-9"]
    typed = {"text": "Ask it again, on a good day", "due": "2026-12-20", field: value}
    answer = ward.post(plan, line, "edit", **typed)
    assert answer.status_code == 422
    assert said in text(answer)
    assert typed["text"].strip() in text(answer)
    assert extension(ward.lines(plan)["action:repeat-phq-9"].resource, uris.DECISION) is None


def test_a_line_changed_by_somebody_else_shows_what_changed_and_keeps_the_words(ward: Bayview) -> None:
    plan = ward.proposal()
    seen = ward.lines(plan)["action:repeat-phq-9"]
    ward.post(plan, seen, "decline", reason="has-it")
    answer = ward.post(plan, seen, "edit", text="Ask it at the kitchen table", due="2026-12-20")
    assert answer.status_code == 412
    page = text(answer)
    assert "What you typed is still here" in page
    assert "Ask it at the kitchen table" in page
    assert "It was declined: “Already done or in place”." in page


def test_a_plan_changed_meanwhile_is_shown_before_it_is_written_over(ward: Bayview) -> None:
    first = ward.proposal()
    ward.decide_all(first)
    ward.client.post(f"/proposals/{first.id}/activate")
    ward.answered("gad-7", dict.fromkeys(GAD_7, "more-than-half"))
    second = ward.client.post(f"/people/{ward.person.id}/propose")["Location"]
    assert second != f"/proposals/{first.id}/"
    ward.plan_gets_a_goal("Walk to the market")
    page = text(ward.client.get(second))
    assert "The plan was changed after this was proposed" in page
    assert "Added: Walk to the market" in page


def test_an_answer_that_proposes_nothing_new_leads_to_the_proposal_that_waits(ward: Bayview) -> None:
    plan = ward.proposal()
    assert ward.client.post(f"/people/{ward.person.id}/propose")["Location"] == f"/proposals/{plan.id}/"


def test_what_was_declined_last_week_is_proposed_again_only_saying_so(ward: Bayview) -> None:
    first = ward.proposal()
    ward.post(first, ward.lines(first)["need:depression"], "decline", reason="not-now", under="yes")
    ward.client.post(f"/proposals/{first.id}/activate")
    again = ward.proposal()
    page = text(ward.client.get(f"/proposals/{again.id}/"))
    assert "Declined on Nov 23, 2026: Not now" in page


def test_with_nothing_known_it_says_how_to_start(ward: Bayview) -> None:
    answer = ward.client.post(f"/people/{ward.person.id}/propose")
    assert answer["Location"] == f"/people/{ward.person.id}/assessments"


def test_the_plan_can_be_taken_back_for_ten_minutes_and_not_later(ward: Bayview) -> None:
    plan = ward.proposal()
    ward.decide_all(plan)
    assert "Take it back" in text(ward.client.post(f"/proposals/{plan.id}/activate", follow=True))
    back = text(ward.client.post(f"/proposals/{plan.id}/take-back", follow=True))
    assert "6 of 6 decided" in back
    assert ward.lines(plan)["action:repeat-phq-9"].resource["status"] == "draft"
    ward.client.post(f"/proposals/{plan.id}/activate")
    ward.clock.move(minutes=11)  # type: ignore[attr-defined]  # set by the fixture
    late = text(ward.client.post(f"/proposals/{plan.id}/take-back", follow=True))
    assert "can’t be undone any more" in late
    assert "This is the plan now" in late


def test_as_a_fragment_only_the_board_comes_and_the_next_line_is_chosen(ward: Bayview) -> None:
    plan = ward.proposal()
    lines = ward.lines(plan)
    need = lines["need:depression"]
    answer = ward.client.post(
        f"/proposals/{plan.id}/line",
        {"line": need.reference, "version": need.version, "act": "accept"},
        headers={"HX-Request": "true"},
    )
    page = text(answer)
    assert "<html" not in page
    chosen = page.split('aria-current="true"')[0].rpartition("data-line=")[2]
    assert chosen.startswith(f'"{lines["goal:phq-9-below-5"].reference}"')


def test_in_spanish_the_lines_are_in_spanish(ward: Bayview) -> None:
    plan = ward.proposal()
    page = text(ward.client.get(f"/proposals/{plan.id}/", headers={"Accept-Language": "es"}))
    assert "Desánimo que hace más difícil la vida diaria" in page
    assert "El PHQ-9 es 14" in page


def test_a_stranger_sees_nothing_of_it(ward: Bayview) -> None:
    plan = ward.proposal()
    with ward.open() as unit:
        elsewhere = unit.create({"resourceType": "Organization", "name": "Harbor"}).id
    other = User.objects.create_user(
        "joe@example.org", "a quiet Monday morning", "Joe", roles=["coordinator"], sites=[elsewhere]
    )
    client = Client()
    client.force_login(other)
    assert client.get(f"/proposals/{plan.id}/").status_code == 404
    assert client.post(f"/people/{ward.person.id}/propose").status_code == 404
    assert client.get("/proposals/nothing/").status_code == 404
