"""A program's request at a door beside /fhir, read strictly: a form, each parameter once, one proof of who it is."""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload, OAuth2Request
from django.http import HttpRequest

from careloop.accounts.smart_models import AccessToken, Authorization
from careloop.api.smart.addresses import fhir_base, issuer, token_url

_VISIBLE = re.compile(r"[\x20-\x7e]*\Z")
_MOST_BYTES: Final = 32_768
_FORM: Final = "application/x-www-form-urlencoded"


class Payload(OAuth2Payload):
    """The form, and nothing of the address."""

    def __init__(self, form: dict[str, str]) -> None:
        self.form = form

    @property
    def data(self) -> dict[str, str]:
        return self.form

    @property
    def datalist(self) -> defaultdict[str, list[Any]]:
        return defaultdict(list, {name: [value] for name, value in self.form.items()})


class Asked(OAuth2Request):
    """One request of a program. happened: for the audit trail, filled while it is judged."""

    # What Authlib puts there.
    payload: Any
    client: Any
    authorization_code: Any
    refresh_token: Any

    def __init__(self, request: HttpRequest, form: dict[str, str]) -> None:
        # Authlib looks for https in this address; TLS is asked for by the server's own settings (check --deploy).
        super().__init__(str(request.method), "https://localhost/oauth", headers=request.headers)
        self.payload = Payload(form)
        self._form = form
        self.now: datetime = request.now  # type: ignore[attr-defined]  # by server.middleware
        self.audience = token_url(request)
        self.issuer = issuer(request)
        self.base = fhir_base(request)
        self.happened = Happened()

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def args(self) -> dict[str, str]:
        return {}


@dataclass
class Happened:
    """what: in a few words for the audit trail. people: rids."""

    what: str = ""
    people: set[int] = field(default_factory=set)

    def note(self, what: str, of: Authorization | AccessToken | None) -> None:
        authorization = of.authorization if isinstance(of, AccessToken) else of
        self.what = what
        if authorization is not None:
            self.what = f"{what}, authorization {authorization.pk}"
            if authorization.grant.person:
                self.people.add(authorization.grant.person)


def read_form(request: HttpRequest) -> dict[str, str]:
    """Raises InvalidRequestError: for anything in the address, twice the same, odd characters, two proofs at once."""
    if (request.content_type or "").lower() != _FORM:
        raise InvalidRequestError("Send a form: application/x-www-form-urlencoded.")
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError("Nothing of this belongs into the address.")
    if len(request.body) > _MOST_BYTES:
        raise InvalidRequestError("It is too long.")
    try:
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise InvalidRequestError("It can't be read as a form.") from None
    if any(not _VISIBLE.match(name + value) for name, value in pairs):
        raise InvalidRequestError("It has characters that no parameter may have.")
    form = dict(pairs)
    if len(form) < len(pairs):
        raise InvalidRequestError("A parameter is given twice.")
    _one_proof(request, form)
    return {name: value for name, value in form.items() if value}


def _one_proof(request: HttpRequest, form: dict[str, str]) -> None:
    header = request.headers.get("Authorization", "")
    if not header.isascii() or (header and not header.lower().startswith("basic ")):
        raise InvalidRequestError("A client proves itself here by Basic, by the form or by an assertion.")
    if header and not _is_readable(header):
        raise InvalidClientError(description="The Authorization header can't be read.")
    proofs = [bool(header), bool(form.get("client_secret")), bool(form.get("client_assertion"))]
    if sum(proofs) > 1:
        raise InvalidRequestError("Prove who you are in one way, not in two.")


def _is_readable(header: str) -> bool:
    """Whether Basic holds what Authlib can read: base64 of ASCII, with a colon."""
    try:
        text = base64.b64decode(header[6:].strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return ":" in text
