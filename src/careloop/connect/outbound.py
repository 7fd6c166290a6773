"""The one way out: every call over HTTP that Careloop makes goes through `call` (TRUST 18).

Only to destinations that an administrator declared (`careloop destination`); over TLS unless declared otherwise; to an
address that was checked, and to that very address, so that a name which changes its mind between two look-ups leads
nowhere. No redirect is followed, no proxy of the environment used, no cookie kept; size, time and what a body unpacks
to are capped. Each call and each refusal is a row of the audit trail before anything leaves; a destination that was
refused or did not answer says so in `careloop destination list`.
Never inside a unit of the record: no network inside a transaction.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from careloop.access import Scope
from careloop.accounts.models import Destination
from careloop.actions.note_event import note
from careloop.connect.addresses import is_inside, is_outside
from careloop.connect.origins import BadAddress, Target, parse
from careloop.kernel.errors import CareError

log = logging.getLogger("careloop.outbound")

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
)
_CHUNK: Final = 65_536
_resolvers = ThreadPoolExecutor(4, thread_name_prefix="names")


class NotAllowed(CareError):
    """Careloop does not call this address: nobody declared it as a destination."""

    code, status, issue_type = "destination-unknown", 403, "forbidden"


class AddressRefused(CareError):
    """This destination's name points to an address that Careloop does not call."""

    code, status, issue_type = "destination-address", 403, "forbidden"


class Redirected(CareError):
    """This destination sent us on to another address. Careloop does not follow; declare the right one."""

    code, status, issue_type = "destination-redirects", 502, "transient"


class AnswerTooLarge(CareError):
    """This destination answered with more than we take."""

    code, status, issue_type = "destination-too-large", 502, "too-long"


class NoAnswer(CareError):
    """This destination can't be reached, or did not answer in time."""

    code, status, issue_type = "destination-silent", 502, "transient"


REFUSED: Final = (BadAddress, NotAllowed, AddressRefused, Redirected, AnswerTooLarge, NoAnswer)


@dataclass(frozen=True, slots=True)
class Bounds:
    """seconds: from looking up the name to the last byte. bytes: of the answer, as sent and as unpacked."""

    seconds: float = 10.0
    bytes: int = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: names in lower case. The body may hold patient data, so it is not shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    method: Method
    target: Target
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    bounds: Bounds


def call(
    scope: Scope,
    method: Method,
    url: str,
    *,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    bounds: Bounds | None = None,
) -> Answer:
    """Any status but a redirect is an answer. Raises one of REFUSED; AuditUnavailable before anything has left.

    headers: none that belongs to the connection. A name or a number of a person never stands in the address.
    """
    try:
        target = parse(url)
        destination = _declared(target)
    except (BadAddress, NotAllowed) as refused:
        note(scope, f"denied: outbound {refused.code}", (), now)
        raise
    note(scope, f"outbound: {destination.name}", (), now)
    said = {name: value for name, value in (headers or {}).items() if name.lower() not in _OWN_HEADERS}
    try:
        answer = _exchange(Call(method, target, said, body, bounds or Bounds()), destination)
    except CareError as refused:
        _in_trouble(destination, refused, now)
        how = "denied" if refused.status == 403 else "failed"
        note(scope, f"{how}: outbound {destination.name} {refused.code}", (), now)
        log.warning("outbound to %s: %s", destination.name, refused.code)
        raise
    if destination.trouble:
        Destination.objects.filter(pk=destination.pk).update(trouble="", trouble_at=None)
    return answer


def _declared(target: Target) -> Destination:
    """Raises NotAllowed; a disabled one is none."""
    found = Destination.objects.filter(origin=target.origin, is_active=True).first()
    if found is None or (target.scheme != "https" and not found.is_plain):
        raise NotAllowed(f"An administrator may declare it: careloop destination create NAME {target.origin}")
    return found


def _in_trouble(destination: Destination, refused: CareError, now: datetime) -> None:
    Destination.objects.filter(pk=destination.pk).update(trouble=refused.code, trouble_at=now)


# --- on the wire


