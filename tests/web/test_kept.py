"""What is kept while it is typed ends when it is finished: a save that comes late brings nothing back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from careloop.actions import record
from careloop.actions.keep_panel import KEPT_FOR, forget_old_panels
from careloop.actions.keep_typed import keep_contact
from careloop.actions.log_contact import Contact, form_of, log_contact
from careloop.library import load
from careloop.reactions.timers import run_timers
from careloop.store import drafts
from tests.projections.ward import HOUSE
from tests.store.rows import rows
from tests.web.desk import Desk, at_the_desk

TALK = {"outcome": "reached", "minutes": "12", "channel": "phone", "note": "Has all her pills.", "sign": "1"}
PANEL = b"First name,Last name,DOB,MRN\nAda,Okoye,1/2/1971,901\n"
WEB = Path(__file__).parents[2] / "src" / "careloop" / "web"


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def kept_forms() -> list[str]:
    return [form for (form,) in rows("select form from drafts order by form")]


@pytest.mark.parametrize("place", ["/work/call/contact", "/people/maria/contact"])
def test_a_call_that_was_logged_is_not_kept_again_by_a_late_save(desk: Desk, place: str) -> None:
    typed = {**TALK, "started": desk.clock().isoformat()}
    assert desk.client.post(f"{place}/draft", typed).content == b"Saved 9 am"
    assert len(kept_forms()) == 1
    desk.post(place, typed)
    assert kept_forms() == []
    late = desk.client.post(f"{place}/draft", {**typed, "note": "Has all her pills"})
    assert (late.status_code, late.content) == (204, b"")
    assert kept_forms() == []


def test_the_next_call_is_kept_as_ever(desk: Desk) -> None:
    began = desk.clock().isoformat()
    desk.post("/work/call/contact", {**TALK, "outcome": "no-answer", "note": "", "started": began})
    desk.later(minutes=5)
    again = desk.client.post(
        "/work/call/contact/draft", {"note": "Second try", "started": desk.clock().isoformat()}
    )
    assert again.status_code == 200
    assert "Second try" in desk.page("/work/call/contact")


def test_the_same_opening_of_another_sheet_is_another_sheet(desk: Desk) -> None:
    began = desk.clock().isoformat()
    desk.post("/work/call/contact", {**TALK, "started": began})
    kept = desk.client.post("/people/maria/contact/draft", {"note": "Called back", "started": began})
    assert kept.status_code == 200


def test_a_save_and_the_signature_at_the_same_moment_leave_no_draft(desk: Desk) -> None:
    """Whoever comes first: the draft is gone, or was never made."""
    ward = desk.ward
    for number in range(8):
        began = (ward.now + timedelta(seconds=number)).isoformat()
        contact = Contact("reached", 5, "All well.", opened=began)
        with ThreadPoolExecutor(2) as both:
            kept = both.submit(
                keep_contact, ward.scope, {"started": began, "note": "All"}, ward.now, task="ride"
            )
            log_contact(ward.scope, contact, ward.now, task="ride")
            kept.result()
        with ward.open() as unit:
            rid = unit.rid_of("Patient/maria")
            assert rid
            assert drafts.load(unit, rid, form_of("ride")) is None


def test_a_note_that_was_signed_is_not_kept_again_by_a_late_save(desk: Desk) -> None:
    desk.post("/work/call/contact", {**TALK, "sign": "0"})
    draft = desk.page("/today").partition("/notes/draft/")[2].partition('"')[0]
    kept = desk.client.post(f"/notes/draft/{draft}/keep", {"text": "Has all her"})
    assert kept.content == b"Saved 9 am"
    desk.post(f"/notes/draft/{draft}", {"text": "Has all her pills."})
    late = desk.client.post(f"/notes/draft/{draft}/keep", {"text": "Has all her pills"})
    assert (late.status_code, late.content) == (204, b"")
    assert kept_forms() == []


# --- panels


def test_a_panel_that_nobody_took_is_forgotten_after_a_day(desk: Desk) -> None:
    answer = desk.client.post(
        "/front-door/panel", {"file": SimpleUploadedFile("panel.csv", PANEL), "site": "bayview"}
    )
    place = str(answer["Location"])
    desk.later(hours=23)
    desk.client.force_login(desk.user)
    desk.page(place)
    run_timers(desk.clock(), load())
    assert len(kept_forms()) == 1
    desk.later(hours=2)
    desk.page(place, 404)  # although nothing has swept yet
    desk.post(f"{place}/apply", status=404)
    run_timers(desk.clock(), load())
    assert kept_forms() == []


def test_only_panels_are_forgotten(desk: Desk) -> None:
    desk.post("/work/call/contact", {**TALK, "sign": "0"})
    with record.begin(HOUSE, desk.ward.now + 10 * KEPT_FOR) as unit:
        assert forget_old_panels(unit) == 0
    assert len(kept_forms()) == 1


# --- who writes


def test_pages_write_through_actions_alone() -> None:
    """Drafts are read by pages, and written by actions; no page opens the record, or a row of a table, to write."""
    writes = re.compile(
        r"\.save\(|\bdrafts\.(save|keep|change|finish|delete|expire)\(|\brecord\.begin\(|\.open\([^)]*projectors"
        r"|\bunit\.(create|create_named|update|delete|transaction|claim|set_timer|clear_timer|send)\("
        r"|\b(inbox|outbox|timers|feed)\.(save|receive|done|failed|withdraw|resolve|advance)\("
    )
    found = [
        f"{path.relative_to(WEB)}:{number}"
        for path in sorted(WEB.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if writes.search(line)
    ]
    assert found == []
