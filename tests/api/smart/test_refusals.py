"""What is refused at each door for apps, in which words, and that nothing was issued: RFC 6749, 7636, 7523, 7009, 7662,
9700, OpenID Connect and SMART App Launch 2.2."""

from __future__ import annotations

import base64
import hmac
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey, RSAKey

from careloop.accounts import smart_apps
from careloop.api.strangers import strangers
from tests.api.smart.conftest import BASE, CHALLENGE, EC, JWKS, REDIRECT, RSA, SCOPES, VERIFIER, audit, issued
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
    _is_refused(answer, error)


def _is_refused(answer, error):
    assert answer.status_code in (400, 401), answer.content
    assert answer.json()["error"] == error
    assert answer["Cache-Control"] == "no-store"
    assert (answer.status_code == 401) == (error == "invalid_client")
    assert issued() == (0, 0)
    assert any(word.startswith("denied: ") and error in word for word in audit())


def test_a_code_of_another_app_is_none(doors):
    app, other = doors.app(), doors.app("Diary")
    _is_refused(doors.exchange(other, doors.code(app)), "invalid_grant")


def test_a_confidential_app_has_to_prove_itself(doors):
    app, secret = doors.app_and_secret(way="secret")
    _is_refused(doors.exchange(app, doors.code(app)), "invalid_client")
    _is_refused(doors.exchange(app, doors.code(app), client_secret=secret[:-1]), "invalid_client")


def test_a_secret_does_not_make_a_public_app_confidential(doors):
    app = doors.app()
    _is_refused(doors.exchange(app, doors.code(app), client_secret="guess"), "invalid_client")


def test_the_secret_of_another_app_is_none(doors):
    app, _ = doors.app_and_secret(way="secret")
    _, other = doors.app_and_secret("Diary", way="secret")
    _is_refused(doors.exchange(app, doors.code(app), client_secret=other), "invalid_client")


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
    _is_refused(doors.post("/oauth/token", form, Authorization=f"Basic {proof}"), "invalid_request")


def test_how_a_form_has_to_come(doors):
    app = doors.app()
    form = {"grant_type": "authorization_code", "code": doors.code(app), "redirect_uri": REDIRECT}
    form |= {"code_verifier": VERIFIER, "client_id": app.client_id}
    assert doors.client.get(f"/oauth/token?{urlencode(form)}").status_code == 405
    _is_refused(doors.post(f"/oauth/token?{urlencode(form)}", {}), "invalid_request")
    _is_refused(doors.post("/oauth/token?x=1", form), "invalid_request")
    as_json = doors.client.post("/oauth/token", json.dumps(form), content_type="application/json")
    _is_refused(as_json, "invalid_request")
    _is_refused(doors.post("/oauth/token", [*form.items(), ("code", form["code"])]), "invalid_request")
    _is_refused(doors.post("/oauth/token", form | {"state": "\x00"}), "invalid_request")
    _is_refused(doors.post("/oauth/token", form | {"state": "x" * 40_000}), "invalid_request")


def test_a_wrong_verifier_spends_the_code(doors):
    app = doors.app()
    code = doors.code(app)
    _is_refused(doors.exchange(app, code, code_verifier="B" * 43), "invalid_grant")
    _is_refused(doors.exchange(app, code), "invalid_grant")


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


# --- backend services (RFC 7523, SMART Backend Services): what is changed in the assertion
OTHER_RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"}, private=True)
P256 = ECKey.generate_key("P-256", parameters={"kid": "ec"}, private=True)
ASSERTIONS = [
    ("iss of another", {"iss": "somebody"}),
    ("sub of another", {"sub": "somebody"}),
    ("no iss", {"iss": None}),
    ("no sub", {"sub": None}),
    ("sub that is no text", {"sub": 7}),
    ("no aud", {"aud": None}),
    ("aud of another server", {"aud": "https://evil.example/oauth/token"}),
    ("aud of our FHIR door", {"aud": f"{BASE}/fhir"}),
    ("aud of ours and of another", {"aud": [f"{BASE}/oauth/token", "https://evil.example"]}),
    ("no exp", {"exp": None}),
    ("expired", {"exp": -120}),
    ("longer than five minutes", {"exp": 420}),
    ("exp that is no number", {"exp": "soon"}),
    ("from the future", {"nbf": 300}),
    ("made in the future", {"iat": 300}),
    ("no jti", {"jti": None}),
    ("jti that is no text", {"jti": 7}),
    ("endless jti", {"jti": "x" * 300}),
    ("no kid", {"header": {"kid": None}}),
    ("unknown kid", {"header": {"kid": "unknown"}}),
    ("another kind of token", {"header": {"typ": "at+jwt"}}),
    ("keys from an address in the assertion", {"header": {"jku": "https://evil.example/jwks"}}),
    ("signed by another key", {"key": OTHER_RSA}),
    ("RS256", {"header": {"alg": "RS256"}}),
    ("PS384", {"header": {"alg": "PS384"}}),
]


