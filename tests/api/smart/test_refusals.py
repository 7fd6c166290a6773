"""What is refused at each door for apps, in which words, and that nothing was issued: RFC 6749, 7636, 7523, 7009, 7662,
9700, OpenID Connect and SMART App Launch 2.2."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlencode

import pytest

from careloop.accounts import smart_apps
from careloop.api.strangers import strangers
from tests.api.smart.conftest import BASE, CHALLENGE, REDIRECT, SCOPES, VERIFIER, audit, issued
from tests.api.smart.test_asking import Browser, question, said_back

TWICE = "twice"

# --- /oauth/authorize: what goes back to the app (RFC 6749 4.1.2.1, RFC 7636 4.4.1, SMART 2.2)
SENT_BACK = [
    ("no state", {"state": None}, "invalid_request"),
    ("empty state", {"state": ""}, "invalid_request"),
    ("no response_type", {"response_type": None}, "invalid_request"),
    ("implicit grant (RFC 9700 2.1.2)", {"response_type": "token"}, "unsupported_response_type"),
    ("hybrid flow", {"response_type": "code id_token"}, "unsupported_response_type"),
    ("code in the fragment", {"response_mode": "fragment"}, "invalid_request"),
    ("code by form_post", {"response_mode": "form_post"}, "invalid_request"),
    ("no PKCE (RFC 9700 2.1.1)", {"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ("PKCE plain", {"code_challenge_method": "plain"}, "invalid_request"),
    ("PKCE by default plain", {"code_challenge_method": None}, "invalid_request"),
    ("PKCE of unknown method", {"code_challenge_method": "S512"}, "invalid_request"),
    ("challenge too short", {"code_challenge": "abc"}, "invalid_request"),
    ("challenge too long", {"code_challenge": CHALLENGE + "A"}, "invalid_request"),
    ("challenge of other letters", {"code_challenge": "+" * 43}, "invalid_request"),
    ("no aud", {"aud": None}, "invalid_request"),
    ("aud of another server", {"aud": "https://evil.example/fhir"}, "invalid_request"),
    ("aud without its path", {"aud": BASE}, "invalid_request"),
    ("request object", {"request": "e30"}, "request_not_supported"),
    ("request object by address", {"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
    ("unknown prompt", {"prompt": "loud"}, "invalid_request"),
    ("no scope", {"scope": None}, "invalid_scope"),
    ("unknown scope", {"scope": "everything"}, "invalid_scope"),
    ("unknown type", {"scope": "launch/patient patient/Everything.rs"}, "invalid_scope"),
    ("letters in disorder", {"scope": "launch/patient patient/Patient.sr"}, "invalid_scope"),
    ("more than registered", {"scope": "launch/patient patient/*.rs"}, "invalid_scope"),
    (
        "writing where reading was registered",
        {"scope": "launch/patient patient/Patient.cruds"},
        "invalid_scope",
    ),
    ("v1 wider than registered", {"scope": "launch/patient patient/Patient.*"}, "invalid_scope"),
    ("contexts mixed", {"scope": "launch/patient patient/Patient.rs user/Patient.rs"}, "invalid_scope"),
    ("system scopes for a user", {"scope": "system/Patient.rs"}, "invalid_scope"),
    ("patient scopes without a patient", {"scope": "patient/Patient.rs"}, "invalid_scope"),
    ("launch without its value", {"scope": "launch patient/Patient.rs"}, "invalid_scope"),
    ("a launch nobody asked for", {"launch": "la-x"}, "invalid_scope"),
    ("fhirUser without openid", {"scope": "fhirUser launch/patient patient/Patient.rs"}, "invalid_scope"),
    ("modifier", {"scope": "launch/patient patient/Observation.rs?category:not=laboratory"}, "invalid_scope"),
    ("chain", {"scope": "launch/patient patient/Observation.rs?patient.name=x"}, "invalid_scope"),
    ("unknown parameter", {"scope": "launch/patient patient/Observation.rs?colour=red"}, "invalid_scope"),
    (
        "the same scope twice",
        {"scope": "launch/patient patient/Patient.rs patient/Patient.rs"},
        "invalid_scope",
    ),
    (
        "to stay in two ways",
        {"scope": f"{SCOPES} online_access"},
        "invalid_scope",
    ),
]
# --- what is told to the person, for where it came from can't be trusted
REFUSED = [
    ("no client_id", {"client_id": None}),
    ("unknown client", {"client_id": "0" * 32}),
    ("no redirect_uri", {"redirect_uri": None}),
    ("redirect elsewhere", {"redirect_uri": "https://evil.example/after"}),
    ("redirect with a path more", {"redirect_uri": REDIRECT + "/more"}),
    ("redirect with a query", {"redirect_uri": REDIRECT + "?x=1"}),
    ("redirect in other case", {"redirect_uri": REDIRECT.replace("app", "APP")}),
    ("redirect on another port", {"redirect_uri": "https://app.example:8443/after"}),
    ("redirect without TLS", {"redirect_uri": REDIRECT.replace("https", "http")}),
    ("redirect below a host of another", {"redirect_uri": "https://app.example.evil.example/after"}),
    ("redirect by user name", {"redirect_uri": "https://app.example@evil.example/after"}),
    ("redirect to a script", {"redirect_uri": "javascript:alert(1)"}),
]


@pytest.mark.parametrize(
    ("changed", "error"), [row[1:] for row in SENT_BACK], ids=[row[0] for row in SENT_BACK]
)
def test_the_app_is_told_what_is_wrong_with_its_question(doors, changed, error):
    app = doors.app()
    ana = Browser(doors)
    back = said_back(ana.ask(app, **changed))
    assert back["error"] == error
    assert back.get("state", "s-1") == "s-1"
    assert back["iss"] == BASE
    assert "code" not in back
    assert back["error_description"].isascii()
    assert issued() == (0, 0)


@pytest.mark.parametrize("changed", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_nobody_is_sent_to_an_address_that_was_not_registered(doors, changed):
    answer = Browser(doors).ask(doors.app(), **changed)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert "evil" not in answer.content.decode()
    assert issued() == (0, 0)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state", "code_challenge"])
def test_a_parameter_given_twice_is_not_guessed(doors, name):
    app = doors.app()
    asked = question(app) + "&" + urlencode({name: parse_qs(question(app))[name][0]})
    answer = Browser(doors).client.get(f"/oauth/authorize?{asked}")
    if name in ("client_id", "redirect_uri"):
        assert answer.status_code == 400
    else:
        assert said_back(answer)["error"] == "invalid_request"
    assert issued() == (0, 0)


@pytest.mark.parametrize("state", ["asked", "refused", "suspended"])
def test_an_app_that_is_not_approved_asks_in_vain(doors, state):
    app = doors.app()
    smart_apps.decide(app, state, 1, doors.now)
    assert Browser(doors).ask(app).status_code == 400
    code = doors.code(app)
    assert doors.exchange(app, code).json()["error"] == "invalid_client"
    assert issued() == (0, 0)


# --- /oauth/token by a code: what is changed in the form; None takes it away
BY_CODE = [
    ("no grant_type", {"grant_type": None}, "invalid_request"),
    ("password grant (RFC 9700 2.4)", {"grant_type": "password"}, "unsupported_grant_type"),
    ("implicit grant", {"grant_type": "implicit"}, "unsupported_grant_type"),
    (
        "device grant",
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
        "unsupported_grant_type",
    ),
    ("no code", {"code": None}, "invalid_request"),
    ("a code that never was", {"code": "ac-nothing"}, "invalid_grant"),
    ("no verifier", {"code_verifier": None}, "invalid_request"),
    ("another verifier", {"code_verifier": "B" * 43}, "invalid_grant"),
    ("the challenge as verifier", {"code_verifier": CHALLENGE}, "invalid_grant"),
    ("a short verifier", {"code_verifier": "short"}, "invalid_request"),
    ("a verifier of other letters", {"code_verifier": "!" * 43}, "invalid_request"),
    ("no redirect_uri", {"redirect_uri": None}, "invalid_grant"),
    ("another redirect_uri", {"redirect_uri": "https://app.example/other"}, "invalid_grant"),
    ("no client_id", {"client_id": None}, "invalid_client"),
    ("unknown client", {"client_id": "0" * 32}, "invalid_client"),
    ("an assertion of no type", {"client_assertion": "x.y.z"}, "invalid_client"),
]


@pytest.mark.parametrize(("changed", "error"), [row[1:] for row in BY_CODE], ids=[row[0] for row in BY_CODE])
def test_a_code_alone_is_not_enough(doors, changed, error):
    app = doors.app()
    form = {
        "grant_type": "authorization_code",
        "code": doors.code(app),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": app.client_id,
    } | changed
    answer = doors.post("/oauth/token", {name: value for name, value in form.items() if value is not None})
    is_refused(answer, error)


def is_refused(answer, error):
    assert answer.status_code in (400, 401), answer.content
    assert answer.json()["error"] == error
    assert answer["Cache-Control"] == "no-store"
    assert (answer.status_code == 401) == (error == "invalid_client")
    assert issued() == (0, 0)
    assert any(word.startswith("denied: ") and error in word for word in audit())


def test_a_code_of_another_app_is_none(doors):
    app, other = doors.app(), doors.app("Diary")
    is_refused(doors.exchange(other, doors.code(app)), "invalid_grant")


def test_a_confidential_app_has_to_prove_itself(doors):
    app, secret = doors.app_and_secret(way="secret")
    is_refused(doors.exchange(app, doors.code(app)), "invalid_client")
    is_refused(doors.exchange(app, doors.code(app), client_secret=secret[:-1]), "invalid_client")


def test_a_secret_does_not_make_a_public_app_confidential(doors):
    app = doors.app()
    is_refused(doors.exchange(app, doors.code(app), client_secret="guess"), "invalid_client")


def test_the_secret_of_another_app_is_none(doors):
    app, _ = doors.app_and_secret(way="secret")
    _, other = doors.app_and_secret("Diary", way="secret")
    is_refused(doors.exchange(app, doors.code(app), client_secret=other), "invalid_client")


PROOFS = ["Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Bearer x", "Digest x"]


@pytest.mark.parametrize("header", PROOFS)
def test_a_proof_that_can_not_be_read_is_none(doors, header):
    app, _ = doors.app_and_secret(way="secret")
    form = {
        "grant_type": "authorization_code",
        "code": doors.code(app),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    answer = doors.post("/oauth/token", form, Authorization=header)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_client", "invalid_request")
    assert issued() == (0, 0)


def test_two_proofs_at_once_are_refused(doors):
    app, secret = doors.app_and_secret(way="secret")
    proof = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": doors.code(app),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_secret": secret,
    }
    is_refused(doors.post("/oauth/token", form, Authorization=f"Basic {proof}"), "invalid_request")


def test_how_a_form_has_to_come(doors):
    app = doors.app()
    form = {"grant_type": "authorization_code", "code": doors.code(app), "redirect_uri": REDIRECT}
    form |= {"code_verifier": VERIFIER, "client_id": app.client_id}
    assert doors.client.get(f"/oauth/token?{urlencode(form)}").status_code == 405
    is_refused(doors.post(f"/oauth/token?{urlencode(form)}", {}), "invalid_request")
    is_refused(doors.post("/oauth/token?x=1", form), "invalid_request")
    as_json = doors.client.post("/oauth/token", json.dumps(form), content_type="application/json")
    is_refused(as_json, "invalid_request")
    is_refused(doors.post("/oauth/token", [*form.items(), ("code", form["code"])]), "invalid_request")
    is_refused(doors.post("/oauth/token", form | {"state": "\x00"}), "invalid_request")
    is_refused(doors.post("/oauth/token", form | {"state": "x" * 40_000}), "invalid_request")


def test_a_wrong_verifier_spends_the_code(doors):
    app = doors.app()
    code = doors.code(app)
    is_refused(doors.exchange(app, code, code_verifier="B" * 43), "invalid_grant")
    is_refused(doors.exchange(app, code), "invalid_grant")


# --- refreshing
def test_what_is_no_refresh_token_of_this_app_refreshes_nothing(world):
    app, other = world.app(), world.app("Diary")
    said = world.exchange(app, world.code(app)).json()
    for token, who in (
        ("rt-nothing", app),
        (said["access_token"], app),
        (said["refresh_token"], other),
        ("", app),
    ):
        answer = world.refresh(who, token)
        assert answer.json()["error"] in ("invalid_grant", "invalid_request")
    assert issued() == (1, 1)
    assert world.refresh(app, said["refresh_token"]).status_code == 200


def test_a_refresh_token_has_an_end(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    world.clock.move(days=91)
    assert world.refresh(app, said["refresh_token"]).json()["error"] == "invalid_grant"
    assert issued() == (1, 1)


# --- introspection and revocation
def test_introspection_is_for_those_who_prove_themselves(world):
    app = world.app()
    said = world.exchange(app, world.code(app)).json()
    for form in (
        {"token": said["access_token"]},
        {"token": said["access_token"], "client_id": app.client_id},
    ):
        answer = world.post("/oauth/introspect", form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = world.post("/oauth/introspect", {}, Authorization=f"Bearer {said['access_token']}")
    assert answer.json()["error"] == "invalid_request"


def test_introspection_and_revocation_ask_for_a_token(doors):
    app, secret = doors.app_and_secret(way="secret")
    proof = {"client_id": app.client_id, "client_secret": secret}
    for door in ("introspect", "revoke"):
        assert doors.post(f"/oauth/{door}", proof).json()["error"] == "invalid_request"
        wrong = doors.post(f"/oauth/{door}", proof | {"client_secret": "x", "token": "at-x"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        assert doors.client.get(f"/oauth/{door}").status_code == 405


def test_who_guesses_without_end_is_told_to_wait(doors):
    answers = [doors.post("/oauth/token", {"grant_type": "refresh_token"}).status_code for _ in range(40)]
    assert 429 in answers
    assert answers.index(429) == 30
    strangers.forget()


def test_there_are_more_than_forty_ways_to_fail():
    assert len(SENT_BACK) + len(REFUSED) + len(BY_CODE) > 60
