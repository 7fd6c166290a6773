"""How somebody may be reached without danger to her."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from careloop.care import safe_contact
from careloop.care.safe_contact import Allowed, BadSafeContact, Hours, Refused, Rules, may_contact, to_flag
from careloop.fhir import validate
from careloop.kernel.errors import UnknownZone

MONDAY_10 = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 10:00 in Houston
MORNINGS = Hours(frozenset({"mon", "tue"}), time(9), time(12))
HOUSTON = "America/Chicago"


def flag(rules, **more):
    return {**to_flag(rules, "Patient/1", "2026-11-01T00:00:00.000Z"), **more}


def test_somebody_who_asked_for_nothing_may_be_reached_in_every_way():
    assert all(may_contact([], channel, MONDAY_10) == Allowed() for channel in safe_contact.CHANNELS)


def test_what_is_written_is_what_is_read_and_it_is_valid_fhir():
    rules = Rules(
        frozenset({"message", "letter"}), ("7135550142",), (MORNINGS,), HOUSTON, "bluebird", "the library"
    )
    written = flag(rules)
    validate.check(written)
    assert safe_contact.read(written) == rules
    assert "library" not in repr(rules)
    assert "library" not in repr(may_contact([written], "call", MONDAY_10))


def test_do_not_leave_messages_leaves_calls_alone_and_do_not_call_refuses_messages_too():
    quiet = flag(Rules(frozenset({"message"})))
    assert isinstance(may_contact([quiet], "call", MONDAY_10), Allowed)
    assert isinstance(may_contact([quiet], "message", MONDAY_10), Refused)
    silent = flag(Rules(frozenset({"call"})))
    assert isinstance(may_contact([silent], "message", MONDAY_10), Refused)
    assert isinstance(may_contact([silent], "letter", MONDAY_10), Allowed)


def test_safe_hours_are_those_of_her_own_wall():
    mornings = flag(Rules(hours=(MORNINGS,), zone=HOUSTON))
    assert isinstance(may_contact([mornings], "call", MONDAY_10), Allowed)
    at_noon = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # the end is no part of it
    assert may_contact([mornings], "call", at_noon) == Refused(safe_contact.OTHER_HOUR)
    assert isinstance(may_contact([mornings], "letter", at_noon), Allowed)
    in_july = datetime(2026, 7, 20, 14, 30, tzinfo=UTC)  # 9:30 by summer time; by winter time it were 8:30
    assert isinstance(may_contact([mornings], "text", in_july), Allowed)
    wednesday = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    assert isinstance(may_contact([mornings], "call", wednesday), Refused)


def test_only_the_safe_numbers_ring():
    only = flag(Rules(numbers=("7135550142",)))
    assert isinstance(may_contact([only], "call", MONDAY_10, number="+1 (713) 555-0142"), Allowed)
    assert may_contact([only], "text", MONDAY_10, number="713-555-0199") == Refused(safe_contact.OTHER_NUMBER)


def test_of_two_flags_the_stricter_counts():
    both = [flag(Rules(frozenset({"letter"}))), flag(Rules(frozenset({"text"})))]
    assert isinstance(may_contact(both, "letter", MONDAY_10), Refused)
    assert isinstance(may_contact(both, "text", MONDAY_10), Refused)
    assert isinstance(may_contact(both, "call", MONDAY_10), Allowed)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"url": "refused", "valueCode": "pigeon"}],
        [{"url": "hours", "valueString": "25:00"}],
        [{"url": "new-thing", "valueString": "x"}],
    ],
)
def test_what_cannot_be_read_refuses_everything(parts):
    odd = flag(Rules(frozenset({"text"})))
    odd["extension"][0]["extension"] = parts
    for channel in safe_contact.CHANNELS:
        assert may_contact([odd], channel, MONDAY_10) == Refused(safe_contact.UNREADABLE)


def test_hours_in_a_zone_that_nobody_knows_refuse():
    lost = flag(Rules(hours=(MORNINGS,), zone="Mars/Olympus"))
    assert may_contact([lost], "call", MONDAY_10) == Refused(safe_contact.UNREADABLE)


def test_a_flag_that_ended_says_nothing_any_more_and_a_foreign_one_never_did():
    ended = flag(Rules(frozenset({"call"})), status="inactive")
    over = flag(Rules(frozenset({"call"})), period={"end": "2026-11-22T00:00:00Z"})
    falls = {"resourceType": "Flag", "status": "active", "code": {"text": "Falls"}}
    assert may_contact([ended, over, falls], "call", MONDAY_10) == Allowed()
    unclear = flag(Rules(frozenset({"call"})), period={"end": "soon"})
    assert isinstance(may_contact([unclear], "call", MONDAY_10), Refused)


def test_what_could_never_be_obeyed_is_not_written():
    with pytest.raises(BadSafeContact):
        safe_contact.check(Rules(hours=(Hours(frozenset({"mon"}), time(12), time(9)),), zone=HOUSTON))
    with pytest.raises(BadSafeContact):
        safe_contact.check(Rules(numbers=("555",)))
    with pytest.raises(UnknownZone):
        safe_contact.check(Rules(hours=(MORNINGS,)))
    safe_contact.check(Rules(frozenset({"call"})))
