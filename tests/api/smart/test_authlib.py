"""Authlib as a client against the real application: discovery, PKCE, refresh, revocation, backend services."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from django.test import Client

from tests.api.smart.conftest import BASE, EC, REDIRECT, RSA, SCOPES, VERIFIER

ALGORITHM = {"rsa": "RS384", "ec": "ES384"}


@pytest.fixture
def wsgi(world) -> httpx.WSGITransport:
    from django.core.wsgi import get_wsgi_application

    return httpx.WSGITransport(app=get_wsgi_application())


def client(app: Any, wsgi: Any, **more: Any) -> OAuth2Client:
    return OAuth2Client(
        client_id=app.client_id,
        redirect_uri=REDIRECT,
        transport=wsgi,
        base_url=BASE,
        code_challenge_method="S256",
        **more,
    )


def allowed(world: Any, address: str) -> str:
    """Where Ana's browser ends when she allows everything for Maria."""
    browser = Client()
    browser.force_login(world.user)

    def press(page: Any, **said: Any) -> Any:
        slip = re.search(r'name="slip" value="([^"]+)"', page.content.decode()).group(1)
        return browser.post("/oauth/consent", {"slip": unescape(slip), **said})

    page = press(browser.get(address.removeprefix(BASE)), patient="maria")
    ticked = re.findall(r'name="scope" value="([^"]+)" checked', page.content.decode())
    return str(press(page, allow="1", scope=list(map(unescape, ticked)))["Location"])


@pytest.mark.parametrize("way", ["public", "secret"])
def test_from_discovery_to_the_record_and_back(world, wsgi, way):
    app, secret = world.app_and_secret(way=way)
    proof = "none" if way == "public" else "client_secret_basic"
    with client(
        app, wsgi, scope=SCOPES, client_secret=secret or None, token_endpoint_auth_method=proof
    ) as ours:
        there = httpx.Client(transport=wsgi).get(f"{BASE}/fhir/.well-known/smart-configuration").json()
        address, state = ours.create_authorization_url(
            there["authorization_endpoint"], code_verifier=VERIFIER, aud=f"{BASE}/fhir"
        )
        back = allowed(world, address)
        token = ours.fetch_token(
            there["token_endpoint"], authorization_response=back, state=state, code_verifier=VERIFIER
        )
        assert token["patient"] == "maria"
        assert ours.get("/fhir/Patient/maria").json()["name"][0]["family"] == "Duarte"
        assert ours.get("/fhir/Patient/james").status_code == 404
        newer = ours.refresh_token(there["token_endpoint"], refresh_token=token["refresh_token"])
        assert newer["access_token"] != token["access_token"]
        assert ours.get("/fhir/Observation").json()["resourceType"] == "Bundle"
        ended = ours.revoke_token(
            there["revocation_endpoint"], token=newer["refresh_token"], token_type_hint="refresh_token"
        )
        assert ended.status_code == 200
        assert ours.get("/fhir/Patient/maria").status_code == 401


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
def test_a_backend_service_of_authlib(world, wsgi, key):
    app = world.backend()
    at = int(world.now.timestamp())
    claims = {"iat": at, "exp": at + 240}
    with OAuth2Client(
        client_id=app.client_id,
        client_secret=key,
        token_endpoint_auth_method=PrivateKeyJWT(
            f"{BASE}/oauth/token", claims=claims, headers={"kid": key.kid}, alg=ALGORITHM[str(key.kid)]
        ),
        transport=wsgi,
    ) as ours:
        token = ours.fetch_token(
            f"{BASE}/oauth/token", grant_type="client_credentials", scope="system/Patient.rs"
        )
        assert token["token_type"] == "Bearer"
        assert ours.get(f"{BASE}/fhir/Patient/james").status_code == 200
        assert ours.get(f"{BASE}/fhir/Observation").status_code == 403


def test_what_authlib_is_told_when_it_is_refused(world, wsgi):
    from authlib.integrations.base_client import OAuthError

    app = world.app()
    with client(app, wsgi, token_endpoint_auth_method="none") as ours, pytest.raises(OAuthError) as told:
        ours.fetch_token(
            f"{BASE}/oauth/token",
            authorization_response=f"{REDIRECT}?{urlencode({'code': 'ac-x', 'state': 's'})}",
            state="s",
            code_verifier=VERIFIER,
        )
    assert told.value.error == "invalid_grant"
