"""A new version of a Patient that changes neither her facts nor who may see her leaves what was derived from them."""

from __future__ import annotations

from typing import Any

import pytest

from careloop import projections, store
from careloop.projections.facts import READ_OF_PATIENT, facts_of, tells_the_same

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "maria",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "birthDate": "1959-03-04",
    "managingOrganization": {"reference": "Organization/bayview"},
    "address": [{"state": "TX", "postalCode": "77002"}],
    "link": [{"type": "replaced-by", "other": {"reference": "Patient/other"}}],
}


class Watched(dict[str, Any]):
    """Says what was read of it."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)


def test_the_facts_read_no_more_of_a_patient_than_is_compared() -> None:
    watched = Watched(PATIENT)
    facts_of(watched, [], [], {"resourceType": "Organization", "address": [{"state": "TX"}]})
    assert watched.read == set(READ_OF_PATIENT)


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ({"name": [{"family": "Diaz"}]}, True),
        ({"telecom": [{"system": "phone", "value": "713-555-0100"}]}, True),
        ({"managingOrganization": {"reference": "Organization/other"}}, False),
        ({"address": [{"state": "AZ", "postalCode": "85001"}]}, False),
        ({"link": []}, False),
        ({"meta": {"security": [{"code": "R"}]}}, False),
    ],
)
def test_what_tells_the_same(changed: dict[str, Any], is_same: bool) -> None:
    assert tells_the_same(PATIENT, {**PATIENT, **changed}) is is_same


def test_her_line_on_lists_follows_and_her_row_stays(record: None, scope: Any, now: Any) -> None:
    def unit() -> Any:
        return store.open(scope, now=now, projectors=projections.ALL)

    with unit() as one:
        site = one.create({"resourceType": "Organization", "name": "Bayview"})
        maria = {name: value for name, value in PATIENT.items() if name != "link"}
        made = one.create({**maria, "managingOrganization": {"reference": site.reference}})
    with unit() as one:
        row = one.cursor().execute("select xmin, site, zone from people").fetchone()
        resource = {**made.resource, "name": [{"family": "Diaz", "given": ["Maria"]}]}
        one.update(resource, if_match=made.version)
    with unit() as one:
        assert one.cursor().execute("select name from briefs").fetchall() == [("Maria Diaz",)]
        assert one.cursor().execute("select xmin, site, zone from people").fetchone() == row
        resource["address"] = [{"state": "AZ", "postalCode": "85001"}]
        one.update(resource)
    with unit() as one:
        assert one.cursor().execute("select zone from people").fetchall() == [("America/Phoenix",)]
