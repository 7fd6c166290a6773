"""What follows a discharge, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.care.stay import Disposition, Outstanding, State, Stay
from careloop.care.transition import (
    Attempt,
    DischargeFacts,
    PersonFacts,
    contact_standing,
    key_of,
    on_discharge,
    what_follows,
)
from careloop.care.work import Proposal, Work, WorkClass
from careloop.fhir import uris
from careloop.kernel.calendar import BusinessCalendar, zone
from careloop.library import load

LIBRARY = load()
HOUSTON = ZoneInfo("America/Chicago")
FRIDAY = datetime(2026, 11, 20, 16, 20, tzinfo=HOUSTON)
NOW = FRIDAY + timedelta(minutes=5)
MARIA = PersonFacts(
    "Patient/maria",
    zone="America/Chicago",
    zone_from="address",
    lead="Practitioner/ana",
    coverage=frozenset({"medicare"}),
    is_known=True,
)
STAY = Stay(
    "Encounter/1",
    "V1",
    klass="IMP",
    setting="stay",
    status="finished",
    started=FRIDAY - timedelta(days=4),
    ended=FRIDAY,
    ended_as_written=FRIDAY.date(),
    facility="St. Luke’s",
    is_message=True,
)
KINDS = ("call-after-discharge", "reconcile-medications", "visit-after-discharge")


def went(code: str, **own: str) -> Disposition:
    return Disposition(((uris.HL7_0112, code),), own=own)


HOME = replace(STAY, disposition=went("01"))


def decide(
    stay: Stay = HOME, person: PersonFacts = MARIA, now: datetime = NOW, later: Stay | None = None
) -> Proposal:
    return on_discharge(DischargeFacts(person, stay, later), LIBRARY, now)


def kinds(proposal: Proposal) -> tuple[str, ...]:
    return tuple(work.kind for work in proposal.work)


def only(proposal: Proposal) -> Work:
    (work,) = proposal.work
    return work


def local(at: datetime | None, name: str = "America/Chicago") -> str:
    assert at is not None
    return f"{at.astimezone(zone(name)):%a %b %d %H:%M}"


def open_work(*kinds: str, stay: Stay = STAY) -> tuple[Outstanding, ...]:
    return tuple(Outstanding(key_of(stay, kind), kind, "open") for kind in kinds)


# Home


def test_home_on_a_friday_asks_for_call_medications_and_visit() -> None:
    call, medications, visit = decide().work
    assert (call.kind, medications.kind, visit.kind) == KINDS
    assert local(call.due) == "Tue Nov 24 23:59"
    assert local(call.target) == "Tue Nov 24 17:00"
    assert local(visit.due) == local(medications.due) == "Fri Nov 27 23:59"
    assert (
        call.because
        == "Discharged Fri Nov 20 from St. Luke’s, home: 2-business-day contact (Medicare TCM, 2026)"
    )
    assert (call.rule, call.zone, call.klass) == ("tcm-contact@2026", "America/Chicago", WorkClass.CLOCK)
    assert call.owner == "Practitioner/ana"
    assert call.reasons == ("Encounter/1",)
    assert call.source
    assert "business days" in call.source


def test_thanksgiving_and_the_weekend_move_the_call_to_monday() -> None:
    wednesday = datetime(2026, 11, 25, 14, 0, tzinfo=HOUSTON)
    stay = replace(HOME, ended=wednesday, ended_as_written=wednesday.date())
    assert local(decide(stay, now=wednesday).work[0].due) == "Mon Nov 30 23:59"


def test_the_same_instant_is_another_day_in_another_zone() -> None:
    late = datetime(
        2026, 11, 20, 5, 30, tzinfo=UTC
    )  # 12:30 am Friday in New York, 11:30 pm Thursday in Houston
    stay = replace(HOME, ended=late)
    houston = decide(stay, now=late).work[0]
    new_york = decide(stay, replace(MARIA, zone="America/New_York"), now=late).work[0]
    assert local(houston.due) == "Mon Nov 23 23:59"
    assert local(new_york.due, "America/New_York") == "Tue Nov 24 23:59"


@pytest.mark.parametrize("kind", ["commercial", "medicaid", "none", "unknown"])
def test_medicare_tcm_is_said_only_for_medicare(kind: str) -> None:
    proposal = decide(person=replace(MARIA, coverage=frozenset({kind})))
    assert kinds(proposal) == KINDS
    for work in proposal.work:
        assert "Medicare" not in repr(work)
        assert work.rule
        assert work.rule.startswith("transition-")


@pytest.mark.parametrize("kinds_", [{"medicare"}, {"medicare-advantage"}, {"medicare", "medicaid"}])
def test_medicare_in_any_form_is_medicare(kinds_: set[str]) -> None:
    assert "Medicare TCM" in decide(person=replace(MARIA, coverage=frozenset(kinds_))).work[0].because


def test_unknown_coverage_asks_to_find_out_who_pays() -> None:
    details = decide(person=replace(MARIA, coverage=frozenset({"unknown"}))).work[0].details
    assert details == "Coverage is not known: find out who pays."


def test_a_site_zone_is_used_and_the_page_is_told() -> None:
    call = decide(person=replace(MARIA, zone_from="site")).work[0]
    assert "site’s (America/Chicago)" in (call.details or "")


def test_moderate_complexity_gives_the_visit_fourteen_days() -> None:
    _, medications, visit = decide(replace(HOME, complexity="moderate")).work
    assert local(visit.due) == local(medications.due) == "Fri Dec 04 23:59"
    assert "moderate complexity recorded" in visit.because
    assert local(decide(replace(HOME, complexity="high")).work[2].due) == "Fri Nov 27 23:59"


def test_a_discharge_known_only_by_its_day_is_that_day() -> None:
    stay = replace(HOME, ended=None, ended_as_written=date(2026, 11, 20))
    assert local(decide(stay).work[0].due) == "Tue Nov 24 23:59"


# Elsewhere


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("03", "a skilled nursing facility"),
        ("62", "rehabilitation"),
        ("02", "another hospital"),
        ("65", "a psychiatric hospital"),
    ],
)
def test_a_facility_is_asked_and_the_person_is_not_called(code: str, where: str) -> None:
    work = only(decide(replace(STAY, disposition=went(code))))
    assert work.kind == "facility-follow-up"
    assert f"from St. Luke’s to {where}: follow-up" in work.because
    assert local(work.due) == "Tue Nov 24 23:59"


@pytest.mark.parametrize("code", ["50", "51"])
def test_the_hospice_leads(code: str) -> None:
    work = only(decide(replace(STAY, disposition=went(code))))
    assert work.kind == "hospice-handover"
    assert "the hospice leads" in work.because


def test_against_advice_is_a_call_today() -> None:
    work = only(decide(replace(STAY, disposition=went("07"))))
    assert (work.kind, local(work.due)) == ("call-today", "Fri Nov 20 23:59")
    assert local(work.target) == "Fri Nov 20 17:20"  # an hour from leaving, because 5 pm is too near


def test_emergency_only_has_the_programs_own_rule() -> None:
    work = only(decide(replace(HOME, klass="EMER", setting="emergency")))
    assert (work.kind, local(work.due)) == ("call-after-emergency", "Wed Nov 25 23:59")
    assert "own rule, not a regulation" in (work.source or "")
    assert "Medicare" not in work.because


def test_an_emergency_visit_that_became_a_stay_waits_for_that_stay() -> None:
    assert decide(replace(STAY, klass="EMER", setting="emergency", disposition=went("09"))).work == ()


def test_an_ordinary_visit_is_left_alone() -> None:
    assert decide(replace(HOME, klass="AMB", setting="visit")).work == ()


def test_who_declined_the_program_is_left_alone() -> None:
    proposal = decide(person=replace(MARIA, has_declined=True, work=open_work("call-after-discharge")))
    assert proposal.work == ()
    assert [each.because for each in proposal.withdraw] == ["This person declined the transitions program."]


# Unclear


@pytest.mark.parametrize("code", ["04", "30", "70", "XX", "Admitted as Inpatient"])
def test_what_is_not_mapped_is_decided_by_a_person_in_time(code: str) -> None:
    proposal = decide(replace(STAY, disposition=went(code)))
    work = only(proposal)
    assert work.kind == "review-discharge"
    assert local(work.due) == "Tue Nov 24 23:59"
    assert f"“{code}” is not mapped" in work.because
    assert proposal.needs_review == work.because


def test_no_disposition_and_an_unclear_class_are_said_in_one_item() -> None:
    work = only(decide(replace(STAY, klass="PRENC", setting="unknown")))
    assert "did not say where to and patient class “PRENC” does not say" in work.because


def test_codes_that_disagree_are_decided_by_a_person() -> None:
    both = Disposition(((uris.HL7_0112, "01"), (uris.HL7_0112, "20")))
    assert kinds(decide(replace(STAY, disposition=both))) == ("review-discharge",)


def test_a_senders_own_code_wins_over_the_table() -> None:
    stay = replace(STAY, disposition=Disposition((("urn:x", "H"), (uris.HL7_0112, "03")), own={"H": "home"}))
    assert kinds(decide(stay)) == KINDS


def test_a_foreign_code_system_is_never_read_as_ours() -> None:
    assert kinds(decide(replace(STAY, disposition=Disposition((("urn:x", "01"),))))) == ("review-discharge",)


def test_what_a_person_decided_stands() -> None:
    stay = replace(STAY, disposition=went("70"), setting="unknown", decided="home")
    person = replace(MARIA, work=(Outstanding(key_of(STAY, "review-discharge"), "review-discharge", "done"),))
    assert kinds(decide(stay, person)) == KINDS
    assert decide(replace(stay, decided="nothing"), person).work == ()


def test_2015_without_a_zone_is_window_closed_zone_unknown() -> None:
    ended = datetime(2015, 2, 9, 10, 24, tzinfo=UTC)
    stay = replace(STAY, ended=ended, ended_as_written=date(2015, 2, 9), disposition=went("01"))
    proposal = decide(stay, replace(MARIA, zone=None, zone_from=""))
    work = only(proposal)
    assert proposal.needs_review == "window closed, zone unknown"
    assert work.title == "Review a discharge: window closed, zone unknown"
    assert work.because == (
        "Discharged Feb 9, 2015 from St. Luke’s: window closed, zone unknown. "
        "No deadline was made up; a person decides."
    )
    assert (work.due, work.target) == (None, None)


def test_recent_without_a_zone_has_no_invented_deadline() -> None:
    proposal = decide(person=replace(MARIA, zone=None, zone_from=""))
    assert proposal.needs_review == "zone unknown"
    assert only(proposal).due is None


def test_without_a_date_nothing_is_counted() -> None:
    proposal = decide(replace(HOME, ended=None, ended_as_written=None))
    assert proposal.needs_review == "the discharge has no date"


def test_the_window_is_the_day_of_discharge_and_29_more() -> None:
    last_moment = BusinessCalendar(HOUSTON).end_of(date(2026, 12, 19))
    assert kinds(decide(now=last_moment)) == KINDS  # late, and still work
    assert decide(now=last_moment + timedelta(seconds=1)).needs_review == "window closed"


def test_late_work_is_late_not_lost() -> None:
    call = decide(now=FRIDAY + timedelta(days=10)).work[0]
    assert call.due is not None
    assert call.due < FRIDAY + timedelta(days=10)


def test_a_call_that_is_open_after_the_window_stays_open() -> None:
    proposal = decide(person=replace(MARIA, work=open_work(*KINDS)), now=FRIDAY + timedelta(days=60))
    assert (proposal.work, proposal.withdraw, proposal.needs_review) == ((), (), None)


def test_an_imported_history_makes_no_reviews() -> None:
    old = replace(HOME, is_message=False)
    assert decide(old, now=FRIDAY + timedelta(days=400)).work == ()
    assert what_follows(MARIA, [old], LIBRARY, FRIDAY + timedelta(days=400)) == Proposal()


# Taken back


def test_a_canceled_discharge_takes_its_work_back_and_says_why() -> None:
    person = replace(MARIA, work=open_work(*KINDS))
    again = decide(replace(HOME, status="in-progress"), person)
    assert {each.because for each in again.withdraw} == {
        "The hospital canceled the discharge (A13); the stay goes on."
    }
    gone = decide(replace(HOME, status="cancelled"), person)
    assert {each.because for each in gone.withdraw} == {"The hospital canceled this stay (A11)."}
    assert len(again.withdraw) == len(gone.withdraw) == 3


def test_readmission_withdraws_what_no_longer_fits() -> None:
    monday = FRIDAY + timedelta(days=3)
    back = replace(
        STAY, reference="Encounter/2", visit="V2", status="in-progress", started=monday, ended=None
    )
    person = replace(MARIA, work=open_work(*KINDS))
    proposal = what_follows(person, [HOME, back], LIBRARY, monday)
    assert proposal.work == ()
    assert {each.because for each in proposal.withdraw} == {
        "Admitted again Mon Nov 23 to St. Luke’s; the next discharge starts anew."
    }


def test_an_emergency_visit_on_the_way_does_not_end_the_follow_up() -> None:
    seen = replace(
        HOME, reference="Encounter/2", visit="V2", klass="EMER", setting="emergency", started=NOW, ended=NOW
    )
    proposal = what_follows(MARIA, [HOME, seen], LIBRARY, NOW)
    assert kinds(proposal) == (*KINDS, "call-after-emergency")


def test_a_stay_that_nobody_closed_years_ago_overtakes_nothing() -> None:
    stale = replace(STAY, reference="Encounter/0", visit="V0", status="in-progress", ended=None)
    stale = replace(stale, started=FRIDAY - timedelta(days=900))
    assert kinds(what_follows(MARIA, [stale, HOME], LIBRARY, NOW)) == KINDS


def test_a_corrected_disposition_replaces_the_work() -> None:
    person = replace(MARIA, work=open_work(*KINDS))
    proposal = decide(replace(STAY, disposition=went("03")), person)
    assert kinds(proposal) == ("facility-follow-up",)
    assert len(proposal.withdraw) == 3


def test_what_is_done_is_never_withdrawn() -> None:
    done = tuple(replace(each, state="done") for each in open_work(*KINDS))
    assert decide(replace(HOME, status="cancelled"), replace(MARIA, work=done)).withdraw == ()


# Death


def test_death_asks_for_one_bereavement_contact_and_stops_all_outreach() -> None:
    hers = (
        *open_work(*KINDS),
        Outstanding("plan:7", "food-referral", "open"),
        Outstanding("Task/9", "promise", "open"),
    )
    proposal = what_follows(replace(MARIA, work=hers), [replace(STAY, disposition=went("20"))], LIBRARY, NOW)
    assert kinds(proposal) == ("bereavement",)
    assert local(proposal.work[0].due) == "Mon Nov 30 23:59"  # five business days over Thanksgiving
    assert {each.dedupe for each in proposal.withdraw} == {each.dedupe for each in hers}


def test_death_told_twice_and_by_two_doors_is_one_bereavement() -> None:
    known = (Outstanding("bereavement:Patient/maria", "bereavement", "open"),)
    dead = replace(MARIA, is_deceased=True, died_on=FRIDAY.date(), work=known)
    proposal = what_follows(dead, [replace(STAY, disposition=went("20"))], LIBRARY, NOW)
    assert (proposal.work, proposal.withdraw) == ((), ())


def test_a_death_of_years_ago_asks_for_nothing() -> None:
    assert (
        what_follows(replace(MARIA, is_deceased=True, died_on=date(2019, 1, 1)), [], LIBRARY, NOW).work == ()
    )


@pytest.mark.parametrize("state", ["open", "done", "closed"])
def test_a_death_taken_back_is_looked_at_by_a_person(state: State) -> None:
    known = (Outstanding("bereavement:Patient/maria", "bereavement", state),)
    proposal = what_follows(replace(MARIA, work=known), [], LIBRARY, NOW)
    assert kinds(proposal) == ("review-death",)
    assert [each.dedupe for each in proposal.withdraw] == ["bereavement:Patient/maria"]


def test_an_old_death_taken_back_brings_back_what_it_stopped_and_names_each() -> None:
    hers = (
        *open_work(*KINDS),
        Outstanding("plan:7", "food-referral", "open", title="Fill in the SNAP form"),
        Outstanding("Task/9", "promise", "open", title="Call about the ride"),
    )
    alive = replace(MARIA, work=hers)
    dead = replace(alive, is_deceased=True, died_on=date(2019, 1, 1))
    told = what_follows(dead, [HOME], LIBRARY, NOW)
    assert (told.work, len(told.withdraw)) == ((), 5)
    back = replace(settled(dead, told), is_deceased=False, died_on=None)
    proposal = what_follows(back, [HOME], LIBRARY, NOW)
    assert sorted(proposal.restore) == ["Task/9", "plan:7"]
    review = next(each for each in proposal.work if each.kind == "review-death")
    assert review.details == "Back on the list: Fill in the SNAP form; Call about the ride."
    again = settled(back, proposal)
    assert open_keys(again) == open_keys(alive)
    assert settled(again, what_follows(again, [HOME], LIBRARY, NOW)).work == again.work


def test_a_second_mistake_is_a_second_question() -> None:
    ride = Outstanding(
        "plan:7", "ride", "withdrawn", why="Withdrawn: This person has died: all outreach stops."
    )
    asked = Outstanding("review-death:Patient/maria", "review-death", "done")
    (review,) = what_follows(replace(MARIA, work=(ride, asked)), [], LIBRARY, NOW).work
    assert review.dedupe == "review-death:Patient/maria:2"


def test_what_was_withdrawn_for_another_reason_stays_withdrawn() -> None:
    ride = Outstanding("plan:7", "ride", "withdrawn", why="Withdrawn: Her sister drives her.")
    assert what_follows(replace(MARIA, work=(ride,)), [], LIBRARY, NOW).restore == ()


def test_whoever_does_not_see_each_stay_can_not_say_that_she_lives() -> None:
    ride = Outstanding(
        "plan:7", "ride", "withdrawn", why="Withdrawn: This person has died: all outreach stops."
    )
    proposal = what_follows(replace(MARIA, work=(ride,)), [], LIBRARY, NOW, are_all=False)
    assert (proposal.work, proposal.restore) == ((), ())


# The billing rule


def test_two_failed_attempts_satisfy_billing_and_nobody_was_reached() -> None:
    rule = LIBRARY.rule("tcm-attempts", FRIDAY.date())
    due = FRIDAY + timedelta(days=4)
    tries = [Attempt(FRIDAY + timedelta(hours=n), is_reached=False) for n in (1, 20)]
    standing = contact_standing(tries, FRIDAY, due, rule)
    assert (standing.is_satisfied, standing.is_reached) == (True, False)
    assert not contact_standing(tries[:1], FRIDAY, due, rule).is_satisfied
    before = [Attempt(FRIDAY - timedelta(hours=1), is_reached=False), *tries[:1]]
    assert not contact_standing(before, FRIDAY, due, rule).is_satisfied
    late = [Attempt(due + timedelta(days=1), is_reached=True)]
    assert contact_standing(late, FRIDAY, due, rule).is_reached


# Properties

ZONES = ["America/New_York", "America/Chicago", "America/Phoenix", "America/Los_Angeles", "Pacific/Honolulu"]


@given(
    ended=st.timedeltas(timedelta(), timedelta(days=6 * 365)).map(
        lambda ago: datetime(2025, 1, 1, tzinfo=UTC) + ago
    ),
    name=st.sampled_from(ZONES),
    after=st.timedeltas(timedelta(), timedelta(days=28)),
)
def test_on_every_day_of_the_year_the_call_has_two_business_days(
    ended: datetime, name: str, after: timedelta
) -> None:
    calendar = BusinessCalendar(zone(name))
    stay = replace(HOME, ended=ended, ended_as_written=ended.date(), started=None)
    call, _, visit = decide(stay, replace(MARIA, zone=name), now=ended + after).work
    assert call.due is not None
    assert visit.due is not None
    day, due = calendar.local_day(ended), calendar.local_day(call.due)
    passed = [day + timedelta(days=n) for n in range(1, (due - day).days + 1)]
    assert sum(map(calendar.is_business_day, passed)) == 2
    assert calendar.is_business_day(due)
    assert calendar.local_day(visit.due) == day + timedelta(days=7)
    assert ended < (call.target or ended) < call.due


def settled(person: PersonFacts, proposal: Proposal) -> PersonFacts:
    """What apply_proposal makes of it, in small."""
    states = {each.dedupe: each for each in person.work}
    for gone in proposal.withdraw:
        states[gone.dedupe] = replace(
            states[gone.dedupe], state="withdrawn", why=f"Withdrawn: {gone.because}"
        )
    for key in proposal.restore:
        states[key] = replace(states[key], state="open", why="")
    for work in proposal.work:
        known = states.get(work.dedupe)
        if known is None or known.state == "withdrawn":
            states[work.dedupe] = Outstanding(work.dedupe, work.kind, "open")
    return replace(person, work=tuple(states.values()))


def open_keys(person: PersonFacts) -> set[str]:
    return {each.dedupe for each in person.work if each.state == "open" and each.kind != "review-death"}


BACK = replace(STAY, reference="Encounter/2", visit="V2", status="in-progress", started=NOW, ended=None)
NEVER = replace(BACK, status="cancelled")  # a stay that was written does not vanish; it is canceled
VERSIONS: dict[str, tuple[Stay, ...]] = {
    "admitted": (replace(HOME, status="in-progress", ended=None), NEVER),
    "home": (HOME, NEVER),
    "nursing home": (replace(STAY, disposition=went("03")), NEVER),
    "canceled": (replace(HOME, status="cancelled"), NEVER),
    "died": (replace(STAY, disposition=went("20")), NEVER),
    "readmitted": (HOME, BACK),
    "home again": (
        HOME,
        replace(BACK, status="finished", ended=NOW + timedelta(hours=1), disposition=went("01")),
    ),
}


@pytest.mark.parametrize("last", VERSIONS)
def test_whatever_was_known_before_the_same_facts_end_the_same(last: str) -> None:
    direct = settled(MARIA, what_follows(MARIA, VERSIONS[last], LIBRARY, NOW))
    others = [name for name in VERSIONS if name != last]
    for path in permutations(others, 4):
        person = MARIA
        for name in (*path, last):
            person = settled(person, what_follows(person, VERSIONS[name], LIBRARY, NOW))
        assert open_keys(person) == open_keys(direct), path


@pytest.mark.parametrize("name", VERSIONS)
def test_said_twice_nothing_changes(name: str) -> None:
    once = settled(MARIA, what_follows(MARIA, VERSIONS[name], LIBRARY, NOW))
    assert (
        settled(once, what_follows(once, VERSIONS[name], LIBRARY, NOW + timedelta(hours=1))).work == once.work
    )


# The key of a piece of work


def ended(state: str, at: datetime, **more: str) -> Outstanding:
    kind = "review-discharge" if "decided" in more else "call-after-discharge"
    return Outstanding(key_of(STAY, kind), kind, state, ended=at, **more)  # type: ignore[arg-type]


def test_a_call_finished_before_she_left_was_about_an_earlier_discharge() -> None:
    before = ended("done", FRIDAY - timedelta(hours=3))
    after = ended("done", FRIDAY + timedelta(hours=3))
    assert decide(person=replace(MARIA, work=(before,))).work[0].dedupe.endswith(":call-after-discharge:2")
    assert decide(person=replace(MARIA, work=(after,))).work[0].dedupe.endswith(":call-after-discharge")


def test_a_decision_holds_while_the_hospital_says_the_same() -> None:
    unclear = replace(STAY, disposition=went("70"))
    settled = ended("done", FRIDAY - timedelta(days=9), decided="home", about=unclear.said)
    hers = replace(MARIA, work=(settled,))
    assert kinds(what_follows(hers, [unclear], LIBRARY, NOW)) == KINDS
    other = replace(STAY, disposition=went("69"))
    (review,) = what_follows(hers, [other], LIBRARY, NOW).work
    assert review.dedupe.endswith(":review-discharge:2")


def test_work_of_a_stay_that_is_gone_goes_too() -> None:
    hers = replace(MARIA, work=(*open_work(*KINDS), Outstanding("plan:7", "ride", "open")))
    proposal = what_follows(hers, [], LIBRARY, NOW)
    assert {each.dedupe for each in proposal.withdraw} == {key_of(STAY, kind) for kind in KINDS}
    assert what_follows(hers, [], LIBRARY, NOW, are_all=False).withdraw == ()


def test_what_is_about_safety_outlives_a_death_that_may_be_of_somebody_else() -> None:
    urgent = Outstanding("urgent:1", "urgent-self-harm", "open", is_protected=True)
    dead = replace(MARIA, is_deceased=True, died_on=FRIDAY.date(), work=(urgent,))
    assert what_follows(dead, [], LIBRARY, NOW).withdraw == ()


def test_a_no_covers_the_stay_it_was_said_after_and_not_the_next() -> None:
    declined = replace(MARIA, has_declined=True, declined_at=FRIDAY + timedelta(hours=1))
    assert decide(person=declined).work == ()
    next_stay = replace(HOME, ended=FRIDAY + timedelta(days=2))
    assert kinds(decide(next_stay, declined, now=FRIDAY + timedelta(days=3))) == KINDS
