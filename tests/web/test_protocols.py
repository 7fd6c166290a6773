"""The pages of protocols: read, tried over everybody, switched by who may; why one spoke; and set for one person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from careloop import projections, reactions, store
from careloop.actions.switch_protocol import switch_protocol
from careloop.fhir import uris
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.library import load
from careloop.store import feed
from tests.projections.ward import HOUSE
from tests.web.desk import Desk, at_the_desk

WEIGHT = "/library/protocols/heart-failure-weight"


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def as_role(desk: Desk, role: str) -> None:
    desk.user.roles = [role]
    desk.user.save()


def weigh(desk: Desk, *rows: tuple[float, float], person: str = "maria") -> None:
    heart: dict[str, Any] = {
        "resourceType": "Condition",
        "id": f"hf-{person}",
        "clinicalStatus": codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "code": codeable(uris.ICD10CM, "I50.9", "Heart failure"),
        "subject": ref(f"Patient/{person}"),
    }
    made = [
        {
            "resourceType": "Observation",
            "id": f"w-{person}-{n}",
            "status": "final",
            "code": codeable(uris.LOINC, "29463-7", "Body weight"),
            "subject": ref(f"Patient/{person}"),
            "effectiveDateTime": fhir_instant(desk.ward.now + timedelta(days=days)),
            "valueQuantity": {
                "value": Decimal(str(value)),
                "unit": "kg",
                "system": "http://unitsofmeasure.org",
                "code": "kg",
            },
        }
        for n, (days, value) in enumerate(rows)
    ]
    with store.open(HOUSE, now=desk.ward.now, projectors=projections.ALL) as unit:
        for one in (heart, *made):
            unit.update(one, create=True)
    react(desk)


def react(desk: Desk) -> None:
    assert feed.wait_until_settled(60)
    while reactions.run(desk.ward.now, load()):
        assert feed.wait_until_settled(60)
    while reactions.run_timers(desk.ward.now, load()):
        pass


def switched_on(desk: Desk) -> None:
    switch_protocol(
        HOUSE, "heart-failure-weight", is_on=True, because="winter", library=load(), now=desk.ward.now
    )
    react(desk)


def alert(desk: Desk, person: str = "maria") -> str:
    with store.open(HOUSE, now=desk.ward.now) as unit:
        rid = unit.rid_of(f"Patient/{person}")
        assert rid is not None
        [found] = unit.of_person(rid, ["DetectedIssue"])
    return found.id


def test_the_library_says_what_is_watched_in_words(desk: Desk) -> None:
    assert "Weight gain in heart failure" in desk.page("/library/protocols")
    page = desk.page(WEIGHT)
    assert "Weight rises by 2 kg or more within 2 days" in page
    assert "active diagnoses, as the first three characters of ICD-10-CM is I50 or I11 or I13" in page
    assert "Not reviewed." in page
    assert "Add: Weigh each morning before breakfast" in page
    assert "not as expected" not in page
    assert "Two kilos in two days" in page
    assert "Monitoring protocols are switched on and off by supervisors and clinicians." in page
    desk.page("/library/protocols/no-such", status=404)
    assert "Weight gain in heart failure" in desk.page("/library?q=heart")


def test_every_protocol_has_a_page_in_both_languages(desk: Desk) -> None:
    for protocol in load().protocols.values():
        english = desk.page(f"/library/protocols/{protocol.id}")
        assert protocol.title.en in english
        assert "not as expected" not in english
        assert "{" not in english.split("<main")[1].split("</main")[0]
    desk.user.language = "es"
    desk.user.save()
    desk.client.cookies["django_language"] = "es"
    spanish = desk.page(WEIGHT, **{"Accept-Language": "es"})
    assert "Aumento de peso en la insuficiencia cardíaca" in spanish


def test_tried_over_everybody_she_may_see(desk: Desk) -> None:
    weigh(desk, (-1, 80), (0, 82.5))
    weigh(desk, (-1, 70), (0, 75), person="walter")
    page = desk.page(f"{WEIGHT}/dry-run")
    assert "Would have spoken of 1 person" in page
    assert "Maria Duarte" in page
    assert "Walter" not in page
    assert "Tried on 1 person whom you may see." in page
    assert "82.5 kg" in page


def test_a_coordinator_reads_and_a_supervisor_switches(desk: Desk) -> None:
    desk.post(f"{WEIGHT}/switch", {"act": "on", "because": "winter"}, status=403)
    as_role(desk, "supervisor")
    page = desk.post(f"{WEIGHT}/switch", {"act": "on", "because": " "}, status=422)
    assert "Say why in a few words" in page
    desk.post(f"{WEIGHT}/switch", {"act": "on", "because": "winter"})
    page = desk.page(WEIGHT)
    assert "on, only proposes: not reviewed" in page
    assert "winter" in page
    assert "Ana Reyes" in page
    desk.post(f"{WEIGHT}/switch", {"act": "off", "because": "spring"})
    assert "Switch it on" in desk.page(WEIGHT)


def test_a_review_is_whole_or_refused(desk: Desk) -> None:
    as_role(desk, "clinician")
    typed = {"act": "on", "because": "approved", "reviewed": "1", "opens": "08:00", "closes": "07:00"}
    page = desk.post(f"{WEIGHT}/switch", typed, status=422)
    assert "Name the clinician who answers for it." in page
    assert "It has to open before it closes." in page
    assert "Choose the days on which somebody watches." in page
    whole = {
        **typed,
        **{"owner": "Dr. Mei Chen", "approved": "2026-11-01", "closes": "17:00", "days": ["mon", "tue"]},
        **{"path": "on-call", "after_en": "Call 911.", "after_es": "Llame al 911."},
    }
    desk.post(f"{WEIGHT}/switch", whole)
    page = desk.page(WEIGHT)
    assert "Dr. Mei Chen" in page
    assert "Mon, Tue, 08:00–17:00" in page
    assert "Not reviewed." not in page


def test_today_leads_to_why_and_to_what_is_proposed(desk: Desk) -> None:
    switched_on(desk)
    weigh(desk, (-1, 80), (0, 82.5))
    today = desk.page("/today")
    assert "Call about the weight: breath, swelling, salt, water pills" in today
    assert "Weight is up 2.5 kg" in today
    address = f"/people/maria/alerts/{alert(desk)}"
    assert address in today
    page = desk.page(address)
    assert "82.5 kg" in page
    assert "80 kg" in page
    assert "Read what it proposes for the plan" in page
    assert "Not reviewed: it proposes, and pages nobody." in page
    desk.page(f"/people/walter/alerts/{alert(desk)}", status=404)
    proposal = page.split('href="/proposals/')[1].split("/")[0]
    board = desk.page(f"/proposals/{proposal}/")
    assert "Fluid that builds up" in board
    assert address in board


def test_set_for_one_person_with_a_reason(desk: Desk) -> None:
    switched_on(desk)
    weigh(desk, (-1, 80), (0, 82.5))
    page = desk.page("/people/maria/watched")
    assert "Weight gain in heart failure" in page
    assert "Weight is up 2.5 kg" in page
    address = "/people/maria/watched/heart-failure-weight"
    assert "Say why in a few words" in desk.post(address, {"gain": "3"}, status=422)
    assert "Choose a number within the bounds that stand beside it." in desk.post(
        address, {"gain": "40", "because": "x"}, status=422
    )
    assert "Write a number." in desk.post(address, {"gain": "two", "because": "x"}, status=422)
    desk.post(address, {"gain": "3", "because": "Dr. Chen allows three"})
    page = desk.page("/people/maria/watched")
    assert "set for this person" in page
    assert "Dr. Chen allows three" in page
    desk.post(address, {"off": "week", "because": "in the hospital"})
    page = desk.page("/people/maria/watched")
    assert "off for this person" in page
    assert "Off until" in page
    desk.post("/people/maria/watched/no-such", {"because": "x"}, status=404)
    desk.post("/people/walter/watched/heart-failure-weight", {"because": "x"}, status=404)
    desk.page("/people/walter/watched", status=404)


def test_whom_nothing_watches(desk: Desk) -> None:
    page = desk.page("/people/maria/watched")
    assert "No protocol is on yet." in page
    switched_on(desk)
    assert "Also on, but not meant for this person" in desk.page("/people/maria/watched")
