"""What is refused before anybody asks who is there: requests too large or odd to read, and more of them at once than
this process can do (TRUST 15, 19, 22).

`Room` keeps others quick while one is slow: who fills half of the room with slow questions while others are here, or
has caused most of the slowness lately, is told to wait with the next one. Alone, or quick, nobody is slowed down,
however many lines she has. Counted in this process alone; the database ends each statement after five seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from statistics import median
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from careloop.accounts import devices
from careloop.fhir import outcome, wire
from careloop.kernel.errors import CareError

GetResponse = Callable[[HttpRequest], HttpResponse]

LONGEST_ADDRESS: Final = 32_768
MOST_HEADER_BYTES: Final = 32_768
MOST_COOKIES: Final = 50
BODY_BYTES: Final = 10 * 1024 * 1024
# A page is led on to https; a program would go on sending its token in the clear, and nobody would notice.
FOR_PROGRAMS: Final = ("/fhir", "/oauth/", "/.well-known/")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class AddressTooLong(CareError):
    """This address is longer than what we read. Send long searches as a form to _search."""

    code, status, issue_type = "address-too-long", 414, "too-long"


class HeadersTooLarge(CareError):
    """This request carries more headers or cookies than we read."""

    code, status, issue_type = "headers-too-large", 431, "too-long"


class BodyTooLarge(CareError):
    """This is more than we take at once: a body may have 10 MB."""

    code, status, issue_type = "too-large", 413, "too-long"


class OddRequest(CareError):
    """We could not read that request."""

    code, status, issue_type = "odd-request", 400, "value"


class NotEncrypted(CareError):
    """This came unencrypted, so it was not read. Programs use https; change the token that was in it."""

    code, status, issue_type = "not-encrypted", 403, "security"


class UnknownMethod(CareError):
    """This can't be done here."""

    code, status, issue_type = "method-not-allowed", 405, "not-supported"


class Slow(CareError):
    """Your last questions took very long. Wait a little, ask for less at once, then try again."""

    code, status, issue_type = "too-many", 429, "throttled"


class Busy(CareError):
    """Careloop is very busy just now. Nothing was lost; please try again in a few seconds."""

    code, status, issue_type = "busy", 503, "transient"


