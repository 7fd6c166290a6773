"""Every real HL7 file: the acknowledgment that TRUST 7 names, and what became of it, pinned by name.

`CARELOOP_PIN=1 pytest tests/corpora/test_hl7.py` writes expected_hl7.json anew: look at what changed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from careloop import library, reactions
from careloop.connect.hl7v2 import process, receive
from careloop.connect.hl7v2.files import messages_in
from careloop.store import feed
from tests.conftest import empty_the_record
from tests.connect.hl7v2.messages import CHICAGO, HERE, Hospital
from tests.corpora.corpora import folder
from tests.corpora.redate import redated

pytestmark = pytest.mark.corpora
EXPECTED = Path(__file__).with_name("expected_hl7.json")
KINDS = ("Patient", "RelatedPerson", "Practitioner", "Encounter", "Condition", "Coverage", "Provenance")


def files() -> list[Path]:
    return sorted(folder("hl7v2").rglob("*.hl7"))


def outcome(hospital: Hospital, raw: bytes) -> dict[str, Any]:
    """What one file led to, in a record that knew nobody."""
    acks = [receive.accept(message, HERE, hospital.now) for message in messages_in(raw)]
    if all(ack.code != "AA" for ack in acks):
        kept = hospital.inbox()[: len(acks)]
        return {
            "ack": [ack.code for ack in acks],
            "inbox": [m.state for m in kept],
            "reason": [m.error for m in kept],
        }
    while process.run(hospital.now):
        pass
    found: dict[str, Any] = {"ack": [ack.code for ack in acks], "inbox": [m.state for m in hospital.inbox()]}
    if reasons := [message.error for message in hospital.inbox() if message.error]:
        found["reason"] = reasons
    if written := {kind: count for kind in KINDS if (count := len(hospital.all(kind)))}:
        found["resources"] = written
    if stays := [stay["status"] for stay in hospital.all("Encounter")]:
        found["stay"] = stays
    if asked := [f"{kind_of(task)}: {task['reasonCode']['text']}" for task in hospital.all("Task")]:
        found["asks"] = sorted(asked)
    if notes := [e["valueString"] for p in hospital.all("Provenance") for e in p.get("extension", ())]:
        found["left_out"] = notes
    return found


def kind_of(task: dict[str, Any]) -> str:
    return str(task["code"]["coding"][0]["code"])


def test_every_file_is_answered_and_ends_as_resources_or_as_a_visible_item(
    record: None, now: datetime
) -> None:
    got = {}
    hospital = Hospital(now, zone="")
    for path in files():
        if hospital.inbox() and b"|ADT^A" in path.read_bytes()[:400]:
            empty_the_record()
            hospital = Hospital(now, zone="")
        got[path.name] = outcome(hospital, path.read_bytes())
        assert hospital.inbox()[0].raw in path.read_bytes(), path.name
    if os.environ.get("CARELOOP_PIN"):
        EXPECTED.write_text(json.dumps(got, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    expected = json.loads(EXPECTED.read_text())
    assert got.keys() == expected.keys()
    for name, said in got.items():
        assert said == expected[name], name
        assert said["ack"][0] in ("AE", "AR") or said.get("resources") or said.get("asks"), name
        assert said["ack"][0] == "AA" or said["reason"], name


def test_all_files_in_one_record_lose_nothing_and_mix_up_nobody(record: None, now: datetime) -> None:
    hospital = Hospital(now, zone="")
    sent: Counter[str] = Counter()
    for path in files():
        for raw in messages_in(path.read_bytes()):
            ack = receive.accept(raw, HERE, hospital.now)
            sent["again" if ack.is_duplicate else ack.code] += 1
    while process.run(hospital.now):
        pass
    kept = hospital.inbox()
    assert len(kept) == min(100, sum(sent.values()) - sent["again"])
    assert not [message for message in kept if message.state == "new"]
    assert not [message for message in kept if message.state in ("review", "refused") and not message.error]
    numbers = Counter(
        (n["system"], n["value"])
        for p in hospital.all("Patient")
        for n in p["identifier"]
        if n.get("use") == "usual"
    )
    assert max(numbers.values()) == 1
    before = {k: len(hospital.all(k)) for k in KINDS}
    for path in files():
        for raw in messages_in(path.read_bytes()):
            again = receive.accept(raw, HERE, hospital.now)
            assert again.is_duplicate or again.code != "AA"
    while process.run(hospital.now):
        pass
    assert {k: len(hospital.all(k)) for k in KINDS} == before


def a_discharge() -> bytes:
    return (folder("hl7v2") / "ms-fhir-converter" / "ADT-A03-01.hl7").read_bytes()


DEMO = {"classes": {"P": "IMP"}, "dispositions": {"Admitted as Inpatient": "home"}}


def react(hospital: Hospital) -> None:
    content = library.load()
    assert feed.wait_until_settled(30)
    while reactions.run(hospital.now, content):
        assert feed.wait_until_settled(30)


def test_a_discharge_of_2015_ends_as_a_review_item(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO)
    hospital.tell(a_discharge())
    react(hospital)
    (review,) = hospital.tasks("review-discharge")
    assert "window closed, zone unknown" in review["reasonCode"]["text"]
    assert not hospital.tasks("call-after-discharge")


def test_the_old_one_first_and_then_the_same_stay_of_yesterday(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO)
    hospital.tell(a_discharge(), redated(a_discharge(), now, control="RD1"))
    react(hospital)
    assert len(hospital.tasks("call-after-discharge")) == 1
    assert hospital.one("Encounter")["period"]["end"].startswith("2026-11-22")


def test_an_old_stay_under_the_number_of_a_newer_one_is_for_a_person(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO)
    hospital.tell(redated(a_discharge(), now, control="RD1"), a_discharge())
    react(hospital)
    assert len(hospital.tasks("call-after-discharge")) == 1
    (message, _) = hospital.inbox()
    assert message.state == "review"
    assert "older stay under a visit number that stands on a newer one" in str(message.error)
    assert hospital.one("Encounter")["period"]["end"].startswith("2026-11-22")


def test_the_same_message_of_yesterday_becomes_work_with_a_due_time(record: None, now: datetime) -> None:
    hospital = Hospital(now, **DEMO)
    message = redated(a_discharge(), now, control="RD1")
    hospital.tell(message)
    react(hospital)
    (call,) = hospital.tasks("call-after-discharge")
    assert call["restriction"]["period"]["end"] == "2026-11-25T05:59:59.999Z"  # Tuesday night in Houston
    hospital.tell(message, redated(a_discharge(), now, control="RD2"))
    react(hospital)
    assert len(hospital.tasks("call-after-discharge")) == 1
    assert hospital.one("Encounter")["meta"]["versionId"] == "1"
    assert now.astimezone(CHICAGO).weekday() == 0
