"""The lists of the review room, page by page: what is to decide, what could not be read, numbers used twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext

from careloop.projections import rooms
from careloop.projections.rooms import Item
from careloop.store import Unit, inbox
from careloop.store.inbox import Message, Repeat
from careloop.web.staff.review_messages import state_word

PAGE = 100
REPEATS = 20
DECISIONS, MESSAGES, TWICE = "decisions", "messages", "repeats"
T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """part: the one list that is shown, all without one. number: of a page of decisions, from 1. before: a message's
    number; what came before it is shown."""

    part: str = ""
    number: int = 1
    before: int | None = None

    def shows(self, part: str) -> bool:
        return self.part in ("", part)


@dataclass(frozen=True, repr=False)
class Shown(Generic[T]):
    """total: how many there are on all pages. more: the address of the next page, or empty."""

    rows: Sequence[T] = ()
    total: int = 0
    more: str = ""

    def __repr__(self) -> str:
        return f"Shown({len(self.rows)} of {self.total})"


@dataclass(frozen=True)
class Twice:
    """One number used for two messages, and what became of either; nothing of what they say."""

    title: str
    at: datetime
    id: int
    became: str
    first: int | None
    first_at: datetime | None
    first_became: str


def asked(request: HttpRequest) -> Page:
    """What the address says; whatever is not known there is left out."""
    part, page, after = (request.GET.get(name, "") for name in ("part", "page", "after"))
    return Page(
        part=part if part in (DECISIONS, MESSAGES, TWICE) else "",
        number=max(1, _number(page) or 1),
        before=_number(after),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def decisions(unit: Unit, page: Page) -> Shown[Item]:
    if not page.shows(DECISIONS):
        return Shown()
    found = rooms.in_review(unit, PAGE + 1, (page.number - 1) * PAGE)
    more = _address(part=DECISIONS, page=page.number + 1) if len(found) > PAGE else ""
    return Shown(found[:PAGE], rooms.how_many_in_review(unit), more)


def messages(unit: Unit, page: Page, sources: Sequence[str]) -> tuple[Shown[Message], Shown[Twice]]:
    """Those that could not be read, and those whose number was used before."""
    troubled, repeated = inbox.how_many(unit, sources)
    faults, twice = Shown[Message](), Shown[Twice]()
    if troubled and page.shows(MESSAGES):
        found = inbox.listed(unit, limit=PAGE + 1, before=page.before, sources=sources)
        more = _address(part=MESSAGES, after=found[PAGE - 1].id) if len(found) > PAGE else ""
        faults = Shown(found[:PAGE], troubled, more)
    if repeated and page.shows(TWICE):
        again = inbox.repeats(unit, REPEATS + 1, page.before, sources=sources)
        more = _address(part=TWICE, after=again[REPEATS - 1].message.id) if len(again) > REPEATS else ""
        twice = Shown([_twice(each) for each in again[:REPEATS]], repeated, more)
    return faults, twice


def _address(**said: str | int) -> str:
    return f"/review?{urlencode(said)}"


def message_title(message: Message) -> str:
    return gettext("Message %(kind)s from %(source)s") % {
        "kind": message.kind or "?",
        "source": message.source,
    }


def _twice(repeat: Repeat) -> Twice:
    message, first = repeat
    return Twice(
        title=message_title(message),
        at=message.at,
        id=message.id,
        became=state_word(message),
        first=first.id if first else None,
        first_at=first.at if first else None,
        first_became=state_word(first) if first else "",
    )
