"""Each role and each label: what a role may see of it without a consent, on real rows; everybody else does not."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pytest

from careloop import store
from careloop.access import Actor, Scope, labels, system_actor
from careloop.access.roles import ROLES
from careloop.fhir.elements import Resource
from careloop.library.carried import with_label
from tests.conftest import owner_connection

MAKER: Final = Scope(system_actor("import"), "command", "maintenance")
NAMED: Final = {name: bit for bit, name in labels.NAMES.items() if bit != labels.UNKNOWN}


def about_maria(kind: str, id: str) -> Resource:
    made: Resource = {"resourceType": kind, "id": id}
    match kind:
        case "Task":
            return {**made, "status": "requested", "intent": "order", "for": {"reference": "Patient/maria"}}
        case "Coverage":
            payor = [{"display": "Medicare"}]
            return {**made, "status": "active", "beneficiary": {"reference": "Patient/maria"}, "payor": payor}
        case "Communication":
            return {**made, "status": "completed", "subject": {"reference": "Patient/maria"}}
        case "Consent":
            scope = {"coding": [{"code": "treatment"}]}
            said = {"status": "active", "scope": scope, "category": [{"text": "care"}]}
            return {**made, **said, "patient": {"reference": "Patient/maria"}, "policyRule": {"text": "yes"}}
    return {**made, "subject": {"reference": "Patient/maria"}, "code": {"text": "?"}}


@pytest.fixture
def maria(record: None, now: datetime) -> int:
    """One of each kind that some role reads, plain and with each label."""
    with store.open(MAKER, now=now) as unit:
        unit.create({"resourceType": "Organization", "name": "Clinic"}, id="clinic")
        site = {"managingOrganization": {"reference": "Organization/clinic"}}
        unit.create({"resourceType": "Patient", **site}, id="maria")
        for kind in ("Condition", "Task", "Coverage", "Communication", "Consent"):
            unit.create(about_maria(kind, f"{kind}-plain".lower()), id=f"{kind}-plain".lower())
            for name in NAMED:
                id = f"{kind}-{name}".lower()
                unit.create(with_label(about_maria(kind, id), name), id=id)
        person, clinic = unit.mention("Patient/maria"), unit.mention("Organization/clinic")
    with owner_connection() as owner:
        owner.execute("insert into people(person, site) values (%s, %s)", [person, clinic])
        owner.execute(
            "insert into enrolled(person, program, since) values (%s, 'chronic-care', now())", [person]
        )
    return person


@pytest.mark.parametrize("name", ROLES)
def test_a_role_sees_its_labels_and_no_other(name: str, maria: int, now: datetime) -> None:
    role = ROLES[name]
    with owner_connection() as owner:
        row = owner.execute("select rid from ids where id = 'clinic'").fetchone()
    assert row is not None
    actor = Actor(
        principal=9,
        kind="staff",
        name="Somebody",
        roles=frozenset({name}),
        sites=frozenset({row[0]}),
        programs=frozenset({"chronic-care"}),
        people=frozenset({maria}),
    )
    with store.open(Scope(actor, "page", "coordination"), now=now) as unit:
        kinds = [
            k for k in ("Condition", "Task", "Coverage", "Communication", "Consent") if unit.may_search(k)
        ]
        seen = {each.id for each in unit.of_person(maria, kinds)}
    expected = {f"{kind}-plain".lower() for kind in kinds if role.whose != "nobody"}
    expected |= {
        f"{kind}-{label}".lower()
        for kind in kinds
        for label, bit in NAMED.items()
        if bit & role.sees and role.whose != "nobody"
    }
    assert seen == expected
    assert not any("part2" in id for id in seen)