class Bounds:
    """Stands before what reads the request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            check(request)
        except CareError as error:
            return refusal(request, error)
        return self.get_response(request)


def check(request: HttpRequest) -> None:
    """Raises one of the errors above."""
    meta = request.META
    address = f"{request.path_info}?{meta.get('QUERY_STRING', '')}"
    if (
        settings.SECURE_SSL_REDIRECT
        and not request.is_secure()
        and request.path_info.startswith(FOR_PROGRAMS)
    ):
        raise NotEncrypted
    if len(address) > LONGEST_ADDRESS:
        raise AddressTooLong
    if request.method not in METHODS and not is_fhir(request):  # the door says what it takes
        raise UnknownMethod
    # The FHIR door says in its own words what is wrong with a value.
    if not is_fhir(request) and any(odd in address for odd in ("\0", "%00", "\r", "\n")):
        raise OddRequest("An address holds no control characters.")
    headers = [str(value) for name, value in meta.items() if name.startswith("HTTP_")]
    if sum(map(len, headers)) > MOST_HEADER_BYTES or meta.get("HTTP_COOKIE", "").count(";") >= MOST_COOKIES:
        raise HeadersTooLarge
    length = meta.get("CONTENT_LENGTH") or "0"
    if not str(length).isdecimal():
        raise OddRequest("Its length is no number.")
    if int(length) > BODY_BYTES:
        raise BodyTooLarge


def refusal(request: HttpRequest, error: CareError) -> HttpResponse:
    """A page, or an OperationOutcome at the FHIR door; with Retry-After where trying again helps."""
    if is_fhir(request):
        said = wire.dumps(outcome.from_error(error, request=getattr(request, "request_id", "")))
        response = HttpResponse(
            said, status=error.status, content_type="application/fhir+json; charset=utf-8"
        )
    else:
        from careloop.web.staff.errors import of_care_error

        with translation.override(translation.get_language_from_request(request)):
            response = of_care_error(request, error)
    response["Cache-Control"] = "no-store"
    if error.status in (429, 503):
        response["Retry-After"] = str(error.fields.get("seconds", 2))
    return response


def is_fhir(request: HttpRequest) -> bool:
    return request.path_info == "/fhir" or request.path_info.startswith("/fhir/")


# --- room


@dataclass
class Guest:
    """began: of what runs, by the monotonic clock. debt: seconds of slow answers, forgotten a tenth as quickly.
    typical: seconds of an answer to this guest lately."""

    began: list[float] = field(default_factory=list)
    debt: float = 0.0
    typical: float = 0.0
    seen: float = 0.0

    def owes(self, now: float) -> float:
        return max(0.0, self.debt - (now - self.seen) / 10)


class Ledger:
    """slow: seconds from which on an answer counts. most_debt: what may gather before she waits until it is forgotten.
    times: slower than others' answers must it be as well, for whoever suffers from another one's questions is slow too.
    company: seconds within which somebody else counts as being here."""

    slow: Final = 0.5
    times: Final = 4.0
    most_debt: Final = 4.0
    company: Final = 2.0
    _most_guests: Final = 5_000

    def __init__(self, most_at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._permits = threading.BoundedSemaphore(most_at_once)
        self._half = max(2, most_at_once // 2)
        self._clock = clock
        self._lock = threading.Lock()
        self._guests: dict[str, Guest] = {}
        self._shed_until = 0.0

    @contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Raises Slow, Busy."""
        guest, began = self._enter(who)
        try:
            self._take_permit()
            try:
                yield
            finally:
                self._permits.release()
        finally:
            self._leave(guest, began)

    def _take_permit(self) -> None:
        """Waits one second, but not after somebody has just waited in vain: then the queue would only grow."""
        if self._permits.acquire(blocking=False):
            return
        is_hopeless = self._clock() < self._shed_until
        if is_hopeless or not self._permits.acquire(timeout=1.0):
            self._shed_until = self._clock() + 1.0
            raise Busy(seconds=3)

    def _enter(self, who: str) -> tuple[Guest, float]:
        now = self._clock()
        with self._lock:
            if len(self._guests) > self._most_guests:
                self._guests = {name: guest for name, guest in self._guests.items() if guest.began}
            guest = self._guests.setdefault(who, Guest())
            guest.debt, guest.seen = guest.owes(now), now
            if self._crowds_out(guest, now):
                raise Slow(seconds=max(2, min(30, round((guest.debt - self.most_debt) * 10))))
            guest.began.append(now)
        return guest, now

    def _crowds_out(self, guest: Guest, now: float) -> bool:
        """Whether one more of this guest would cost others who are here. On a machine where everything is slow, only
        the one who makes it so is held back: she owes twice as much as all others together."""
        fills_half = len(guest.began) >= self._half and self._is_slow(guest, now - min(guest.began), now)
        if not fills_half and guest.debt <= self.most_debt:
            return False
        others = [one for one in self._guests.values() if one is not guest]
        if not any(one.began or now - one.seen < self.company for one in others):
            return False
        is_the_cause = guest.debt >= 2 * sum(one.owes(now) for one in others)
        return is_the_cause and (
            guest.debt > self.most_debt or len(guest.began) > max(len(o.began) for o in others)
        )

    def _is_slow(self, guest: Guest, seconds: float, now: float) -> bool:
        if seconds <= self.slow:
            return False
        here = [
            one.typical
            for one in self._guests.values()
            if one is not guest and now - one.seen < 5 * self.company
        ]
        return seconds > self.times * (median(here) if here else 0.0)

    def _leave(self, guest: Guest, began: float) -> None:
        now = self._clock()
        taken = now - began
        with self._lock:
            guest.began.remove(began)
            guest.typical += (taken - guest.typical) / 10
            if self._is_slow(guest, taken, now):
                guest.debt = min(60.0, guest.debt + taken)


class Room:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.ledger = Ledger(settings.MOST_AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in ("/healthz", "/readyz") or request.path_info.startswith(settings.STATIC_URL):
            return self.get_response(request)
        try:
            with self.ledger.place(who_asks(request)):
                return self.get_response(request)
        except (Slow, Busy) as error:
            return refusal(request, error)


def who_asks(request: HttpRequest) -> str:
    """Whom a slow answer counts for: the token or the session, before anybody has looked whether it is good; else the
    address. Hashed, for it is kept in memory."""
    said = request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return sha256((said or f"from {devices.address_of(request)}").encode(errors="replace")).hexdigest()[:32]
