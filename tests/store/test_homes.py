"""Whose a resource is, by what it says of people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from tests.store.people import maria, reading
from tests.store.rows import rows

WALTER = {"resourceType": "Patient", "id": "walter"}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:x:{at}", "resource": one} for at, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def provenance(target: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": "2026-11-23T09:00:00Z",
        "agent": [{"who": {"display": "Ana"}}],
    }


def binary(context: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    return found if context is None else {**found, "securityContext": {"reference": context}}


def task(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Task", "status": "requested", "intent": "order", **more}


CASES: tuple[tuple[str, dict[str, Any], str | None, set[str]], ...] = (
    ("her own", maria() | {"id": "x"}, "x", set()),
    ("a reading", reading("Patient/walter"), "walter", set()),
    ("of nobody", {k: v for k, v in reading("").items() if k != "subject"}, None, set()),
    ("of a group", reading("Group/g"), None, set()),
    ("a task for her", task(**{"for": {"reference": "Patient/walter"}}), "walter", set()),
    ("a task of nobody", task(), None, set()),
    ("what made it", provenance("Observation/marias"), "maria", set()),
    ("what made what is not there", provenance("Observation/none"), None, set()),
    ("a file of hers", binary("Patient/walter"), "walter", set()),
    ("a file of a reading", binary("Observation/marias"), "maria", set()),
    ("a file of a version of hers", binary("Patient/walter/_history/2#part"), "walter", set()),
    ("a file of somebody elsewhere", binary("https://elsewhere.example/Patient/walter"), None, set()),
    ("a file of nobody", binary(None), None, set()),
    ("a document about two", bundle(WALTER, reading("Patient/maria")), "walter", {"maria"}),
    ("a document with a reading", bundle({"resourceType": "Organization", "name": "x"}, reading("Patient/maria")),
     "maria", set()),
    ("one in another", bundle(bundle(reading("Patient/maria"))), "maria", set()),
    ("a document without an id for her", bundle({"resourceType": "Patient"}), None, set()),
    ("a document of places", bundle({"resourceType": "Organization", "name": "x"}), None, set()),
)  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "home", "others"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_whose_it_is(
    record: None, scope: Scope, now: datetime, resource: dict[str, Any], home: str | None, others: set[str]
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(maria(), id="maria")
        unit.create(reading("Patient/maria"), id="marias")
    with store.open(scope, now=now) as unit:
        made = unit.create(resource, id="x")
    names = {rid: id for id, rid in rows("select id, rid from ids where id in ('maria', 'walter', 'x')")}
    assert names.get(made.person) == home
    found = rows("select person from members where home = %s and rid = %s", made.person, made.rid)
    assert {names[person] for (person,) in found} == others
