"""What the hospital is answered, and what is kept. TRUST 6 and 7."""

from __future__ import annotations

import os
import time
from typing import Any

import django.db
import hl7  # type: ignore[import-untyped]  # it has no stubs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.connect.hl7v2 import acknowledge, parse, receive
from careloop.connect.hl7v2.parse import BadMessage, NoHeader
from careloop.store import inbox
from careloop.store.errors import RecordUnavailable
from tests.conftest import MONDAY
from tests.connect.hl7v2.messages import HERE, Hospital, adt
from tests.corpora.corpora import folder


def lines(ack: acknowledge.Ack) -> list[list[str]]:
    return [line.split("|") for line in ack.content.decode().strip("\r").split("\r")]


def test_a_good_message_is_stored_then_answered_with_its_own_id(hospital: Hospital) -> None:
    sent = adt("A03", control="MSG1", left="Nov 20 16:20")
    (ack,) = hospital.send(sent)
    msh, msa = lines(ack)
    assert ack.code == "AA"
    assert msh[2:6] == ["CARELOOP", "BAYVIEW", "EPIC", "STLUKES"]
    assert (msh[8], msh[11]) == ("ACK^A03^ACK", "2.5.1")
    assert msa == ["MSA", "AA", "MSG1"]
    (kept,) = hospital.inbox()
    assert (kept.state, kept.source, kept.control, kept.kind) == ("new", "stlukes", "MSG1", "ADT^A03")
    assert (kept.raw, kept.ack) == (sent, "AA")


def test_separators_that_use_the_default_of_one_left_out_are_read(hospital: Hospital) -> None:
    """MSH-2 says “~” is the component mark and names no other: nothing repeats then."""
    (ack,) = hospital.send(adt("A01").replace(b"|^~\\&|", b"|~|").replace(b"^", b"~"))
    assert ack.code in ("AA", "AE")


