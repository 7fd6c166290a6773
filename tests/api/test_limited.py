"""A program that may know the people of one site, at the FHIR door: what is not theirs answers like what is not there,
and nothing of it is counted, linked to, matched or changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Decision, SiteIn, decide
from careloop.store import sight
from tests.api.conftest import Door
from tests.projections import builders as b
from tests.projections.ward import HOUSE, Ward
from tests.store.rows import one, rows

Ask = Callable[..., Any]
READING = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "weight"},
    "subject": {"reference": "Patient/walter"},
}


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    """Maria is Bayview's, Walter is of Queens; each has a reading, Walter's twice."""
    made = Ward(now)
    with store.open(HOUSE, now=now) as unit:
        unit.create(READING, id="walters")
        unit.create({**READING, "subject": {"reference": "Patient/maria"}}, id="marias")
    with store.open(HOUSE, now=now) as unit:
        unit.update({**READING, "id": "walters", "status": "amended"})
    return made


@pytest.fixture
def bayview(ward: Ward, issue_token: Any, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The policy knows no such client yet; its decision is narrowed here, below everything that could be forgotten."""

    def narrowed(actor: Any, interaction: Any, kind: str) -> Decision:
        found = decide(actor, interaction, kind)
        is_ours = actor.kind == "client" and found.allowed
        return Decision(True, found.reason, SiteIn(frozenset({ward.site}))) if is_ours else found

    monkeypatch.setattr(sight, "decide", narrowed)
    return Door(issue_token("bayview", "system/*.cruds")[1])


def test_a_history_does_not_count_the_versions_that_are_hidden(
    bayview: Door, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(bayview.ask("GET", "Observation/marias/_history").content)["total"] == 1
    with store.open(HOUSE, now=now) as unit:
        unit.update({**READING, "id": "walters", "subject": {"reference": "Patient/maria"}})
    history = json.loads(bayview.ask("GET", "Observation/walters/_history").content)
    assert [entry["response"]["etag"] for entry in history["entry"]] == ['W/"3"']
    assert "total" not in history


def said(response: Any, *names: str) -> tuple[int, str]:
    """Status and words, without the number of the request and without what was asked for."""
    text = response.content.decode().replace(response["X-Request-Id"], "REQUEST")
    for name in names:
        text = text.replace(name, "NAME")
    return response.status_code, text


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{p}",
        "Patient/{p}/_history",
        "Patient/{p}/_history/1",
        "Observation/{o}",
        "Observation/{o}/_history",
        "Observation/{o}/_history/1",
        "Observation/{o}/_history/2",
        "Patient?_id={p}",
        "Observation?subject=Patient/{p}",
        "Observation?subject=Patient/{p}&_total=accurate",
        "Observation?subject=Patient/{p}&_summary=count",
        "Observation?_id={o}&_sort=-date&_count=1",
        "CareTeam?patient=Patient/{p}",
    ],
)
def test_what_is_foreign_answers_like_what_is_not_there(bayview: Door, path: str) -> None:
    foreign = bayview.ask("GET", path.format(p="walter", o="walters"))
    nothing = bayview.ask("GET", path.format(p="nobody", o="nothings"))
    assert said(foreign, "walters", "walter") == said(nothing, "nothings", "nobody")


def test_only_their_own_are_counted_and_linked_to(bayview: Door) -> None:
    for path, expected in (
        ("Patient?_total=accurate&_count=1", ["maria"]),
        ("Patient?name=n&_total=accurate&_count=1", []),
        ("Observation?_total=accurate&_sort=-_lastUpdated&_count=1", ["marias"]),
    ):
        page = json.loads(bayview.ask("GET", path).content)
        assert [entry["resource"]["id"] for entry in page.get("entry", [])] == expected
        assert page["total"] == len(expected)
        assert [link["relation"] for link in page["link"]] == ["self"]


def versions() -> int:
    return int(one("select count(*) from versions"))


