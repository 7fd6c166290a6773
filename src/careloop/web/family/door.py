"""The family's door: who comes in, whose page it is, and what the pages of every fault say there.

`@family_page("plan")` guards a view: somebody must be signed in as a person, the page's person must be hers to see, and
what the page shows must be shared with her. A page that is not hers looks like one that is not there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from careloop import store
from careloop.access import Scope
from careloop.actions.family_actor import Family, Whose, family_of
from careloop.actions.note_event import note
from careloop.kernel.calendar import zone
from careloop.kernel.errors import CareError, NotFound, Unauthenticated, UnknownZone
from careloop.projections.people import PersonBrief, briefs, zone_of
from careloop.store import Unit
from careloop.web.staff.errors import sentence_of

log = logging.getLogger("careloop.web")
P = ParamSpec("P")
AWAY: Final = (OperationalError, InterfaceError)
SIGN_IN: Final = "/my/sign-in"
HOME: Final = "/my"
# Only for the person herself: whom she lets in, who looked, what she agreed to, which apps she uses.
SELF_ONLY: Final = "self"
ANYBODY: Final = ""


@dataclass(frozen=True, repr=False)
class Page:
    """What a view of the family needs. whose: None where the page is about nobody yet."""

    request: HttpRequest
    family: Family
    scope: Scope
    now: datetime
    whose: Whose | None

    @property
    def person(self) -> Whose:
        if self.whose is None:
            raise NotFound
        return self.whose

    def open(self) -> Unit:
        """A unit to read in. Views that write call an action instead."""
        return store.open(self.scope, now=self.now)

    def __repr__(self) -> str:
        return f"Page({self.family!r})"


@dataclass(frozen=True, repr=False)
class Frame:
    """What stands on every page of a person. tz: hers, else of whoever reads, else UTC. others: how many more
    people she may choose. may_be_incomplete: something of hers is not shown to this reader."""

    whose: Whose
    brief: PersonBrief
    tz: ZoneInfo
    now: datetime
    others: int
    may_be_incomplete: bool

    @property
    def base(self) -> str:
        return f"{HOME}/{self.whose.id}"

    @property
    def first_name(self) -> str:
        return self.brief.name.partition(" ")[0]

    @property
    def can_ask(self) -> bool:
        """A question becomes a to-do beside her plan or her visits; whoever sees neither is told whom to call."""
        return self.whose.shows("plan") or self.whose.shows("visits")


View = Callable[Concatenate[Page, P], HttpResponse]


def family_page(share: str, *methods: str) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """share: of access.shares, SELF_ONLY, or ANYBODY for what every helper sees. methods: GET alone unless said."""
    may = frozenset(methods) or {"GET"}

    def opened(view: View[P]) -> Callable[..., HttpResponse]:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method not in may | ({"HEAD"} if "GET" in may else frozenset()):
                return HttpResponseNotAllowed(sorted(may))
            try:
                page = _page(request, share, kwargs.get("person"))
                kwargs.pop("person", None)
                return _kept_private(view(page, *args, **kwargs))
            except Unauthenticated:
                return to_sign_in(request)
            except CareError as error:
                return of_care_error(request, error)
            except AWAY:
                log.exception("database unavailable, request %s", getattr(request, "request_id", ""))
                return _unavailable(request)

        guarded.rule = f"family: {share or 'anybody'}"  # type: ignore[attr-defined]  # every door names its rule
        return guarded

    return opened


def _page(request: HttpRequest, share: str, person: Any) -> Page:
    """Raises Unauthenticated, NotFound."""
    asked: Any = request  # now, request_id, signed_in are set by server.middleware
    signed_in = getattr(request, "signed_in", None)
    if signed_in is None or signed_in.principal.kind != "person":
        raise Unauthenticated
    family = family_of(signed_in.principal_id, asked.now)
    if family is None:
        raise Unauthenticated
    scope = Scope(family.actor, "family", "own record", asked.request_id)
    whose = family.of(str(person)) if person is not None else None
    if person is not None and (whose is None or not _may(whose, share)):
        note(scope, f"denied family page {share or 'any'}", [whose.rid] if whose else (), asked.now)
        raise NotFound
    request.family_page = Page(request, family, scope, asked.now, whose)  # type: ignore[attr-defined]
    return request.family_page  # type: ignore[attr-defined,no-any-return]


def _may(whose: Whose, share: str) -> bool:
    if share == SELF_ONLY:
        return whose.is_self
    return share == ANYBODY or whose.shows(share)


def _kept_private(response: HttpResponse) -> HttpResponse:
    """Nothing stays behind in a browser that others use too."""
    response["Cache-Control"] = "no-store"
    return response


def frame(unit: Unit, page: Page) -> Frame:
    """Raises NotFound for somebody whose own line may not be seen."""
    whose = page.person
    brief = briefs(unit, [whose.rid]).get(whose.rid)
    if brief is None:
        raise NotFound
    return Frame(
        whose=whose,
        brief=brief,
        tz=_zone(zone_of(unit, whose.rid)) or _zone(page.family.account.zone) or ZoneInfo("UTC"),
        now=page.now,
        others=len(page.family.whose) - 1,
        may_be_incomplete=unit.withholds(whose.rid),
    )


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return zone(name) if name else None
    except UnknownZone:
        return None


def show(page: Page, template: str, found: Frame, status: int = 200, **more: Any) -> HttpResponse:
    return render(page.request, f"family/{template}.html", {"frame": found, **more}, status=status)


# --- faults


def to_sign_in(request: HttpRequest) -> HttpResponse:
    ended = "?ended=1" if getattr(request, "session_ended", False) else ""
    return HttpResponseRedirect(f"{SIGN_IN}{ended}")


def of_care_error(request: HttpRequest, error: CareError) -> HttpResponse:
    if error.status in (403, 404, 410):
        return _fault(
            request,
            404,
            gettext("This page is not here, or it is not shared with you."),
            gettext(
                "If you think you should see it, ask the person whose page it is, or call the care team."
            ),
        )
    if error.status == 503:
        return _unavailable(request)
    return _fault(request, error.status, sentence_of(error), gettext("Go back, change it and try again."))


def _unavailable(request: HttpRequest) -> HttpResponse:
    response = _fault(
        request,
        503,
        gettext("This page can’t be opened just now."),
        gettext("Nothing was lost. Wait a minute and try again. If it can’t wait, call your care team."),
    )
    response["Retry-After"] = "5"
    return response


def _fault(request: HttpRequest, status: int, what: str, todo: str) -> HttpResponse:
    """No name and nothing of the record stands on it."""
    context = {"what": what, "todo": todo, "number": getattr(request, "request_id", "")}
    return render(request, "family/fault.html", context, status=status)