A01 = adt("A01", control="M1")
FAULTS = {
    "no MSH": (b"PID|1||4711", "AE", "hl7-header"),
    "separators that are letters": (b"MSHAAAAA|x", "AE", "hl7-header"),
    "no control id": (A01.replace(b"|M1|", b"||"), "AE", "hl7-control-id"),
    "an unknown version": (A01.replace(b"|P|2.5.1", b"|P|1.0"), "AE", "hl7-version"),
    "an unknown character set": (A01.replace(b"|P|2.5.1", b"|P|2.5.1||||||EBCDIC"), "AE", "hl7-charset"),
    "bytes that are not UTF-8": (A01.replace(b"DUARTE", b"DUART\xe9"), "AE", "hl7-charset"),
    "no event": (A01.replace(b"ADT^A01|", b"ADT|"), "AE", "hl7-event"),
    "no PID-3": (adt("A01", mrn=""), "AE", "hl7-pid3"),
    "no PID": (A01.replace(b"\rPID", b"\rZID"), "AE", "hl7-pid3"),
    "an event we do not act on": (adt("A02"), "AR", "hl7-unsupported"),
    "another kind of message": (A01.replace(b"ADT^A01|", b"ORU^R01|"), "AR", "hl7-unsupported"),
    "a test message": (A01.replace(b"|P|2.5.1", b"|T|2.5.1"), "AR", "hl7-test"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_answered_with_a_sentence_and_the_message_is_kept(hospital: Hospital, what: str) -> None:
    raw, code, fault = FAULTS[what]
    (ack,) = hospital.send(raw)
    assert ack.code == code
    assert [line[0] for line in lines(ack)] == ["MSH", "MSA", "ERR"]
    (kept,) = hospital.inbox()
    assert (kept.state, kept.raw, kept.error) == ("refused", raw, ack.reason)
    assert fault in {each.code for each in every_fault() if ack.reason.startswith(first_line(each))}


def every_fault(of: type[BadMessage] = BadMessage) -> list[type[BadMessage]]:
    return [each for sub in of.__subclasses__() for each in (sub, *every_fault(sub))]


def first_line(fault: type[BadMessage]) -> str:
    return (fault.__doc__ or "").splitlines()[0]


def test_a_character_set_that_is_declared_is_read(hospital: Hospital) -> None:
    raw = A01.replace(b"|P|2.5.1", b"|P|2.5.1||||||8859/1").replace(b"DUARTE", "MUÑOZ".encode("latin-1"))
    (ack,) = hospital.send(raw)
    assert ack.code == "AA"
    assert parse.parse(raw).first("PID").value(5) == "MUÑOZ"


def test_the_same_again_is_acknowledged_and_has_no_second_effect(hospital: Hospital) -> None:
    first, again = hospital.send(A01, A01)
    assert (first.code, again.code, again.is_duplicate) == ("AA", "AA", True)
    assert len(hospital.inbox()) == 1


def test_a_refused_message_sent_again_is_refused_again(hospital: Hospital) -> None:
    first, again = hospital.send(adt("A02"), adt("A02"))
    assert (first.code, again.code) == ("AR", "AR")
    assert len(hospital.inbox()) == 1


def test_the_same_id_with_other_content_is_taken_in_and_listed(hospital: Hospital) -> None:
    hospital.tell(adt("A01", control="M1"), adt("A08", control="M1", phone="7135550199"))
    with hospital.house() as unit:
        ((again, first),) = inbox.repeats(unit)
        assert (again.control, again.state, again.is_repeat_id, again.raw) == ("M1", "done", True, b"")
        assert first is not None
        assert (first.control, first.kind, first.state) == ("M1", "ADT^A01", "done")
        assert first.id < again.id
        assert inbox.repeats(unit, sources=["mercy"]) == []
        assert inbox.how_many(unit, ["stlukes"]) == (0, 1)
    assert [t["value"] for t in hospital.one("Patient")["telecom"]] == ["7135550199"]


def test_a_sender_nobody_configured_is_refused_and_nothing_is_kept(record: None, now: Any) -> None:
    hospital = Hospital(now, peers=["10.1.0.0/16"], application="EPIC", facility="STLUKES")
    from_elsewhere = receive.accept(A01, HERE, now)
    other_application = receive.accept(A01.replace(b"EPIC", b"CERNER"), "10.1.2.3", now)
    good = receive.accept(A01, "10.1.2.3", now)
    assert (from_elsewhere.code, other_application.code, good.code) == ("AR", "AR", "AA")
    assert len(hospital.inbox()) == 1
    assert (receive.is_known("10.1.2.3"), receive.is_known("::ffff:10.1.2.3"), receive.is_known(HERE)) == (
        True,
        True,
        False,
    )


def test_of_two_senders_at_one_address_the_one_that_is_named_wins(hospital: Hospital) -> None:
    other = Hospital(hospital.now, name="epic", application="EPIC")
    hospital.send(A01)
    assert {m.source for m in other.inbox()} == {"epic"}


def test_a_record_that_is_away_is_no_success(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RecordUnavailable

    monkeypatch.setattr(inbox, "receive", away)
    (ack,) = hospital.send(A01)
    assert (ack.code, ack.is_kept) == ("AR", False)
    assert b"send it again" in ack.content


def test_the_answer_escapes_what_would_break_it() -> None:
    head = parse.header(b"MSH#*~!&#APP#FAC#US#HERE#2026##ADT*A99#1#P#2.3\r")
    fault = parse.UnsupportedEvent("It is A#9*9 “new”.")
    told = acknowledge.refused(head, fault, MONDAY, "N1").decode()
    msh, msa, err = told.strip("\r").split("\r")
    assert msh.startswith("MSH#*~!&#US#HERE#APP#FAC#")
    assert msh.split("#")[8] == "ACK*A99"
    assert 'A!F!9!S!9 "new"' in msa
    assert err == "ERR#MSH*1*9*201&Unsupported event code&HL70357"


BIG = 2_000_000
TOO_MUCH = {
    "bars": A01.replace(b"DUARTE", b"|" * BIG),
    "carets": A01.replace(b"DUARTE", b"^" * BIG),
    "repeats": A01.replace(b"4711", b"1^^^A^MR~" * (BIG // 9)),
    "escapes": A01.replace(b"DUARTE", b"\\X41" * (BIG // 4)),
    "contacts": A01 + b"NK1|1|A^B|SPO\r" * (BIG // 14),
    "one long word": A01.replace(b"DUARTE", b"x" * BIG),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_message_of_absurd_size_is_refused_at_once(what: str) -> None:
    """The hl7 library took two minutes over nine million bars."""
    began = time.process_time()
    with pytest.raises(parse.TooMuch):
        parse.parse(TOO_MUCH[what])
    assert time.process_time() - began < 2


def test_splitting_is_what_the_hl7_library_says_it_is() -> None:
    """A second opinion, on every field of every real file."""
    compared = 0
    for path in sorted(folder("hl7v2").rglob("*.hl7")):
        raw = path.read_bytes()
        message = parse.split(raw, parse.header(raw))
        opinion = hl7.parse("\r".join(segment.line for segment in message.segments))
        for ours, theirs in zip(message.segments, opinion, strict=True):
            assert list(ours.fields) == [str(part) for part in theirs], path.name
            compared += len(ours.fields)
    assert compared > 10_000


NOISE = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda at, put, cut: A01[:at] + put + A01[at + cut :],
        st.integers(0, len(A01)),
        st.binary(max_size=6),
        st.integers(0, 12),
    ),
)


def answered(raw: bytes) -> bytes:
    try:
        head = parse.header(raw)
    except NoHeader as fault:
        return acknowledge.refused(None, fault, MONDAY, "1")
    try:
        parse.parse(raw)
    except BadMessage as fault:
        return acknowledge.refused(head, fault, MONDAY, "1")
    return acknowledge.accepted(head, MONDAY, "1")


@settings(
    max_examples=int(os.environ.get("CARELOOP_FUZZ", "400")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(NOISE)
def test_any_bytes_are_parsed_or_refused_with_a_reason_that_can_be_answered(raw: bytes) -> None:
    answer = answered(raw)
    assert b"\x0b" not in answer
    assert b"\x1c" not in answer
    assert parse.header(answer).segment.raw(9).startswith("ACK")


def test_noise_from_a_sender_is_always_answered(hospital: Hospital) -> None:
    for noise in (b"", b"\x00", b"MSH", b"MSH|^~\\&|", b"\xff\xfe" * 50, A01[:80], A01 + A01):
        (ack,) = hospital.send(noise)
        assert ack.code == "AE"
        assert ack.is_kept


def test_after_the_database_was_away_the_next_message_is_taken(hospital: Hospital) -> None:
    """A thread of the listener keeps its connection for days; a broken one is left and another opened."""
    hospital.send(A01)
    assert django.db.connection.connection is not None
    django.db.connection.connection.close()
    (ack,) = hospital.send(adt("A03", left="Nov 20 16:20"))
    assert ack.code == "AA"
    assert [m.kind for m in hospital.inbox()] == ["ADT^A03", "ADT^A01"]
