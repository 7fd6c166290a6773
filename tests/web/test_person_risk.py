"""The risk section of a person's page: what went in, what is missing, who would know; and its page in the library."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.utils import translation

from careloop import library
from careloop.actions.assess_risk import refresh, worker
from careloop.actions.record import begin
from careloop.fhir import uris
from careloop.fhir.elements import codeable, ref
from tests.web.test_person import FRANK, MARIA, ana, clock, page, put, settle, words

__all__ = ["ana", "clock"]


def worked_out(now: datetime) -> None:
    """As the worker does a moment after a change."""
    with begin(worker(), now) as unit:
        rid = unit.rid_of(f"Patient/{MARIA}")
        assert rid
        refresh(unit, rid, library.load())


def condition(code: str, text: str) -> dict[str, object]:
    return {
        "resourceType": "Condition",
        "subject": ref(f"Patient/{MARIA}"),
        "code": codeable(uris.ICD10CM, code, text),
    }


def test_a_score_says_what_went_in_and_what_is_missing(ana: Client, now: datetime) -> None:
    put(now, condition("I50.9", "Heart failure of hers"))
    worked_out(now)
    html = page(ana, "risk")
    told = words(html)
    assert "LACE index" in told
    assert "at least" in told
    assert "Visits to other emergency rooms are not on record; nobody has asked." in told
    assert "Heart failure of hers" in told
    assert f"/people/{MARIA}/assess/risk-questions" in html
    assert "van Walraven" in told


def test_without_anything_worked_out_it_says_why(ana: Client) -> None:
    told = words(page(ana, "risk"))
    assert "Not scored" in told
    assert "It is worked out a moment after the record changes." in told or "No Medicare is on record" in told


def test_it_can_be_worked_out_now(ana: Client, now: datetime) -> None:
    put(now, condition("I50.9", "Heart failure of hers"))
    answer = ana.post(f"/people/{MARIA}/risk/now")
    assert (answer.status_code, answer["Location"]) == (302, f"/people/{MARIA}/risk")
    assert "Heart failure of hers" in words(page(ana, "risk"))


def test_in_spanish_it_is_all_spanish(ana: Client, now: datetime) -> None:
    put(now, condition("I50.9", "Insuficiencia"))
    worked_out(now)
    with translation.override("es"):
        answer = ana.get(f"/people/{MARIA}/risk", headers={"Accept-Language": "es"})
    told = words(answer.content.decode())
    assert "Índice LACE" in told
    assert "por lo menos" in told
    for english in ("Not scored", "at least", "Missing:", "Worked out"):
        assert english not in told


def test_whom_she_may_not_see_has_no_risk_page(ana: Client, now: datetime) -> None:
    settle(now, 9)
    assert ana.get(f"/people/{FRANK}/risk").status_code == 404
    assert ana.post(f"/people/{FRANK}/risk/now").status_code == 404


@pytest.mark.parametrize("name", library.load().risks)
def test_the_library_says_how_it_is_worked_out(ana: Client, name: str) -> None:
    answer = ana.get(f"/library/risks/{name}")
    told = words(answer.content.decode())
    assert answer.status_code == 200
    assert library.load().risks[name].title.en in told
    assert "cases pass" in told
    assert "case fails" not in told


def test_a_score_that_is_not_there_is_not_found(ana: Client) -> None:
    assert ana.get("/library/risks/nothing").status_code == 404
