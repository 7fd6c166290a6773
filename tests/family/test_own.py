"""What the person alone sees: who looked, what was sent, what she agreed to, which apps, where she is signed in."""

from __future__ import annotations

from careloop import projections, store
from careloop.fhir.elements import codeable, fhir_instant, ref
from careloop.store import audit
from tests.family.front import Front, page, post
from tests.projections.ward import HOUSE


def test_who_looked_stands_there_by_name_and_role_and_her_own_looks_do_not(front: Front) -> None:
    with front.ward.open() as unit:
        unit.read("Patient", "maria")
    front.share("plan")
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    page(maria, "/my/maria")
    page(lucia, "/my/maria/plan")
    digest()
    shown = page(maria, "/my/maria/looked")
    assert "somebody with whom you share your pages" in shown
    assert shown.count("<li>") == 1  # neither her own looks nor Careloop's
    assert "Lucía" in shown
    page(lucia, "/my/maria/looked", 404)


def digest() -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        audit.digest_people(cursor)


def test_what_was_sent_is_a_paper_to_keep(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    answer = maria.get("/my/maria/looked/sent.pdf")
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")
    assert "Maria" not in answer["Content-Disposition"]


def test_she_takes_back_what_she_agreed_to(front: Front) -> None:
    with store.open(HOUSE, now=front.now, projectors=projections.ALL) as unit:
        unit.create_named(
            {
                "resourceType": "Consent",
                "id": "told",
                "status": "active",
                "scope": codeable("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
                "category": [codeable("http://loinc.org", "59284-0")],
                "patient": ref("Patient/maria"),
                "dateTime": fhir_instant(front.now),
                "policyRule": {"text": "My food pantry may see my plan."},
                "provision": {
                    "type": "permit",
                    "actor": [{"role": {"text": "x"}, "reference": ref("Organization/queens")}],
                },
            }
        )
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    shown = page(maria, "/my/maria/choices")
    assert "My food pantry may see my plan." in shown
    assert "with: Queens" in shown
    assert "Should it no longer be shared?" in page(maria, "/my/maria/choices/told/end")
    post(maria, "/my/maria/choices/told/end")
    assert "My food pantry" not in page(maria, "/my/maria/choices")
    page(maria, "/my/maria/choices/told/end", 404)


def test_no_app_sees_her_record_yet(front: Front) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "No app sees your record" in page(maria, "/my/maria/apps")
    post(maria, "/my/maria/apps/nothing/end", status=404)


def test_she_signs_out_everywhere_else(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    one, other = front.signed_in(account), front.signed_in(account)
    assert "this device" in page(one, "/my/account/sign-in")
    post(one, "/my/account/elsewhere")
    page(other, "/my/maria", 302)
    page(one, "/my/maria")


def test_a_language_stays_with_the_account(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    maria = front.signed_in(account)
    post(maria, "/my/language", {"language": "es", "next": "https://elsewhere.example/"})
    account.refresh_from_db()
    assert account.language == "es"
    assert 'lang="es"' in page(maria, "/my/maria")
