"""What staff do for the family's door: contacts, letters, shares, papers, answers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from careloop.access import Scope
from careloop.accounts import sessions
from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Passkey, SignedIn
from careloop.actions import invite_portal
from careloop.care.representation import KINDS
from careloop.kernel.errors import Forbidden, NotFound
from careloop.web.share_words import AT_THE_DOOR, OURS, share_words
from tests.family.front import DAUGHTERS_PHONE, PHONE, Front, page, post
from tests.store.rows import details_of, rows

PORTAL = "/people/maria/portal"


@pytest.fixture
def ana(front: Front) -> Any:
    return staff(front, "coordinator")


def staff(front: Front, role: str, practitioner: str = "ana") -> Any:
    user = User.objects.create_user(
        f"{role}@example.org",
        "a quiet Monday morning",
        "Ana Reyes",
        roles=[role],
        sites=["bayview"],
        practitioner=practitioner,
    )
    browser = front.browser()
    browser.force_login(user)
    SignedIn.objects.filter(principal=user.principal_id).update(began=front.now, seen=front.now)
    return browser


def test_what_a_share_says_of_itself_is_told_in_the_readers_language(front: Front, ana: Any) -> None:
    assert set(KINDS.values()) | {AT_THE_DOOR} == OURS
    assert share_words("Elena said so") == "Elena said so"
    front.share("plan")
    ana.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    for address in ("/people/maria/story", "/people/maria/card"):
        shown = page(ana, address)
        assert "Elegido por la persona" in shown
        assert "Chosen by the person" not in shown
    ana.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert "Chosen by the person" in page(ana, "/people/maria/story")


def test_a_letter_is_shown_once_and_who_got_it_is_written_down(front: Front, ana: Any) -> None:
    assert "Handed to whom" in page(ana, PORTAL)
    assert "Say to whom" in post(ana, f"{PORTAL}/letter", {"how": " "}, 422)
    shown = post(ana, f"{PORTAL}/letter", {"how": "to herself, Texas ID"}, 200)
    code = re.search(r"[A-Z2-9]{4}(-[A-Z2-9]{4}){3}", shown)
    assert code
    assert code.group() not in page(ana, PORTAL)
    ((how, by),) = rows("select handed_how, made_by from accounts_familycode where kind = 'paper'")
    assert (how, by) == (
        "to herself, Texas ID",
        User.objects.get(email="coordinator@example.org").principal_id,
    )
    maria = front.browser()
    post(maria, "/my/sign-in/letter", {"code": code.group(), "year": "1959", "month": "3", "day": "2"})
    assert "Hola, Maria." in page(maria, "/my/maria")  # she speaks Spanish, and so does the account


def test_no_letter_for_a_relative_with_whom_nothing_is_shared(front: Front, ana: Any) -> None:
    said = post(ana, f"{PORTAL}/letter", {"reference": "RelatedPerson/lucia", "how": "to her"}, 422)
    assert "Nothing is shared" in said
    assert rows("select count(*) from accounts_familycode") == [(0,)]


def test_a_private_contact_is_confirmed_and_taken_back(front: Front, ana: Any) -> None:
    assert "area code" in post(ana, f"{PORTAL}/contact", {"contact": "maria", "how": "alone"}, 422)
    assert "how the person confirmed" in post(
        ana, f"{PORTAL}/contact", {"contact": "713 555 0148", "how": ""}, 422
    )
    post(ana, f"{PORTAL}/contact", {"contact": "713 555 0148", "how": "alone with me"})
    shown = page(ana, PORTAL)
    assert "(713) 555-0148" in shown
    assert "alone with me" in shown
    ((contact,),) = rows("select id from accounts_portalcontact")
    post(ana, f"{PORTAL}/contact/{contact}/end")
    assert "(713) 555-0148 ·" not in page(ana, PORTAL)


def test_shares_are_added_and_ended(front: Front, ana: Any) -> None:
    post(ana, f"{PORTAL}/add", {"who": "lucia", "kind": "chosen", "shares": ["plan"], "said": "at home"})
    shown = page(ana, PORTAL)
    assert "Sees the plan" in shown
    ((consent,),) = rows("select i.id from portal_shares s join ids i on i.rid = s.consent")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    page(lucia, "/my/maria/plan")
    post(ana, f"{PORTAL}/{consent}/end", {"why": "divorced"})
    page(lucia, "/my/maria/plan", 302)
    assert "Ended: divorced" in page(ana, PORTAL)


def test_an_agent_needs_a_paper_and_a_clinician(front: Front, ana: Any) -> None:
    agent = {"who": "lucia", "kind": "agent", "on_incapacity": "1"}
    assert "needs the paper" in post(ana, f"{PORTAL}/add", agent, 422)
    post(ana, f"{PORTAL}/add", {**agent, "title": "Medical power of attorney", "kept": "red folder"})
    shown = page(ana, PORTAL)
    assert "once a clinician documents incapacity" in shown
    assert "Document incapacity" not in shown
    consent = re.search(r"/portal/([\w-]+)/end", shown)
    assert consent
    told = {"title": "Letter of Dr. Chen", "kept": "scanned"}
    assert "Only a clinician" in post(ana, f"{PORTAL}/{consent[1]}/capacity", told, 422)
    chen = staff(front, "clinician", "ben")
    post(chen, f"{PORTAL}/{consent[1]}/capacity", told)
    assert "Sees the plan, visits, medicines" in page(chen, PORTAL)
    post(chen, f"{PORTAL}/{consent[1]}/capacity", {"can": "again"})
    assert "once a clinician documents incapacity" in page(chen, PORTAL)


def test_a_question_is_answered_from_today(front: Front, ana: Any) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    post(maria, "/my/maria/wrong", {"text": "What is this pill for?"})
    ((task,),) = rows("select task_id from work where kind = 'family-question'")
    assert f"/work/{task}/answer" in page(ana, "/today")
    assert "What is this pill for?" in page(ana, f"/work/{task}/answer")
    assert "Write the answer" in post(ana, f"/work/{task}/answer", {"text": ""}, 422)
    post(ana, f"/work/{task}/answer", {"text": "It takes water out of your legs."})
    assert "It takes water out of your legs." in page(maria, "/my/maria")
    page(ana, "/work/step/answer", 404)


# --- whoever brings somebody to the door could become that person


@pytest.mark.parametrize("role", ["biller", "auditor", "privacy-officer", "advocacy", "payer-manager"])
def test_who_does_not_give_care_opens_and_closes_no_way_to_her_page(front: Front, role: str) -> None:
    account = front.account("Patient/maria", "Maria", PHONE)
    other = staff(front, role, "")
    own = {"contact": "713 555 0177", "how": "she said so"}
    for address, typed in (
        (f"{PORTAL}/contact", own),
        (f"{PORTAL}/contact", {**own, "reference": "RelatedPerson/lucia"}),
        (f"{PORTAL}/letter", {"how": "to herself"}),
        (f"{PORTAL}/contact/{account.contacts.get().pk}/end", {}),
    ):
        assert other.post(address, typed).status_code in (403, 404), address
    assert rows("select value, ended_at from accounts_portalcontact") == [(PHONE, None)]
    assert rows("select count(*) from accounts_familycode") == [(0,)]
    assert rows("select count(*) from alerts") == [(0,)]
    if role != "payer-manager":  # who has no members here reads nobody
        told = str([details_of(detail) for (detail,) in rows("select detail from audit") if detail])
        assert "denied a way into a person's pages" in told


def test_an_app_of_a_coordinator_and_a_program_are_refused(front: Front) -> None:
    for actor in (replace(front.staff.actor, app=5), replace(front.staff.actor, kind="client")):
        with pytest.raises((invite_portal.CareTeamOnly, NotFound, Forbidden)):
            invite_portal.letter(Scope(actor, "page", "coordination"), "Patient/maria", "her", front.now)
    assert rows("select count(*) from accounts_familycode") == [(0,)]


def test_contacts_and_letters_need_a_fresh_second_factor(front: Front, ana: Any) -> None:
    SignedIn.objects.update(proved_at=front.now - timedelta(minutes=11))
    shown = page(ana, PORTAL)
    assert "Show that it is you" in shown
    assert "Handed to whom" not in shown
    for address in ("contact", "letter", "contact/1/end"):
        answer = ana.post(f"{PORTAL}/{address}", {"contact": "713 555 0148", "how": "alone"})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/prove")
    assert rows("select count(*) from accounts_portalcontact") == [(0,)]
    assert rows("select count(*) from accounts_familycode") == [(0,)]


def test_the_privacy_officer_reads_of_each_contact_and_letter(front: Front, ana: Any) -> None:
    post(ana, f"{PORTAL}/contact", {"contact": "713 555 0148", "how": "alone with me"})
    post(ana, f"{PORTAL}/letter", {"how": "to herself, Texas ID"}, 200)
    front.clock.move(seconds=1)
    post(ana, f"{PORTAL}/letter", {"how": "to herself again"}, 200)
    post(ana, f"{PORTAL}/letter", {"how": ""}, 422)
    assert rows("select kind, count(*) from alerts group by kind") == [("portal-access", 3)]
    shown = page(staff(front, "privacy-officer", ""), "/audit/alerts")
    assert "A way into the person’s own pages" in shown
    assert "A letter with a code for the person’s pages was handed out." in shown


def test_somebody_else_s_phone_is_no_alert_and_no_contact(front: Front, ana: Any) -> None:
    front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE)
    post(ana, f"{PORTAL}/contact", {"contact": DAUGHTERS_PHONE, "how": "alone"}, 422)
    assert rows("select count(*) from alerts") == [(0,)]
    assert rows("select count(*) from accounts_portalcontact") == [(1,)]


def test_nothing_is_left_behind_when_it_can_t_be_written_down(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the trail is full")

    monkeypatch.setattr(invite_portal, "raise_alert", fails)
    with pytest.raises(RuntimeError):
        invite_portal.letter(front.staff, "Patient/maria", "to herself", front.now)
    with pytest.raises(RuntimeError):
        invite_portal.confirm_contact(front.staff, "Patient/maria", PHONE, "alone", front.now)
    assert rows("select count(*) from accounts_familycode") == [(0,)]
    assert rows("select count(*) from accounts_portalcontact") == [(0,)]


def test_who_used_a_contact_is_out_when_it_ends(front: Front, ana: Any) -> None:
    account = front.account("Patient/maria", "Maria", PHONE)
    maria = front.signed_in(account)
    Passkey.objects.create(
        principal_id=account.principal_id,
        name="x",
        credential="x",
        public=b"",
        handle="x",
        added_at=front.now,
    )
    granted = front.now
    front.clock.move(seconds=1)
    post(ana, f"{PORTAL}/contact/{account.contacts.get().pk}/end")
    page(maria, "/my/maria", 302)
    assert sessions.is_void(account.principal_id, granted)
    assert not Passkey.objects.filter(principal=account.principal_id).exists()


def test_nobody_of_another_site_and_no_administrator_sees_who_may_see(front: Front) -> None:
    other = staff(front, "supervisor")
    User.objects.filter(email="supervisor@example.org").update(sites=["queens"], practitioner="")
    page(other, PORTAL, 404)
    admin = staff(front, "administrator", "")
    assert admin.get(PORTAL).status_code in (403, 404)
    assert admin.post(f"{PORTAL}/letter", {"how": "to me"}).status_code in (403, 404, 422)
    assert rows("select count(*) from accounts_familycode") == [(0,)]
