"""What a backend service is refused for: RFC 7521, RFC 7523, SMART Backend Services; and that nothing was issued."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.api.smart.conftest import BASE, EC, JWKS, RSA, issued
from tests.api.smart.test_refusals import is_refused

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
    is_refused(doors.by_itself(said), "invalid_client")


def test_an_assertion_without_a_signature_or_by_the_public_key_as_a_secret_is_none(doors):
    app = doors.backend()
    good = doors.assertion(app)
    head, body, signature = good.split(".")

    def b64(said):
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    is_refused(
        doors.by_itself(f"{b64({'alg': 'none', 'typ': 'JWT', 'kid': 'rsa'})}.{body}."), "invalid_client"
    )
    hs384 = b64({"alg": "HS384", "typ": "JWT", "kid": "rsa"})
    public = RSA.as_pem(private=False)
    mac = hmac.new(public, f"{hs384}.{body}".encode(), "sha384").digest()
    forged = f"{hs384}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    is_refused(doors.by_itself(forged), "invalid_client")
    is_refused(doors.by_itself(f"{head}.{body}.{signature[:-4]}AAAA"), "invalid_client")
    is_refused(doors.by_itself("no.jwt"), "invalid_client")
    weak = doors.assertion(app, P256, header={"alg": "ES256"})
    is_refused(doors.by_itself(weak), "invalid_client")


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
    is_refused(doors.by_itself(doors.assertion(doors.backend()), scope), "invalid_scope")


def test_who_may_use_which_grant(doors):
    app, backend = doors.app(way="keys", keys=JWKS), doors.backend()
    is_refused(doors.by_itself(doors.assertion(app)), "unauthorized_client")
    form = {
        "grant_type": "authorization_code",
        "code": "ac-x",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": doors.assertion(backend),
    }
    is_refused(doors.post("/oauth/token", form), "unauthorized_client")
    secret_app, secret = doors.app_and_secret("Diary", way="secret")
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    form |= {"client_id": secret_app.client_id, "client_secret": secret}
    is_refused(doors.post("/oauth/token", form), "invalid_client")


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
    is_refused(doors.by_itself(doors.assertion(app)), "invalid_client")
