"""Registering a program, and letting it in: asked, approved by an administrator, suspended at any time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from careloop.access.smart_scope import Asked, BadScope, read_allowed
from careloop.accounts.models import Principal, hash_token
from careloop.accounts.smart_models import App
from careloop.kernel.errors import CareError, NotFound

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_NATIVE = re.compile(r"[a-z][a-z0-9+\-]*(\.[a-z0-9+\-]+)+\Z")  # reverse domain name (RFC 8252, 7.1)
APPROVED: Final = "approved"
_MOST_REDIRECTS: Final = 10
_MOST_KEYS: Final = 20


class BadApp(CareError):
    """This app can't be registered as it stands."""

    code, status, issue_type = "bad-app", 422, "invalid"


@dataclass(frozen=True)
class Told:
    """What whoever asks says of the program. way: public, secret or keys. keys: a JWKS; keys_url: where one is."""

    name: str
    publisher: str
    scopes: str
    about: str = ""
    way: str = "public"
    redirects: Sequence[str] = ()
    launch_url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    keys_url: str = ""
    is_backend: bool = False
    is_for_staff: bool = True
    is_for_families: bool = False


def register(told: Told, by: int, now: datetime) -> tuple[App, str]:
    """The app, which still waits for an approval, and its secret: shown once, empty for those without.
    by: principal of whoever asks, 0 for the command line. Raises BadApp, BadScope."""
    _check(told)
    secret = secrets.token_urlsafe(32) if told.way == App.Way.SECRET else ""
    with transaction.atomic():
        app = App.objects.create(
            principal=Principal.objects.create(kind="app", name=told.name),
            client_id=secrets.token_hex(16),
            name=told.name,
            publisher=told.publisher,
            about=told.about,
            way=told.way,
            secret_hash=hash_token(secret) if secret else "",
            keys=told.keys,
            keys_url=told.keys_url,
            redirects=list(told.redirects),
            launch_url=told.launch_url,
            scopes=told.scopes,
            is_backend=told.is_backend,
            is_for_staff=told.is_for_staff and not told.is_backend,
            is_for_families=told.is_for_families and not told.is_backend,
            asked_by=by,
            asked_at=now,
        )
    return app, secret


def decide(app: App, state: str, by: int, now: datetime, why: str = "") -> None:
    """state: approved, refused or suspended. What a suspended app holds stops working with its next request."""
    app.state, app.decided_by, app.decided_at, app.why = state, by, now, why[:300]
    app.save(update_fields=["state", "decided_by", "decided_at", "why"])


def named(name: str) -> App:
    """By its name or its client_id. Raises NotFound."""
    found = App.objects.filter(name=name).first() or App.objects.filter(client_id=name).first()
    if found is None:
        raise NotFound(f"There is no app “{name}”; careloop app list names them.")
    return found


def origins() -> frozenset[str]:
    """Of the pages of approved apps: who may call from a browser."""
    found: set[str] = set()
    for redirects, launch_url in App.objects.filter(state=APPROVED).values_list("redirects", "launch_url"):
        found.update(origin for url in [*redirects, launch_url] if (origin := origin_of(url)))
    return frozenset(found)


