"""What each share shows, and what it does not: every share against every page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from careloop.access.shares import SHARES
from careloop.accounts.family_models import PortalIdentity
from careloop.actions.end_share import end_share
from careloop.care.representation import PARTS
from careloop.web.family import urls as family_urls
from tests.family.front import Front, page, post

# page -> the share behind it, and a word of it. Pages of the person alone have no share.
PAGES = {
    "plan": ("plan", "Weigh each morning"),
    "medicines": ("medications", "Furosemide"),
    "visits": ("visits", "Dr. Ben Osei"),
    "results": ("results", "71 kg"),
    "insurance": ("coverage", "Original Medicare"),
    "letters": ("messages", "new pills are at the pharmacy"),
}
HERS_ALONE = ("helpers", "helpers/add", "looked", "choices", "apps")
NEVER = ("Not for the family", "Call her now")


def test_every_part_that_can_be_shared_has_a_page_and_a_rule() -> None:
    assert {share for share, _ in PAGES.values()} == set(PARTS) == set(SHARES) - {"all"}


def test_every_door_of_the_family_names_its_rule() -> None:
    for found in family_urls.urlpatterns:
        assert getattr(found.callback, "rule", "").startswith(("family", "public")), found.name


@pytest.mark.parametrize("given", PARTS)
def test_a_daughter_sees_what_was_shared_and_nothing_else(front: Front, given: str) -> None:
    front.share(given)
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    home = page(lucia, "/my/maria")
    for address, (share, said) in PAGES.items():
        if share == given:
            assert said in page(lucia, f"/my/maria/{address}"), address
        else:
            assert said not in page(lucia, f"/my/maria/{address}", 404)
    for address in HERS_ALONE:
        page(lucia, f"/my/maria/{address}", 404)
    shown = home + page(lucia, "/my", 302)
    others = [said for share, said in PAGES.values() if share != given]
    assert not [said for said in (*others, *NEVER) if said in shown]


def test_she_sees_all_of_her_own_pages_and_no_work_of_the_staff(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    home = page(maria, "/my/maria")
    assert "Hello, Maria." in home
    assert "Next: Dr. Ben Osei" in home
    assert "Bring all your pills." in home
    assert "Weigh each morning" in home
    everything = home + "".join(page(maria, f"/my/maria/{address}") for address in PAGES)
    assert all(said in everything for _, said in PAGES.values())
    assert not [said for said in NEVER if said in everything]


def test_somebody_else_s_page_looks_like_one_that_is_not_there(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    walter, nobody = page(maria, "/my/walter", 404), page(maria, "/my/nobody", 404)
    assert "Walter" not in walter
    assert _bare(walter) == _bare(nobody)


def _bare(text: str) -> str:
    """Without what differs with each answer: form tokens, the number to quote, the address asked for."""
    return re.sub(r'value="[^"]*"|this number: \w+', "", text)


def test_nobody_signed_in_is_sent_to_the_door(front: Front) -> None:
    for address in ("/my", "/my/maria", "/my/maria/plan"):
        answer = front.browser().get(address)
        assert (answer.status_code, answer["Location"]) == (302, "/my/sign-in")


def test_what_was_ended_is_over_with_the_next_click_and_so_is_the_session(front: Front) -> None:
    made = front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    assert "Weigh" in page(lucia, "/my/maria/plan")
    end_share(front.staff, made.id, "divorced", front.now)
    assert "Weigh" not in page(lucia, "/my/maria/plan", 302)  # to the door
    again = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    assert "Nothing is shared with you now" in page(again, "/my")
    page(again, "/my/maria", 404)
    page(again, "/my/maria/plan", 404)


def test_a_share_with_an_end_is_over_by_the_clock(front: Front) -> None:
    front.share("plan", until=front.now + timedelta(minutes=5))
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    page(lucia, "/my/maria/plan")
    front.clock.move(minutes=5)
    page(lucia, "/my/maria/plan", 404)


def test_who_helps_several_people_picks_one_and_her_name_stays_in_view(front: Front) -> None:
    front.share("plan")
    account = front.account("RelatedPerson/lucia", "Lucía")
    PortalIdentity.objects.create(account=account, reference="Patient/walter")
    lucia = front.signed_in(account)
    chosen = page(lucia, "/my")
    assert "Whose page?" in chosen
    assert "Maria Duarte" in chosen
    assert "Walter Nguyen" in chosen
    assert "Maria Duarte’s page" in page(lucia, "/my/maria/plan")


def test_a_page_of_staff_is_no_page_for_her(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    answer = maria.get("/people/maria/story")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in")
    assert maria.get("/today").status_code == 302


def test_no_page_is_kept_by_the_browser(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "no-store" in maria.get("/my/maria/medicines")["Cache-Control"]


def test_leaving_ends_the_session_and_shows_nothing(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    post(maria, "/my/leave")
    away = page(maria, "/away")
    assert "Careloop" not in away
    assert "Maria" not in away
    page(maria, "/my/maria", 302)
