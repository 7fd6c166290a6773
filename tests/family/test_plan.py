"""My plan at the family's door: what is new since she read it, that she has read it, and that she agrees."""

from __future__ import annotations

from datetime import date
from typing import Any

from careloop import store
from careloop.actions.ask_to_see import ask_due
from careloop.actions.share_portal import Paper
from careloop.care.representation import PARTS
from careloop.library import load
from careloop.projections.plan_history import active_plan_of
from careloop.projections.plan_seen import SeenBy, seen_by
from careloop.reactions.timers import scope as timers_scope
from careloop.store import Unit
from tests.family.front import Front, page, post


def seen(front: Front) -> SeenBy:
    with opened(front) as unit:
        patient = unit.read("Patient", "maria")
        plan = active_plan_of(unit, patient.rid)
        assert plan is not None
        return seen_by(unit, patient, plan, load())


def opened(front: Front) -> Unit:
    return store.open(front.staff, now=front.now)


def change(front: Front, **more: Any) -> None:
    """Somebody changes the goal; the plan says so."""
    front.clock.move(minutes=5)
    front.ward.now = front.now
    with opened(front) as unit:
        goal, plan = unit.read("Goal", "goal").resource, unit.read("CarePlan", "plan").resource
    front.ward.has({**goal, **more}, {**plan, "description": f"changed {front.now}"})
    front.clock.move(minutes=1)


def test_she_reads_it_and_it_is_known_which_version(front: Front) -> None:
    front.clock.move(minutes=1)
    maria = front.signed_in(front.account("Patient/maria", "Maria Duarte"))
    told = page(maria, "/my/maria/plan")
    assert "Please read this plan" in told
    post(maria, "/my/maria/plan/seen", {"version": 1})
    assert "Please read this plan" not in page(maria, "/my/maria/plan")
    (mine,) = [each for each in seen(front).standings if each.must.who == "Patient/maria"]
    assert mine.is_current
    assert mine.seen is not None
    assert (mine.seen.version, mine.seen.how) == (1, "portal")


def test_what_is_new_stands_first_in_plain_words_and_in_spanish(front: Front) -> None:
    front.clock.move(minutes=1)
    maria = front.signed_in(front.account("Patient/maria", "Maria Duarte"))
    post(maria, "/my/maria/plan/seen", {"version": 1})
    change(front, description={"text": "Walk three blocks"})
    told = page(maria, "/my/maria/plan")
    assert "What is new since" in told
    assert "Changed: Walk three blocks (before: Walk two blocks)" in told
    post(maria, "/my/language", {"language": "es", "next": "/my/maria/plan"})
    assert "Cambió: Walk three blocks (antes: Walk two blocks)" in page(maria, "/my/maria/plan")


def test_an_old_version_is_not_read_behind_her_back(front: Front) -> None:
    front.clock.move(minutes=1)
    maria = front.signed_in(front.account("Patient/maria", "Maria Duarte"))
    change(front, description={"text": "Walk three blocks"})
    post(maria, "/my/maria/plan/seen", {"version": 1})
    assert "Someone changed this plan" in page(maria, "/my/maria/plan")
    assert "I have read it" in page(maria, "/my/maria/plan")


def test_she_is_asked_on_her_first_page_until_she_has_read_it(front: Front) -> None:
    front.clock.move(minutes=1)
    maria = front.signed_in(front.account("Patient/maria", "Maria Duarte"))
    assert "Your plan has changed" not in page(maria, "/my/maria")
    with opened(front) as unit:
        rid = unit.read("Patient", "maria").rid
    ask_due(timers_scope(), rid, load(), front.now)
    assert "Your plan has changed" in page(maria, "/my/maria")
    post(maria, "/my/maria/plan/seen", {"version": 1})
    assert "Your plan has changed" not in page(maria, "/my/maria")


def test_she_signs_with_her_name_and_later_changes_are_said(front: Front) -> None:
    front.clock.move(minutes=1)
    maria = front.signed_in(front.account("Patient/maria", "Maria Duarte"))
    post(maria, "/my/maria/plan/sign", {"version": 1})
    assert "Tick the box first" in page(maria, "/my/maria/plan")
    post(maria, "/my/maria/plan/sign", {"version": 1, "agree": "yes"})
    assert "You agreed with this plan on" in page(maria, "/my/maria/plan")
    (signed,) = seen(front).signatures
    assert (signed.name, signed.role, signed.how) == ("Maria Duarte", "person", "portal")
    change(front, description={"text": "Walk three blocks"})
    assert "The plan has changed since." in page(maria, "/my/maria/plan")


def test_a_daughter_who_sees_the_plan_reads_it_for_herself_and_does_not_sign(front: Front) -> None:
    front.share("plan")
    front.clock.move(minutes=1)
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía Duarte"))
    told = page(lucia, "/my/maria/plan")
    assert "Please read this plan" in told
    assert "Do you agree?" not in told
    post(lucia, "/my/maria/plan/seen", {"version": 1})
    assert "Please read this plan" not in page(lucia, "/my/maria/plan")
    post(lucia, "/my/maria/plan/sign", {"version": 1, "agree": "yes"})
    assert seen(front).signatures == ()


def test_a_guardian_signs_for_her_with_a_digest(front: Front) -> None:
    paper = Paper("Letters of guardianship", date(2024, 5, 2), "in the red folder at the clinic")
    front.share(*PARTS, kind="guardian", paper=paper)
    front.clock.move(minutes=1)
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía Duarte"))
    post(lucia, "/my/maria/plan/sign", {"version": 1, "agree": "yes"})
    (signed,) = seen(front).signatures
    assert (signed.who, signed.role, signed.how) == ("RelatedPerson/lucia", "representative", "portal")
    assert signed.digest.startswith("sha256:")
    assert signed.lines
    assert [each.must.who for each in seen(front).standings if each.must.role == "representative"] == [
        "RelatedPerson/lucia"
    ]


def test_who_has_no_share_of_the_plan_finds_no_page(front: Front) -> None:
    front.share("visits")
    front.clock.move(minutes=1)
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía Duarte"))
    page(lucia, "/my/maria/plan", 404)
    post(lucia, "/my/maria/plan/seen", {"version": 1}, 404)
    assert all(each.must.who != "RelatedPerson/lucia" or each.seen is None for each in seen(front).standings)
