"""The rail: where one can go. A new room adds its line here; a count is only shown where it matters."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext, pgettext

from careloop.access import decide
from careloop.web.staff.room_counts import room_counts


@dataclass(frozen=True)
class Place:
    """key: names the count's element, `count-today`. count: empty for none."""

    key: str
    name: str
    href: str
    is_here: bool = False
    count: str = ""

    @property
    def is_folded(self) -> bool:
        """Whether it stands in the menu where the rail is a bar at the foot of a phone: five are room enough there."""
        return self.key in ("library", "accounts", "audit")


def places(request: HttpRequest) -> list[Place]:
    named: tuple[tuple[str, str, str], ...] = (("library", gettext("Library"), "/library"),)
    if sees_people(request):
        named = (
            ("today", gettext("Today"), "/today"),
            ("people", gettext("People"), "/people"),
            ("registry", gettext("Registry"), "/registry"),
            ("front-door", gettext("Front door"), "/front-door"),
            ("review", pgettext("a place: what a person must decide", "Review"), "/review"),
            *named,
        )
    if _keeps_accounts(request):
        named = (*named, ("accounts", pgettext("a place: who may sign in", "Accounts"), "/accounts"))
    if _may_audit(request):
        named = (*named, ("audit", pgettext("a place: who looked at whom", "Audit"), "/audit"))
    here = request.path
    counts: dict[str, str] = {**room_counts(request), **getattr(request, "rail_counts", {})}
    return [
        Place(key, name, href, here == href or here.startswith(href + "/"), counts.get(key, ""))
        for key, name, href in named
    ]


def sees_people(request: HttpRequest) -> bool:
    """The rooms of care, and the box that finds a person, are for whoever works with people's records. While nobody can
    be told (an error page, a database that is away) they stay where they are: they open nothing by themselves."""
    actor = getattr(request, "actor", None)
    return actor is None or all(decide(actor, "search", kind).allowed for kind in ("Patient", "Task"))


def _keeps_accounts(request: HttpRequest) -> bool:
    actor = getattr(request, "actor", None)
    return actor is not None and bool(actor.roles & {"administrator", "supervisor"})


def _may_audit(request: HttpRequest) -> bool:
    actor = getattr(request, "actor", None)
    return actor is not None and decide(actor, "search", "AuditEvent").allowed
