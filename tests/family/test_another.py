"""One sign-in for the daughter of two people: joined by her, with both proofs, and with nothing of one on the other's
pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from careloop.accounts import family_codes
from careloop.accounts.family_models import PortalAccount
from careloop.actions.end_share import end_share
from careloop.actions.share_portal import share
from careloop.fhir.elements import codeable, ref
from careloop.store import Stored
from tests.family.front import DAUGHTERS_PHONE, PHONE, Front, page, post
from tests.projections.ward import HOUSE
from tests.store.rows import details_of, rows

BORN = {"year": "1959", "month": "3", "day": "2"}
PAGES = ("", "/plan", "/medicines", "/visits", "/results", "/letters", "/helpers", "/questions")


def walters(front: Front, *shares: str) -> Stored:
    """Walter's side: the same daughter under another name, a pill of his, and what he shares."""
    walter = ref("Patient/walter")
    front.ward.has(
        {
            "resourceType": "RelatedPerson",
            "id": "lucy",
            "active": True,
            "patient": walter,
            "birthDate": "1959-03-02",
            "relationship": [
                codeable("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "CHILD", "daughter")
            ],
            "name": [{"given": ["Lucy"], "family": "Nguyen"}],
        },
        {
            "resourceType": "MedicationRequest",
            "id": "walters-pill",
            "status": "active",
            "intent": "order",
            "subject": walter,
            "medicationCodeableConcept": {"text": "Warfarin 5 mg"},
        },
    )
    return share(HOUSE, "walter", "lucy", shares, front.now, said="on the porch")


def trail() -> list[str]:
    return [each[1] for (detail,) in rows("select detail from audit") for each in details_of(detail)]


def letter_for(front: Front, account: PortalAccount) -> dict[str, str]:
    return {"code": family_codes.issue_paper(account, 1, "in a test", front.now), **BORN}


@pytest.fixture
def two(front: Front) -> tuple[Client, PortalAccount]:
    """Lucía, signed in for Maria's plan; and her invitation to Walter's medicines."""
    front.share("plan")
    walters(front, "medications")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE))
    return lucia, front.account("RelatedPerson/lucy", "Lucy", "+17135550151")


def test_she_adds_the_second_page_and_picks(front: Front, two: tuple[Client, PortalAccount]) -> None:
    lucia, other = two
    assert "/my/account/another" in page(lucia, "/my/account/sign-in")
    assert "Add another person’s page" in page(lucia, "/my/account/another")
    post(lucia, "/my/account/another", letter_for(front, other))
    chosen = page(lucia, "/my")
    assert "Maria Duarte" in chosen
    assert "Walter Nguyen" in chosen
    assert "Weigh each morning" in page(lucia, "/my/maria/plan")
    assert "Warfarin" in page(lucia, "/my/walter/medicines")
    both = page(lucia, "/my/account/sign-in")
    assert "555-0149" in both
    assert "555-0151" in both
    assert trail().count("another invitation added to a sign-in") == 1


def test_what_one_shares_is_never_on_the_other_s_page(
    front: Front, two: tuple[Client, PortalAccount]
) -> None:
    lucia, other = two
    post(lucia, "/my/account/another", letter_for(front, other))
    page(lucia, "/my/maria/medicines", 404)
    page(lucia, "/my/walter/plan", 404)
    for each in PAGES:
        of_maria, of_walter = (lucia.get(f"/my/{person}{each}") for person in ("maria", "walter"))
        assert b"Warfarin" not in of_maria.content
        assert b"Walter" not in of_maria.content
        assert not any(
            word in of_walter.content for word in (b"Weigh", b"Furosemide", b"Maria", b"two blocks")
        )
    assert b"Warfarin" in lucia.get("/my/walter/medicines").content


def test_a_share_that_ends_takes_its_own_page_alone(front: Front) -> None:
    front.share("plan")
    given = walters(front, "medications")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    post(lucia, "/my/account/another", letter_for(front, front.account("RelatedPerson/lucy", "Lucy")))
    end_share(HOUSE, given.id, "she asked", front.now)
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    page(lucia, "/my/walter/medicines", 404)
    page(lucia, "/my/maria/plan")


def test_the_other_sign_in_is_over(front: Front, two: tuple[Client, PortalAccount]) -> None:
    lucia, other = two
    before = front.signed_in(other)
    page(before, "/my/walter/medicines")
    post(lucia, "/my/account/another", letter_for(front, other))
    page(before, "/my/walter/medicines", 302)
    found = rows("select is_active from accounts_portalaccount order by id")
    assert found == [(True,), (False,)]


def refused(front: Front, client: Client, typed: dict[str, Any]) -> None:
    said = post(client, "/my/account/another", typed, 422)
    assert "don’t go together" in said
    page(client, "/my/walter/medicines", 404)


def test_neither_half_of_the_proof_is_enough(front: Front, two: tuple[Client, PortalAccount]) -> None:
    lucia, other = two
    typed = letter_for(front, other)
    refused(front, lucia, {**typed, "year": "1960"})
    refused(front, lucia, {**typed, "code": "2222-2222-2222-2222"})
    assert trail().count("denied another invitation") == 2


def test_a_letter_to_somebody_s_own_record_is_never_joined(
    front: Front, two: tuple[Client, PortalAccount]
) -> None:
    lucia, _ = two
    maria = front.account("Patient/maria", "Maria", PHONE)
    refused(front, lucia, letter_for(front, maria))
    page(lucia, "/my/maria/medicines", 404)
    assert rows("select count(*) from accounts_portalaccount where is_active") == [(3,)]


def test_the_same_name_and_birth_date_join_nothing(front: Front, two: tuple[Client, PortalAccount]) -> None:
    lucia, _ = two
    page(lucia, "/my/walter/medicines", 404)
    assert "Walter" not in page(lucia, "/my/maria/plan")


def test_a_page_left_open_takes_no_invitation(front: Front, two: tuple[Client, PortalAccount]) -> None:
    lucia, other = two
    typed = letter_for(front, other)
    front.clock.move(seconds=timedelta(minutes=11).total_seconds())
    answer = lucia.post("/my/account/another", typed)
    assert answer["Location"] == "/my/account/sign-in"
    assert "sign out and sign in again first" in page(lucia, "/my/account/sign-in")
    page(lucia, "/my/walter/medicines", 404)
