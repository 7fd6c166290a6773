"""How much this process does at once, and for whom: nobody's costly questions make it slow for others (TRUST 19, 22).

Each request is charged to whoever asks with what it cost the machine (`spent`). While others are here, a guest
- may spend a quarter of this process's share of the machine, a sixteenth on what is known to be costly, and a little at
  once; what she spent beyond that is forgotten as time goes by, and until then she is told to wait (429, Retry-After),
- holds at most a quarter of the places with costly questions, and no more than there are cores; what a program asks for
  the first time counts as costly until it has shown what it costs,
- holds at most three quarters of the places when none is free.
Alone nobody is held back, and where all who are here spend much, nobody who spends no more than they do.

Counted in this process alone: of two workers each gives half of the machine's share. The database ends each statement
after five seconds.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from math import exp
from statistics import fmean, median
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from careloop.accounts import devices
from careloop.kernel.errors import CareError
from careloop.server import spent
from careloop.server.limits import is_fhir, refusal

GetResponse = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger("careloop.room")
_ID = re.compile(r"/[^/]*\d[^/]*")


class Slow(CareError):
    """Your last questions took very long. Wait a little, ask for less at once, then try again."""

    code, status, issue_type = "too-many", 429, "throttled"


class Busy(CareError):
    """Careloop is very busy just now. Nothing was lost; please try again in a few seconds."""

    code, status, issue_type = "busy", 503, "transient"


@dataclass(frozen=True)
class Kind:
    """Of question. costly: core seconds from which on an answer is. burst: what may be spent at once.
    is_proven_first: whether it counts as costly until it was answered once."""

    costly: float
    burst: float
    is_proven_first: bool

    def price(self, cost: float, known: float | None) -> float:
        """What is charged. known: what such an answer cost before; None: there was none. Whoever asks for what is known
        to be costly pays four times, for others wait behind all of it at once."""
        is_known = known is not None and known >= self.costly
        return cost * 4 if is_known and cost >= self.costly else cost


# A page is opened with others beside it, and its reader can't be told to come again like a program.
PAGE: Final = Kind(costly=0.25, burst=5.0, is_proven_first=False)
PROGRAM: Final = Kind(costly=0.05, burst=0.5, is_proven_first=True)


@dataclass
class Guest:
    """debt: core seconds of answers, not yet forgotten, as of `seen`. wanted: core seconds lately asked for,
    refused ones too. costs: of an answer, by the shape of the question. typical: seconds that an answer took lately."""

    visits: list[Visit] = field(default_factory=list)
    debt: float = 0.0
    wanted: float = 0.0
    typical: float = 0.0
    seen: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Visit:
    """One request. expected: what it will cost, None when such a one was never answered. charged: of that.
    principal: who asked, once that is known; empty for strangers. door: what this process learns by the first answer
    (it compiles what it knows of a type); empty for nothing."""

    who: str
    guest: Guest
    shape: str
    kind: Kind
    began: float
    expected: float | None
    charged: float = 0.0
    is_alone: bool = False
    principal: str = ""
    door: str = ""

    @property
    def is_cheap(self) -> bool:
        if self.expected is None:
            return not self.kind.is_proven_first
        return self.expected < self.kind.costly


class Ledger:
    """share: cores of this process; a quarter of them one guest may use while others are here. slow, times: an
    answer that takes longer, and so much longer than others' answers, counts as costly whatever it spends, for it
    holds a place. company: seconds within which somebody else counts as being here."""

    slow: Final = 0.5
    times: Final = 4.0
    company: Final = 2.0
    lately: Final = 10.0
    longest_wait: Final = 30
    _most_guests: Final = 5_000
    _most_shapes: Final = 64
    _most_doors: Final = 500

    def __init__(
        self, most_at_once: int, share: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._permits = threading.BoundedSemaphore(most_at_once)
        quarter = max(1, most_at_once // 4)
        self._crowd = max(1, most_at_once - quarter)
        # More at once than there are cores would only take turns with what others ask.
        self._costly = min(quarter, max(1, round(share)))
        self._places, self._taken = most_at_once, 0
        self._budget = share / 4
        self._clock = clock
        self._lock = threading.Lock()
        self._guests: dict[str, Guest] = {}
        self._names: dict[str, str] = {}
        self._known_doors: set[str] = set()
        self._shed_until = 0.0

    @contextmanager
    def place(self, who: str, shape: str = "", kind: Kind = PAGE, door: str = "") -> Iterator[Visit]:
        """Raises Slow, Busy."""
        visit = self._enter(who, shape, kind)
        visit.door = door
        cost = 0.0
        try:
            self._take_permit(visit)
            began = self.mark()
            try:
                yield visit
            finally:
                cost = self.since(began)
                self._permits.release()
        finally:
            self._leave(visit, cost)

    mark = staticmethod(spent.mark)
    since = staticmethod(spent.since)

    def _take_permit(self, visit: Visit) -> None:
        """Waits a second, but not after somebody has just waited in vain: then the queue would only grow. Alone she
        waits for nobody but herself, and longer."""
        if self._permits.acquire(blocking=False):
            return
        is_hopeless = self._clock() < self._shed_until and not visit.is_alone
        if is_hopeless or not self._permits.acquire(timeout=3.0 if visit.is_alone else 1.0):
            self._shed_until = self._clock() + 1.0
            raise Busy(seconds=3)

    # --- coming in

    def _enter(self, who: str, shape: str, kind: Kind) -> Visit:
        now = self._clock()
        with self._lock:
            guest = self._guest(self._names.get(who, who))
            visit = Visit(who, guest, shape, kind, now, guest.costs.get(shape))
            guest.wanted = self._wants(guest, now) + (
                kind.costly if visit.expected is None else visit.expected
            )
            guest.debt, guest.seen = self._owes(guest, now), now
            if wait := self._crowds_out(visit, now):
                raise Slow(seconds=wait)
            visit.charged = kind.price(visit.expected or 0.0, visit.expected)
            guest.debt += visit.charged
            guest.visits.append(visit)
            self._taken += 1
        return visit

    def _guest(self, name: str) -> Guest:
        """Whoever was here last stands last; the first ones go when there are too many."""
        guest = self._guests[name] = self._guests.pop(name, Guest())
        while len(self._guests) > self._most_guests:
            self._guests.pop(next(iter(self._guests)))
        while len(self._names) > self._most_guests:
            self._names.pop(next(iter(self._names)))
        return guest

    def _owes(self, guest: Guest, now: float) -> float:
        return max(0.0, guest.debt - (now - guest.seen) * self._budget)

    def _wants(self, guest: Guest, now: float) -> float:
        return guest.wanted * exp((guest.seen - now) / self.lately)

    def _others(self, guest: Guest, now: float, seconds: float) -> list[Guest]:
        """Who was here within so many seconds."""
        found = []
        for one in reversed(self._guests.values()):
            if not one.visits and now - one.seen >= seconds:
                break
            if one is not guest:
                found.append(one)
        return found

    def _crowds_out(self, visit: Visit, now: float) -> int:
        """Seconds to wait when one more of this guest would cost others who are here, else 0."""
        guest, others = visit.guest, self._others(visit.guest, now, self.company)
        visit.is_alone = not others
        if not others:
            return 0
        if self._taken >= self._places and len(guest.visits) >= self._crowd:
            return 1
        is_costly = not visit.is_cheap
        if (
            is_costly
            and sum(not one.is_cheap or self._is_slow(one, now) for one in guest.visits) >= self._costly
        ):
            return 1
        over = guest.debt - visit.kind.burst
        if over <= 0 or guest.wanted < fmean(self._wants(one, now) for one in others):
            return 0
        return max(1, min(self.longest_wait, round(over / self._budget)))

    def _is_slow(self, visit: Visit, now: float) -> bool:
        """Where everything is slow, nobody is."""
        taken = now - visit.began
        if taken <= self.slow:
            return False
        here = [one.typical for one in self._others(visit.guest, now, 5 * self.company)]
        return taken > self.times * (median(here) if here else 0.0)

    # --- going out

    def _leave(self, visit: Visit, cost: float) -> None:
        now = self._clock()
        with self._lock:
            self._taken -= 1
            visit.guest.visits.remove(visit)
            visit.guest.debt = max(0.0, visit.guest.debt - visit.charged)
            guest = self._recognized(visit)
            guest.debt, guest.wanted, guest.seen = self._owes(guest, now), self._wants(guest, now), now
            self._charge(guest, visit, cost, now)

    def _recognized(self, visit: Visit) -> Guest:
        """From now on this token or session is its owner's: with another one she goes on with what she owes."""
        if not visit.principal or self._names.get(visit.who) == visit.principal:
            return visit.guest
        self._names[visit.who] = visit.principal
        self._guests.pop(visit.who, None)
        return self._guest(visit.principal)

    def _charge(self, guest: Guest, visit: Visit, cost: float, now: float) -> None:
        guest.typical += (now - visit.began - guest.typical) / 10
        if self._has_learned(visit.door):
            return
        if len(guest.costs) >= self._most_shapes:
            guest.costs.clear()
        known = guest.costs.get(visit.shape)
        # Known as costly at once, as cheap after some: questions of one shape differ in their words.
        guest.costs[visit.shape] = max(cost, ((cost if known is None else known) + cost) / 2)
        # What she spends alone costs nobody anything.
        if self._others(guest, now, self.company):
            most = visit.kind.burst + self.longest_wait * self._budget
            guest.debt = max(guest.debt, min(most, guest.debt + visit.kind.price(cost, known)))

    def _has_learned(self, door: str) -> bool:
        """Whether this was the first answer at that door: what it cost is nobody's. Only so many, for whoever makes up
        addresses."""
        if not door or door in self._known_doors or len(self._known_doors) >= self._most_doors:
            return False
        self._known_doors.add(door)
        return True