def _exchange(call: Call, destination: Destination) -> Answer:
    """Raises AddressRefused, Redirected, AnswerTooLarge, NoAnswer."""
    try:
        with _connected(call, destination) as (line, clock):
            response = _asked(line, call)
            if 300 <= response.status < 400 and response.status != 304:
                raise Redirected
            body = _body(response, call.bounds.bytes)
            if clock.is_over:
                raise NoAnswer("It took too long.")
    except (OSError, zlib.error, ValueError) as failed:
        raise NoAnswer(f"({type(failed).__name__})") from failed
    heads = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, heads, body)


class _Clock:
    """Ends the connection when its time is over, whatever it is doing: a byte now and then keeps nothing open."""

    def __init__(self, seconds: float, line: socket.socket) -> None:
        self.is_over = False
        self._line = line
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        self.is_over = True
        with contextlib.suppress(OSError):  # it may have ended by itself
            # The socket below TLS: its own shutdown would pull the session from under the reader.
            socket.socket.shutdown(self._line, socket.SHUT_RDWR)

    def stop(self) -> None:
        self._timer.cancel()


@contextmanager
def _connected(call: Call, destination: Destination) -> Iterator[tuple[http.client.HTTPConnection, _Clock]]:
    ends = time.monotonic() + call.bounds.seconds
    address = _checked_address(call.target, destination, call.bounds.seconds)
    raw = socket.create_connection((address, call.target.port), max(ends - time.monotonic(), 0.01))
    line = http.client.HTTPConnection(call.target.host, call.target.port)
    secure: ssl.SSLSocket | None = None
    if call.target.scheme == "https":
        raw = secure = tls().wrap_socket(raw, server_hostname=call.target.host, do_handshake_on_connect=False)
    line.sock = raw
    clock = _Clock(max(ends - time.monotonic(), 0.01), raw)
    try:
        if secure is not None:
            secure.do_handshake()
        yield line, clock
    except (OSError, http.client.HTTPException) as failed:
        raise NoAnswer("It took too long." if clock.is_over else f"({type(failed).__name__})") from failed
    finally:
        clock.stop()
        line.close()


def _checked_address(target: Target, destination: Destination, seconds: float) -> str:
    """One wrong address among those of a name refuses it: whoever answers for the name is not to be trusted."""
    looked_up = _resolvers.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    try:
        found = [str(entry[4][0]).partition("%")[0] for entry in looked_up.result(timeout=seconds)]
    except (OSError, UnicodeError) as failed:  # TimeoutError is an OSError
        raise NoAnswer("Its name is not known.") from failed
    may_be_called = is_inside if destination.is_inside else is_outside
    if not found or not all(map(may_be_called, found)):
        raise AddressRefused("A destination inside your own network is declared with --inside.")
    return found[0]


def tls() -> ssl.SSLContext:
    """Names and chains checked, TLS 1.2 or newer. CARELOOP_OUTBOUND_CA: a file of roots of your own network."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if own := os.environ.get("CARELOOP_OUTBOUND_CA"):
        context.load_verify_locations(own)
    return context


def _asked(line: http.client.HTTPConnection, call: Call) -> http.client.HTTPResponse:
    line.request(
        call.method,
        call.target.path,
        body=call.body or None,
        headers={"User-Agent": "Careloop", **call.headers, "Accept-Encoding": "gzip", "Connection": "close"},
    )
    return line.getresponse()


def _body(response: http.client.HTTPResponse, most: int) -> bytes:
    """Raises AnswerTooLarge: by what it says it sends, by what it sends, and by what that unpacks to."""
    if (response.length or 0) > most:
        raise AnswerTooLarge
    coding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise NoAnswer("It answered in a coding that we did not ask for.")
    unpacker = zlib.decompressobj(31) if coding == "gzip" else None
    parts, sent, kept = [], 0, 0
    while chunk := response.read(_CHUNK):
        sent += len(chunk)
        if unpacker is not None:
            chunk = unpacker.decompress(chunk, most - kept + 1)
        kept += len(chunk)
        if sent > most or kept > most or (unpacker is not None and unpacker.unconsumed_tail):
            raise AnswerTooLarge
        parts.append(chunk)
    if unpacker is not None and not unpacker.eof and sent:
        raise NoAnswer("Its answer was cut off.")
    return b"".join(parts)
