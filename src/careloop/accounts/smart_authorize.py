"""What an app asks for at /oauth/authorize, read strictly before anybody is shown anything.

Two kinds of no: Refused is for the person in front of the page, because where to send an answer can't be trusted yet
(RFC 6749, 4.1.2.1); SentBack goes to the app, at an address that was registered for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from careloop.access.smart_scope import Asked, BadScope, read_allowed, read_scopes, within
from careloop.accounts.smart_models import App
from careloop.kernel.errors import CareError

_CHALLENGE = re.compile(r"[A-Za-z0-9_\-]{43}\Z")
_VISIBLE = re.compile(r"[\x20-\x7e]*\Z")
_QUOTES: Final = str.maketrans({"“": "'", "”": "'", "’": "'", '"': "'", "\\": "/"})
_MOST_CHARACTERS: Final = 8_000
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


class Refused(CareError):
    """This app’s request can’t be answered."""

    code, status, issue_type = "app-request", 400, "invalid"


class SentBack(Exception):
    """An error for the app. error: a code of RFC 6749 or OpenID Connect."""

    def __init__(self, error: str, description: str, redirect: str, state: str) -> None:
        self.error, self.description, self.redirect, self.state = error, description, redirect, state
        super().__init__(error)

    def url(self, issuer: str) -> str:
        said = {"error": self.error, "error_description": plain(self.description), "state": self.state}
        return with_query(self.redirect, {**said, "iss": issuer})


@dataclass(frozen=True)
class Ask:
    """A request that may be put before the user. words: the scopes as they were written, v1 or v2."""

    app: App
    redirect: str
    state: str
    scopes: Asked
    words: tuple[str, ...]
    challenge: str
    nonce: str
    launch: str
    prompt: frozenset[str]

    @property
    def is_silent(self) -> bool:
        """prompt=none: answered without a page, or not at all."""
        return "none" in self.prompt

    @property
    def wants_sign_in(self) -> bool:
        return "login" in self.prompt

    @property
    def is_always_asked(self) -> bool:
        """What was allowed before is not enough: the app wants the page, or it can't be told from another program.
        Anybody may use the client_id of a public app and claim its scheme or a port of this machine (RFC 8252, 8.6)."""
        is_anybodys = self.app.way == App.Way.PUBLIC and not is_on_the_web(self.redirect)
        return is_anybodys or bool(self.prompt & {"consent", "select_account"})

    def back(self, error: str, description: str) -> SentBack:
        return SentBack(error, description, self.redirect, self.state)


def plain(text: str) -> str:
    """As an error_description may be: ASCII without quotes and backslashes."""
    return text.translate(_QUOTES).encode("ascii", "ignore").decode()


def is_on_the_web(url: str) -> bool:
    """Whether only whoever holds the name can be answered there: https, and not this very machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    is_here = host == "localhost" or host.endswith(".localhost") or _is_local_address(host)
    return parts.scheme == "https" and bool(host) and not is_here


def _is_local_address(host: str) -> bool:
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def with_query(url: str, said: dict[str, str]) -> str:
    """The address with these added to whatever query it was registered with."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode({k: v for k, v in said.items() if v})]))
    return urlunsplit(parts._replace(query=query))


def read(pairs: Sequence[tuple[str, str]], bases: frozenset[str]) -> Ask:
    """pairs: of the query, decoded. bases: what `aud` may be: addresses of our FHIR door. Raises Refused, SentBack."""
    if sum(len(name) + len(value) for name, value in pairs) > _MOST_CHARACTERS:
        raise Refused("It is too long.")
    said = dict(pairs)
    counts = [name for name, _ in pairs]
    app = _app(said, counts)
    redirect = said.get("redirect_uri", "")
    if counts.count("redirect_uri") != 1 or redirect not in app.redirects:
        raise Refused("It asks to be answered at an address that was not registered for it.")
    state = said.get("state", "") if _VISIBLE.match(said.get("state", "")) else ""
    refusal = _refusal(said, counts, bases)
    if refusal:
        raise SentBack(*refusal, redirect, state)
    try:
        scopes = _scopes(app, said)
    except BadScope as bad:
        raise SentBack("invalid_scope", bad.sentence, redirect, state) from None
    return Ask(
        app=app,
        redirect=redirect,
        state=state,
        scopes=scopes,
        words=tuple(said["scope"].split(" ")),
        challenge=said["code_challenge"],
        nonce=said.get("nonce", ""),
        launch=said.get("launch", ""),
        prompt=frozenset(said.get("prompt", "").split(" ")) - {""},
    )


def _app(said: dict[str, str], counts: list[str]) -> App:
    found = App.objects.filter(client_id=said.get("client_id", "")).first()
    if found is None or counts.count("client_id") != 1:
        raise Refused("It comes from an app that is not registered here.")
    if not found.is_approved:
        raise Refused(f"“{found.name}” is not approved here.")
    return found


def _refusal(said: dict[str, str], counts: list[str], bases: frozenset[str]) -> tuple[str, str] | None:
    """The first thing wrong: error code and description."""
    if len(set(counts)) < len(counts):
        return "invalid_request", "A parameter is given twice."
    if not said.get("state") or not _VISIBLE.match(said["state"]) or len(said["state"]) > 1_000:
        return "invalid_request", "The parameter state is missing or not of visible ASCII."
    if "request" in said:
        return "request_not_supported", "Request objects are not supported."
    if "request_uri" in said:
        return "request_uri_not_supported", "Request objects are not supported."
    if said.get("response_type") != "code":
        is_there = bool(said.get("response_type"))
        return (
            "unsupported_response_type" if is_there else "invalid_request",
            "The only response_type is code.",
        )
    if said.get("response_mode", "query") != "query":
        return "invalid_request", "The only response_mode is query."
    if said.get("code_challenge_method") != "S256" or not _CHALLENGE.match(said.get("code_challenge", "")):
        return "invalid_request", "PKCE is required: code_challenge with code_challenge_method S256."
    if said.get("aud", "").rstrip("/") not in bases:
        return "invalid_request", "The parameter aud has to be the address of this FHIR server."
    if len(said.get("nonce", "")) > 200:
        return "invalid_request", "The nonce is too long."
    prompt = set(said.get("prompt", "").split(" ")) - {""}
    if prompt - _PROMPTS or ("none" in prompt and len(prompt) > 1):
        return "invalid_request", "This prompt is not known."
    return None


def _scopes(app: App, said: dict[str, str]) -> Asked:
    """Raises BadScope."""
    asked = read_scopes(said.get("scope", ""))
    if asked.context == "system" or not within(asked, read_allowed(app.scopes)):
        raise BadScope("It asks for more than it is registered for.")
    has_launch = "launch" in asked.special
    if has_launch != bool(said.get("launch")):
        raise BadScope("The scope launch and the parameter launch come together.")
    if has_launch and asked.wants_patient:
        raise BadScope("Ask for launch or launch/patient, not both.")
    if asked.context == "patient" and not (has_launch or asked.wants_patient):
        raise BadScope("Scopes for a patient need launch or launch/patient.")
    return asked
