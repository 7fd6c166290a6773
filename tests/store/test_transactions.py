"""A transaction Bundle: all or nothing, references rewritten, the answer in the order of the question."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.store.errors import BadBundle
from tests.store.people import maria, reading
from tests.store.rows import one

MARIA = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def post(resource: dict[str, Any], full_url: str = "", **request: str) -> dict[str, Any]:
    said = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}
    return {"fullUrl": full_url, **said} if full_url else said


def put(resource: dict[str, Any], **request: str) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url, **request}}


def test_references_inside_the_bundle_lead_to_what_was_made(
    record: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        answer = unit.transaction(bundle(post(reading(MARIA)), post(maria(), MARIA)))
    places = [entry["response"]["location"].split("/")[:2] for entry in answer["entry"]]
    assert [place[0] for place in places] == ["Observation", "Patient"]
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 2
    with store.open(scope, now=now) as unit:
        found = unit.read("Observation", places[0][1])
        assert found.resource["subject"]["reference"] == "/".join(places[1])
        assert found.person == unit.rid_of("/".join(places[1]))


def test_narrative_is_left_as_it_was_sent(record: None, scope: Scope, now: datetime) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{MARIA}</div>'
    with store.open(scope, now=now) as unit:
        answer = unit.transaction(
            bundle(post(maria() | {"text": {"status": "generated", "div": div}}, MARIA))
        )
        id = answer["entry"][0]["response"]["location"].split("/")[1]
        assert unit.read("Patient", id).resource["text"]["div"] == div


def test_one_stale_entry_undoes_all(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")
    changed = maria() | {"id": "maria", "gender": "other"}
    with pytest.raises(StaleVersion) as refused, store.open(scope, now=now) as unit:
        unit.transaction(bundle(post(reading("Patient/maria")), put(changed, ifMatch='W/"9"')))
    assert refused.value.fields["entry"] == 2
    assert one("select count(*) from versions") == 1


def test_deletes_come_first_and_reads_last(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="old")
    ask = {"request": {"method": "GET", "url": "Patient?gender=female"}}
    gone = {"request": {"method": "DELETE", "url": "Patient/old"}}
    with store.open(scope, now=now) as unit:
        answer = unit.transaction(bundle(ask, post(maria()), gone))
    found = answer["entry"][0]["resource"]["entry"]
    assert [entry["resource"]["id"] for entry in found] != ["old"]
    assert len(found) == 1
    assert answer["entry"][2]["response"]["status"] == "204 No Content"


def test_what_is_there_already_is_found_and_referred_to(record: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")
    entry = post(maria(), MARIA, ifNoneExist="identifier=urn:mrn|4711")
    with store.open(scope, now=now) as unit:
        answer = unit.transaction(
            bundle(entry, post(reading(MARIA)), post(reading("Patient?identifier=urn:mrn|4711")))
        )
        assert answer["entry"][0]["response"]["status"] == "200 OK"
        person = unit.rid_of("Patient/maria")
        assert person is not None
        assert len(unit.of_person(person, ["Observation"])) == 2
    assert one("select count(*) from versions") == 3


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"resourceType": "Bundle", "type": "batch"}, "transaction"),
        (bundle({"request": {"method": "PATCH", "url": "Patient/1"}}), "Entry 1"),
        (bundle({"request": {"method": "POST", "url": "Patient"}}), "no resource"),
        (bundle(put(maria() | {"id": "a"}), put(maria() | {"id": "a"})), "both write Patient/a"),
        (bundle(put(maria() | {"id": "a"}, ifMatch="three")), "ifMatch"),
        (bundle(post(reading("Patient?identifier=nobody"))), "conditional reference"),
    ],
)
def test_a_bundle_that_makes_no_sense_is_refused_in_words(
    record: None, scope: Scope, now: datetime, broken: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadBundle, match=says), store.open(scope, now=now) as unit:
        unit.transaction(broken)
    assert one("select count(*) from versions") == 0


def test_deleting_what_is_not_there_is_not_found(record: None, scope: Scope, now: datetime) -> None:
    with pytest.raises(NotFound), store.open(scope, now=now) as unit:
        unit.transaction(bundle({"request": {"method": "DELETE", "url": "Patient/nobody"}}))
