"""Maria and her daughter let an app in, see that it has access, and end it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from careloop.accounts import smart_apps
from careloop.accounts.family_accounts import open_account
from careloop.accounts.family_models import PortalIdentity
from careloop.accounts.sign_in_models import SignedIn
from careloop.accounts.smart_models import App, AppGrant
from careloop.actions.end_share import end_share
from tests.api.smart.conftest import REDIRECT, VERIFIER
from tests.api.smart.test_asking import question, said_back
from tests.family.front import Front, at_the_door, page
from tests.projections import builders as b

SCOPES = (
    "launch/patient openid fhirUser online_access patient/Patient.rs patient/Observation.rs patient/CarePlan.rs"
    " patient/Task.rs"
)


@pytest.fixture
def front(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    with at_the_door(now, monkeypatch) as found:
        yield found


@pytest.fixture
def diary(front: Front) -> App:
    told = smart_apps.Told(
        name="My Diary",
        publisher="Example Apps",
        scopes=SCOPES,
        redirects=[REDIRECT],
        is_for_staff=False,
        is_for_families=True,
    )
    app, _ = smart_apps.register(told, 0, front.now)
    smart_apps.decide(app, "approved", 0, front.now)
    return app


def pressed(browser: Client, shown: Any, **said: Any) -> Any:
    slip = re.search(r'name="slip" value="([^"]+)"', shown.content.decode())
    assert slip, shown.content.decode()[:600]
    return browser.post("/oauth/consent", {"slip": unescape(slip.group(1)), **said})


def allowed(browser: Client, shown: Any) -> str:
    """The access token, with everything ticked."""
    ticked = re.findall(r'name="scope" value="([^"]+)" checked', shown.content.decode())
    back = said_back(pressed(browser, shown, allow="1", scope=list(map(unescape, ticked))))
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": App.objects.get().client_id,
    }
    answer = Client().generic("POST", "/oauth/token", urlencode(form), "application/x-www-form-urlencoded")
    said: dict[str, Any] = json.loads(answer.content)
    assert "access_token" in said, said
    return str(said["access_token"])


def status(path: str, token: str) -> int:
    return int(Client().get(f"/fhir/{path}", headers={"Authorization": f"Bearer {token}"}).status_code)


def test_maria_lets_it_in_with_her_own_record_sees_it_and_ends_it(front: Front, diary: App) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    shown = maria.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")
    text = shown.content.decode()
    assert "With your own record, it wants to:" in text
    assert "Once it has a copy" in text
    token = allowed(maria, shown)
    assert status("Patient/maria", token) == 200
    assert status("Patient/walter", token) == 404
    assert "My Diary" in page(maria, "/my/maria/apps")
    (grant,) = re.findall(r"/my/maria/apps/([^/\"]+)/end", page(maria, "/my/maria/apps"))
    assert maria.post(f"/my/maria/apps/{grant}/end").status_code == 302
    assert status("Patient/maria", token) == 401


def test_who_has_to_sign_in_first_comes_back_to_the_question(front: Front, diary: App) -> None:
    from careloop.accounts import family_codes

    account = open_account("Patient/maria", "Maria", "en", front.now)
    browser = Client()
    asked = browser.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")
    assert asked["Location"] == "/my/sign-in"
    code = family_codes.issue_paper(account, 1, "in a test", front.now)
    born = {"year": "1959", "month": "3", "day": "2"}
    answer = browser.post("/my/sign-in/letter", {"code": code, **born})
    assert answer["Location"].startswith("/oauth/authorize?")
    shown = browser.get(answer["Location"])
    assert "With your own record" in shown.content.decode()
    assert not browser.cookies["app-asked"].value


def test_a_daughters_app_sees_what_was_shared_with_her_until_it_is_not(front: Front, diary: App) -> None:
    made = front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    shown = lucia.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")
    assert "With the record of" in shown.content.decode()
    token = allowed(lucia, shown)
    assert status("CarePlan", token) == 200
    assert status("Observation", token) == 403
    assert status("Task", token) == 403
    assert "My Diary" in page(lucia, "/my/account/apps")
    end_share(front.staff, made.id, "divorced", front.now)
    assert status("CarePlan", token) in (401, 403, 404)
    assert status("Patient/maria", token) in (401, 403, 404)


LEFT_OUT = "It also asked for what an app can’t get from you here."


def test_a_helper_is_not_asked_for_lines_that_give_nothing(front: Front, diary: App) -> None:
    front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    shown = lucia.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")
    text = shown.content.decode()
    offered = re.findall(r'name="scope" value="([^"]+)"', text)
    assert [each for each in offered if "/" in each] == ["patient/Patient.rs", "patient/CarePlan.rs"]
    assert LEFT_OUT in text
    ticked = ["patient/CarePlan.rs", "patient/Observation.rs", "patient/Task.rs"]
    said_back(pressed(lucia, shown, allow="1", scope=ticked))
    (kept,) = AppGrant.objects.values_list("scopes", flat=True) or ("",)
    assert "Observation" not in kept
    assert "Task" not in kept


def test_what_is_shared_later_is_asked_for_then(front: Front, diary: App) -> None:
    front.share("visits")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    asked = (
        f"/oauth/authorize?{question(diary, scope='launch/patient patient/Patient.rs patient/CarePlan.rs')}"
    )
    allowed(lucia, lucia.get(asked))
    assert lucia.get(asked).status_code == 303, "all that it gives was allowed before"
    front.share("visits", "plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    assert "patient/CarePlan.rs" in lucia.get(asked).content.decode()


def test_who_is_asked_for_nothing_that_it_can_get_allows_nothing(front: Front, diary: App) -> None:
    front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    asked = question(diary, scope="launch/patient patient/Observation.rs")
    text = lucia.get(f"/oauth/authorize?{asked}").content.decode()
    assert LEFT_OUT in text
    assert 'name="allow"' not in text
    assert 'name="deny"' in text


def test_her_own_app_is_told_as_sentences_and_what_helps_another_is_not_on_her_page(
    front: Front, diary: App
) -> None:
    account = front.account("Patient/maria", "Maria")
    PortalIdentity.objects.create(account=account, reference="Patient/walter")
    maria = front.signed_in(account)
    asked = lambda: maria.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")  # noqa: E731
    shown = pressed(maria, asked(), patient="walter")
    said_back(pressed(maria, shown, allow="1", scope=["patient/Observation.rs"]))
    assert "No app sees your record" in page(maria, "/my/maria/apps")
    (grant,) = AppGrant.objects.values_list("pk", flat=True)
    assert maria.post(f"/my/maria/apps/{grant}/end").status_code == 404
    told = page(maria, "/my/walter/apps")
    assert "Read: test results and measurements" in told
    assert "patient/Observation" not in told


def test_what_the_staff_have_to_do_about_her_no_app_of_the_family_sees(front: Front, diary: App) -> None:
    front.ward.has(
        b.task("call-now", "maria", front.now, title="Call her now") | {"priority": "urgent"},
        b.task("hers", "maria", front.now, title="Not for the family") | {"intent": "plan"},
    )
    front.share("plan", "visits")
    for reference, name in (("Patient/maria", "Maria"), ("RelatedPerson/lucia", "Lucía")):
        browser = front.signed_in(front.account(reference, name))
        token = allowed(browser, browser.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}"))
        assert status("Patient/maria", token) == 200
        for path in ("Task", "Task/call-now", "Task/hers", "Task/hers/_history", "Task/hers/_history/1"):
            assert status(path, token) == 403, path


def test_leaving_ends_an_app_that_may_stay_only_while_she_is_there(front: Front, diary: App) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    token = allowed(maria, maria.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}"))
    assert status("Patient/maria", token) == 200
    maria.post("/my/leave")
    assert status("Patient/maria", token) == 401


def test_an_app_for_staff_is_not_for_maria(front: Front, diary: App) -> None:
    diary.is_for_staff, diary.is_for_families = True, False
    diary.save()
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    answer = maria.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}")
    assert said_back(answer)["error"] == "access_denied"


def test_a_helper_ends_an_app_that_she_let_in_and_nobody_else_s(front: Front, diary: App) -> None:
    front.share("plan")
    lucia = front.signed_in(front.account("RelatedPerson/lucia", "Lucía"))
    token = allowed(lucia, lucia.get(f"/oauth/authorize?{question(diary, scope=SCOPES)}"))
    shown = page(lucia, "/my/account/apps")
    assert "Read: care plan" in shown
    (grant,) = re.findall(r"/my/account/apps/([^/\"]+)/end", shown)
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    assert "No app acts for you" in page(maria, "/my/account/apps")
    assert maria.post(f"/my/account/apps/{grant}/end").status_code == 404
    assert status("CarePlan", token) == 200
    assert "My Diary" in page(maria, "/my/maria/apps")
    assert lucia.post(f"/my/account/apps/{grant}/end").status_code == 302
    assert status("CarePlan", token) == 401


def test_an_app_may_want_maria_to_sign_in_again(front: Front, diary: App) -> None:
    maria = front.signed_in(front.account("Patient/maria", "Maria"))
    asked = f"/oauth/authorize?{question(diary, scope=SCOPES, prompt='login')}"
    assert maria.get(asked).status_code == 200
    front.clock.move(seconds=11 * 60)
    answer = maria.get(asked)
    assert (answer.status_code, answer["Location"]) == (302, "/my/sign-in")
    assert answer.cookies["app-asked"].value, "the question waits for her"
    assert not SignedIn.objects.filter(ended=None).exists(), "she is out"
