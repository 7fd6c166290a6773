"""Whom a person lets in, and how she ends it; representatives by their papers; a parent until the birthday."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from careloop import library, projections, store
from careloop.actions.document_capacity import OnlyClinicians, document_capacity, document_incapacity
from careloop.actions.share_portal import (
    BadEnd,
    NotAMinor,
    NothingShared,
    Paper,
    PaperMissing,
    Relative,
    share,
)
from careloop.care.representation import PARTS, birthday
from careloop.care.work import work_of
from careloop.kernel.errors import Forbidden, NotFound
from careloop.reactions import run_timers
from tests.family.front import Front, page, post
from tests.projections.ward import CHICAGO, HOUSE
from tests.store.rows import rows

PAPER = Paper("Medical power of attorney", date(2024, 5, 2), "in the red folder at the clinic")


def lucia_in(front: Front) -> Any:
    return front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))


# --- by herself


def test_she_lets_her_daughter_in_and_hands_over_a_code_herself(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "Only you see your pages" in page(maria, "/my/maria/helpers")
    post(maria, "/my/maria/helpers/add", {"who": "lucia", "shares": ["plan", "visits"]})
    shown = page(maria, "/my/maria/helpers")
    assert "can see my plan and my visits" in shown
    assert "Lucía Duarte</b>, daughter" in shown
    letter = post(maria, "/my/maria/helpers/lucia/code", status=200)
    code = re.search(r"[A-Z2-9]{4}(-[A-Z2-9]{4}){3}", letter)
    assert code
    lucia = front.browser()
    post(lucia, "/my/sign-in/letter", {"code": code.group(), "year": "1959", "month": "3", "day": "2"})
    assert "Weigh each morning" in page(lucia, "/my/maria/plan")
    page(lucia, "/my/maria/medicines", 404)


def test_somebody_new_needs_a_name_and_a_birth_date(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    new = {"who": "new", "relation": "FRND", "shares": ["visits"], "year": "1960", "month": "4", "day": "1"}
    assert "Write the name" in post(maria, "/my/maria/helpers/add", new, 422)
    named = {**new, "name": "Rosa Peña"}
    said = post(maria, "/my/maria/helpers/add", {**named, "year": ""}, 422)
    assert "birth date" in said
    assert "Rosa Peña" in said  # nothing typed is lost
    assert "at least one thing" in post(maria, "/my/maria/helpers/add", {**named, "shares": []}, 422)
    assert "later than today" in post(maria, "/my/maria/helpers/add", {**named, "until": "2020-01-01"}, 422)
    post(maria, "/my/maria/helpers/add", named)
    assert "Rosa Peña</b>, friend" in page(maria, "/my/maria/helpers")


def test_she_ends_it_after_one_question_and_it_is_over(front: Front) -> None:
    made = front.share("plan")
    lucia = lucia_in(front)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "Should Lucía Duarte no longer see your pages?" in page(maria, f"/my/maria/helpers/{made.id}/end")
    page(lucia, "/my/maria/plan")
    post(maria, f"/my/maria/helpers/{made.id}/end")
    page(lucia, "/my/maria/plan", 302)
    assert "Only you see your pages" in page(maria, "/my/maria/helpers")


def test_a_helper_shares_nothing_further_and_ends_nothing(front: Front) -> None:
    made = front.share(*PARTS)
    lucia = lucia_in(front)
    for address in ("helpers/add", f"helpers/{made.id}/end", "helpers/lucia/code"):
        post(lucia, f"/my/maria/{address}", {"who": "lucia", "shares": ["plan"]}, 404)
    assert rows("select count(*) from portal_shares") == [(len(PARTS),)]


def test_she_makes_nobody_her_agent_on_a_page_and_shares_nobody_else_s_record(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert post(maria, "/my/walter/helpers/add", {"who": "lucia", "shares": ["plan"]}, 404)
    from careloop.actions.family_actor import family_of

    family = family_of(front.account("Patient/maria", "Maria").principal_id, front.now)
    assert family
    scope = store.open(HOUSE, now=front.now).scope.__class__(family.actor, "family", "own record")
    with pytest.raises(Forbidden):
        share(scope, "maria", "lucia", ["plan"], front.now, kind="agent", paper=PAPER)
    with pytest.raises(NotFound):
        share(scope, "walter", Relative("Eve", "FRND", None), ["plan"], front.now)


def test_sharing_again_replaces_what_stood(front: Front) -> None:
    front.share("plan", "visits")
    front.share("coverage")
    lucia = lucia_in(front)
    page(lucia, "/my/maria/plan", 404)
    page(lucia, "/my/maria/insurance")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"shares": ()}, NothingShared),
        ({"until": timedelta(0)}, BadEnd),
        ({"kind": "agent"}, PaperMissing),
        ({"kind": "guardian", "paper": Paper("Letters of guardianship", None, "")}, PaperMissing),
        ({"kind": "parent"}, NotAMinor),
        ({"who": "nobody"}, NotFound),
    ],
)
def test_what_is_refused(front: Front, more: dict[str, Any], error: type[Exception]) -> None:
    told: dict[str, Any] = {"who": "lucia", "shares": ("plan",), **more}
    if "until" in told:
        told["until"] = front.now + told["until"]
    with pytest.raises(error):
        share(front.staff, "maria", told.pop("who"), told.pop("shares"), front.now, **told)
    assert rows("select count(*) from portal_shares") == [(0,)]


# --- an agent


def test_an_agent_on_incapacity_sees_nothing_before_and_nothing_after(front: Front) -> None:
    made = front.share(*PARTS, kind="agent", paper=PAPER, on_incapacity=True)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "starts only if a clinician writes down" in page(maria, "/my/maria/helpers")
    lucia = lucia_in(front)
    assert "Nothing is shared with you now" in page(lucia, "/my")
    page(lucia, "/my/maria/plan", 404)
    document_incapacity(front.clinician(), made.id, Paper("Letter of Dr. Chen", None, "scanned"), front.now)
    assert "Weigh each morning" in page(lucia, "/my/maria/plan")
    front.clock.move(days=2)
    lucia = lucia_in(front)
    page(lucia, "/my/maria/medicines")
    document_capacity(front.clinician(), made.id, front.now)
    page(lucia, "/my/maria/plan", 302)
    page(lucia_in(front), "/my/maria/plan", 404)


def test_only_a_clinician_documents_it_and_with_a_paper(front: Front) -> None:
    made = front.share(*PARTS, kind="agent", paper=PAPER, on_incapacity=True)
    with pytest.raises(OnlyClinicians):
        document_incapacity(front.staff, made.id, PAPER, front.now)
    with pytest.raises(PaperMissing):
        document_incapacity(front.clinician(), made.id, Paper("", None, ""), front.now)
    with pytest.raises(OnlyClinicians):
        document_capacity(front.staff, made.id, front.now)
    assert rows("select count(*) from portal_shares") == [(0,)]


# --- coming of age


def child_of(front: Front, born: date) -> None:
    with store.open(HOUSE, now=front.now, projectors=projections.ALL) as unit:
        maria = unit.read("Patient", "maria").resource
        unit.update({**maria, "birthDate": born.isoformat()})


def parent_work(front: Front) -> list[Any]:
    found = rows("select task_id from work where kind = 'portal-handover' and is_open")
    return [work_of(front.ward.task(id)) for (id,) in found]


def test_a_parent_sees_less_from_twelve_on_and_nothing_from_eighteen_on(front: Front) -> None:
    child_of(front, date(2014, 11, 24))
    front.share(*PARTS, kind="parent")
    lucia = lucia_in_child(front, date(2014, 11, 24))
    page(lucia, "/my/maria/medicines")
    front.clock.move(hours=23)  # the birthday has begun
    lucia = lucia_in_child(front, date(2014, 11, 24))
    page(lucia, "/my/maria/medicines", 404)
    page(lucia, "/my/maria/plan")


def lucia_in_child(front: Front, born: date) -> Any:
    """The second check of a parent is her own birth date, never the child's."""
    assert born != date(1959, 3, 2)
    return lucia_in(front)