def _moved(world, claims):
    at = int(world.now.timestamp())
    return {n: at + v if n in ("exp", "nbf", "iat") and isinstance(v, int) else v for n, v in claims.items()}


@pytest.mark.parametrize("changed", [row[1] for row in ASSERTIONS], ids=[row[0] for row in ASSERTIONS])
def test_an_assertion_has_to_be_right_in_everything(doors, changed):
    app = doors.backend()
    claims = {name: value for name, value in changed.items() if name not in ("header", "key")}
    said = doors.assertion(
        app, changed.get("key", RSA), header=changed.get("header"), **_moved(doors, claims)
    )
    _is_refused(doors.by_itself(said), "invalid_client")


def test_an_assertion_without_a_signature_or_by_the_public_key_as_a_secret_is_none(doors):
    app = doors.backend()
    good = doors.assertion(app)
    head, body, signature = good.split(".")

    def b64(said):
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    _is_refused(
        doors.by_itself(f"{b64({'alg': 'none', 'typ': 'JWT', 'kid': 'rsa'})}.{body}."), "invalid_client"
    )
    hs384 = b64({"alg": "HS384", "typ": "JWT", "kid": "rsa"})
    public = RSA.as_pem(private=False)
    mac = hmac.new(public, f"{hs384}.{body}".encode(), "sha384").digest()
    forged = f"{hs384}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    _is_refused(doors.by_itself(forged), "invalid_client")
    _is_refused(doors.by_itself(f"{head}.{body}.{signature[:-4]}AAAA"), "invalid_client")
    _is_refused(doors.by_itself("no.jwt"), "invalid_client")
    weak = doors.assertion(app, P256, header={"alg": "ES256"})
    _is_refused(doors.by_itself(weak), "invalid_client")


def test_a_jti_works_once(doors):
    app = doors.backend()
    said = doors.assertion(app, jti="once")
    assert doors.by_itself(said).status_code == 200
    assert doors.by_itself(said).json()["error"] == "invalid_client"
    assert doors.by_itself(doors.assertion(app, EC, jti="once")).json()["error"] == "invalid_client"
    assert issued() == (1, 0)


def test_one_jti_at_32_doors_opens_one(doors):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    said = doors.assertion(doors.backend(), jti="raced")

    def racer(_):
        try:
            return doors.by_itself(said).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(racer, range(16)))
    assert answers.count(200) == 1


BACKEND_SCOPES = [
    ("none", ""),
    ("more than registered", "system/*.rs"),
    ("of a user", "user/Patient.rs"),
    ("of a patient", "patient/Patient.rs"),
    ("mixed", "system/Patient.rs patient/Patient.rs"),
    ("to stay", "system/Patient.rs offline_access"),
    ("openid", "openid"),
    ("unknown", "all"),
]


@pytest.mark.parametrize("scope", [row[1] for row in BACKEND_SCOPES], ids=[row[0] for row in BACKEND_SCOPES])
def test_a_backend_service_gets_system_scopes_that_it_was_registered_for(doors, scope):
    _is_refused(doors.by_itself(doors.assertion(doors.backend()), scope), "invalid_scope")


