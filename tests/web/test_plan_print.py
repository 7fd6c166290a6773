"""The person's own copy: plain words in her language, as a page and as a PDF that says nothing twice differently."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from careloop.access import Scope
from careloop.kernel.clock import MovableClock
from careloop.web.plan_pdf.making import FONTS
from tests.conftest import owner_connection
from tests.store.rows import details_of
from tests.web.proposing import Bayview, bayview


@pytest.fixture
def ward(record: None, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bayview]:
    from careloop.server import middleware

    monkeypatch.setattr(middleware, "clock", MovableClock(now.astimezone(UTC)))
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        found = bayview(scope, now)
        plan = found.proposal()
        line = found.lines(plan)["action:call-about-mood"]
        found.post(plan, line, "edit", text="Call on Sunday after church", due="2026-11-29")
        found.decide_all(plan)
        found.client.post(f"/proposals/{plan.id}/activate")
        yield found


def pdf(ward: Bayview, language: str) -> Any:
    return ward.client.get(f"/people/{ward.person.id}/plan.pdf", {"language": language})


def words_of(answer: Any, tmp_path: Path) -> str:
    """What a reader of the PDF gets, by poppler."""
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine: apt-get install poppler-utils")
    path = tmp_path / "plan.pdf"
    path.write_bytes(answer.content)
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True)
    return " ".join(done.stdout.decode("utf-8").split())


def test_in_english_it_says_who_does_what_by_when_and_whom_to_call(ward: Bayview, tmp_path: Path) -> None:
    answer = pdf(ward, "en")
    assert answer["Content-Type"] == "application/pdf"
    said = words_of(answer, tmp_path)
    assert "My plan Maria Duarte · Born Mar 2, 1959" in said
    assert "Low mood that makes daily life harder" in said
    assert "Call on Sunday after church" in said
    assert "Nov 29, 2026" in said  # the day in Houston, not the next one in UTC
    assert "(713) 555-0100" in said
    assert "911" in said
    assert "988" in said
    assert "Page 1 of" in said


def test_in_spanish_every_line_of_ours_is_spanish_and_the_edited_one_is_owned_up_to(
    ward: Bayview, tmp_path: Path
) -> None:
    said = words_of(pdf(ward, "es"), tmp_path)
    assert "Mi plan" in said
    assert "Desánimo que hace más difícil la vida diaria" in said
    assert "Preguntar otra vez el PHQ-9" in said
    assert "Call on Sunday after church" in said
    assert "Algunas líneas todavía están en inglés" in said


def test_her_own_language_is_the_one_without_asking(ward: Bayview) -> None:
    page = ward.client.get(f"/people/{ward.person.id}/plan/print").content.decode()
    assert '<article class="paper" lang="es">' in page
    assert "<b>1 line</b> has no text in this language" in page


def test_a_line_can_be_said_in_her_language_and_then_stands_on_her_copy(
    ward: Bayview, tmp_path: Path
) -> None:
    page = ward.client.get(f"/people/{ward.person.id}/plan/print").content.decode()
    name = page.split('<input id="say-1" name="')[1].partition('"')[0]
    ward.client.post(f"/people/{ward.person.id}/plan/print", {name: "Llamar el domingo después de misa"})
    said = words_of(pdf(ward, "es"), tmp_path)
    assert "Llamar el domingo después de misa" in said
    assert "Algunas líneas todavía están en inglés" not in said
    assert "Call on Sunday after church" in words_of(pdf(ward, "en"), tmp_path)


def test_a_line_of_somebody_else_is_not_there(ward: Bayview) -> None:
    answer = ward.client.post(f"/people/{ward.person.id}/plan/print", {ward.person.reference: "hola"})
    assert answer.status_code == 404


def test_a_step_of_hers_says_you(ward: Bayview) -> None:
    page = ward.client.get(f"/people/{ward.person.id}/plan/print?language=en").content.decode()
    assert "<td>You</td>" in page
    assert "<td>Ana Reyes" in page


def test_the_same_now_gives_the_same_bytes_with_our_own_typeface(ward: Bayview) -> None:
    one, other = pdf(ward, "en").content, pdf(ward, "en").content
    assert one == other
    assert b"/Lang" in one
    if FONTS.is_dir():
        assert b"SourceSans3" in one


def test_the_file_name_tells_nothing_and_the_trail_tells_who_saw_it(ward: Bayview) -> None:
    answer = pdf(ward, "es")
    assert answer["Content-Disposition"] == 'inline; filename="plan-2026-11-23.pdf"'
    with owner_connection() as owner:
        rows = owner.execute("select detail, people from audit").fetchall()
    told = [people for detail, people in rows if ["E", "plan.pdf es"] in details_of(detail)]
    assert len(told) == 1
    assert told[0]  # whom it was about


def test_without_a_plan_there_is_nothing_to_print_and_it_says_so(
    record: None, scope: Scope, now: datetime
) -> None:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        empty = bayview(scope, now)
        answer = empty.client.get(f"/people/{empty.person.id}/plan.pdf")
        assert answer["Location"] == f"/people/{empty.person.id}/plan"
