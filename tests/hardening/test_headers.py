"""Every answer of every route carries the headers that keep a browser from harm; a page says what it may load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from careloop.server import csp

WEB = Path(__file__).resolve().parents[2] / "src" / "careloop" / "web"
SAMPLE = {"int": "1", "str": "x", "slug": "x", "path": "x/y", "uuid": "018f3c5e-0000-7000-8000-000000000000"}
ODD_CALLS = (
    ("GET", "/static/careloop/careloop.css"),
    ("GET", "/static/nothing.js"),
    ("GET", "/nothing-here"),
    ("GET", "/fhir/metadata"),
    ("GET", "/fhir/Patient/1"),
    ("TRACE", "/today"),
    ("PROPFIND", "/fhir/Patient"),
    ("GET", "/today?" + "x" * 40_000),
    ("GET", "/fhir/Patient?name=%00"),
    ("POST", "/people/found"),  # no form token
)


def routes(patterns: Any = None, before: str = "/") -> Iterator[str]:
    """Each address of the URLconf, with something in the places that take a value."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        said = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + said)
        elif isinstance(pattern, URLPattern):
            filled = re.sub(
                r"<(?:(\w+):)?\w+>", lambda found: SAMPLE.get(found[1] or "str", "x"), before + said
            )
            yield filled.replace("//", "/")


def directives(response: Any) -> dict[str, list[str]]:
    parts = [part.split() for part in response["Content-Security-Policy"].split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def check(response: Any, where: str) -> None:
    for name in csp.ALWAYS:
        assert response.get(name), f"{where}: no {name}"
    assert response["X-Content-Type-Options"] == "nosniff", where
    assert response["Referrer-Policy"] in ("same-origin", "no-referrer"), where
    assert len(response.get("X-Request-Id", "")) == 16, where
    assert response.get("Cache-Control"), f"{where}: may be cached by anybody"
    policy = directives(response)
    said = " ".join(word for words in policy.values() for word in words)
    assert "unsafe" not in said, f"{where}: {said}"
    assert "*" not in said, f"{where}: {said}"
    assert policy["default-src"] == ["'none'"], where
    assert policy["frame-ancestors"] == ["'none'"], where
    assert policy["base-uri"] == ["'none'"], where
    assert policy.get("object-src", ["'none'"]) == ["'none'"], where
    assert "form-action" in policy, where


@pytest.fixture
def nobody(record: None) -> Client:
    return Client(raise_request_exception=False)


def test_every_route_answers_with_them(nobody: Client) -> None:
    seen = list(routes())
    assert len(seen) > 60
    for address in seen:
        for method in ("GET", "POST"):
            response = nobody.generic(method, address)
            check(response, f"{method} {address} ({response.status_code})")
            assert response.status_code < 500, f"{method} {address}"


def test_and_every_odd_request_too(nobody: Client) -> None:
    for method, address in ODD_CALLS:
        response = nobody.generic(method, address)
        check(response, f"{method} {address[:40]} ({response.status_code})")
        assert response.status_code < 500
    assert nobody.get("/today", HTTP_HOST="evil.example").status_code == 400


def test_and_a_fault_of_ours(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from careloop.web.staff import sign_in

    monkeypatch.setattr(sign_in, "render", lambda *_, **__: 1 / 0)
    response = nobody.get("/sign-in")
    assert response.status_code == 500
    check(response, "a fault")


def test_over_tls_cookies_and_transport_are_kept_to_it(record: None) -> None:
    tls = {
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-csrf",
    }
    with override_settings(**tls):
        client = Client()
        away = client.get("/sign-in")
        assert (away.status_code, away["Location"]) == (301, "https://testserver/sign-in")
        check(away, "redirect to TLS")
        page = client.get("/sign-in", secure=True, HTTP_X_FORWARDED_PROTO="https")
        assert page["Strict-Transport-Security"].startswith("max-age=31536000")
        fhir = client.get("/fhir/metadata", secure=True, HTTP_X_FORWARDED_PROTO="https")
        assert fhir["Strict-Transport-Security"].startswith("max-age=31536000")
        for cookie in page.cookies.values():
            assert cookie.key.startswith("__Host-")
            assert cookie["secure"]
            assert cookie["httponly"]
            assert cookie["samesite"] in ("Lax", "Strict")
            assert (cookie["path"], cookie["domain"]) == ("/", "")


def test_programs_are_not_redirected_but_refused(record: None) -> None:
    """A program that was led on to https would send its token in the clear each time, and nobody would notice."""
    exempt = [r"^fhir(/|$)", r"^oauth/", r"^\.well-known/", r"^healthz$"]
    with override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=exempt):
        client = Client()
        for address in ("/fhir/metadata", "/fhir", "/oauth/token"):
            answer = client.get(address)
            assert (answer.status_code, "Location" in answer) == (403, False), address
        assert client.get("/fhir/metadata", secure=True).status_code == 200
        assert client.get("/sign-in").status_code == 301
        assert client.get("/healthz").status_code == 200


def test_signing_out_clears_what_the_browser_holds(record: None) -> None:
    answer = Client().post("/sign-out")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in Client().get("/sign-in")


def test_what_a_real_start_with_tls_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    from careloop.server import settings

    monkeypatch.setenv("CARELOOP_TLS", "1")
    monkeypatch.setenv("CARELOOP_SECRET_KEY", "x" * 64)
    try:
        fresh = importlib.reload(settings)
        assert fresh.SESSION_COOKIE_NAME == "__Host-session"
        assert fresh.CSRF_COOKIE_NAME == "__Host-csrf"
        assert fresh.SESSION_COOKIE_SECURE
        assert fresh.CSRF_COOKIE_SECURE
        assert fresh.SECURE_SSL_REDIRECT
        assert fresh.SECURE_HSTS_INCLUDE_SUBDOMAINS
    finally:
        monkeypatch.undo()
        importlib.reload(settings)


def test_pages_of_people_are_kept_by_nobody(record: None, now: datetime) -> None:
    for address in routes():
        response = Client(raise_request_exception=False).get(address)
        if response["Content-Type"].startswith("text/html") and not address.startswith("/static"):
            assert "no-store" in response["Cache-Control"] or "private" in response["Cache-Control"], address


INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style\b|\bstyle=|\son(?:click|load|error|submit|change|input|key\w+|mouse\w+|focus|blur|toggle)\s*=|javascript:|hx-on|hx-vals=.js:",
    re.IGNORECASE,
)


def test_no_template_holds_a_script_or_a_style() -> None:
    templates = list(WEB.rglob("templates/**/*.html"))
    assert len(templates) > 40
    found = {}
    for path in templates:
        text = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r'<script[^>]*type="application/json"[^>]*>', "", text)
        if hits := INLINE.findall(text):
            found[path.name] = hits
    assert not found


def test_scripts_need_no_eval_and_htmx_is_told_so() -> None:
    for path in (WEB / "static" / "careloop").glob("*.js"):
        text = path.read_text()
        for word in (
            "eval(",
            "new Function",
            "document.write",
            "localStorage",
            "sessionStorage",
            'setTimeout("',
        ):
            assert word not in text, f"{path.name}: {word}"
    for path in WEB.rglob("templates/**/*.html"):
        text = path.read_text()
        if "vendor/htmx" in text:
            assert '"allowEval":false' in text, path.name
            assert '"historyCacheSize":0' in text, path.name
            assert text.index("careloop/trust.js") < text.index("vendor/htmx"), path.name
