"""The plan's page: lines open in their place, what changed is said, who saw and signed it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.kernel.clock import MovableClock
from careloop.server import middleware
from tests.web.desk import undo_of, words
from tests.web.proposing import Bayview, bayview


class Pages(Bayview):
    clock: MovableClock

    @property
    def address(self) -> str:
        return f"/people/{self.person.id}/plan"

    def page(self, query: str = "", status: int = 200) -> str:
        answer = self.client.get(f"{self.address}{query}")
        assert answer.status_code == status, answer.content[:500]
        return words(answer.content.decode())

    def post(self, act: str, status: int = 302, **typed: Any) -> str:  # type: ignore[override]
        self.clock.move(seconds=30)
        answer = self.client.post(f"{self.address}/{act}", {"next": self.address, **typed})
        assert answer.status_code == status, words(answer.content.decode())[:1_500]
        return words(answer.content.decode())

    def line(self, pattern: str) -> str:
        found = re.search(pattern, self.page())
        assert found, pattern
        return found[1]

    @property
    def goal(self) -> str:
        return self.line(r"\?edit=(Goal/[^\"]+)")


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    clock = MovableClock(now.astimezone(UTC))
    monkeypatch.setattr(middleware, "clock", clock)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        found = Pages(**bayview(scope, now).__dict__)
        found.clock = clock
        found.post("line", add="need", text="Heart failure", because="She was in the hospital for it")
        need = found.line(r"\?add=goal&amp;under=(Condition/[^\"]+)")
        found.post(
            "line",
            add="goal",
            under=need,
            text="Keep the weight steady",
            spanish="Mantener el peso",
            measure="weight",
            comparator="<",
            value="84",
            unit="kg",
            because="Water is the danger",
        )
        yield found


CHANGED = {
    "text": "Keep the weight steady",
    "spanish": "Mantener el peso",
    "measure": "weight",
    "comparator": "<",
    "value": "82",
    "unit": "kg",
    "because": "Her doctor lowered it",
}


def test_a_line_opens_in_its_place_with_what_it_says(ward: Pages) -> None:
    html = ward.page(f"?edit={ward.goal}")
    assert "Change this goal" in html
    assert 'value="weight"' in html
    assert 'value="84"' in html
    assert "Keep the weight steady</textarea>" in html
    assert "Mantener el peso</textarea>" in html


def test_a_change_stands_there_with_why_and_can_be_taken_back(ward: Pages) -> None:
    ward.post("line", edit=ward.goal, version=1, **CHANGED)
    html = ward.page()
    assert "weight under 82 kg" in html
    assert "Her doctor lowered it" in html
    ward.client.post("/work/undo", {"change": undo_of(html)})
    assert "weight under 84 kg" in ward.page()


def test_a_form_that_can_t_be_kept_comes_back_with_what_was_typed(ward: Pages) -> None:
    html = ward.post(
        "line", 422, edit=ward.goal, version=1, **{**CHANGED, "value": "eighty", "because": "so"}
    )
    assert "Write a number, like 82 or 7.5." in html
    assert 'value="eighty"' in html
    html = ward.post("line", 422, edit=ward.goal, version=1, **{**CHANGED, "measure": ""})
    assert "Say what is measured" in html


def test_who_was_too_late_sees_both(ward: Pages) -> None:
    goal = ward.goal
    ward.post("line", edit=goal, version=1, **CHANGED)
    html = ward.post("line", 412, edit=goal, version=1, **{**CHANGED, "text": "Keep the water out"})
    assert "What you typed is still here" in html
    assert "Keep the water out</textarea>" in html


def test_a_step_has_an_owner_from_the_list_or_by_name(ward: Pages) -> None:
    goal = ward.goal
    assert "Choose somebody from the list." in ward.post(
        "line", 422, add="step", under=goal, text="Weigh", because="so", owner="Practitioner/nobody"
    )
    ward.post(
        "line", add="step", under=goal, text="Weigh each morning", because="so", owner=ward.person.reference
    )
    ward.post(
        "line",
        add="step",
        under=goal,
        text="Bring meals",
        because="so",
        owner="else",
        owner_name="Meals on Wheels",
    )
    html = ward.page()
    assert '<span class="by">Maria Duarte</span>' in html
    assert '<span class="by">Meals on Wheels</span>' in html


def test_an_end_asks_why_and_can_be_reopened(ward: Pages) -> None:
    goal = ward.goal
    assert "Say why it ends" in ward.post("line", 422, end=goal, version=1, words="")
    ward.post("line", end=goal, version=1, reason="not-wanted", words="", under="too")
    html = ward.page()
    assert "1 line that ended or was met" in html
    assert "The person no longer wants this." in html
    ward.post("reopen", line=goal)
    assert "Keep the weight steady" in ward.page().split("line that ended")[0]


def test_what_changed_is_told_to_each_audience_and_in_spanish(ward: Pages) -> None:
    ward.post("line", edit=ward.goal, version=1, **CHANGED)
    html = ward.page("/changes")
    assert "Goal changed: Keep the weight steady: weight under 82 kg (was weight under 84 kg)." in html
    assert "Because: Her doctor lowered it." in html
    partner = ward.page("/changes?since=2&audience=partner")
    assert "Because" not in partner
    assert "weight under 82 kg" in partner
    spanish = ward.client.get(f"{ward.address}/changes?audience=person", headers={"accept-language": "es"})
    assert "Cambió: Mantener el peso: weight menos de 82 kg" in words(spanish.content.decode())
    assert "Say since when" in ward.page("/changes?since=99")


def test_what_is_new_since_i_last_looked_stands_on_top_in_words(ward: Pages) -> None:
    other = Client()
    other.force_login(
        User.objects.create_user(
            "chen@example.org",
            None,
            "Wei Chen",
            practitioner="chen",
            roles=["clinician"],
            sites=[ward.site.id],
        )
    )
    other.get(ward.address)
    ward.clock.move(minutes=40)
    ward.post("line", edit=ward.goal, version=1, **CHANGED)
    ward.clock.move(minutes=40)
    html = words(other.get(ward.address).content.decode())
    assert "What changed since you last looked" in html
    assert "Goal changed: Keep the weight steady" in html


def test_it_says_who_has_not_seen_it_and_that_we_went_over_it(ward: Pages) -> None:
    html = ward.page()
    assert "has not seen version 2" in html
    assert "We went over it" in html
    ward.post("seen", who=ward.person.reference, version=2)
    html = ward.page()
    assert "Everybody who must see it has seen this version" in html
    assert "has seen version 2, gone over together" in html


def test_a_signature_is_asked_for_and_says_later_that_it_changed(ward: Pages) -> None:
    who = f"person {ward.person.reference}"
    assert "Name who heard it" in ward.post("sign", 422, who=who, how="verbal", version=2)
    ward.post("sign", who=who, how="verbal", witness="Lucía Duarte", version=2)
    html = ward.page()
    assert "Maria Duarte signed version 2" in html
    assert "nothing changed since" in html
    ward.post("line", edit=ward.goal, version=1, **CHANGED)
    assert "1 line changed since it was signed" in ward.page()
    one = re.search(r"/plan/signatures/([^\"]+)", ward.page())
    assert one
    page = ward.page(f"/signatures/{one[1]}")
    assert "before Lucía Duarte" in page
    assert "They are as they were signed." in page
    assert "weight under 82 kg" in page


def test_strengths_stand_beside_what_matters_and_leave_the_plan(ward: Pages) -> None:
    base = f"/people/{ward.person.id}/words"
    ward.client.post(base, {"words": "My sister calls daily", "about": "strengths", "next": ward.address})
    html = ward.page()
    assert "“My sister calls daily”" in html
    over = re.search(r'action="([^"]+/over)"', html)
    assert over
    ward.client.post(over[1], {"next": ward.address})
    assert "“My sister calls daily”" not in ward.page()


def test_who_may_not_write_sees_no_acts_and_may_not_post(ward: Pages) -> None:
    payer = Client()
    payer.force_login(
        User.objects.create_user(
            "b@example.org", None, "Bo Payer", practitioner="bo", roles=["biller"], sites=[ward.site.id]
        )
    )
    goal = ward.goal
    answer = payer.post(f"{ward.address}/line", {"end": goal, "reason": "not-wanted"})
    assert answer.status_code in (403, 404)
    assert "Keep the weight steady" in ward.page()


def test_the_print_says_what_is_new_since_she_saw_it(ward: Pages) -> None:
    ward.post("seen", who=ward.person.reference, version=2)
    ward.post("line", edit=ward.goal, version=1, **CHANGED)
    html = ward.page("/print?language=es")
    assert "Lo nuevo desde el" in html
    assert "Cambió: Mantener el peso: weight menos de 82 kg" in html
    assert "Por qué: Her doctor lowered it" in html
    large = ward.client.get(f"/people/{ward.person.id}/plan.pdf?language=es&size=large")
    clinical = ward.client.get(f"/people/{ward.person.id}/plan.pdf?for=clinician")
    assert large["Content-Type"] == clinical["Content-Type"] == "application/pdf"
    assert large.content != clinical.content


def test_how_an_obstacle_is_met_stands_on_paper_too(ward: Pages) -> None:
    ward.post("line", add="barrier", under=ward.goal, text="No scale at home", because="She said so")
    barrier = ward.line(r"\?add=step&amp;under=(Condition/[^\"]+)")
    ward.post("line", add="step", under=barrier, text="Lend her a scale", because="so", owner="nobody")
    html = ward.page("/print?language=en")
    assert "No scale at home" in html
    assert "Lend her a scale" in html
    composed = {"to": "Dr. Patel", "basis": "self", "method": "hand"}
    lines = ward.client.post(f"/people/{ward.person.id}/disclose", composed).content.decode()
    assert "Lend her a scale" in lines
