"""The door and the faults: who may come in, for how long, and what is said when something breaks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import django.db
import pytest
from django.test import Client, RequestFactory, override_settings

from careloop.accounts.attempts import FREE_TRIES, wait_after
from careloop.accounts.sign_in_models import SignedIn
from careloop.kernel.errors import CareError, StaleVersion, Unavailable
from careloop.server import middleware
from careloop.web.staff import errors
from careloop.web.staff import today as today_page
from careloop.web.staff import work as work_pages
from tests.web.desk import HTMX, PASSWORD, Desk, at_the_desk, words

OURS = {"Origin": "http://testserver"}


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def enter(client: Client, email: str, password: str) -> tuple[int, str]:
    answer = client.post("/sign-in", {"email": email, "password": password, "next": "/today?view=team"})
    return answer.status_code, words(answer.content.decode())


# --- the door


def test_nobody_is_shown_anything_before_the_door(desk: Desk) -> None:
    stranger = Client()
    for address in ("/today", "/work/ride", "/work/ride/done", "/people/maria/card", "/notes/x"):
        answer = stranger.get(address)
        assert (answer.status_code, answer["Location"][:9]) == (302, "/sign-in?")
        assert "Maria" not in answer.content.decode()
    assert stranger.get("/today", headers=HTMX).status_code == 401
    assert stranger.post("/work/ride/done", {"outcome": "done"}).status_code == 302
    assert desk.ward.task("ride")["status"] == "accepted"


def test_known_and_unknown_addresses_get_the_same_words(desk: Desk) -> None:
    known = enter(Client(), "ana@example.org", "not it, not it at all")
    unknown = enter(Client(), "nobody@example.org", "not it, not it at all")
    assert known[0] == unknown[0] == 422
    assert known[1].replace("ana@example.org", "") == unknown[1].replace("nobody@example.org", "") or (
        "don’t go together" in known[1] and "don’t go together" in unknown[1]
    )


def test_after_ten_failures_each_try_waits_longer_even_with_the_right_password(desk: Desk) -> None:
    for _ in range(FREE_TRIES):
        assert "don’t go together" in enter(Client(), "ana@example.org", "wrong")[1]
    status, page = enter(Client(), "ANA@example.org", PASSWORD)
    assert (status, "Too many tries. Please wait 1 minute" in page) == (422, True)
    desk.later(seconds=wait_after(FREE_TRIES) + 1)
    client = Client()
    answer = client.post(
        "/sign-in", {"email": "ana@example.org", "password": PASSWORD, "next": "/today?view=team"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/second")
    assert [wait_after(n) for n in (9, 10, 11, 12, 40)] == [0, 30, 60, 120, 3600]


def test_the_way_onward_leads_only_to_our_own_pages(desk: Desk) -> None:
    page = Client().get("/sign-in?next=https://evil.example/").content.decode()
    assert 'name="next" value="/today"' in page
    answer = desk.client.post("/work/free/claim", {"next": "//evil.example/"})
    assert answer["Location"] == "/today"


@pytest.mark.parametrize(
    ("minutes", "every", "ends"), [(14, 14, False), (16, 16, True), (12 * 60 + 10, 14, True)]
)
def test_a_session_ends_when_idle_and_after_twelve_hours_whatever_is_done(
    desk: Desk, minutes: int, every: int, ends: bool
) -> None:
    SignedIn.objects.update(began=desk.clock(), seen=desk.clock())
    desk.page("/today")
    status = 200
    for _ in range(0, minutes, every):
        desk.later(minutes=every)
        answer = desk.client.get("/today")
        status = answer.status_code
        if status == 302:
            assert "ended=1" in answer["Location"]
            break
    assert (status == 302) is ends


def test_signing_out_ends_it_at_once(desk: Desk) -> None:
    desk.post("/sign-out")
    assert desk.client.get("/today").status_code == 302


def test_a_disabled_account_is_out_at_its_next_request(desk: Desk) -> None:
    desk.user.is_active = False
    desk.user.save()
    assert desk.client.get("/today").status_code == 302


def test_the_language_is_kept_with_the_account(desk: Desk) -> None:
    desk.post("/language", {"language": "es", "next": "/today"})
    desk.user.refresh_from_db()
    assert desk.user.language == "es"
    assert '<html lang="es">' in desk.page("/today")


# --- faults


def test_every_answer_has_a_number_and_is_kept_by_nobody(desk: Desk) -> None:
    answer = desk.client.get("/today")
    assert len(answer["X-Request-Id"]) > 8
    assert "no-store" in answer["Cache-Control"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_what_is_not_there_says_what_to_do_and_a_number_to_quote(desk: Desk) -> None:
    for address in ("/nowhere", "/work/nothing"):
        answer = desk.client.get(address)
        page = words(answer.content.decode())
        assert answer.status_code == 404
        assert "There is nothing here, or you may not see it." in page
        assert "Nothing was changed." in page
        assert answer["X-Request-Id"] in page


def test_an_error_of_ours_is_a_page_or_a_fragment_wherever_it_is_raised(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise StaleVersion

    monkeypatch.setattr(today_page.worklist, "today", breaks)
    page = desk.page("/today", 412)
    assert "Someone changed this after you opened it." in page
    assert "<html" in page
    fragment = desk.page("/today", 412, **HTMX)
    assert "data-fault" in fragment
    assert "<html" not in fragment


def test_an_error_before_any_view_is_a_page_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise CareError("The clock stands still.")

    monkeypatch.setattr(middleware, "staff_actor", breaks)
    desk.client.raise_request_exception = False
    page = desk.page("/today", 400)
    assert "The clock stands still." in page


def test_without_the_database_what_was_typed_is_kept_and_can_be_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(work_pages, "complete_work", away)
    typed = {"outcome": "done", "words": "Lucía <drives>", "version": "1", "password": "secret"}
    answer = desk.client.post("/work/ride/done", typed, headers=OURS)
    page = words(answer.content.decode())
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Nothing was lost." in page
    assert "Lucía &lt;drives&gt;" in page
    assert "Send it again" in page
    assert "secret" not in page
    strangers = desk.client.post("/work/ride/done", typed, headers={"Origin": "https://evil.example"})
    assert "Send it again" not in strangers.content.decode()


@pytest.mark.parametrize("name", ["password", "new", "code", "spoken", "answer", "secret", "token"])
def test_what_proves_who_she_is_never_comes_back_in_a_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(work_pages, "complete_work", away)
    typed = {"outcome": "done", "words": "Lucía drives", "version": "1", name: "pelican77"}
    page = desk.client.post("/work/ride/done", typed, headers=OURS).content.decode()
    assert "Lucía drives" in page
    assert "pelican77" not in page


@pytest.mark.parametrize(
    "address",
    [
        *(
            "/sign-in",
            "/sign-in/second",
            "/account/password",
            "/account/app",
            "/join/abc",
            "/new-password/abc",
        ),
        *("/link", "/set-up", "/my/sign-in", "/my/sign-in/letter", "/oauth/token"),
    ],
)
def test_nothing_typed_at_a_door_comes_back_when_the_record_is_away(rf: RequestFactory, address: str) -> None:
    typed = {"anything": "pelican77", "year": "1959"}
    request = rf.post(address, typed, headers=OURS)
    assert b"pelican77" not in errors.unavailable(request).content
    assert errors._typed(request) == []
    assert errors._typed(rf.post("/work/ride/done", typed, headers=OURS)) == list(typed.items())
    marked = rf.post("/work/ride/done", typed, headers=OURS)
    marked.sensitive_post_parameters = ["year"]  # type: ignore[attr-defined]
    assert errors._typed(marked) == []


def test_a_database_that_is_gone_before_the_session_is_read_is_503_not_500(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise django.db.OperationalError("connection refused on 10.1.2.3")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", away)
    desk.client.raise_request_exception = False
    answer = desk.client.get("/today")
    page = words(answer.content.decode())
    assert answer.status_code == 503
    assert "The record can’t be reached just now." in page
    assert "10.1.2.3" not in page


def test_what_breaks_says_nothing_of_its_inside(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ValueError("Maria Duarte has a secret")

    monkeypatch.setattr(today_page.worklist, "today", breaks)
    desk.client.raise_request_exception = False
    page = desk.page("/today", 500)
    assert "Something broke on our side." in page
    assert "Maria" not in page


def test_a_form_from_before_a_new_sign_in_gets_its_new_token_only_from_our_own_page(desk: Desk) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(desk.user)
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        plain = client.post("/work/ride/done", {"outcome": "done"}, headers=OURS)
        ours = client.post("/work/ride/done", {"outcome": "done"}, headers={**HTMX, **OURS})
        strangers = client.post(
            "/work/ride/done", {"outcome": "done"}, headers={**HTMX, "Origin": "https://evil.example"}
        )
    assert "This page is from before you signed in again." in plain.content.decode()
    assert [answer.status_code for answer in (plain, ours, strangers)] == [403, 403, 403]
    assert "X-Careloop-Token" not in plain
    assert "X-Careloop-Token" not in strangers
    assert len(ours["X-Careloop-Token"]) > 30