def test_who_may_use_which_grant(doors):
    app, backend = doors.app(way="keys", keys=JWKS), doors.backend()
    _is_refused(doors.by_itself(doors.assertion(app)), "unauthorized_client")
    form = {
        "grant_type": "authorization_code",
        "code": "ac-x",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": doors.assertion(backend),
    }
    _is_refused(doors.post("/oauth/token", form), "unauthorized_client")
    secret_app, secret = doors.app_and_secret("Diary", way="secret")
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    form |= {"client_id": secret_app.client_id, "client_secret": secret}
    _is_refused(doors.post("/oauth/token", form), "invalid_client")


@pytest.mark.parametrize(
    "published",
    [b"", b"no json", b"[]", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA", "kid": "rsa"}]}', None],
    ids=["empty", "no JSON", "no set", "no key", "a shared secret", "silence"],
)
def test_keys_at_an_address_that_are_none_prove_nothing(doors, monkeypatch, published):
    from careloop.api.smart import assertions
    from careloop.connect.outbound import NoAnswer

    def fetch(scope, url, now):
        if published is None:
            raise NoAnswer
        return published

    monkeypatch.setattr(assertions.keys, "fetch", fetch)
    app = doors.backend(keys={}, keys_url="https://registry.example/jwks.json")
    _is_refused(doors.by_itself(doors.assertion(app)), "invalid_client")


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


# --- the FHIR door
BEARERS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer at-nothing",
    "Bearer rt-nothing",
    "Basic at-nothing",
    "bearer at-x y",
]


@pytest.mark.parametrize("header", BEARERS)
def test_the_record_opens_for_no_made_up_token(doors, header):
    headers = {"Authorization": header} if header else {}
    answer = doors.client.get("/fhir/Patient/maria", headers=headers)
    assert answer.status_code == 401
    assert b"Duarte" not in answer.content


def test_only_an_access_token_opens_the_record(world):
    app = world.app()
    code = world.code(app)
    said = world.exchange(app, world.code(app)).json()
    for token in (code, said["refresh_token"], said["id_token"]):
        assert world.get("Patient/maria", token).status_code == 401
    assert world.client.get(f"/fhir/Patient/maria?access_token={said['access_token']}").status_code == 401


def test_what_lies_outside_of_the_scope_is_refused_and_never_widened(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    for path, status in (
        ("Condition", 403),
        ("Patient?_type=Condition", 400),
        ("Observation?_include=Observation:subject", 400),
        ("Observation?patient=james", 200),
        ("Patient/james/_history", 404),
        ("Patient/james/_history/1", 404),
        ("Nonsense", 404),
        ("Task", 403),
        ("AuditEvent", 403),
    ):
        answer = world.get(path, token)
        assert answer.status_code == status, (path, answer.content[:300])
        assert b"Otieno" not in answer.content
        assert b"james-" not in answer.content


def test_a_token_without_a_patient_reads_no_patient(world):
    app = world.app()
    code = world.code(app, person=(0, ""))
    token = world.exchange(app, code).json()["access_token"]
    assert world.get("Patient/maria", token).status_code in (403, 404)
    assert (
        world.get("Patient", token).json().get("entry", []) == []
        or world.get("Patient", token).status_code == 403
    )


def test_pages_of_strangers_may_not_call_from_a_browser(world):
    app = world.app()
    token = world.exchange(app, world.code(app)).json()["access_token"]
    proof = {"Authorization": f"Bearer {token}"}
    for origin, allowed in (
        ("https://app.example", "https://app.example"),
        ("https://evil.example", None),
        ("https://app.example.evil.example", None),
        ("http://app.example", None),
        ("null", None),
    ):
        answer = world.client.get("/fhir/Patient/maria", headers={"Origin": origin, **proof})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed, origin
        assert "Access-Control-Allow-Credentials" not in answer.headers
    first = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    asked = world.client.options("/fhir/Patient/maria", headers=first)
    assert asked.status_code == 204
    assert "Authorization" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in world.client.get("/apps/mine", headers=first).headers
    smart_apps.decide(app, "suspended", 1, world.now)
    asked = world.client.options("/fhir/Patient/maria", headers=first)
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_there_are_more_than_forty_ways_to_fail():
    assert len(SENT_BACK) + len(REFUSED) + len(BY_CODE) + len(ASSERTIONS) + len(BACKEND_SCOPES) > 90
    assert urlsplit(REDIRECT).scheme == "https"
    assert SCOPES
