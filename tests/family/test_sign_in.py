"""Coming in at the family's door, and the ways in which one does not."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections

from careloop.accounts import attempts, family_codes, sealing
from careloop.accounts.family_accounts import ContactTaken, close, confirm_contact, end_contact
from careloop.accounts.family_codes import TooManyTries, issue_paper, paper_of, take_paper, where
from careloop.accounts.family_models import FamilyCode
from careloop.accounts.models import User
from careloop.care.safe_contact import Rules, to_flag
from careloop.fhir.elements import fhir_instant
from careloop.jobs import portal_codes
from tests.family.front import DAUGHTERS_PHONE, PHONE, Front, page, post
from tests.store.rows import details_of, rows

SAME_WORDS = "If that phone or e-mail is on our list as private"
BIRTH = {"year": "1959", "month": "3", "day": "2"}


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELOOP_CODES", "file")


def sent_to(front: Front, phone: str = PHONE) -> str:
    """The newest code that left for this phone, as whoever holds it reads it; empty when none did."""
    from django.conf import settings

    path = settings.HOME / "codes.txt"
    path.unlink(missing_ok=True)
    portal_codes.run(front.now)
    found = re.findall(
        rf"{re.escape(phone)}: \D*(\d{{4}} \d{{4}})", path.read_text() if path.exists() else ""
    )
    path.unlink(missing_ok=True)
    return found[-1] if found else ""


def ask(front: Front, contact: str = PHONE) -> Any:
    browser = front.browser()
    post(browser, "/my/sign-in", {"contact": contact})
    return browser


def test_a_code_to_her_private_phone_lets_her_in_once(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    browser = ask(front, "(713) 555-0148")
    assert SAME_WORDS in page(browser, "/my/sign-in/code")
    code = sent_to(front)
    post(browser, "/my/sign-in/code", {"code": code})
    assert "Hello, Maria." in page(browser, "/my/maria")
    assert "does not work" in post(ask_with_code(front), "/my/sign-in/code", {"code": code}, 422)


def ask_with_code(front: Front) -> Any:
    """Another browser that says it asked for the same contact, without a new code being sent."""
    other = front.browser()
    other.get("/my/sign-in")
    session = other.session
    session["family-asked"] = where(PHONE).digest
    session.save()
    other.cookies["sessionid"] = session.session_key
    return other


def test_an_unknown_phone_hears_the_same_words_and_gets_nothing(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    known, unknown = ask(front), ask(front, "713 555 0199")
    assert _bare(page(known, "/my/sign-in/code")) == _bare(page(unknown, "/my/sign-in/code"))
    assert sent_to(front, "+17135550199") == ""
    wrong = [post(each, "/my/sign-in/code", {"code": "12345678"}, 422) for each in (known, unknown)]
    assert _bare(wrong[0]) == _bare(wrong[1])


def work_of(front: Front, contact: str) -> list[str]:
    """Each statement, hash and sealing that asking costs, in their order and without their values."""
    browser = front.browser()
    page(browser, "/my/sign-in")
    done: list[str] = []

    def counted(name: str, does: Any) -> Any:
        def run(*given: Any, **more: Any) -> Any:
            said = re.sub(r"\d+", "#", str(given[1])) if name == "statement" else name
            if said != "select #":  # whether the connection is alive: asked by the clock, not by who it is
                done.append(said)
            return does(*given, **more)

        return run

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", counted("statement", psycopg.Cursor.execute))
        patched.setattr(sealing, "seal", counted("sealed", sealing.seal))
        patched.setattr(family_codes, "_hash", counted("hashed", family_codes._hash))
        post(browser, "/my/sign-in", {"contact": contact})
    return done


def test_known_and_unknown_are_the_same_work_to_the_statement(front: Front, sending: None) -> None:
    """Not by the clock: by what is asked of the database, which hashes, and what is left to be done later."""
    front.account("Patient/maria", "Maria", PHONE)
    flag = to_flag(Rules(refused=frozenset({"text"})), "Patient/walter", fhir_instant(front.now))
    front.ward.has(flag | {"id": "quiet"})
    front.account("Patient/walter", "Walter", "+17135550150")
    work_of(front, "713 555 0190")  # what is looked up once a process
    known, unknown = work_of(front, PHONE), work_of(front, "713 555 0199")
    refused, ended = work_of(front, "713 555 0150"), work_of(front, "nobody@example.org")
    assert {"sealed", "hashed"} <= set(known)
    assert len(known) > 12
    assert known == unknown == refused == ended
    assert rows("select kind, dest, person, count(*) from outbox group by 1, 2, 3") == [
        ("portal-asked", "", 0, 5)
    ]
    sizes = rows("select distinct length(payload) from outbox")
    assert len(sizes) <= 2, "an address is longer than a number, whoever has it"
    assert sent_to(front)
    assert rows("select count(*) from outbox where kind = 'portal-code'") == [(1,)]


def test_a_contact_that_ends_before_its_code_goes_gets_none(front: Front, sending: None) -> None:
    account = front.account("Patient/maria", "Maria", PHONE)
    ask(front)
    account.contacts.update(ended_at=front.now)
    assert sent_to(front) == ""


def _bare(text: str) -> str:
    return re.sub(r'value="[^"]*"', "", text)


@pytest.mark.parametrize("late", [timedelta(minutes=10), timedelta(days=1)])
def test_a_code_is_over_after_ten_minutes(front: Front, sending: None, late: timedelta) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    browser, code = ask(front), sent_to(front)
    front.clock.move(seconds=late.total_seconds())
    post(browser, "/my/sign-in/code", {"code": code}, 422)


def test_only_the_newest_code_works_and_not_after_five_wrong_ones(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    first_browser, first = ask(front), sent_to(front)
    front.clock.move(seconds=1)
    browser, code = ask(front), sent_to(front)
    post(first_browser, "/my/sign-in/code", {"code": first}, 422)
    for _ in range(4):
        post(browser, "/my/sign-in/code", {"code": "00000000"}, 422)
    post(browser, "/my/sign-in/code", {"code": code}, 422)


def test_no_phone_is_rung_all_night(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    codes = []
    for _ in range(7):
        ask(front)
        codes.append(sent_to(front))
        front.clock.move(minutes=1)
    assert [bool(code) for code in codes] == [True] * 5 + [False] * 2
    assert rows("select count(*) from accounts_familycode") == [(5,)]


def test_nothing_is_sent_where_she_asked_not_to_be_reached(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    flag = to_flag(Rules(refused=frozenset({"text"})), "Patient/maria", fhir_instant(front.now)) | {
        "id": "flag"
    }
    front.ward.has(flag)
    assert SAME_WORDS in page(ask(front), "/my/sign-in/code")
    assert sent_to(front) == ""


def test_a_contact_that_was_ended_gets_nothing_and_its_code_dies(front: Front, sending: None) -> None:
    account = front.account("Patient/maria", "Maria", PHONE)
    browser, code = ask(front), sent_to(front)
    assert end_contact(account, account.contacts.get().pk, front.now)
    post(browser, "/my/sign-in/code", {"code": code}, 422)
    ask(front)
    assert sent_to(front) == ""


def test_a_private_contact_belongs_to_one_person(front: Front) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    lucia = front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE)
    with pytest.raises(ContactTaken):
        confirm_contact(lucia, where("713-555-0148"), "she says so", 1, front.now)


def test_codes_lie_hashed_and_sealed(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    ask(front)
    (kept,) = rows("select code_hash from accounts_familycode")
    (asked,) = rows("select convert_from(payload, 'UTF8') from outbox")
    code = sent_to(front).replace(" ", "")
    (payload,) = rows("select convert_from(payload, 'UTF8') from outbox where kind = 'portal-code'")
    assert len(code) == 8
    assert code not in payload[0] + asked[0]
    assert PHONE[2:] not in asked[0]
    assert code not in kept[0]


def test_without_a_way_to_send_the_door_offers_letters_alone(front: Front) -> None:
    door = page(front.browser(), "/my/sign-in")
    assert "Send me a code" not in door
    assert "I have a letter with a code" in door


def test_who_merely_knows_her_phone_can_t_keep_her_out_of_a_device_she_was_in_on(
    front: Front, sending: None
) -> None:
    account = front.account("Patient/maria", "Maria", PHONE)
    own = front.signed_in(account)
    post(own, "/my/sign-out")
    post(own, "/my/sign-in", {"contact": PHONE})
    code = sent_to(front)
    for _ in range(6):
        stranger = ask(front)
        for _ in range(3):
            post_any(stranger, "00000000")
        front.clock.move(seconds=1)
    sent_to(front)
    assert post_any(stranger, "00000000")[0] == 429  # and what a stranger does is bounded as ever
    post(own, "/my/sign-in/code", {"code": code})
    assert "Hello, Maria." in page(own, "/my/maria")


def test_a_device_of_somebody_else_is_no_known_one(front: Front) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    front.signed_in(front.account("RelatedPerson/lucia", "Lucía", DAUGHTERS_PHONE))
    ((device,),) = rows("select device_hash from accounts_signedin")
    assert family_codes.slot(where(PHONE), device) == where(PHONE).digest
    assert family_codes.slot(where(DAUGHTERS_PHONE), device) != where(DAUGHTERS_PHONE).digest
    assert family_codes.slot(where(DAUGHTERS_PHONE), "") == where(DAUGHTERS_PHONE).digest


def test_tries_count_by_the_visitor_s_address_not_by_the_proxy_s(
    front: Front, sending: None, settings: Any
) -> None:
    """Sixty of one visitor wait; another one behind the same proxy does not, and who gets in gives hers back."""
    settings.PROXIES = 1
    account = front.account("Patient/maria", "Maria", PHONE)
    for _ in range(60):
        attempts.failed("family-code-from:203.0.113.7", front.now, attempts.ADDRESS)
    typed = {"code": issue_paper(account, 1, "in person", front.now), **BIRTH}
    said = front.browser().post("/my/sign-in/letter", typed, headers={"X-Forwarded-For": "203.0.113.7"})
    assert said.status_code == 429
    other = front.browser()
    other.post("/my/sign-in", {"contact": PHONE}, headers={"X-Forwarded-For": "203.0.113.8"})
    assert rows("select failures from accounts_signinfailures where failures = 1") == [(1,)]
    right = {"code": sent_to(front)}
    said = other.post("/my/sign-in/code", right, headers={"X-Forwarded-For": "203.0.113.8"})
    assert said.status_code == 302
    assert rows("select failures from accounts_signinfailures order by 1") == [(0,), (0,), (60,)]


@pytest.mark.parametrize(("minutes", "may"), [(9, True), (11, False)])
def test_a_passkey_is_made_only_shortly_after_signing_in(front: Front, minutes: int, may: bool) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    front.clock.move(minutes=minutes)
    shown = page(maria, "/my/account/sign-in")
    assert ('data-passkey="make"' in shown) is may
    assert ("sign in again first" in shown) is not may
    asked = maria.get("/my/account/passkey", headers={"Accept": "application/json"})
    assert (asked.status_code == 200) is may
    if not may:
        posted = maria.post("/my/account/passkey", {"token": "x", "answer": "{}"})
        assert posted.status_code == 302
        assert rows("select count(*) from accounts_passkey") == [(0,)]
        assert "sign in again first" in page(maria, "/my/account/sign-in")


# --- a letter


def test_a_letter_needs_the_code_and_the_birth_date(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    code = issue_paper(account, 1, "in person", front.now)
    browser = front.browser()
    for typed in (
        {"code": code, "year": "1959", "month": "3", "day": "3"},
        {"code": code},
        {"code": "ABCD-EFGH-JKMN-PQRS", **BIRTH},
        {"code": "", **BIRTH},
    ):
        said = post(browser, "/my/sign-in/letter", typed, 422)
        assert "don’t go together" in said
    post(browser, "/my/sign-in/letter", {"code": code.lower().replace("-", " "), **BIRTH})
    assert "Hello, Maria." in page(browser, "/my/maria")


def test_a_letter_works_once_and_dies_after_five_wrong_birth_dates(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    once = issue_paper(account, 1, "in person", front.now)
    post(front.browser(), "/my/sign-in/letter", {"code": once, **BIRTH})
    post(front.browser(), "/my/sign-in/letter", {"code": once, **BIRTH}, 422)
    guessed = issue_paper(account, 1, "in person", front.now)
    for day in range(3, 8):
        post(front.browser(), "/my/sign-in/letter", {"code": guessed, **BIRTH, "day": str(day)}, 422)
    post(front.browser(), "/my/sign-in/letter", {"code": guessed, **BIRTH}, 422)


def test_a_letter_is_over_after_seven_days_and_with_the_next_one(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    old = issue_paper(account, 1, "in person", front.now)
    new = issue_paper(account, 1, "in person", front.now)
    post(front.browser(), "/my/sign-in/letter", {"code": old, **BIRTH}, 422)
    front.clock.move(days=7)
    post(front.browser(), "/my/sign-in/letter", {"code": new, **BIRTH}, 422)


def test_of_sixteen_that_use_a_letter_at_once_one_gets_in(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    code = issue_paper(account, 1, "in person", front.now)
    now, let_in = front.now, []

    def use() -> None:
        try:
            if take_paper(paper_of(code), code, True, now):
                let_in.append(1)
        except TooManyTries:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(let_in) == 1


def test_after_ten_wrong_tries_there_is_a_wait_for_known_and_unknown(front: Front, sending: None) -> None:
    front.account("Patient/maria", "Maria", PHONE)
    for contact in (PHONE, "713 555 0199"):
        browser = ask(front, contact)
        said = [post_any(browser, "00000000") for _ in range(11)]
        assert [status for status, _ in said] == [422] * 10 + [429]
        assert "Please wait 1 minute" in said[-1][1]


def post_any(browser: Any, code: str) -> tuple[int, str]:
    answer = browser.post("/my/sign-in/code", {"code": code})
    return answer.status_code, re.sub(r"\s+", " ", answer.content.decode())


# --- sessions


def test_a_closed_account_is_out_at_once(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    maria = front.signed_in(account)
    close(account, front.now)
    page(maria, "/my/maria", 302)
    assert FamilyCode.objects.filter(account=account, used_at=None).count() == 0


@pytest.mark.parametrize(("step", "status"), [(14 * 60, 200), (15 * 60 + 1, 302)])
def test_a_quiet_quarter_of_an_hour_ends_the_session(front: Front, step: int, status: int) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    front.clock.move(seconds=step)
    page(maria, "/my/maria", status)


def test_a_member_of_staff_who_signs_in_as_family_is_staff_no_more(front: Front) -> None:
    browser = front.browser()
    browser.force_login(User.objects.get())
    code = issue_paper(front.account("Patient/maria", "Maria"), 1, "in person", front.now)
    post(browser, "/my/sign-in/letter", {"code": code, **BIRTH})
    assert browser.get("/today").status_code == 302
    page(browser, "/my/maria")


def test_who_came_in_and_who_did_not_stands_in_the_trail(front: Front) -> None:
    account = front.account("Patient/maria", "Maria")
    code = issue_paper(account, 1, "in person", front.now)
    post(front.browser(), "/my/sign-in/letter", {"code": code}, 422)
    post(front.browser(), "/my/sign-in/letter", {"code": code, **BIRTH})
    told = [
        part[1] for (detail,) in rows("select detail from audit") if detail for part in details_of(detail)
    ]
    assert "denied sign-in with a letter" in told
    assert "sign-in with a letter" in told
    assert code not in str(told)


def test_digits_are_read_however_she_types_them() -> None:
    assert family_codes.where(" +1 (713) 555-0148 ").value == PHONE
    assert family_codes.where("Maria@Example.org").value == "maria@example.org"
    for nothing in ("", "maria", "12", "@", "a@b"):
        with pytest.raises(family_codes.BadContact):
            family_codes.where(nothing)