def test_thirty_days_before_there_is_work_and_on_the_day_it_is_over(front: Front) -> None:
    born = date(2008, 12, 10)
    child_of(front, born)
    front.share(*PARTS, kind="parent")
    lucia = lucia_in(front)
    home = page(lucia, "/my/maria")
    assert "comes of age on" in home
    assert "you no longer see this page" in home
    run_timers(front.now, library.load())
    (work,) = parent_work(front)
    assert work.due == birthday(born, 18, CHICAGO)
    assert work.rule == "portal-minors@2026"
    run_timers(front.now + timedelta(hours=1), library.load())
    assert len(parent_work(front)) == 1
    on_the_day = birthday(born, 18, CHICAGO)
    run_timers(on_the_day, library.load())
    with store.open(HOUSE, now=on_the_day) as unit:
        (consent,) = unit.of_person(unit.mention("Patient/maria"), ["Consent"])
    assert consent.resource["status"] == "inactive"
    assert "Came of age" in consent.resource["policyRule"]["text"]
    page(lucia, "/my/maria", 302)


def test_long_before_nobody_is_disturbed(front: Front) -> None:
    child_of(front, date(2012, 6, 1))
    front.share(*PARTS, kind="parent")
    run_timers(front.now, library.load())
    assert parent_work(front) == []
    assert "comes of age" not in page(lucia_in(front), "/my/maria")


def test_access_ends_by_the_clock_even_when_no_timer_fires(front: Front) -> None:
    child_of(front, date(2008, 11, 24))
    front.share(*PARTS, kind="parent")
    page(lucia_in(front), "/my/maria/plan")
    front.clock.move(hours=23)
    page(lucia_in(front), "/my/maria/plan", 404)
