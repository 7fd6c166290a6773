"""Questions asked in private, and suspected abuse: what follows, who sees it, and what leaves no trace."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from careloop import library, store
from careloop.access import Actor, Scope
from careloop.actions.complete_assessment import complete_assessment
from careloop.actions.report_abuse import report_abuse
from careloop.actions.save_answer import save_answer
from careloop.actions.start_assessment import start_assessment
from careloop.care import abuse
from careloop.care.abuse import Report, ReportIncomplete, steps
from careloop.kernel.errors import Forbidden, NotFound
from careloop.projections import story, worklist
from careloop.projections.card import card
from tests.actions.clinic import Clinic
from tests.connect.hl7v2.messages import Hospital, adt
from tests.projections import builders as b
from tests.store.rows import rows
from tests.web.test_review import signed_in, text

LIBRARY = library.load()
RULE = LIBRARY.rule("abuse-reporting", date(2026, 11, 23))


# --- who is called


def test_texas_and_illinois_have_their_own_lines_and_everybody_the_national_one() -> None:
    texas = steps(RULE, "child", "TX")
    assert [line.number for line in texas.lines] == ["1-800-252-5400", "1-800-422-4453"]
    assert next(line.number for line in steps(RULE, "child", "IL").lines) == "1-800-252-2873"
    assert next(line.number for line in steps(RULE, "elder", "IL").lines) == "1-866-800-1409"
    assert [line.number for line in steps(RULE, "elder", "ZZ").lines] == ["1-800-677-1116"]
    assert [line.number for line in steps(RULE, "adult", "").lines] == ["1-800-677-1116"]


def test_what_nobody_read_says_so_and_the_house_is_never_slower_than_a_day() -> None:
    assert not steps(RULE, "child", "NY").lines[0].is_verified
    texas = steps(RULE, "child", "TX")
    assert (texas.hours, texas.law_hours, texas.is_law_verified) == (24, 48, False)


def test_a_report_needs_who_when_and_a_number_or_that_there_is_none(now: Any) -> None:
    whole = {"kind": "child", "agency": "DFPS", "called_at": now, "words": "A bruise", "reference": "77"}
    abuse.check(Report(**whole), now)
    for lacking in (
        {"agency": " "},
        {"called_at": None},
        {"called_at": now + timedelta(hours=1)},
        {"words": ""},
        {"reference": ""},
        {"has_none": True},
        {"kind": "cat"},
    ):
        with pytest.raises(ReportIncomplete):
            abuse.check(Report(**{**whole, **lacking}), now)
    abuse.check(Report(**{**whole, "reference": "", "has_none": True}), now)


# --- who sees it


@pytest.fixture
def clinic(record: None, now: Any) -> Any:
    found = Clinic(now)
    found.write(b.team("team-maria", "maria", "ana"))
    return found


def answer(clinic: Any, **answers: Any) -> Any:
    scope = clinic.staff()
    opened = start_assessment(scope, "maria", "private-safety", LIBRARY, clinic.now)
    for link, value in answers.items():
        clinic.later()
        save_answer(scope, opened.draft.id, link.replace("_", "-"), [value], LIBRARY, clinic.now)
    clinic.later()
    return complete_assessment(scope, opened.draft.id, LIBRARY, clinic.now)


def helper_of(clinic: Any) -> Scope:
    maria = clinic.rid("Patient/maria")
    shares = frozenset((maria, share) for share in ("plan", "visits", "results", "messages"))
    return Scope(Actor(55, "person", "Luis", shares=shares), "family", "own record")


def test_not_safe_to_ask_ends_it_and_asks_for_another_try_in_person(clinic: Any) -> None:
    done = answer(clinic, alone="not-safe")
    assert [finding.id for finding in done.score.findings] == ["not-safe"]
    with store.open(clinic.staff(), now=clinic.now) as unit:
        work = worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)
    assert [(row.title, row.kind) for row in work] == [("Follow up in private", "follow-up-private")]
    assert work[0].because == "Something to talk about alone. Open it to read what."
    assert "in person, alone" in clinic.read(f"Task/{work[0].task_id}").resource["note"][0]["text"]


def test_no_helper_sees_a_trace_of_it_and_a_colleague_does(clinic: Any) -> None:
    done = answer(
        clinic,
        alone="yes",
        afraid="yes",
        hurt="no",
        forced="no",
        controls="no",
        danger_now="no",
        children="no",
    )
    assert rows("select distinct labels & 64 from heads where rid = %s", done.response.rid) == [(64,)]
    maria = clinic.rid("Patient/maria")
    with store.open(helper_of(clinic), now=clinic.now) as unit:
        assert unit.search("Task", {"_count": "50"}).entries == []
        assert unit.search("Observation", {"_count": "50"}).entries == []
        with pytest.raises((NotFound, Forbidden)):
            unit.read("QuestionnaireResponse", done.response.id)
        assert "private" not in " ".join(line.title.lower() for line in story.story(unit, maria))
    with store.open(clinic.staff(), now=clinic.now) as unit:
        assert [row.title for row in worklist.of_person(unit, maria, clinic.now)] == ["Follow up in private"]


def test_a_report_is_kept_under_the_label_followed_up_and_written_once(clinic: Any) -> None:
    report = Report(
        "child", "DFPS", clinic.now, who="Agent 12", reference="88-1", words="A bruise on the arm"
    )
    clinic.later()
    stored = report_abuse(clinic.staff(), "maria", report, LIBRARY, clinic.now)
    again = report_abuse(clinic.staff(), "maria", report, LIBRARY, clinic.now)
    assert stored.rid == again.rid
    assert {"system": "urn:careloop:id:agency-report", "value": "88-1"} in stored.resource["identifier"]
    assert rows("select labels & 64 from heads where rid = %s", stored.rid) == [(64,)]
    with store.open(helper_of(clinic), now=clinic.now) as unit:
        assert unit.search("Communication", {"_count": "50"}).entries == []
    with store.open(clinic.staff(), now=clinic.now) as unit:
        (work,) = worklist.of_person(unit, unit.rid_of("Patient/maria"), clinic.now)
    assert work.target == report.called_at + timedelta(days=3)
    with pytest.raises((NotFound, Forbidden)):
        report_abuse(clinic.staff("biller"), "maria", report, LIBRARY, clinic.now)


def test_nothing_of_it_is_printed_or_stands_on_the_card(clinic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = answer(
        clinic,
        alone="yes",
        afraid="yes",
        hurt="no",
        forced="no",
        controls="no",
        danger_now="no",
        children="no",
    )
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        page = signed_in(clinic, monkeypatch, "bayview", "coordinator")
        lines = text(page.get("/people/maria/story")).split("<li class=")
        about = [line for line in lines if "/assessments/answered/" in line]
        assert about
        assert all("no-print" in line.partition(">")[0] for line in about)
        asked = text(page.get("/people/maria/assessments"))
        assert 'class="asked no-print" id="private-safety"' in asked
        answered = text(page.get(f"/assessments/answered/{done.response.id}/"))
        assert '<div class="no-print">' in answered
        assert "Leave this page" in answered
        assert "data-print" not in answered.partition("<main")[2]
    with store.open(clinic.staff(), now=clinic.now) as unit:
        assert all(not entry.is_private for entry in card(unit, "maria").latest)
        assert [e for e in story.story(unit, unit.rid_of("Patient/maria")) if e.is_private]


# --- the page


@pytest.fixture
def hospital(record: None, now: Any) -> Hospital:
    found = Hospital(now)
    with found.house() as unit:
        unit.create_named(b.practitioner("ana", "Ana", "Reyes"))
    found.tell(adt("A01"))
    return found


@pytest.fixture
def ana(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield signed_in(hospital, monkeypatch, "bayview", "coordinator")


def test_the_page_leads_from_danger_over_the_call_to_the_report_in_two_steps(
    ana: Client, hospital: Hospital
) -> None:
    place = f"/people/{hospital.one('Patient')['id']}/report"
    first = text(ana.get(place))
    assert "Call 911 first" in first
    assert "Leave this page" in first
    page = text(ana.get(f"{place}?kind=child"))
    assert "1-800-252-5400" in page
    assert "not verified" in page
    told = {
        "kind": "child",
        "agency": "Texas Abuse Hotline",
        "called_at": hospital.now.strftime("%Y-%m-%dT%H:%M"),
        "reference": "",
        "words": "typed words",
    }
    lacking = ana.post(place, told)
    assert lacking.status_code == 422
    assert "typed words" in text(lacking)
    shown = ana.post(place, {**told, "reference": "77"})
    assert shown.status_code == 200
    assert "Read it once more" in text(shown)
    assert hospital.all("Communication") == []
    kept = ana.post(place, {**told, "reference": "77", "step": "keep"})
    assert kept.status_code == 302
    (one,) = hospital.all("Communication")
    assert one["payload"][0]["contentString"] == "typed words"


def test_nobody_else_finds_the_page(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"/people/{hospital.one('Patient')['id']}/report"
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        other = signed_in(hospital, monkeypatch, "stlukes", "coordinator")
        assert other.get(place).status_code == 404
        assert other.post(place, {"kind": "child"}).status_code in (404, 422)
