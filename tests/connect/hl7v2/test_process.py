"""From a message to the record: who it is, what was told, and what a person must look at."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from careloop.access import Actor, Scope
from careloop.actions import apply_bundle as applying
from careloop.actions.complete_work import DecideInReview, complete_work
from careloop.actions.resolve_match import NoChoice, leave_out_messages, resolve_match
from careloop.connect.hl7v2 import process
from careloop.fhir.elements import extension
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.store import verify
from careloop.store.errors import RecordUnavailable
from tests.conftest import owner_connection
from tests.connect.hl7v2.messages import Hospital, adt

NK1 = "NK1|1|DUARTE^LUIS|SPO^Spouse|2210 Bissonnet St^^Houston^TX^77002|7135550143"
DG1 = "DG1|1||I50.9^Heart failure, unspecified^I10|||F"
IN1 = "IN1|1|MCR^Medicare|123|Medicare||||||||||||||||||||||||||||||||1EG4TE5MK73"


def stays(hospital: Hospital) -> list[tuple[Any, ...]]:
    return [
        (e["status"], e.get("period", {}).get("end", "")[:16], text(e)) for e in hospital.all("Encounter")
    ]


def text(encounter: dict[str, Any]) -> str:
    return str((encounter.get("hospitalization") or {}).get("dischargeDisposition", {}).get("text", ""))


def test_an_admission_and_a_discharge_become_person_family_coverage_stay_and_diagnosis(
    hospital: Hospital,
) -> None:
    hospital.tell(
        adt("A01", said="Nov 17 09:10", nk1=NK1, in1=IN1),
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="01", dg1=DG1),
    )
    maria, stay = hospital.one("Patient"), hospital.one("Encounter")
    assert maria["birthDate"] == "1959-03-04"
    assert maria["managingOrganization"] == {"reference": "Organization/bayview"}
    assert (stay["status"], stay["class"]["code"], text(stay)) == ("finished", "IMP", "01")
    assert stay["period"] == {"start": "2026-11-17T09:00:00-06:00", "end": "2026-11-20T16:20:00-06:00"}
    assert stay["serviceProvider"] == {"reference": "Organization/stlukes", "display": "STLUKES"}
    assert stay["subject"]["reference"] == f"Patient/{maria['id']}"
    assert hospital.one("RelatedPerson")["name"][0]["given"] == ["LUIS"]
    assert hospital.one("Coverage")["payor"] == [{"display": "Medicare"}]
    diagnosis = hospital.one("Condition")
    assert stay["diagnosis"][0]["condition"]["reference"] == f"Condition/{diagnosis['id']}"
    assert diagnosis["encounter"]["reference"] == f"Encounter/{stay['id']}"
    assert stay["participant"][0]["individual"]["reference"].startswith("Practitioner/")
    assert [p["activity"]["text"] for p in hospital.all("Provenance")] == ["Admission", "Discharge"]
    assert {m.state for m in hospital.inbox()} == {"done"}


def test_a_repeat_with_a_new_id_changes_nothing(hospital: Hospital) -> None:
    first = adt("A03", control="1", left="Nov 20 16:20", to="01", nk1=NK1, in1=IN1, dg1=DG1)
    hospital.tell(first)
    before = versions(hospital)
    hospital.tell(first.replace(b"|1|P|", b"|2|P|"))
    assert versions(hospital) == before


def versions(hospital: Hospital) -> dict[str, str]:
    kinds = (
        "Patient",
        "RelatedPerson",
        "Coverage",
        "Encounter",
        "Condition",
        "Practitioner",
        "Provenance",
        "Task",
    )
    return {f"{k}/{r['id']}": r["meta"]["versionId"] for k in kinds for r in hospital.all(k)}


def test_an_update_from_before_the_discharge_does_not_undo_it(hospital: Hospital) -> None:
    hospital.tell(
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="03", phone="7135550199"),
        adt("A08", said="Nov 19 11:00", phone="7135550100"),
    )
    assert stays(hospital) == [("finished", "2026-11-20T16:20", "03")]
    assert [t["value"] for t in hospital.one("Patient")["telecom"]] == ["7135550199"]


def test_a_discharge_that_comes_before_its_admission_is_taken(hospital: Hospital) -> None:
    hospital.tell(
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="01", came=""),
        adt("A01", said="Nov 17 09:10"),
    )
    (stay,) = hospital.all("Encounter")
    assert stay["status"] == "finished"
    assert stay["period"]["start"] == "2026-11-17T09:00:00-06:00"


def test_a_canceled_discharge_takes_its_end_and_its_destination_with_it(hospital: Hospital) -> None:
    hospital.tell(
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="03"),
        adt("A13", said="Nov 20 17:00"),
    )
    assert stays(hospital) == [("in-progress", "", "")]
    hospital.tell(adt("A03", said="Nov 21 10:00", left="Nov 21 09:45", to="01"))
    assert stays(hospital) == [("finished", "2026-11-21T09:45", "01")]


def six(person: int) -> list[bytes]:
    """One stay of one of many people who are nothing alike."""
    who: dict[str, Any] = {
        "mrn": f"M{person}",
        "visit": f"V{person}",
        "name": f"{FAMILIES[person % 26] * 3}{person:03}^{FAMILIES[-(person // 26) % 26]}RA",
        "born": f"{1930 + person % 60}{person % 12 + 1:02}{person % 28 + 1:02}",
    }
    street, phone = f"{person + 10} Elm St^^Houston^TX^77002", f"713555{person:04}"
    return [
        adt("A01", said="Nov 17 09:10", **who, phone="7135559100", place="", nk1=NK1),
        adt("A08", said="Nov 18 12:00", **who, phone="7135559199", place="9 Old Rd^^Houston^TX^77002"),
        adt("A03", said="Nov 20 16:30", **who, phone=phone, left="Nov 20 16:20", to="03", dg1=DG1),
        adt("A13", said="Nov 20 17:00", **who, phone=phone, place=street),
        adt("A08", said="Nov 20 18:00", **who, phone=phone, place=street, klass="I"),
        adt(
            "A03",
            said="Nov 21 10:00",
            **who,
            phone=phone,
            place=street,
            left="Nov 21 09:45",
            to="01",
            in1=IN1,
        ),
    ]


FAMILIES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def state(hospital: Hospital, patient: str) -> list[Any]:
    """Everything of one person but ids, versions, bookkeeping and what tells her from the others."""
    with hospital.house() as unit:
        rid = unit.rid_of(f"Patient/{patient}")
        assert rid is not None
        kinds = ("RelatedPerson", "Coverage", "Encounter", "Condition", "Task")
        found = [unit.read("Patient", patient), *unit.of_person(rid, kinds)]
        plain = [without_ids(stored.resource) for stored in found]
    return sorted(plain, key=lambda resource: str(resource["resourceType"]))


def without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [without_ids(item) for item in value]
    if isinstance(value, dict):
        own = ("id", "meta", "reference", "name", "birthDate", "value", "line")
        return {k: without_ids(v) for k, v in value.items() if k not in own}
    return value


def test_in_any_order_the_same_messages_end_in_the_same_record(hospital: Hospital) -> None:
    """TRUST: all 720 orders (CARELOOP_ADT_ORDERS=720); a spread of them here, one sent twice in each."""
    every = list(permutations(range(6)))
    count = int(os.environ.get("CARELOOP_ADT_ORDERS", "12"))
    orders = [every[n * len(every) // count] for n in range(count)]
    for person, order in enumerate(orders):
        told = six(person)
        hospital.send(*(told[n] for n in order), told[order[0]])
    while process.run(hospital.now):
        pass
    patients = hospital_people(hospital)
    assert len(patients) == count
    states = [state(hospital, id) for id in patients.values()]
    assert all(each == states[0] for each in states)
    assert [each["resourceType"] for each in states[0]] == [
        *("Condition", "Coverage", "Encounter", "Patient", "RelatedPerson"),
    ]
    stay = states[0][2]
    assert (stay["status"], stay["period"]["end"][:16]) == ("finished", "2026-11-21T09:45")
    assert stay["hospitalization"]["dischargeDisposition"]["text"] == "01"


def hospital_people(hospital: Hospital) -> dict[str, str]:
    """Record number to id, of all; a number stands on one person only."""
    found: dict[str, str] = {}
    with hospital.house() as unit:
        page = unit.search("Patient", {"_count": "200"})
        entries = list(page.entries)
        while page.next:
            page = unit.search("Patient", {"_count": "200", "_cursor": page.next})
            entries += page.entries
    for entry in entries:
        (number,) = [n["value"] for n in entry.resource["identifier"]]
        assert number not in found
        found[number] = entry.id
    return found


def test_words_that_cannot_all_be_true_are_for_a_person(hospital: Hospital) -> None:
    hospital.tell(
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="01"),
        adt("A11", said="Nov 20 17:30"),
    )
    assert stays(hospital)[0][0] == "cancelled"
    (task,) = hospital.tasks("review-message")
    assert "canceled the admission and also reported a discharge" in task["reasonCode"]["text"]
    assert task["for"]["reference"] == f"Patient/{hospital.one('Patient')['id']}"


def test_what_staff_entered_stays_and_the_difference_is_shown(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    maria = hospital.one("Patient")
    with hospital.house() as unit:
        changed = {**maria, "telecom": [{"system": "phone", "value": "(713) 555-0777", "use": "mobile"}]}
        changed["address"] = [
            {"line": ["12 Oak St"], "city": "Houston", "state": "TX", "postalCode": "77003"}
        ]
        unit.update(changed)
    hospital.tell(adt("A08", said="Nov 21 10:00", place="9 Elm St^^Houston^TX^77002", phone="7135550111"))
    now = hospital.one("Patient")
    assert now["address"][0]["line"] == ["12 Oak St"]
    assert [t["value"] for t in now["telecom"]] == ["(713) 555-0777", "7135550111"]
    (task,) = hospital.tasks("review-difference")
    assert "9 Elm St" in task["reasonCode"]["text"]
    assert "12 Oak St" in task["reasonCode"]["text"]
    hospital.tell(adt("A08", said="Nov 21 11:00", place="9 Elm St^^Houston^TX^77002", phone="7135550111"))
    assert len(hospital.tasks("review-difference")) == 1


def test_a_phone_that_staff_took_away_does_not_come_back(hospital: Hospital) -> None:
    hospital.tell(adt("A01"))
    with hospital.house() as unit:
        maria = dict(hospital_patient(unit))
        del maria["telecom"]
        unit.update(maria)
    hospital.tell(adt("A08", said="Nov 21 10:00"))
    assert "telecom" not in hospital.one("Patient")


def hospital_patient(unit: Any) -> dict[str, Any]:
    found: dict[str, Any] = unit.search("Patient").entries[0].resource
    return found


# Who is it?

LOOKS = {
    "resourceType": "Patient",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "birthDate": "1959-03-04",
}


def known(hospital: Hospital, id: str, **more: Any) -> None:
    with hospital.house() as unit:
        place = {"managingOrganization": {"reference": "Organization/bayview"}}
        unit.create({**LOOKS, **place, **more}, id=id)


@pytest.fixture
def ana(hospital: Hospital) -> Scope:
    with hospital.house() as unit:
        unit.create({"resourceType": "Practitioner", "name": [{"family": "Reyes"}]}, id="ana")
        site, me = unit.mention("Organization/bayview"), unit.mention("Practitioner/ana")
    actor = Actor(
        principal=7,
        kind="staff",
        name="Ana Reyes",
        roles=frozenset({"coordinator"}),
        sites=frozenset({site}),
        practitioner="Practitioner/ana",
        practitioner_rid=me,
    )
    return Scope(actor, "page", "coordination")


def test_somebody_known_by_more_than_the_name_is_found_and_gets_the_hospitals_number(
    hospital: Hospital,
) -> None:
    known(hospital, "maria", telecom=[{"system": "phone", "value": "(713) 555-0142"}])
    hospital.tell(adt("A01"))
    maria = hospital.one("Patient")
    assert maria["id"] == "maria"
    assert maria["identifier"][0]["value"] == "4711"
    assert maria["name"] == LOOKS["name"]


def test_who_is_not_sure_is_asked_once_and_nothing_is_written(hospital: Hospital, ana: Scope) -> None:
    known(hospital, "maria")
    hospital.tell(adt("A01"), adt("A03", left="Nov 20 16:20", to="01"))
    assert [p["id"] for p in hospital.all("Patient")] == ["maria"]
    assert hospital.all("Encounter") == []
    assert [m.state for m in hospital.inbox()] == ["held", "held"]
    (task,) = hospital.tasks("resolve-match")
    assert task["reasonReference"]["reference"] == "Patient/maria"
    assert "Duarte" not in task["reasonCode"]["text"]
    assert task["contained"][0]["name"][0]["family"] == "DUARTE"

    resolve_match(ana, task["id"], hospital.now, person="maria", reason="She told me so on the phone.")
    process.run(hospital.now)
    assert [p["id"] for p in hospital.all("Patient")] == ["maria"]
    assert stays(hospital) == [("finished", "2026-11-20T16:20", "01")]
    assert {m.state for m in hospital.inbox()} == {"done"}
    (task,) = hospital.tasks("resolve-match")
    assert (task["status"], task["for"]["reference"]) == ("completed", "Patient/maria")
    assert task["note"][-1]["text"] == "She told me so on the phone."


def test_somebody_new_stays_new_for_the_next_message_too(hospital: Hospital, ana: Scope) -> None:
    number = {"system": "urn:careloop:sender:stlukes:id:stl", "value": "4711"}
    known(hospital, "other", identifier=[number], birthDate="1987-11-30")
    hospital.tell(adt("A01"))
    (task,) = hospital.tasks("resolve-match")
    resolve_match(ana, task["id"], hospital.now, is_new=True, reason="The number was typed wrong years ago.")
    process.run(hospital.now)
    hospital.tell(adt("A03", left="Nov 20 16:20", to="01"))
    assert len(hospital.all("Patient")) == 2
    assert len(hospital.all("Encounter")) == 1
    assert len(hospital.tasks("resolve-match")) == 1


def test_a_choice_must_be_one_and_of_somebody_whom_she_may_see(hospital: Hospital, ana: Scope) -> None:
    known(hospital, "maria")
    known(
        hospital, "far", managingOrganization={"reference": "Organization/elsewhere"}, birthDate="1999-01-01"
    )
    hospital.tell(adt("A01"))
    (task,) = hospital.tasks("resolve-match")
    with pytest.raises(NoChoice):
        resolve_match(ana, task["id"], hospital.now, reason="?")
    with pytest.raises(NotFound):
        resolve_match(ana, task["id"], hospital.now, person="far", reason="it is she")
    assert hospital.tasks("resolve-match")[0]["status"] == "requested"


def test_somebody_of_another_site_does_not_decide(hospital: Hospital, ana: Scope) -> None:
    known(hospital, "maria")
    hospital.tell(adt("A01"))
    (task,) = hospital.tasks("resolve-match")
    elsewhere = Scope(replace(ana.actor, sites=frozenset()), "page", "coordination")
    with pytest.raises(NotFound):
        resolve_match(elsewhere, task["id"], hospital.now, is_new=True, reason="I think so.")
    with pytest.raises(NotFound):
        leave_out_messages(elsewhere, task["id"], hospital.now, reason="I think so.")


def test_the_question_is_not_just_ticked_off_but_its_messages_may_be_left_out(
    hospital: Hospital, ana: Scope
) -> None:
    known(hospital, "maria")
    hospital.tell(adt("A01"))
    (task,) = hospital.tasks("resolve-match")
    with pytest.raises(DecideInReview):
        complete_work(ana, task["id"], "done", hospital.now)
    leave_out_messages(ana, task["id"], hospital.now, reason="Sent to us by mistake.")
    (message,) = hospital.inbox()
    assert (message.state, message.error) == ("done", "A person left this out: Sent to us by mistake.")
    assert process.run(hospital.now) == 0
    hospital.tell(adt("A03", left="Nov 20 16:20", to="01"))
    (task,) = hospital.tasks("resolve-match")
    assert task["status"] == "requested"
    assert hospital.inbox()[0].state == "held"


def test_a_visit_number_of_somebody_else_is_never_moved(hospital: Hospital) -> None:
    hospital.tell(adt("A01", visit="V1"))
    other = adt(
        "A03", visit="V1", mrn="99", name="NGUYEN^WALTER", born="19400101", sex="M", phone="", place=""
    )
    hospital.tell(other)
    (aside, _) = hospital.inbox()
    assert (aside.state, aside.raw) == ("review", other)
    assert "somebody else’s stay" in str(aside.error)
    assert len(hospital.all("Patient")) == 1
    assert stays(hospital)[0][0] == "in-progress"


def test_a_merge_is_read_by_a_person_and_nothing_is_merged(hospital: Hospital) -> None:
    hospital.tell(
        adt("A01", mrn="4711"), adt("A01", mrn="815", visit="V2", name="NGUYEN^WALTER", born="19400101")
    )
    hospital.tell(adt("A40", mrn="4711", visit="", extra="MRG|815^^^STL^MR"))
    (task,) = hospital.tasks("review-merge")
    assert "Nothing was merged here" in task["reasonCode"]["text"]
    assert len(hospital.all("Patient")) == 2


# What goes wrong


def test_a_message_that_careloop_trips_over_does_not_keep_the_others_waiting(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(unit: Any, arrival: Any) -> Any:
        if arrival.event == "A01":
            raise KeyError("DUARTE")
        return applying.apply_bundle(unit, arrival)

    monkeypatch.setattr(process, "apply_bundle", stumble)
    hospital.send(adt("A01"), adt("A03", left="Nov 20 16:20", to="01"))
    assert process.run(hospital.now) == 2
    assert stays(hospital) == [("finished", "2026-11-20T16:20", "01")]
    (aside,) = hospital.inbox("review")
    assert "stumbled" in str(aside.error)
    assert "DUARTE" not in f"{aside.error} {caplog.text}"


def test_somebody_who_writes_at_the_same_moment_is_waited_for(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[int] = []

    def busy(unit: Any, arrival: Any) -> Any:
        met.append(arrival.message)
        if len(met) < process.TRIES:
            raise StaleVersion
        return applying.apply_bundle(unit, arrival)

    monkeypatch.setattr(process, "apply_bundle", busy)
    hospital.tell(adt("A01"))
    assert len(met) == process.TRIES
    assert hospital.inbox()[0].state == "done"


def test_a_record_that_is_away_leaves_the_message_where_it_is(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(unit: Any, arrival: Any) -> Any:
        raise RecordUnavailable

    hospital.send(adt("A01"))
    with monkeypatch.context() as patched:
        patched.setattr(process, "apply_bundle", away)
        with pytest.raises(RecordUnavailable):
            process.run(hospital.now)
    assert hospital.inbox()[0].state == "new"
    assert process.run(hospital.now) == 1
    assert hospital.inbox()[0].state == "done"


def test_a_sender_that_was_switched_off_leaves_its_messages_to_a_person(hospital: Hospital) -> None:
    hospital.send(adt("A01"))
    hospital.sender.is_active = False
    hospital.sender.save()
    process.run(hospital.now)
    assert [m.state for m in hospital.inbox()] == ["review"]


def test_nothing_waiting_leaves_no_trace(hospital: Hospital) -> None:
    with hospital.house() as unit:
        before = audits(unit)
    assert process.run(hospital.now + timedelta(hours=1)) == 0
    with hospital.house() as unit:
        assert audits(unit) == before + 1  # the first look itself


def audits(unit: Any) -> int:
    return int(unit.cursor().execute("select count(*) from audit").fetchone()[0])


def test_the_record_is_whole_afterwards(hospital: Hospital) -> None:
    hospital.tell(*six(1))
    with owner_connection() as owner:
        assert verify.whole(owner.cursor()).problems == []


def test_bookkeeping_holds_no_names_and_makes_no_versions_of_people(hospital: Hospital) -> None:
    hospital.tell(adt("A01", said="Nov 17 09:10"), adt("A08", said="Nov 18 09:10"))
    assert hospital.one("Patient")["meta"]["versionId"] == "1"
    told = " ".join(str(extension(each, "urn:careloop:ext:told")) for each in hospital.all("Basic"))
    assert "birthDate" in told
    assert "DUARTE" not in told
    assert "1959" not in told


def test_each_message_is_in_the_audit_trail_and_nobody_is_in_the_logs(
    hospital: Hospital, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="careloop"):
        hospital.tell(adt("A01", control="M1"))
        hospital.send(adt("A02", control="M2"), b"MSH|^~\\&|DUARTE")
    with hospital.house() as unit:
        rows = unit.cursor().execute("select distinct actor from audit where door = 'hl7'").fetchall()
    assert {actor for (actor,) in rows} == {hospital.sender.principal_id, -1}
    assert "AA (new) to stlukes" in caplog.text
    assert "DUARTE" not in caplog.text
    assert "4711" not in caplog.text


def test_whatever_a_substance_use_program_sends_is_its_record(hospital: Hospital) -> None:
    program = {"coding": [{"system": "urn:careloop:code:org-kind", "code": "part2-program"}]}
    with hospital.house() as unit:
        kept = unit.read("Organization", "stlukes").resource
        unit.update({**kept, "type": [program]})
    hospital.tell(
        adt("A01", said="Nov 17 09:10", in1=IN1),
        adt("A03", said="Nov 20 16:30", left="Nov 20 16:20", to="01", dg1=DG1),
    )
    with owner_connection() as owner:
        rows = owner.execute(
            "select i.id from heads h join ids i on i.rid = h.rid where h.labels & 1 <> 0"
        ).fetchall()
    kinds = ("Encounter", "Condition", "Coverage", "Provenance", "Patient", "Organization")
    labeled = {kind for kind in kinds for each in hospital.all(kind) if (each["id"],) in rows}
    assert labeled == {"Encounter", "Condition", "Coverage", "Provenance"}