def entry(method: str, url: str, resource: Any = None, **request: str) -> dict[str, Any]:
    found: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return found if resource is None else {**found, "resource": resource}


FOREIGN_ENTRIES = {
    "changes it": entry("PUT", "Observation/walters", {**READING, "id": "walters"}),
    "takes it away": entry("DELETE", "Observation/walters"),
    "reads it": entry("GET", "Observation/walters"),
    "adds to it": entry("POST", "Observation", READING),
    "takes it home": entry(
        "PUT",
        "Observation/walters",
        {**READING, "id": "walters", "subject": {"reference": "Patient/maria"}},
    ),
    "sends one there": entry("PUT", "Observation/marias", {**READING, "id": "marias"}),
    "finds her by a condition": entry(
        "POST", "Observation", {**READING, "subject": {"reference": "Patient?family=Nguyen"}}
    ),
    "speaks of it": entry(
        "POST",
        "Provenance",
        {
            "resourceType": "Provenance",
            "target": [{"reference": "Observation/walters"}],
            "recorded": "2026-11-23T00:00:00Z",
            "agent": [{"who": {"display": "somebody"}}],
        },
    ),
}


@pytest.mark.parametrize("what", FOREIGN_ENTRIES)
def test_a_transaction_that_touches_one_foreign_thing_does_nothing(bayview: Door, what: str) -> None:
    before = versions()
    own = entry("POST", "Observation", {**READING, "subject": {"reference": "Patient/maria"}})
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [own, FOREIGN_ENTRIES[what]]}
    response = bayview.ask("POST", "", bundle)
    assert response.status_code in (400, 403, 404), response.content
    assert b"Patient/walter" not in response.content
    assert versions() == before
    assert rows("select 1 from audit where outcome <> 0"), "the refusal is written down"


def test_the_same_transaction_without_it_is_carried_out(bayview: Door) -> None:
    """The control: it is the foreign entry that was refused."""
    own = entry("POST", "Observation", {**READING, "subject": {"reference": "Patient/maria"}})
    before = versions()
    assert (
        bayview.ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [own]}).status_code
        == 200
    )
    assert versions() == before + 1


def test_single_writes_are_judged_before_and_after(bayview: Door) -> None:
    before = versions()
    amended = {**READING, "id": "walters", "status": "corrected"}
    assert bayview.ask("PUT", "Observation/walters", amended).status_code == 404
    assert bayview.ask("PUT", "Observation/walters", amended, If_Match='W/"2"').status_code == 404
    assert bayview.ask("PUT", "Observation/marias", {**READING, "id": "marias"}).status_code == 403
    assert bayview.ask("POST", "Observation", READING).status_code == 403
    queens = b.patient("maria", "Maria", "Duarte", "queens")
    assert bayview.ask("PUT", "Patient/maria", queens).status_code == 403
    assert bayview.ask("POST", "Patient", b.patient("x", "X", "Y", "queens")).status_code == 403
    assert versions() == before


def test_a_condition_matches_nothing_that_is_foreign(bayview: Door, ward: Ward, now: datetime) -> None:
    """A conditional create neither finds Walter's reading nor says that there is one."""
    own = {**READING, "subject": {"reference": "Patient/maria"}, "identifier": [{"value": "w-1"}]}
    with store.open(HOUSE, now=now) as unit:
        unit.update({**READING, "id": "walters", "identifier": [{"value": "w-1"}]})
    first = bayview.ask("POST", "Observation", own, If_None_Exist="identifier=w-1")
    again = bayview.ask("POST", "Observation", own, If_None_Exist="identifier=w-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert json.loads(again.content)["id"] == json.loads(first.content)["id"]


def test_who_looked_is_written_down_and_who_was_turned_away(bayview: Door) -> None:
    bayview.ask("GET", "Observation/walters")
    assert rows("select action, people is not null from audit where outcome = 4") == [("E", True)]
