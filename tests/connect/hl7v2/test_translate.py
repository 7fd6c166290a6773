"""Whatever a message says: valid resources, or a sentence why not; nothing invented, nothing silently lost."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.care.identify import facts_of, identify
from careloop.care.told import RANK, Key, tell
from careloop.care.told_stay import tell_stay
from careloop.connect.hl7v2.origin import Origin
from careloop.connect.hl7v2.parse import BadMessage, parse
from careloop.connect.hl7v2.translate import CannotTranslate, Translation, translate
from careloop.fhir import validate
from tests.conftest import MONDAY
from tests.connect.hl7v2.messages import CHICAGO, adt

HERE = Origin(
    "stlukes", ZoneInfo("America/Chicago"), "Organization/bayview", "Organization/stlukes", {"P": "IMP"}
)


def translated(raw: bytes, origin: Origin = HERE) -> Translation:
    return translate(parse(raw), origin, MONDAY, "d")


def resource(told: Translation, kind: str) -> dict[str, Any]:
    (found,) = [e["resource"] for e in told.bundle["entry"] if e["resource"]["resourceType"] == kind]
    return dict(found)


A03 = adt(
    "A03",
    left="Nov 20 16:20",
    to="01",
    nk1="NK1|1|DUARTE^LUIS|SPO^Spouse|1 Elm St^^Houston^TX^77002|7135550143|||C",
    dg1="DG1|1||I50.9^Heart failure^I10|||F",
    in1="IN1|1|MCR^Medicare|123|Medicare|||||||20250101||||||||||||||||||||||||1EG4TE5MK73",
    extra="PV2||2|R07.9^Chest pain^I10",
)


@pytest.mark.parametrize(
    ("change", "path", "wanted"),
    [
        ({"klass": "O"}, ("class", "code"), "AMB"),
        ({"klass": "P"}, ("class", "code"), "IMP"),
        ({"klass": "Q"}, ("class", "code"), "Q"),
        ({"to": "20"}, ("hospitalization", "dischargeDisposition", "coding", 0, "code"), "20"),
        (
            {"to": "HHA"},
            ("hospitalization", "dischargeDisposition", "coding", 0, "system"),
            "urn:careloop:sender:stlukes:disposition",
        ),
        ({"left": "Nov 20 16:20"}, ("period", "end"), "2026-11-20T16:20:00-06:00"),
        ({}, ("identifier", 0, "system"), "urn:careloop:sender:stlukes:id"),
    ],
)
def test_a_stay_says_what_its_message_says(
    change: dict[str, str], path: tuple[Any, ...], wanted: str
) -> None:
    found: Any = resource(translated(adt("A03", **{"left": "Nov 20 16:20", **change})), "Encounter")
    for step in path:
        found = found[step]
    assert found == wanted


def test_a_time_without_a_zone_keeps_its_date_only_when_nobody_knows_the_zone() -> None:
    raw = A03.replace(b"20261120162000-0600", b"20261120162000")
    assert resource(translated(raw), "Encounter")["period"]["end"] == "2026-11-20T16:20:00-06:00"
    nowhere = translated(raw, Origin("stlukes"))
    assert resource(nowhere, "Encounter")["period"]["end"] == "2026-11-20"
    assert "PV1-45 has a time but no time zone is known for it; only the date was kept." in nowhere.notes


def test_what_can_not_be_true_is_left_out_and_asked_about() -> None:
    told = translated(adt("A01", born="20300101", died="Y", name=""))
    assert "birthDate" not in told.patient
    assert any("birth date" in sentence for sentence in told.attention)
    assert any("gives no name" in sentence for sentence in told.attention)
    future = translated(adt("A03", left="Dec 24 10:00"))
    assert "end" not in resource(future, "Encounter")["period"]
    assert "PV1-45 lies in the future; it was left out." in future.attention


def test_recorded_is_what_can_be_believed() -> None:
    def recorded(raw: bytes) -> str:
        return translated(raw).recorded.astimezone(CHICAGO).isoformat()[:16]

    assert recorded(adt("A03", said="Nov 20 16:30", left="Nov 20 16:20")) == "2026-11-20T16:30"
    assert recorded(adt("A03", said="Dec 30 10:00", left="Nov 20 16:20")) == "2026-11-20T16:20"
    assert recorded(adt("A13", said="Dec 30 10:00")) == "2026-11-23T09:00"


def test_a_message_without_a_stay_or_about_two_people_is_refused_with_a_reason() -> None:
    with pytest.raises(CannotTranslate, match="which stay"):
        translated(b"\r".join(line for line in A03.split(b"\r") if not line.startswith(b"PV1")))
    with pytest.raises(CannotTranslate, match="more than one person"):
        translated(A03 + b"PID|||9^^^STL^MR||OTHER^ONE\r")


PIECES = st.one_of(
    st.sampled_from(
        [b"|", b"^", b"~", b"&", b"\\", b"\r", b'""', b"\\T\\", b"\\X0A\\", b"99999999", b"-", b"MSH"]
    ),
    st.binary(max_size=4),
    st.text(max_size=3).map(lambda text: text.encode("utf-8", "ignore")),
)
CUTS = st.lists(st.tuples(st.integers(60, len(A03)), PIECES, st.integers(0, 10)), min_size=1, max_size=4)


@settings(
    max_examples=int(os.environ.get("CARELOOP_FUZZ", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(CUTS, st.sampled_from(["A01", "A03", "A04", "A08", "A11", "A13", "A40"]))
def test_a_damaged_message_becomes_valid_resources_or_a_sentence(
    cuts: list[tuple[int, bytes, int]], event: str
) -> None:
    raw = A03.replace(b"A03", event.encode())
    for at, put, length in cuts:
        raw = raw[:at] + put + raw[at + length :]
    try:
        told = translated(raw)
    except (BadMessage, CannotTranslate):
        return
    for entry in told.bundle["entry"]:
        faults = [issue.text for issue in validate.problems(entry["resource"]) if issue.severity == "error"]
        assert faults == []
    assert told.recorded <= MONDAY + timedelta(hours=24)
    identify(facts_of(told.patient), [facts_of({**told.patient, "id": "same"})])
    key = Key("2026-11-20T00:00:00.000Z", RANK.get(told.event, 1), "x")
    now = tell(None, told.patient, {}, key)
    assert tell(now.resource, told.patient, now.memory, key).resource == now.resource
    for entry in told.bundle["entry"]:
        if entry["resource"]["resourceType"] == "Encounter":
            stay = tell_stay(None, entry["resource"], told.event, {}, key).resource
            assert [i for i in validate.problems(stay) if i.severity == "error"] == []
