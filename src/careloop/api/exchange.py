"""One request at the FHIR door: who asks, in which format, for which version; and how answers are put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse

from careloop.access import Actor, Scope
from careloop.accounts import smart_tokens
from careloop.accounts.actors import actor_of_token
from careloop.accounts.models import hash_token
from careloop.actions.acting import actor_of_app_token as smart_actor
from careloop.fhir import wire
from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError, Unauthenticated
from careloop.store import Stored

JSON: Final = "application/fhir+json"
_FORMATS: Final = frozenset(
    {"json", "application/json", "application/fhir+json", "application/fhir json", "text/json"}
)
_ACCEPTED: Final = _FORMATS | {"*/*", "application/*"}
_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"\Z')
# A revoked token works no longer than this.
_REMEMBERED: Final = timedelta(seconds=10)
_MOST_REMEMBERED: Final = 1_000


class NotAcceptable(CareError):
    """Answers are FHIR JSON only. Ask with Accept: application/fhir+json."""

    code, status, issue_type = "not-acceptable", 406, "not-supported"


class UnsupportedMedia(CareError):
    """Send FHIR JSON, with Content-Type: application/fhir+json."""

    code, status, issue_type = "unsupported-media", 415, "not-supported"


class BadRequest(CareError):
    """This request can't be understood."""

    code, status, issue_type = "bad-request", 400, "value"


class NotSupported(CareError):
    """This comes later."""

    code, status, issue_type = "not-supported", 400, "not-supported"


class MethodNotAllowed(CareError):
    """This address can't be used in that way."""

    code, status, issue_type = "method-not-allowed", 405, "not-supported"


@dataclass(slots=True)
class Exchange:
    """id: of the request, to quote. base: the address of the FHIR door, ending with a slash."""

    request: HttpRequest
    id: str
    now: datetime
    actor: Actor
    args: dict[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return Scope(self.actor, "fhir", "coordination", self.id)

    @property
    def base(self) -> str:
        return f"{self.request.scheme}://{self.request.get_host()}/fhir/"

    def resource(self) -> Resource:
        kind = (self.request.content_type or "").lower()
        if kind not in _FORMATS:
            raise UnsupportedMedia(f"This was “{kind[:60] or 'nothing'}”.")
        charset = (self.request.content_params or {}).get("charset", "utf-8").strip("\"' ").lower()
        if charset not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMedia(f"It has to be in UTF-8; this says “{charset[:40]}”.")
        length = self.request.headers.get("Content-Length", "")
        if length.isascii() and length.isdecimal() and int(length) > wire.LIMITS.bytes:
            raise wire.TooLarge("A body may have 10 MB.")
        coding = self.request.headers.get("Content-Encoding", "")
        body = wire.unpacked(self.request.body, coding)
        return wire.loads(body, limits=wire.UNPACKED_LIMITS if coding else wire.LIMITS)

    def pairs(self) -> list[tuple[str, str]]:
        """The search's words of the address, in order, without those about the format."""
        found = [(name, value) for name, values in self.request.GET.lists() for value in values]
        return [(name, value) for name, value in found if name not in ("_format", "_pretty")]

    def if_match(self) -> int | None:
        said = self.request.headers.get("If-Match")
        if said is None:
            return None
        match = _ETAG.match(said.strip())
        if match is None:
            raise BadRequest('If-Match has to name one version, like W/"3".')
        return int(match.group(1))

    def is_fresh(self, stored: Stored) -> bool:
        """Whether the client already holds this version."""
        etags = self.request.headers.get("If-None-Match")
        if etags is not None:
            return any(found.strip() in ("*", etag(stored), etag(stored)[2:]) for found in etags.split(","))
        since = self.request.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            said = parsedate_to_datetime(since)
        except ValueError:
            return False
        return said.tzinfo is not None and stored.at.replace(microsecond=0) <= said

    def prefers(self) -> str:
        match = re.search(
            r"return=(minimal|representation|OperationOutcome)", self.request.headers.get("Prefer", "")
        )
        return match.group(1) if match else "representation"

    def answer(self, body: bytes | Resource, status: int = 200) -> HttpResponse:
        """JSON; indented when `_pretty=true` asks for it."""
        packed = body if isinstance(body, bytes) else wire.dumps(body)
        if packed and self.request.GET.get("_pretty") == "true":
            packed = msgspec.json.format(packed, indent=2)
        response = HttpResponse(packed, status=status, content_type=f"{JSON}; charset=utf-8")
        response["Cache-Control"] = "no-store" if status != 304 else "private"
        return response

    def answer_with(self, stored: Stored, status: int = 200, body: bytes | None = None) -> HttpResponse:
        """One version, with the headers that let it be asked for and changed again."""
        response = self.answer(stored.json if body is None else body, status)
        response["ETag"] = etag(stored)
        response["Last-Modified"] = format_datetime(stored.at.astimezone(UTC), usegmt=True)
        response["Cache-Control"] = "private, no-cache"
        return response

    def link(self, path: str, pairs: Sequence[tuple[str, str]]) -> str:
        return self.base + path + (f"?{urlencode(pairs)}" if pairs else "")


def etag(stored: Stored) -> str:
    return f'W/"{stored.version}"'


def check_format(request: HttpRequest) -> None:
    """Raises NotAcceptable. `_format` wins over Accept."""
    asked = request.GET.get("_format")
    if asked is not None:
        if asked.split(";")[0].strip().lower() not in _FORMATS:
            raise NotAcceptable("Or use _format=json.")
        return
    accept = request.headers.get("Accept", "")
    kinds = {part.split(";")[0].strip().lower() for part in accept.split(",")} - {""}
    if kinds and not kinds & _ACCEPTED:
        raise NotAcceptable


class Tokens:
    """Whose bearer token this is; remembered for a few seconds, so that each request need not ask again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Actor, datetime]] = {}

    def forget(self) -> None:
        self._known.clear()

    def actor(self, request: HttpRequest, now: datetime) -> Actor:
        """Raises Unauthenticated. Session cookies are never looked at."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a bearer token: Authorization: Bearer …")
        if token.strip().startswith(
            smart_tokens.ACCESS
        ):  # an app's: looked at each time, for it can end at any moment
            return smart_actor(token.strip(), now)
        key = hash_token(token.strip())
        known = self._known.get(key)
        if known is not None and now < known[1] <= now + _REMEMBERED:
            return known[0]
        actor = actor_of_token(token.strip(), now)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (actor, now + _REMEMBERED)
        return actor


tokens = Tokens()
