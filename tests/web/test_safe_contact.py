"""How somebody may be reached, written down on her page and heeded by the sheet that logs a call."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings

from careloop.care.safe_contact import read
from tests.connect.hl7v2.messages import Hospital, adt
from tests.projections import builders as b
from tests.web.test_review import signed_in, text

CALL = {"outcome": "no-answer", "minutes": "1", "channel": "phone", "note": ""}


@pytest.fixture
def hospital(record: None, now: Any) -> Hospital:
    found = Hospital(now)
    with found.house() as unit:
        unit.create_named(b.practitioner("ana", "Ana", "Reyes"))
    found.tell(adt("A01"))
    return found


@pytest.fixture
def maria(hospital: Hospital) -> str:
    return str(hospital.one("Patient")["id"])


@pytest.fixture
def ana(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield signed_in(hospital, monkeypatch, "bayview", "coordinator")


def write_down(ana: Client, maria: str, **told: Any) -> Any:
    page = text(ana.get(f"/people/{maria}/safe-contact"))
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    return ana.post(f"/people/{maria}/safe-contact", {"seen": seen, **told})


def test_what_she_asked_stands_on_the_card_and_first_on_the_sheet_of_a_call(
    ana: Client, hospital: Hospital, maria: str
) -> None:
    told = {
        "refused": ["call", "letter"],
        "numbers": "713-555-0199",
        "days-0": ["mon", "tue"],
        "since-0": "09:00",
        "until-0": "12:00",
        "code_word": "bluebird",
        "say_from": "the library",
    }
    assert write_down(ana, maria, **told).status_code == 302
    (flag,) = hospital.all("Flag")
    rules = read(flag)
    assert rules.refused == {"call", "letter"}
    assert rules.zone == "America/Chicago"
    sheet = text(ana.get(f"/people/{maria}/contact"))
    for said in ("Do not call", "Do not mail anything home", "bluebird", "the library", "(713) 555-0199"):
        assert said in sheet
    assert "Show the number: only if this person asked you to call" in sheet
    assert "Safe contact: look first" in text(ana.get(f"/people/{maria}/story"))
    again = text(ana.get(f"/people/{maria}/safe-contact"))
    assert 'value="call" checked' in again
    assert 'value="bluebird"' in again


def test_a_call_all_the_same_needs_a_reason_and_nothing_typed_is_lost(
    ana: Client, hospital: Hospital, maria: str
) -> None:
    write_down(ana, maria, refused=["call"])
    refused = ana.post(f"/people/{maria}/contact", {**CALL, "note": "typed words"})
    assert refused.status_code == 422
    page = text(refused)
    assert "This person asked not to be called." in page
    assert "typed words" in page
    assert len([e for e in hospital.all("Encounter") if e["class"]["code"] == "VR"]) == 0
    assert ana.post(f"/people/{maria}/contact", {**CALL, "despite": "asked"}).status_code == 302
    assert ana.post(f"/people/{maria}/contact", {**CALL, "despite": "happened"}).status_code == 302
    assert hospital.tasks("follow-up-private")[0]["description"] == "Follow up in private"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"numbers": "555"}, "numbers"),
        ({"since-0": "09:00", "until-0": "12:00"}, "hours"),
        ({"days-1": ["mon"], "since-1": "12:00", "until-1": "09:00"}, "hours"),
        ({"days-0": ["mon"], "since-0": "soon", "until-0": ""}, "hours"),
    ],
)
def test_what_could_never_be_obeyed_is_asked_again_beside_what_was_typed(
    ana: Client, hospital: Hospital, maria: str, told: dict[str, Any], field: str
) -> None:
    answer = write_down(ana, maria, code_word="bluebird", **told)
    assert answer.status_code == 422
    assert f'href="#field-{field}"' in text(answer)
    assert 'value="bluebird"' in text(answer)
    assert hospital.all("Flag") == []


def test_emptied_it_ends_and_an_old_page_overwrites_nobody(
    ana: Client, hospital: Hospital, maria: str
) -> None:
    write_down(ana, maria, refused=["call"])
    stale = ana.post(f"/people/{maria}/safe-contact", {"seen": "", "refused": ["text"]})
    assert stale.status_code == 412
    assert write_down(ana, maria).status_code == 302
    assert [flag["status"] for flag in hospital.all("Flag")] == ["inactive"]
    assert "Safe contact: look first" not in text(ana.get(f"/people/{maria}/story"))


def test_somebody_of_another_site_finds_nothing(
    hospital: Hospital, maria: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        other = signed_in(hospital, monkeypatch, "stlukes", "coordinator")
        assert other.get(f"/people/{maria}/safe-contact").status_code == 404
        assert other.post(f"/people/{maria}/safe-contact", {"refused": ["call"]}).status_code == 404
