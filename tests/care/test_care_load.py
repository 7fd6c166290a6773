"""How much is asked of a person, and what could be one."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from careloop.care.care_load import Item, Kind, kind_of, load_of
from careloop.library import load

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=CHICAGO)
RULE = load().rule("care-load", NOW.date())


def item(kind: Kind, days: float | None, who: str = "ana", of: str = "Patient/maria") -> Item:
    at = None if days is None else NOW + timedelta(days=days)
    return Item(
        kind,
        f"{kind} of {who}",
        at,
        f"Task/{kind}-{who}-{days}",
        (f"Practitioner/{who}",),
        (who.title(),),
        of,
    )


def test_two_calls_of_one_week_by_two_people_could_be_one() -> None:
    found = load_of("Patient/maria", [item("call", 1), item("call", 3, "ben")], NOW, CHICAGO, RULE)
    assert [(week.calls, week.people) for week in found.weeks] == [(2, 2)]
    assert [(one.kind, one.names) for one in found.combine] == [("call", ("Ana", "Ben"))]


def test_calls_of_two_weeks_stay_two() -> None:
    found = load_of("Patient/maria", [item("call", 1), item("call", 8)], NOW, CHICAGO, RULE)
    assert len(found.weeks) == 2
    assert found.combine == ()


def test_two_visits_on_one_day_are_together_already() -> None:
    found = load_of("Patient/maria", [item("visit", 1), item("visit", 1, "ben")], NOW, CHICAGO, RULE)
    assert found.combine == ()
    apart = load_of("Patient/maria", [item("visit", 1), item("visit", 2, "ben")], NOW, CHICAGO, RULE)
    assert [one.kind for one in apart.combine] == ["visit"]


def test_what_is_late_is_asked_this_week_and_what_has_no_day_is_counted_apart() -> None:
    found = load_of("Patient/maria", [item("call", -20), item("form", None)], NOW, CHICAGO, RULE)
    assert found.weeks[0].calls == 1
    assert found.undated == 1


def test_a_full_week_says_of_what() -> None:
    calls = [item("call", day) for day in (0.1, 1, 2, 3)]
    assert load_of("Patient/maria", calls, NOW, CHICAGO, RULE).weeks[0].full == {"calls"}
    assert load_of("Patient/maria", calls[:3], NOW, CHICAGO, RULE).weeks[0].full == frozenset()


def test_a_caregiver_has_a_load_of_her_own() -> None:
    items = [item("visit", 1), item("visit", 1, of="RelatedPerson/rosa")]
    assert load_of("RelatedPerson/rosa", items, NOW, CHICAGO, RULE).weeks[0].visits == 1


def test_what_we_do_without_her_is_nothing_asked() -> None:
    assert kind_of("to-do") is None
    assert kind_of("ask-phq-9") == "form"
    assert kind_of("call-after-discharge") == "call"
    assert kind_of("visit-after-discharge") == "visit"
