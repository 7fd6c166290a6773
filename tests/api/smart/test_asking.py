"""An app asks; Ana reads what for, and decides."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from careloop.accounts import smart_grants, smart_tokens
from careloop.accounts.sign_in_models import SignedIn
from careloop.accounts.smart_models import Authorization
from tests.api.smart.conftest import BASE, CHALLENGE, REDIRECT, SCOPES, audit, issued


def question(app, **more):
    said = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "s-1",
        "aud": f"{BASE}/fhir",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | more
    return urlencode({name: value for name, value in said.items() if value is not None})


def said_back(response):
    """What the app learns from the redirect."""
    assert response.status_code == 303, response.content[:500]
    assert response["Location"].startswith(REDIRECT + "?"), response["Location"]
    return {name: value for name, (value,) in parse_qs(urlsplit(response["Location"]).query).items()}


class Browser:
    """Ana's, or nobody's."""

    def __init__(self, world, *, is_signed_in=True):
        self.client = Client()
        if is_signed_in:
            self.client.force_login(world.user)

    def ask(self, app, **more):
        return self.client.get(f"/oauth/authorize?{question(app, **more)}")

    def press(self, page, **said):
        slip = re.search(r'name="slip" value="([^"]+)"', page.content.decode()).group(1)
        return self.client.post("/oauth/consent", {"slip": unescape(slip), **said})

    def to_consent(self, app, patient="maria", **more):
        page = self.ask(app, **more)
        assert "For whom do you open Growth Chart?" in page.content.decode()
        page = self.press(page, q="duarte")
        assert f'value="{patient}"' in page.content.decode()
        return self.press(page, patient=patient)


@pytest.fixture
def ana(world):
    return Browser(world)


def ticked(page):
    return [
        unescape(value)
        for value in re.findall(r'name="scope" value="([^"]+)" checked', page.content.decode())
    ]


def test_standalone_ana_finds_maria_reads_what_it_wants_and_allows_it(world, ana):
    app = world.app()
    page = ana.to_consent(app)
    text = page.content.decode()
    assert "With the record of Duarte, it wants to:" in text
    assert "Read: test results and measurements" in text
    assert "Stay connected until you end it" in text
    assert "form-action 'self' https://app.example" in page["Content-Security-Policy"]
    back = said_back(ana.press(page, allow="1", scope=ticked(page)))
    assert (back["state"], back["iss"]) == ("s-1", BASE)
    said = world.exchange(app, back["code"]).json()
    assert set(said["scope"].split()) == set(SCOPES.split())
    assert said["patient"] == "maria"
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 200
    words = " | ".join(audit())
    for happened in ("consent page of an app", "app allowed", "token issued"):
        assert happened in words


def test_what_she_unticks_it_does_not_get(world, ana):
    app = world.app()
    page = ana.to_consent(app)
    back = said_back(ana.press(page, allow="1", scope=["patient/Patient.rs"]))
    said = world.exchange(app, back["code"]).json()
    assert set(said["scope"].split()) == {"launch/patient", "patient/Patient.rs"}
    assert "refresh_token" not in said
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 403


def test_nothing_ticked_is_asked_again_and_no_is_told_to_the_app(world, ana):
    app = world.app()
    page = ana.to_consent(app)
    again = ana.press(page, allow="1")
    assert again.status_code == 422
    assert "Tick at least one line" in again.content.decode()
    assert said_back(ana.press(page, deny="1"))["error"] == "access_denied"
    assert issued() == (0, 0)
    assert smart_grants.grants_of(world.user.principal_id) == []


def test_a_box_that_was_not_on_the_page_gives_nothing_more(world, ana):
    app = world.app(scopes=SCOPES + " patient/Condition.rs")
    page = ana.to_consent(app)
    back = said_back(
        ana.press(page, allow="1", scope=["patient/Patient.rs", "patient/Condition.rs", "user/*.rs"])
    )
    said = world.exchange(app, back["code"]).json()
    assert set(said["scope"].split()) == {"launch/patient", "patient/Patient.rs"}


def test_from_marias_page_the_app_opens_for_maria_once(world, ana):
    app = world.app(
        scopes="launch openid fhirUser patient/Patient.rs", launch_url="https://app.example/launch"
    )
    page = ana.client.get("/people/maria/apps")
    assert "Growth Chart" in page.content.decode()
    assert "https://app.example" in page["Content-Security-Policy"]
    opened = ana.client.post(f"/people/maria/apps/{app.pk}/open")
    sent = parse_qs(urlsplit(opened["Location"]).query)
    assert sent["iss"] == [f"{BASE}/fhir"]
    asked = {"scope": "launch openid fhirUser patient/Patient.rs", "launch": sent["launch"][0]}
    page = ana.ask(app, **asked)
    assert "With the record of Duarte" in page.content.decode()
    back = said_back(ana.press(page, allow="1", scope=ticked(page)))
    assert world.exchange(app, back["code"]).json()["patient"] == "maria"
    assert said_back(ana.ask(app, **asked))["error"] == "invalid_request"


def test_the_second_time_she_is_not_asked_again_and_it_gets_no_more_than_it_asks(world, ana):
    both = "launch patient/Patient.rs patient/Observation.rs"
    app = world.app(scopes=both, launch_url="https://app.example/launch")

    def launched(scope):
        launch = smart_tokens.begin_launch(app, world.user.principal_id, "maria", world.now)
        return ana.ask(app, scope=scope, launch=launch)

    page = launched(both)
    first = said_back(ana.press(page, allow="1", scope=ticked(page)))
    wide = world.exchange(app, first["code"]).json()["access_token"]
    again = said_back(launched("launch patient/Patient.rs"))
    said = world.exchange(app, again["code"]).json()
    assert said["scope"] == "launch patient/Patient.rs"
    assert world.get("Observation/maria-0", said["access_token"]).status_code == 403
    assert world.get("Observation/maria-0", wide).status_code == 200
    assert "code" in said_back(launched(both))


def allowed_before(world, ana, app, redirect):
    """She allowed it once; asks a second time for the same, answered at the same address."""
    scope = "launch patient/Patient.rs"

    def ask(**more):
        launch = smart_tokens.begin_launch(app, world.user.principal_id, "maria", world.now)
        return ana.ask(app, scope=scope, launch=launch, redirect_uri=redirect, **more)

    page = ask()
    assert ana.press(page, allow="1", scope=ticked(page))["Location"].startswith(redirect)
    return ask


ONCE = {"scopes": "launch patient/Patient.rs", "launch_url": "https://app.example/launch"}


@pytest.mark.parametrize(
    ("redirect", "way", "is_asked_again"),
    [
        ("com.example.diary:/after", "public", True),
        ("http://127.0.0.1:8123/after", "public", True),
        ("http://localhost/after", "public", True),
        ("https://localhost/after", "public", True),
        ("https://127.0.0.2/after", "public", True),
        ("https://app.example/after", "public", False),
        ("http://localhost/after", "secret", False),
    ],
)
def test_a_program_that_anybody_can_claim_to_be_is_asked_about_each_time(
    world, ana, redirect, way, is_asked_again
):
    app = world.app(redirects=[redirect], way=way, **ONCE)
    ask = allowed_before(world, ana, app, redirect)
    again, silent = ask(), ask(prompt="none")
    if is_asked_again:
        assert again.status_code == 200
        assert "error=consent_required" in silent["Location"]
    else:
        assert "code=" in again["Location"]
        assert "code=" in silent["Location"]


def test_an_app_may_want_the_page_each_time(world, ana):
    app = world.app(redirects=[REDIRECT], **ONCE)
    ask = allowed_before(world, ana, app, REDIRECT)
    assert "code" in said_back(ask())
    for prompt in ("consent", "select_account", "login consent"):
        page = ask(prompt=prompt)
        assert "With the record of Duarte" in page.content.decode(), prompt
    assert said_back(ask(prompt="none consent"))["error"] == "invalid_request"


def test_an_app_may_want_her_to_show_again_that_it_is_she(world, ana):
    app = world.app(redirects=[REDIRECT], **ONCE)
    ask = allowed_before(world, ana, app, REDIRECT)
    assert "code" in said_back(ask(prompt="login")), "she signed in just now"
    SignedIn.objects.filter(ended=None).update(began=world.now, proved_at=None)
    world.clock.move(seconds=11 * 60)
    sent = ask(prompt="login")["Location"]
    assert sent.startswith("/account/prove?next=%2Foauth%2Fauthorize")
    assert "code" in said_back(ask()), "nobody asked for it"
    SignedIn.objects.filter(ended=None).update(proved_at=world.now)
    (onward,) = parse_qs(urlsplit(sent).query)["next"]
    page = ana.client.get(onward)
    assert "With the record of Duarte" in page.content.decode()
    back = said_back(ana.press(page, allow="1", scope=ticked(page)))
    assert world.exchange(app, back["code"]).status_code == 200
    assert Authorization.objects.filter(signed_in_at=world.now).count() == 1


def test_a_launch_is_good_for_its_user_and_its_app(world, ana):
    app, other = (
        world.app(name, scopes="launch patient/Patient.rs", launch_url="https://app.example/launch")
        for name in ("Growth Chart", "Diary")
    )
    hers = smart_tokens.begin_launch(other, world.user.principal_id, "maria", world.now)
    nobodys = smart_tokens.begin_launch(app, world.user.principal_id + 1, "maria", world.now)
    old = smart_tokens.begin_launch(app, world.user.principal_id, "maria", world.now)
    for launch in (hers, nobodys, "made-up"):
        answer = ana.ask(app, scope="launch patient/Patient.rs", launch=launch)
        assert said_back(answer)["error"] == "invalid_request", launch
    world.clock.move(seconds=301)
    assert (
        said_back(ana.ask(app, scope="launch patient/Patient.rs", launch=old))["error"] == "invalid_request"
    )


def test_a_person_whom_ana_may_not_see_is_not_there(world, ana):
    from careloop import projections, store
    from careloop.access import Scope, system_actor

    app = world.app()
    demo = Scope(system_actor("demo"), "command", "maintenance")
    with store.open(demo, now=world.now, projectors=projections.ALL) as unit:
        unit.create({"resourceType": "Patient", "name": [{"family": "Duarte"}]}, id="elsewhere")
    page = ana.ask(app)
    page = ana.press(page, q="duarte")
    assert "elsewhere" not in page.content.decode()
    assert ana.press(page, patient="elsewhere").status_code == 404
    hers = world.app("Diary", scopes="launch patient/Patient.rs", launch_url="https://app.example/launch")
    assert ana.client.post(f"/people/elsewhere/apps/{hers.pk}/open").status_code == 404
    launch = smart_tokens.begin_launch(hers, world.user.principal_id, "elsewhere", world.now)
    assert ana.ask(hers, scope="launch patient/Patient.rs", launch=launch).status_code == 404
    assert issued() == (0, 0)


def test_who_is_not_signed_in_is_asked_to_and_comes_back(world):
    app = world.app(is_for_families=True)
    nobody = Browser(world, is_signed_in=False)
    page = nobody.ask(app)
    assert 'href="/my/sign-in"' in page.content.decode()
    assert page.cookies["app-asked"]["httponly"]
    staff_only = world.app("Diary")
    sent = nobody.ask(staff_only)["Location"]
    assert sent.startswith("/sign-in?next=%2Foauth%2Fauthorize")
    assert said_back(nobody.ask(staff_only, prompt="none"))["error"] == "login_required"
    assert nobody.client.post("/oauth/consent", {"slip": "x", "allow": "1"}).status_code == 400


def test_silently_only_what_was_allowed_before(world, ana):
    app = world.app(scopes="launch patient/Patient.rs", launch_url="https://app.example/launch")
    launch = smart_tokens.begin_launch(app, world.user.principal_id, "maria", world.now)
    asked = {"scope": "launch patient/Patient.rs", "launch": launch, "prompt": "none"}
    assert said_back(ana.ask(app, **asked))["error"] == "consent_required"


def test_a_slip_is_good_for_ten_minutes_and_for_its_reader(world, ana, monkeypatch):
    from django.core import signing

    page = ana.to_consent(world.app())
    forged = ana.client.post(
        "/oauth/consent", {"slip": "W10:forged", "allow": "1", "scope": "patient/Patient.rs"}
    )
    assert forged.status_code == 400
    at = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: at + 601)
    assert ana.press(page, allow="1", scope=ticked(page)).status_code == 400
    assert issued() == (0, 0)


def test_an_app_for_families_is_not_for_ana(world, ana):
    app = world.app(is_for_staff=False, is_for_families=True)
    assert said_back(ana.ask(app))["error"] == "access_denied"


def test_the_question_may_come_as_a_form(world, ana):
    app = world.app()
    answer = ana.client.post(
        "/oauth/authorize", question(app), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 303
    assert ana.client.get(answer["Location"]).status_code == 200


def test_she_sees_what_she_let_in_and_ends_it(world, ana):
    app = world.app()
    page = ana.to_consent(app)
    back = said_back(ana.press(page, allow="1", scope=ticked(page)))
    token = world.exchange(app, back["code"]).json()["access_token"]
    mine = ana.client.get("/apps/mine").content.decode()
    assert "Growth Chart" in mine
    assert "For Duarte." in mine
    (id,) = re.findall(r"/apps/mine/([^/]+)/end", mine)
    assert ana.client.post(f"/apps/mine/{id}/end").status_code == 302
    assert world.get("Patient/maria", token).status_code == 401
    assert ana.client.post(f"/apps/mine/{id}/end").status_code == 404


def test_only_an_administrator_approves_and_only_an_approved_app_may_ask(world, ana):
    typed = {
        "name": "Growth Chart",
        "publisher": "Example Apps",
        "way": "secret",
        "scopes": SCOPES,
        "redirects": REDIRECT,
        "for_staff": "1",
    }
    made = ana.client.post("/apps/new", typed).content.decode()
    assert "Secret, shown only now" in made
    from careloop.accounts.smart_models import App

    app = App.objects.get()
    assert ana.ask(app).status_code == 400
    shown = ana.client.get(f"/apps/{app.pk}").content.decode()
    assert "Read: name, birth date, address and phone" in shown
    assert REDIRECT in shown
    assert "Ana Reyes" in shown
    assert ana.client.post(f"/apps/{app.pk}/decide", {"verdict": "approve"}).status_code == 403
    app.refresh_from_db()
    assert app.state == "asked"
    world.user.roles = ["administrator"]
    world.user.save()
    keeper = Browser(world)
    assert keeper.client.post(f"/apps/{app.pk}/decide", {"verdict": "refuse"}).status_code == 422
    assert keeper.client.post(f"/apps/{app.pk}/decide", {"verdict": "approve"}).status_code == 302
    app.refresh_from_db()
    assert (app.state, app.decided_by) == ("approved", world.user.principal_id)
    assert "app approved" in " | ".join(audit())


def test_an_approval_needs_a_second_factor_shown_just_now(world, ana, monkeypatch):
    app = world.app()
    world.user.roles = ["administrator"]
    world.user.save()
    SignedIn.objects.exclude(pk=world.session.pk).update(proved_at=None)
    answer = ana.client.post(f"/apps/{app.pk}/decide", {"verdict": "suspend", "why": "Not used"})
    assert answer["Location"].startswith("/account/prove")
    app.refresh_from_db()
    assert app.state == "approved"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"redirects": "http://app.example/after"}, "has to begin with https"),
        ({"redirects": "https://app.example/after#x"}, "no fragment"),
        ({"redirects": "https://*.example/after"}, "wildcards"),
        ({"redirects": "javascript:alert(1)"}, "has to begin with https"),
        ({"redirects": ""}, "comes back to"),
        ({"scopes": "system/Patient.rs"}, "patient/ or user/"),
        ({"scopes": "patient/Foo.rs"}, "no resource type"),
        ({"way": "keys", "keys": "{}"}, "keys"),
        ({"way": "keys", "keys": "not json"}, "no JSON"),
        ({"way": "magic"}, "public, secret or keys"),
        ({"publisher": ""}, "publisher"),
        ({"kind": "backend"}, "system/"),
    ],
)
def test_what_can_not_be_registered_says_why(world, ana, changed, said):
    typed = {
        "name": "Growth Chart",
        "publisher": "Example Apps",
        "way": "public",
        "scopes": SCOPES,
        "redirects": REDIRECT,
        "for_staff": "1",
    }
    answer = ana.client.post("/apps/new", typed | changed)
    assert answer.status_code == 422
    assert said in unescape(answer.content.decode())
