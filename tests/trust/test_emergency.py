"""Emergency access and cover: opened with a reason, told to the privacy officer, over when they are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from careloop import store
from careloop.access import Scope, labels
from careloop.accounts.models import User
from careloop.actions.break_glass import (
    HOURS,
    MedicalPersonnelOnly,
    NotForEmergencies,
    SayWho,
    SayWhy,
    break_glass,
    end_emergency,
    open_part2,
)
from careloop.actions.cover import (
    BadCover,
    Cover,
    LongOwnCover,
    OneOwnCover,
    OwnCoverAgain,
    cover,
    covers,
    end_cover,
)
from careloop.actions.explain_access import who_may, why
from careloop.actions.record import begin
from careloop.actions.staff_actor import staff_actor
from careloop.kernel.errors import Forbidden, NotFound
from careloop.projections.emergency import named
from careloop.store import Stored, grants
from tests.conftest import owner_connection

WORDS = "She collapsed in our waiting room"


def account(name: str, *roles: str, site: str = "north") -> User:
    return User.objects.create_user(
        f"{name}@example.org", None, name.title(), roles=list(roles), sites=[site], practitioner=name
    )


@pytest.fixture
def maria(record: None, scope: Scope, now: datetime) -> Stored:
    """Cared for at South, led by Bo; with a note of a Part 2 program."""
    with begin(scope, now) as unit:
        for site in ("north", "south"):
            unit.create_named({"resourceType": "Organization", "id": site, "name": site.title()})
        made = unit.create(
            {
                "resourceType": "Patient",
                "name": [{"use": "official", "given": ["Maria"], "family": "Duarte"}],
                "birthDate": "1959-03-04",
                "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "4711"}],
                "managingOrganization": {"reference": "Organization/south"},
            }
        )
        unit.create(
            {
                "resourceType": "CareTeam",
                "subject": {"reference": made.reference},
                "status": "active",
                "participant": [
                    {
                        "role": [{"coding": [{"system": "urn:careloop:code:team-role", "code": "lead"}]}],
                        "member": {"reference": "Practitioner/bo"},
                    }
                ],
            }
        )
        secret = unit.create(
            {
                "resourceType": "Observation",
                "status": "final",
                "subject": {"reference": made.reference},
                "code": {"text": "Counseling"},
            }
        )
    with owner_connection() as owner:
        owner.execute("update heads set labels = %s where rid = %s", [labels.PART2, secret.rid])
    return made


@pytest.fixture
def as_user(now: datetime) -> Callable[..., Scope]:
    def scope_of(user: User, after: timedelta = timedelta()) -> Scope:
        return Scope(staff_actor(user, now + after), "page", "coordination")

    return scope_of


def sees(scope: Scope, person: Stored, at: datetime) -> bool:
    with store.open(scope, now=at) as unit:
        return unit.find("Patient", person.id) is not None


def how_many(scope: Scope, person: Stored, at: datetime) -> int:
    with store.open(scope, now=at) as unit:
        return len(unit.of_person(person.rid, ["Observation"]))


def test_an_emergency_opens_a_record_for_some_hours(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    ana = account("ana", "clinician")
    assert not sees(as_user(ana), maria, now)
    with store.open(as_user(ana), now=now) as unit:
        (found,) = named(unit, family="duarte", born=date(1959, 3, 4))
        assert named(unit, mrn="4711", born=date(1959, 3, 4)) == [found]
        assert named(unit, mrn="4711", born=date(1959, 3, 5)) == named(unit, mrn="4711", born=None) == []
    assert (found.id, found.is_hers) == (maria.id, False)
    break_glass(as_user(ana), maria.id, "life-or-health", WORDS, now)
    assert sees(as_user(ana), maria, now)
    assert how_many(as_user(ana), maria, now) == 0, "a Part 2 record is another act"
    after = timedelta(hours=HOURS)
    assert not sees(as_user(ana, after), maria, now + after)
    with owner_connection() as owner:
        told = owner.execute("select kind, person, principal, told::text from alerts").fetchall()
    assert [(kind, person, principal) for kind, person, principal, _ in told] == [
        ("break-glass", maria.rid, ana.principal_id)
    ]
    assert WORDS in told[0][3]


def test_it_can_be_ended_before_its_time(maria: Stored, as_user: Callable[..., Scope], now: datetime) -> None:
    ana = account("ana", "clinician")
    break_glass(as_user(ana), maria.id, "other", WORDS, now)
    minute = timedelta(minutes=1)
    end_emergency(as_user(ana, minute), maria.id, now + minute)
    assert not sees(as_user(ana, minute), maria, now + minute)


@pytest.mark.parametrize("role", ["administrator", "biller", "auditor", "volunteer", "advocacy"])
def test_who_gives_no_care_opens_nothing(
    maria: Stored, as_user: Callable[..., Scope], now: datetime, role: str
) -> None:
    with pytest.raises(NotForEmergencies):
        break_glass(as_user(account("sam", role)), maria.id, "other", WORDS, now)


def test_without_a_sentence_nothing_opens(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    ana = as_user(account("ana", "clinician"))
    for reason, words in (("other", "urgent"), ("curious", WORDS)):
        with pytest.raises(SayWhy):
            break_glass(ana, maria.id, reason, words, now)


def test_whom_she_may_never_see_no_emergency_opens(
    maria: Stored, as_user: Callable[..., Scope], scope: Scope, now: datetime
) -> None:
    ana = account("ana", "clinician", site="south")
    assert sees(as_user(ana), maria, now)
    with begin(scope, now) as unit:
        grants.deny(unit, ana.principal_id, maria.rid, "her sister")
    assert not sees(as_user(ana), maria, now)
    with store.open(as_user(ana), now=now) as unit:
        assert named(unit, born=date(1959, 3, 4), mrn="4711") == []
    with pytest.raises(NotFound):
        break_glass(as_user(ana), maria.id, "life-or-health", WORDS, now)


def test_a_medical_emergency_under_part_2_is_its_own_act(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    nurse, coordinator = account("ana", "clinician"), account("cal", "coordinator", site="south")
    assert how_many(as_user(coordinator), maria, now) == 0, "not even at her own site"
    with pytest.raises(MedicalPersonnelOnly):
        open_part2(as_user(coordinator), maria.id, WORDS, "Dr. Chen", "St. Luke’s", now)
    with pytest.raises(SayWho):
        open_part2(as_user(nurse), maria.id, WORDS, "", "St. Luke’s", now)
    open_part2(as_user(nurse), maria.id, WORDS, "Dr. Chen", "St. Luke’s", now)
    assert how_many(as_user(nurse), maria, now) == 1
    with owner_connection() as owner:
        (told,) = owner.execute("select told from grants where kind = 7").fetchone() or ({},)
        kinds = owner.execute("select kind from alerts").fetchall()
    assert told == {"words": WORDS, "treated_by": "Dr. Chen", "treated_at": "St. Luke’s"}
    assert kinds == [("part2-emergency",)]


def test_a_colleague_covers_from_a_day_to_a_day(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    bo, cal = account("bo", "coordinator"), account("cal", "coordinator")
    boss = account("dee", "supervisor")
    day = timedelta(days=1)
    asked = Cover(bo.pk, cal.pk, now + day, now + 3 * day)
    cover(as_user(boss), asked, "leave", now)
    seen = [sees(as_user(cal, n * day), maria, now + n * day) for n in (0, 1, 2, 3)]
    assert seen == [False, True, True, False]
    with store.open(as_user(boss), now=now) as unit:
        assert [(c.away.pk, c.covering.pk, c.why) for c in covers(unit)] == [(bo.pk, cal.pk, "leave")]
    end_cover(as_user(bo, day), bo.pk, cal.pk, now + day)
    assert not sees(as_user(cal, 2 * day), maria, now + 2 * day)


def test_a_cover_is_not_for_everybody_to_arrange(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    bo, cal = account("bo", "coordinator"), account("cal", "coordinator")
    stranger, biller = account("eve", "supervisor", site="south"), account("fay", "biller")
    until = now + timedelta(days=1)
    for who, by in ((cal, cal), (stranger, cal)):
        with pytest.raises(Forbidden):
            cover(as_user(who), Cover(bo.pk, by.pk, now, until), "", now)
    for wrong in (
        Cover(bo.pk, bo.pk, now, until),
        Cover(bo.pk, biller.pk, now, until),
        Cover(bo.pk, cal.pk, now, now),
        Cover(bo.pk, cal.pk, now, now + timedelta(days=400)),
    ):
        with pytest.raises(BadCover):
            cover(as_user(bo), wrong, "", now)


def test_who_gives_herself_a_colleagues_people_is_looked_at_and_not_for_long(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    bo, cal = account("bo", "coordinator"), account("cal", "coordinator")
    boss = account("dee", "supervisor", "clinician")
    day = timedelta(days=1)
    cover(as_user(boss), Cover(bo.pk, cal.pk, now, now + 90 * day), "leave", now)
    with owner_connection() as owner:
        assert owner.execute("select 1 from alerts").fetchall() == [], "for somebody else: nothing odd"
    with pytest.raises(LongOwnCover):
        cover(as_user(boss), Cover(bo.pk, boss.pk, now, now + 31 * day), "leave", now)
    assert not sees(as_user(boss), maria, now)
    cover(as_user(boss), Cover(bo.pk, boss.pk, now, now + 30 * day), "leave", now)
    assert sees(as_user(boss), maria, now)
    with owner_connection() as owner:
        told = owner.execute("select kind, person, principal, told from alerts").fetchall()
    assert told == [("cover", 0, boss.principal_id, [["own-cover", {}]])]


def test_nobody_prolongs_a_cover_of_her_own_or_gathers_several(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    bo, cal = account("bo", "coordinator"), account("cal", "coordinator")
    boss, other = account("dee", "supervisor", "clinician"), account("eli", "supervisor")
    day = timedelta(days=1)

    def take(colleague: User, first: int, last: int, at: int, by: User = boss) -> None:
        asked = Cover(colleague.pk, boss.pk, now + first * day, now + last * day)
        cover(as_user(by, at * day), asked, "leave", now + at * day)

    take(bo, 0, 10, at=0)
    with pytest.raises(OneOwnCover):
        take(cal, 0, 1, at=0)
    with pytest.raises(OwnCoverAgain):
        take(bo, 0, 30, at=5)
    end_cover(as_user(boss, 9 * day), bo.pk, boss.pk, now + 9 * day)
    with pytest.raises(OwnCoverAgain):
        take(bo, 9, 20, at=9)  # an end before its time begins nothing anew
    assert not sees(as_user(boss, 10 * day), maria, now + 10 * day)
    take(bo, 9, 60, at=9, by=other)
    assert sees(as_user(boss, 50 * day), maria, now + 50 * day)
    with pytest.raises(OwnCoverAgain):
        take(bo, 60, 80, at=59)  # what another gave is not hers to prolong either
    take(cal, 59, 60, at=59)
    take(bo, 90, 100, at=61)
    with owner_connection() as owner:
        told = owner.execute("select principal, told from alerts").fetchall()
    assert told == [(boss.principal_id, [["own-cover", {}]])] * 3, "each of her own, and none of another's"


def test_the_page_says_who_may_and_why_not(
    maria: Stored, as_user: Callable[..., Scope], now: datetime
) -> None:
    south = account("cal", "coordinator", site="south")
    bo, admin = account("bo", "coordinator"), account("sam", "administrator", site="south")
    with store.open(as_user(south), now=now) as unit:
        may = {line.name: (line.may, [r.code for r in line.reasons]) for line in who_may(unit, maria.rid)}
        assert may == {
            "Cal": (True, ["site", "labels"]),
            "Bo": (True, ["lead", "labels"]),
            "Sam": (False, []),
        }
        assert why(unit, south.pk, "read", "Observation", maria.rid).may
        hidden = why(unit, south.pk, "read", "Observation", maria.rid, labels.PART2)
        assert (hidden.may, hidden.reasons[-1].values) == (False, ("part2",))
        refused = why(unit, admin.pk, "read", "Observation", maria.rid)
        assert not refused.may
        assert not any(answer.says for answer in refused.answers)
    assert bo.pk
