"""What roles that give no care find on their pages: their own part of a person's record, no more, and no closed door on
the way there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from careloop import store
from careloop.access.roles import CARE_ROLES, ROLES
from careloop.care.work import WorkClass
from tests.projections import builders as b
from tests.web.desk import Desk, at_the_desk

CONSENTS = "/people/maria/consents"
NO_CARE = ("advocacy", "biller", "auditor", "privacy-officer")
DENIAL = {"kind": "deny", "to": "Organization/queens", "signed_by": "Maria Duarte", "how": "written"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        about_her = {"subject": {"reference": "Patient/maria"}}
        desk.ward.has(
            b.task("bed", "maria", now, title="Ask for the bed", klass=WorkClass.DANGER),
            b.contact("call", "maria", now - timedelta(days=1)),
            {
                **{"resourceType": "Observation", "id": "weight", "status": "final", **about_her},
                **{"code": {"text": "Weight of canaries"}, "valueQuantity": {"value": 70, "unit": "kg"}},
                **{"effectiveDateTime": now.isoformat()},
            },
            {
                **{"resourceType": "Flag", "id": "dog", "status": "active", **about_her},
                "code": {"text": "A dog that bites"},
            },
        )
        yield desk


def as_role(desk: Desk, role: str) -> None:
    desk.user.roles = [role]
    desk.user.practitioner = "nobody-in-particular"
    desk.user.save()


@pytest.mark.parametrize("role", NO_CARE)
def test_each_finds_its_part_of_her_pages_and_nothing_else(desk: Desk, role: str) -> None:
    as_role(desk, role)
    today, people = desk.page("/today?view=team"), desk.page("/people?view=all")
    story, about = desk.page("/people/maria/story"), desk.page("/people/maria/about")
    card = desk.page("/people/maria/card")
    pages = (today, people, story, about, card)
    assert "Maria Duarte" in people
    assert "Maria Duarte" in story
    sees_work = role in ("advocacy", "privacy-officer")
    assert ("Ask for the bed" in today) == ('<th scope="col">Next' in people) == sees_work
    assert ("Your role has no to-dos" in today) == (not sees_work)
    assert ("/people/maria/work" in story) == sees_work
    assert not any("Weight of canaries" in page or "A dog that bites" in page for page in pages)
    assert not any("not asked yet" in page.partition("Code status")[2][:80] for page in pages)
    assert "/people/maria/health" not in story
    sees_contacts = role in ("advocacy", "biller")
    assert ("Last reached" in card) == ("Last reached" in people) == sees_contacts
    assert sees_contacts or "Nobody of ours has reached" not in story
    assert ("In no program yet" in about or "Transitions" in about) == sees_contacts
    assert (CONSENTS in about) == (role in ("advocacy", "privacy-officer"))


def test_who_gives_care_finds_all_of_it(desk: Desk) -> None:
    """The control."""
    assert "Weight of canaries" in desk.page("/people/maria/story")
    assert "A dog that bites" in desk.page("/people/maria/card")
    assert "Code status" in desk.page("/people/maria/card")
    assert '<th scope="col">Next' in desk.page("/people?view=all")


# The doors of those who give no care, each for what their role reads and writes.
FEW = {
    "advocacy": {"to-do", "consult", "care-load", "access", "disclose"},
    "payer-manager": {"promise", "to-do", "consult", "care-load", "access", "disclose"},
    "privacy-officer": {"to-do", "access", "disclosures"},
    "auditor": {"access"},
    "biller": set[str](),
    "payer-reviewer": set[str](),
}


def menu_of(desk: Desk) -> list[str]:
    """Where the doors behind ⋯ lead."""
    story = desk.page("/people/maria/story")
    _, _, rest = story.partition('<div class="menu"><a href="/people/maria/')
    return re.findall(r'href="([^"#]+)', 'href="/people/maria/' + rest.partition("</div>")[0]) if rest else []


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"volunteer", "ombudsman", "administrator"}))
def test_behind_the_dots_stands_no_door_that_is_shut(desk: Desk, role: str) -> None:
    as_role(desk, role)
    doors = menu_of(desk)
    answers = {door: desk.client.get(door).status_code for door in doors}
    # Asked for her second factor first, she is sent there: no door that is shut.
    assert set(answers.values()) <= {200, 302}, answers
    sends, looks, asks = (f"/people/maria/{name}" for name in ("disclose", "disclosures", "access"))
    gives_care = role in CARE_ROLES
    assert len(doors) >= 13 if gives_care else {door.rpartition("/")[2] for door in doors} == FEW[role]
    assert (sends in doors) == (gives_care or role in ("advocacy", "payer-manager"))
    assert (looks in doors) == (gives_care or role == "privacy-officer")
    assert (asks in doors) == (role not in ("biller", "payer-reviewer"))
    for door in {sends, looks, asks} - set(doors):
        desk.page(door, 403)
    assert gives_care == ("/people/maria/contact" in desk.page("/people/maria/story"))


@pytest.mark.parametrize("role", ["biller", "auditor"])
def test_what_a_role_may_not_see_at_all_stays_shut(desk: Desk, role: str) -> None:
    as_role(desk, role)
    for section in ("work", "plan", "assessments", "health", "consents", "portal"):
        desk.page(f"/people/maria/{section}", 403)


def test_a_privacy_officer_writes_a_consent_down_and_ends_it(desk: Desk) -> None:
    as_role(desk, "privacy-officer")
    assert "Where the paper is kept" not in desk.page(CONSENTS + "/new")
    desk.post(CONSENTS + "/new", DENIAL)
    page = desk.page(CONSENTS)
    assert "in force" in page
    (consent,) = re.findall(rf"{CONSENTS}/([^/\"]+)/end", page)
    ending = desk.page(f"{CONSENTS}/{consent}/end")
    assert "No open referral is with them" not in ending
    version = re.findall(r'name="version" value="(\d+)"', ending)[0]
    desk.post(f"{CONSENTS}/{consent}/end", {"version": version, "why": "asked for"})
    assert "in force" not in desk.page(CONSENTS)
    with store.open(desk.ward.scope, now=desk.clock()) as unit:
        assert unit.read("Consent", consent).resource["status"] == "inactive"


def test_a_biller_writes_no_consent(desk: Desk) -> None:
    as_role(desk, "biller")
    desk.post(CONSENTS + "/new", DENIAL, 403)
