"""What is written carries its labels, from its words and from what it speaks of; what is labeled is not seen by those
who may not: not read, not found, not counted, not in its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from careloop import store
from careloop.access import Actor, Scope, labels
from careloop.fhir.elements import Resource
from careloop.kernel.errors import NotFound
from careloop.library.carried import COMPUTED, with_label, without_label
from careloop.store.relabel import relabel
from tests.conftest import owner_connection

pytestmark = pytest.mark.usefixtures("record")

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
WORDS = {
    labels.PART2: {"security": [{"system": ACT, "code": "42CFRPart2"}]},
    labels.UNKNOWN: {"security": [{"system": "urn:elsewhere", "code": "hush"}]},
}
CODES = {
    labels.SUBSTANCE: "F11.20",
    labels.REPRODUCTIVE: "Z30.09",
    labels.HIV: "B20",
    labels.VIOLENCE: "T74.11XA",
}


def patient(id: str = "maria") -> Resource:
    return {"resourceType": "Patient", "id": id, "managingOrganization": {"reference": "Organization/clinic"}}


def condition(code: str = "I10", **more: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/maria"},
        "code": {"coding": [{"system": ICD10, "code": code}]},
        **more,
    }


def task(focus: str) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/maria"},
        "focus": {"reference": focus},
    }


def bits_of(reference: str) -> int:
    with owner_connection() as owner:
        kind, _, id = reference.partition("/")
        found = owner.execute(
            "select h.labels from heads h join ids i on i.rid = h.rid where i.id = %s", [id]
        ).fetchone()
    assert found is not None, kind
    return int(found[0])


@pytest.fixture
def maria(scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create({"resourceType": "Organization", "name": "Clinic"}, id="clinic")
        unit.create(patient(), id="maria")
    with owner_connection() as owner:
        owner.execute(
            "insert into people(person, site) select i.rid, (select rid from ids where id = 'clinic')"
            " from ids i where i.id = 'maria'"
        )


def staff(role: str = "coordinator") -> Scope:
    with owner_connection() as owner:
        found = owner.execute("select rid from ids where id = 'clinic'").fetchone()
    assert found is not None
    actor = Actor(2, "staff", "Ana", roles=frozenset({role}), sites=frozenset({found[0]}))
    return Scope(actor, "page", "coordination")


@pytest.mark.parametrize("bit", CODES)
def test_a_code_labels_what_says_it(bit: int, maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        kept = unit.create(condition(CODES[bit]), id="said")
        unit.create(condition("I10"), id="plain")
    assert bits_of("Condition/said") == bit
    assert bits_of("Condition/plain") == 0
    (coding,) = kept.resource["meta"]["security"]
    assert coding["extension"][0]["url"] == COMPUTED
    assert "security" not in store_read(scope, now, "Condition", "plain")["meta"]


def store_read(scope: Scope, now: datetime, kind: str, id: str) -> Resource:
    with store.open(scope, now=now) as unit:
        return unit.read(kind, id).resource


@pytest.mark.parametrize("bit", [labels.PART2, labels.UNKNOWN])
def test_nobody_sees_part_2_or_a_label_that_nobody_knows(
    bit: int, maria: None, scope: Scope, now: datetime
) -> None:
    from careloop.access import system_actor

    writer = Scope(system_actor("import"), "command", "maintenance")
    with store.open(writer, now=now) as unit:
        unit.create(condition("I10", meta=WORDS[bit]), id="secret")
        unit.create(condition("I10"), id="open")
    assert bits_of("Condition/secret") & bit
    with store.open(staff(), now=now) as unit:
        page = unit.search("Condition", {"patient": "maria", "_total": "accurate"})
        assert [each.id for each in page.entries] == ["open"]
        assert page.total == 1
        assert unit.withholds(unit.mention("Patient/maria"))
        with pytest.raises(NotFound):
            unit.read("Condition", "secret")
    with store.open(staff(), now=now) as unit, pytest.raises(NotFound):
        unit.history("Condition", "secret")
    with store.open(writer, now=now) as unit:
        assert unit.read("Condition", "secret").id == "secret"


def test_what_speaks_of_it_is_labeled_and_what_stands_beside_it_is_not(
    maria: None, scope: Scope, now: datetime
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(condition("F11.20"), id="use")
        unit.create(condition("I10"), id="pressure")
        unit.create(task("Condition/use"), id="about-use")
        unit.create(task("Condition/pressure"), id="about-pressure")
    assert bits_of("Task/about-use") == labels.SUBSTANCE
    assert bits_of("Task/about-pressure") == 0


def test_a_label_that_comes_later_reaches_what_speaks_of_it(maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(condition("I10"), id="later")
        unit.create(task("Condition/later"), id="about")
        unit.create({**task("Task/about"), "focus": {"reference": "Task/about"}}, id="about-that")
    with store.open(scope, now=now) as unit:
        found = unit.read("Condition", "later").resource
        unit.update(with_label(found, "hiv"))
    assert bits_of("Task/about") == bits_of("Task/about-that") == labels.HIV
    page = Scope(scope.actor, "page", "treatment")
    with store.open(page, now=now) as unit:
        unit.update(without_label(unit.read("Condition", "later").resource, "hiv"))
    assert bits_of("Task/about") == bits_of("Task/about-that") == 0


def test_cited_before_it_is_written_in_the_same_commit(maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(task("Condition/coming"), id="early")
        unit.create(condition("F10.10"), id="coming")
    assert bits_of("Task/early") == labels.SUBSTANCE


def test_records_of_a_part_2_program_are_part_2_and_a_referral_to_it_is_ours(
    maria: None, scope: Scope, now: datetime
) -> None:
    program = {
        "resourceType": "Organization",
        "name": "Bayou Recovery",
        "type": [{"coding": [{"system": "urn:careloop:code:org-kind", "code": "part2-program"}]}],
    }
    role = {"resourceType": "PractitionerRole", "organization": {"reference": "Organization/bayou"}}
    asked = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/maria"},
        "performer": [{"reference": "Organization/bayou"}],
    }
    with store.open(scope, now=now) as unit:
        unit.create(program, id="bayou")
        unit.create(role, id="counselor")
    with store.open(scope, now=now) as unit:
        unit.create(condition("I10", asserter={"reference": "PractitionerRole/counselor"}), id="theirs")
        unit.create(asked, id="ours")
    assert bits_of("Condition/theirs") == labels.PART2
    assert bits_of("ServiceRequest/ours") == labels.SUBSTANCE


def test_what_a_sender_said_stays_until_a_person_takes_it_away(
    maria: None, scope: Scope, now: datetime
) -> None:
    said = {"security": [{"system": ACT, "code": "PSY"}]}
    with store.open(scope, now=now) as unit:
        unit.create(condition("I10", meta=said), id="note")
        unit.update({**condition("I10"), "id": "note"})
    assert bits_of("Condition/note") == labels.MENTAL_HEALTH
    lifting = without_label(store_read(scope, now, "Condition", "note"), "mental-health-notes")
    with store.open(scope, now=now) as unit:
        unit.update(lifting)  # a program may not
    assert bits_of("Condition/note") == labels.MENTAL_HEALTH
    with store.open(Scope(scope.actor, "page", "treatment"), now=now) as unit:
        unit.update(lifting)
    assert bits_of("Condition/note") == 0


def test_whoever_reads_and_sends_back_says_nothing_new(maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(condition("F11.20"), id="use")
    read = store_read(scope, now, "Condition", "use")
    with store.open(scope, now=now) as unit:
        assert unit.update(read).version == 1
        assert unit.update({**read, "code": {"text": "nothing"}}).version == 2
    assert bits_of("Condition/use") == 0


def test_history_keeps_the_labels_it_was_written_with(maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        kept = unit.create(condition("F11.20"), id="x")
        unit.update({**kept.resource, "code": {"text": "Pressure"}})
    for role, seen in (("coordinator", [2, 1]), ("advocacy", [2])):
        with store.open(staff(role), now=now) as unit:
            assert [each.version for each in unit.history("Condition", "x")] == seen, role


def _rid(id: str) -> int:
    with owner_connection() as owner:
        found = owner.execute("select rid from ids where id = %s", [id]).fetchone()
    assert found is not None
    return int(found[0])


def test_labels_are_what_a_second_look_gives(maria: None, scope: Scope, now: datetime) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(condition("F11.20"), id="use")
        unit.create(task("Condition/use"), id="about")
    assert relabel(scope, now=now, check=True).is_whole
    with owner_connection() as owner:
        owner.execute("update heads set labels = 0 where labels <> 0")
        owner.execute("update heads set labels = 8 where rid = %s", [_rid("maria")])
    found = relabel(scope, now=now, check=True)
    assert (found.missing, found.surplus) == (2, 1)
    relabel(scope, now=now)
    assert relabel(scope, now=now, check=True).is_whole
    assert bits_of("Task/about") == labels.SUBSTANCE
