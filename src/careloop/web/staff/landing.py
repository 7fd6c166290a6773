"""Where somebody begins: Today for who gives care; administrators, who see no clinical data, with the accounts;
auditors and privacy officers with the trail."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from careloop.access.roles import ROLES
from careloop.web.staff.errors import public_page

# Who looks at those who look.
WATCHERS = frozenset({"auditor", "privacy-officer"})


def sees_people(roles: Iterable[str]) -> bool:
    """Whether any of these roles works with people's records; then the rooms of care are hers."""
    return any({"Patient", "Task"} <= ROLES[role].reads for role in roles if role in ROLES)


def first_page(roles: Iterable[str]) -> str:
    roles = set(roles)
    if roles and roles <= WATCHERS:
        return "/audit"
    if sees_people(roles):
        return "/today"
    return "/accounts" if "administrator" in roles else "/account"


def onward(roles: Iterable[str], wanted: str) -> str:
    """Where she wanted to go; who has no Today begins elsewhere."""
    is_todays = wanted.partition("?")[0] in ("/today", "/")
    first = first_page(roles)
    return first if is_todays and first != "/today" else wanted


@public_page("it only says where to go on")
def home(request: HttpRequest) -> HttpResponse:
    roles = getattr(request.user, "roles", None)
    return HttpResponseRedirect("/today" if roles is None else first_page(roles))
