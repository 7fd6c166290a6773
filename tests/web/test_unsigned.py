"""Notes that their author never signed: a supervisor reads them after a day, signs in her place or hands them back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from careloop.accounts.models import User
from careloop.actions import unsigned_notes
from careloop.actions.sign_note import text_of_note
from careloop.store import drafts
from tests.projections import builders as b
from tests.projections.ward import HOUSE
from tests.store.rows import details_of, one, rows
from tests.web.desk import PASSWORD, Desk, at_the_desk

TALK = {"outcome": "reached", "minutes": "12", "channel": "phone", "note": "Has all her pills.", "sign": "0"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def supervisor(sites: tuple[str, ...] = ("bayview",), roles: tuple[str, ...] = ("supervisor",)) -> User:
    return User.objects.create_user(
        "ben@example.org",
        PASSWORD,
        "Ben Osei",
        roles=list(roles),
        sites=list(sites),
        practitioner="ben",
        zone="America/Chicago",
    )


def left_unsigned(desk: Desk, days: int = 1) -> int:
    """A call is on record, its note unsigned."""
    desk.post("/work/call/contact", {**TALK, "version": "1"})
    desk.later(days=days)
    return int(one("select id from drafts where starts_with(form, 'note:')"))


def test_an_old_unsigned_note_is_signed_in_place_of_its_author(desk: Desk) -> None:
    draft = left_unsigned(desk)
    User.objects.filter(pk=desk.user.pk).update(is_active=False)
    desk.client.force_login(supervisor())
    page = desk.page("/review")
    assert "Notes that nobody signed" in page
    assert "A note by Ana Reyes" in page
    assert "Has all her pills" not in page
    page = desk.page(f"/review/notes/{draft}")
    assert "Has all her pills." in page
    assert "Ana Reyes can’t sign it any more." in page
    assert "Hand it back" not in page
    desk.post(f"/review/notes/{draft}", {"act": "sign", "because": " "}, 422)
    assert "hand it back" not in desk.post(f"/review/notes/{draft}", {"act": "back", "because": "x"}, 422)
    answer = desk.client.post(f"/review/notes/{draft}", {"act": "sign", "because": "she left us"})
    signed = str(answer["Location"]).removeprefix("/notes/")
    with desk.ward.open(HOUSE.actor) as unit:
        note = unit.read("DocumentReference", signed).resource
        (stamp,) = unit.search("Provenance", {"target": f"DocumentReference/{signed}"}).entries
    assert text_of_note(note) == (
        "Has all her pills.\n\nWritten by Ana Reyes, signed by Ben Osei because: she left us"
    )
    assert note["author"][0]["reference"] == "Practitioner/ana"
    assert note["authenticator"]["reference"] == "Practitioner/ben"
    assert note["context"]["encounter"][0]["reference"].startswith("Encounter/")
    assert stamp.resource["signature"][0]["who"]["reference"] == "Practitioner/ben"
    assert stamp.resource["reason"] == [{"text": "she left us"}]
    assert "Written by Ana Reyes, signed by Ben Osei" in desk.page(f"/notes/{signed}")
    assert rows("select form from drafts") == []
    desk.page(f"/review/notes/{draft}", 404)
    assert "Notes that nobody signed" not in desk.page("/review")


def test_reading_it_is_in_the_audit_trail(desk: Desk) -> None:
    draft = left_unsigned(desk)
    user = supervisor()
    desk.client.force_login(user)
    desk.page(f"/review/notes/{draft}")
    seen = rows("select detail from audit where actor = %s and people is not null", user.principal_id)
    assert f"unsigned note {draft}" in str([details_of(detail) for (detail,) in seen])


def test_handed_back_it_stands_with_its_author_and_comes_again_after_a_day(desk: Desk) -> None:
    draft = left_unsigned(desk)
    user = supervisor()
    desk.client.force_login(user)
    page = desk.post(f"/review/notes/{draft}", {"act": "back", "because": ""}, 422)
    assert "Hand it back to Ana Reyes" in page
    desk.post(f"/review/notes/{draft}", {"act": "back", "because": "Say whether Lucía knows"})
    assert "Notes that nobody signed" not in desk.page("/review")
    desk.page(f"/review/notes/{draft}", 404)
    desk.client.force_login(desk.user)
    assert "1 note waits for your signature" in desk.page("/today")
    page = desk.page(f"/notes/draft/{draft}")
    assert "Ben Osei asks you to sign it or finish it: Say whether Lucía knows" in re.sub("</?b>", "", page)
    assert desk.client.post(f"/notes/draft/{draft}/keep", {"text": "Lucía knows."}).status_code == 200
    assert "Say whether Lucía knows" in desk.page(f"/notes/draft/{draft}")
    desk.later(days=1)
    desk.client.force_login(user)
    assert "Lucía knows." in desk.page(f"/review/notes/{draft}")


def test_before_a_day_it_is_its_authors_alone(desk: Desk) -> None:
    draft = left_unsigned(desk, days=0)
    desk.later(hours=23)
    desk.client.force_login(supervisor())
    assert "Notes that nobody signed" not in desk.page("/review")
    desk.page(f"/review/notes/{draft}", 404)
    desk.post(f"/review/notes/{draft}", {"act": "sign", "because": "x"}, 404)


@pytest.mark.parametrize(
    ("sites", "roles"),
    [(("queens",), ("supervisor",)), (("bayview",), ("coordinator",)), ((), ("supervisor",))],
)
def test_nobody_else_sees_it(desk: Desk, sites: tuple[str, ...], roles: tuple[str, ...]) -> None:
    draft = left_unsigned(desk, days=2)
    desk.client.force_login(supervisor(sites, roles))
    assert "Notes that nobody signed" not in desk.page("/review")
    desk.page(f"/review/notes/{draft}", 404)
    desk.post(f"/review/notes/{draft}", {"act": "sign", "because": "x"}, 404)
    desk.page(f"/notes/draft/{draft}", 404)


def test_of_somebody_who_moved_it_is_with_the_supervisor_of_the_new_site(desk: Desk) -> None:
    cora = User.objects.create_user(
        "cora@example.org",
        PASSWORD,
        "Cora Lind",
        roles=["coordinator"],
        sites=["bayview"],
        practitioner="cora",
    )
    desk.client.force_login(cora)
    draft = left_unsigned(desk)  # Cora's, who does not lead her care
    desk.ward.has(b.patient("maria", "Maria", "Duarte", "queens"))
    desk.client.force_login(cora)
    desk.page(f"/notes/draft/{draft}", 404)
    desk.client.force_login(supervisor(("queens",)))
    assert "Cora Lind can’t sign it any more." in desk.page(f"/review/notes/{draft}")


def test_a_call_without_a_word_is_closed_too(desk: Desk) -> None:
    desk.post("/work/call/contact", {**TALK, "note": "", "version": "1"})
    desk.later(days=1)
    draft = int(one("select id from drafts"))
    desk.client.force_login(supervisor())
    assert "Nothing was written. Only the contact is on record." in desk.page(f"/review/notes/{draft}")
    answer = desk.client.post(f"/review/notes/{draft}", {"act": "sign", "because": "on leave"})
    assert unsigned_notes.NOTHING_WRITTEN in desk.page(str(answer["Location"]))


def test_her_own_unsigned_notes_are_on_her_today_not_in_review(desk: Desk) -> None:
    User.objects.filter(pk=desk.user.pk).update(roles=["supervisor"])
    left_unsigned(desk)
    desk.client.force_login(User.objects.get(pk=desk.user.pk))
    assert "1 note waits for your signature" in desk.page("/today")
    assert "Notes that nobody signed" not in desk.page("/review")
    with desk.ward.open(HOUSE.actor) as unit:
        assert drafts.listed(unit) == []
