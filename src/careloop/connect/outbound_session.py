"""For libraries that bring their own HTTP client (single sign-on): a `requests` session that goes the one way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from careloop.access import Scope
from careloop.connect import outbound
from careloop.kernel.errors import CareError

Clock = Callable[[], datetime]


class Refused(requests.RequestException):
    """What `outbound` refused, as such libraries expect it. error: the refusal."""

    def __init__(self, error: CareError, request: requests.PreparedRequest) -> None:
        super().__init__(error.sentence, request=request)
        self.error = error


class OneWayOut(BaseAdapter):
    def __init__(self, scope: Scope, clock: Clock) -> None:
        super().__init__()
        self._scope, self._clock = scope, clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            answer = outbound.call(
                self._scope,
                cast(outbound.Method, request.method),
                str(request.url),
                now=self._clock(),
                headers={name: str(value) for name, value in request.headers.items()},
                body=_bytes(request.body),
            )
        except outbound.REFUSED as refused:
            raise Refused(refused, request) from refused
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, str(request.url), request
        response.headers = CaseInsensitiveDict(answer.headers)
        response._content = answer.body
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        pass  # each call closes its own connection


def _bytes(body: Any) -> bytes:
    """Streams are not sent: nothing that signs in needs one."""
    if not isinstance(body, bytes | str | None):
        raise TypeError("send bytes or text")
    return body.encode() if isinstance(body, str) else body or b""


def session(scope: Scope, clock: Clock) -> requests.Session:
    """Every address goes through `outbound.call`; nothing of the environment (proxies, .netrc) is used."""
    made = requests.Session()
    made.trust_env = False
    made.adapters.clear()
    made.mount("https://", OneWayOut(scope, clock))
    made.mount("http://", OneWayOut(scope, clock))
    return made