def origin_of(url: str) -> str:
    """`https://app.example`, empty for what a browser has no origin for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme in ("https", "http") else ""


# --- what an app may be ---


def _check(told: Told) -> None:
    if not told.name.strip() or not told.publisher.strip():
        raise BadApp("It needs a name and a publisher: people read both before they allow it anything.")
    if App.objects.filter(name=told.name).exists():
        raise BadApp(f"There is one named “{told.name}” already.")
    if told.way not in App.Way.values:
        raise BadApp("It proves itself by public, secret or keys.")
    allowed = read_allowed(told.scopes)
    if told.is_backend:
        _check_backend(told, allowed)
    else:
        _check_interactive(told, allowed)
    if told.way == App.Way.KEYS:
        _check_keys(told)
    elif told.keys or told.keys_url:
        raise BadApp("Only an app that proves itself by keys has keys.")


def _check_backend(told: Told, allowed: Asked) -> None:
    if allowed.special or any(scope.context != "system" for scope in allowed.resources):
        raise BadScope("A program that acts for itself has system/ scopes and no others.")
    if told.way != App.Way.KEYS:
        raise BadApp("A program that acts for itself proves itself by keys.")
    if told.redirects or told.launch_url:
        raise BadApp("A program that acts for itself has no pages to come back to.")


def _check_interactive(told: Told, allowed: Asked) -> None:
    if any(scope.context == "system" for scope in allowed.resources):
        raise BadScope("An app that people use has patient/ or user/ scopes.")
    if not 1 <= len(told.redirects) <= _MOST_REDIRECTS:
        raise BadApp(f"Name the addresses it comes back to, 1 to {_MOST_REDIRECTS}.")
    for url in told.redirects:
        check_redirect(url, is_public=told.way == App.Way.PUBLIC)
    if told.launch_url:
        check_redirect(told.launch_url, is_public=False)
    if not (told.is_for_staff or told.is_for_families):
        raise BadApp("Say for whom it is: staff, families or both.")


def check_redirect(url: str, *, is_public: bool) -> None:
    """Https; http only on this very machine; an app's own scheme only for a public app, in reverse domain form."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise BadApp(f"“{url[:80]}” is no address.") from None
    if not url.isascii() or any(c <= " " or c in '"<>\\^`{|}*' for c in url) or len(url) > 500:
        raise BadApp(f"“{url[:80]}” has characters that an address can't have; wildcards are none either.")
    if parts.fragment or "#" in url or parts.username or parts.password or not port_is_fine:
        raise BadApp(f"“{url[:80]}” may have no fragment and no user name.")
    is_web = parts.scheme == "https" and bool(parts.hostname)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    is_native = is_public and bool(_NATIVE.match(parts.scheme)) and not parts.netloc
    if not (is_web or is_here or is_native):
        raise BadApp(f"“{url[:80]}” has to begin with https://.")


def _check_keys(told: Told) -> None:
    if bool(told.keys) == bool(told.keys_url):
        raise BadApp("Give its keys by value or by an https address, one of both.")
    if told.keys_url:
        parts = urlsplit(told.keys_url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.fragment:
            raise BadApp("Keys are at an https address.")
        return
    public_keys(told.keys)


def public_keys(jwks: Any) -> KeySet:
    """Its RSA keys of 2,048 bits or more and P-384 keys, each with a `kid`. Raises BadApp for a set that holds none,
    or a private key: that one is no longer a secret and must be replaced."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MOST_KEYS:
        raise BadApp("A set of keys is a JSON object with “keys”, a list of 1 to 20.")
    found: list[RSAKey | ECKey] = []
    for each in keys:
        if not isinstance(each, dict) or {"d", "p", "q", "k"} & each.keys():
            raise BadApp("It holds a private or a shared key. Replace that key, then send the public one.")
        if each.get("use", "sig") != "sig" or not isinstance(each.get("kid"), str):
            continue
        try:
            key = _public_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            raise BadApp("One of its keys can't be read.") from None
        found += [key] if key else []
    if not found:
        raise BadApp("It needs a key with a “kid”: RSA of 2,048 bits or more for RS384, or P-384 for ES384.")
    if len({key.kid for key in found}) < len(found):
        raise BadApp("Two of its keys have the same “kid”.")
    return KeySet(list(found))


def _public_key(said: dict[str, Any]) -> RSAKey | ECKey | None:
    bare = {name: value for name, value in said.items() if name in ("kty", "kid", "n", "e", "crv", "x", "y")}
    if said.get("kty") == "RSA" and said.get("alg", "RS384") == "RS384":
        rsa = RSAKey.import_key(bare)
        return rsa if rsa.public_key.key_size >= 2048 else None
    if said.get("kty") == "EC" and said.get("crv") == "P-384" and said.get("alg", "ES384") == "ES384":
        return ECKey.import_key(bare)
    return None