class Told:
    """How many were sent away, for the log: at once when it begins, then every ten seconds."""

    every: Final = 10.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._count: Counter[int] = Counter()
        self._next = 0.0

    def count(self, status: int) -> None:
        with self._lock:
            self._count[status] += 1
            now = self._clock()
            if now < self._next:
                return
            said, self._count, self._next = self._count, Counter(), now + self.every
        log.warning("overload: %s told to wait (429), %s to come again (503)", said[429], said[503])


class Room:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        share = (os.cpu_count() or 1) / settings.WORKERS
        self.ledger = Ledger(settings.MOST_AT_ONCE, share)
        self.told = Told()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in ("/healthz", "/readyz") or request.path_info.startswith(settings.STATIC_URL):
            return self.get_response(request)
        kind = PROGRAM if is_fhir(request) else PAGE
        try:
            place = self.ledger.place(who_asks(request), shape_of(request), kind, door_of(request))
            with place as visit:
                response = self.get_response(request)
                visit.principal = getattr(request, "guest", "")
                return response
        except (Slow, Busy) as error:
            response = refusal(request, error)
            # One line for many: whoever floods the house would flood its log, and a line costs as much as the answer.
            response._has_been_logged = True  # type: ignore[attr-defined]  # read by django.utils.log
            self.told.count(error.status)
            return response


def who_asks(request: HttpRequest) -> str:
    """Whom an answer is charged to: the token or the session, before anybody has looked whether it is good; else the
    address. Hashed, for it is kept in memory. Whoever they belong to is known once it was answered."""
    said = request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return sha256((said or f"from {devices.address_of(request)}").encode(errors="replace")).hexdigest()[:32]


def door_of(request: HttpRequest) -> str:
    """The kind of question and the type of thing."""
    return f"{request.method} {'/'.join(request.path_info.split('/')[:3])}"[:100]


def shape_of(request: HttpRequest) -> str:
    """What is asked, without whom for and for which words: questions of one shape cost about the same."""
    names = sorted(part.partition("=")[0] for part in request.META.get("QUERY_STRING", "").split("&"))
    said = f"{request.method} {_ID.sub('/*', request.path_info)}?{'&'.join(names)}"
    return sha256(said.encode(errors="replace")).hexdigest()[:16]
