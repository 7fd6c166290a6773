"""Who has an account: for administrators all, for supervisors those at her sites. No clinical data is read here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from careloop.access import Scope
from careloop.access.roles import ROLES
from careloop.accounts import factors, sessions, stepup, tickets
from careloop.accounts.models import User
from careloop.accounts.tickets import INVITE, Issued
from careloop.actions import keep_accounts
from careloop.actions.keep_accounts import (
    SUPERVISED,
    BadAccount,
    Change,
    NameTaken,
    NotYours,
    Told,
    UnknownPlace,
)
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import Forbidden, NotFound, UnknownZone
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.reader import now_of, open_record
from careloop.web.staff.role_words import role_words
from careloop.web.staff.told import tell

HERE = "/accounts"
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)


@dataclass(frozen=True, repr=False)
class Line:
    """One account in the list. state: active, invited, lapsed, disabled."""

    user: User
    roles: str
    sites: str
    seen: datetime | None
    state: str
    until: datetime | None
    is_mine: bool


def scope_of(request: HttpRequest) -> Scope:
    """Raises Forbidden for whoever keeps no accounts."""
    scope: Scope = request.scope  # type: ignore[attr-defined]  # staff_page: somebody is signed in
    if not scope.actor.roles & {"administrator", "supervisor"}:
        tell(request, "denied accounts")
        raise Forbidden("Administrators and supervisors keep accounts.")
    return scope


@staff_page
def accounts(request: HttpRequest) -> HttpResponse:
    scope, names = scope_of(request), _sites(request)
    kept = [user for user in User.objects.order_by("name") if _is_kept(scope, user)]
    lines = _lines(kept, names, scope, now_of(request))
    tell(request, "accounts listed")
    wanted = request.GET.get("only", "")
    context = {
        "lines": [line for line in lines if not wanted or line.state == wanted],
        "total": len(lines),
        "open": sum(1 for line in lines if line.state == "invited"),
        "may_invite": True,
    }
    return render(request, "staff/accounts.html", context)


def _is_kept(scope: Scope, user: User) -> bool:
    return user.principal_id == scope.actor.principal or keep_accounts.may_keep(
        scope, user.roles, user.sites, user.principal_id
    )


def _lines(users: list[User], names: dict[str, str], scope: Scope, now: datetime) -> list[Line]:
    principals = [user.principal_id for user in users]
    seen, invited = sessions.last_seen(principals), tickets.open_for(INVITE, principals, now)
    return [
        Line(
            user,
            ", ".join(role_words(role) for role in user.roles),
            _named([names.get(site, site) for site in user.sites]),
            seen.get(user.principal_id),
            _state(user, invited),
            invited.get(user.principal_id),
            user.principal_id == scope.actor.principal,
        )
        for user in users
    ]


def _named(sites: list[str]) -> str:
    """The first two, and how many more."""
    if len(sites) <= 2:
        return ", ".join(sites)
    said = ngettext("%(sites)s and %(n)d more", "%(sites)s and %(n)d more", len(sites) - 2)
    return said % {"sites": ", ".join(sites[:2]), "n": len(sites) - 2}


def _state(user: User, invited: dict[int, datetime]) -> str:
    if user.is_active:
        return "active"
    if user.has_usable_password():
        return "disabled"
    return "invited" if user.principal_id in invited else "lapsed"


# Organizations that nobody's people belong to (HL7's organization-type): payers and insurers.
ELSEWHERE = frozenset({"pay", "ins"})


def _sites(request: HttpRequest) -> dict[str, str]:
    """By id: the organizations that people may belong to."""
    with open_record(request) as unit:
        found = unit.search("Organization", [("_sort", "name"), ("_count", "200")])
    return {
        each.id: str(each.resource.get("name", each.id))
        for each in found.entries
        if not _kinds(each.resource) or _kinds(each.resource) - ELSEWHERE
    }


def _kinds(organization: Resource) -> set[str]:
    said = [
        coding.get("code", "") for kind in organization.get("type", []) for coding in kind.get("coding", [])
    ]
    return {code for code in said if code}


# --- inviting


@staff_page
@stepup.fresh
def invite(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    sheet = Sheet(request.POST if request.method == "POST" else {})
    if request.method == "POST" and (made := _invite(request, scope, sheet)) is not None:
        return made
    is_admin = "administrator" in scope.actor.roles
    sites = _sites(request)
    own = User.objects.get(principal=scope.actor.principal).sites
    context = {
        "sheet": sheet,
        "roles": _choices(sorted(ROLES if is_admin else SUPERVISED), sheet.typed, "roles", role_words),
        "sites": _choices(sites if is_admin else own, sheet.typed, "sites", lambda id: sites.get(id, id)),
        "zones": ZONES,
    }
    return render(request, "staff/accounts_invite.html", context, status=sheet.status)


def _choices(values: Any, typed: Any, name: str, words: Any) -> list[tuple[str, str, bool]]:
    chosen = typed.getlist(name) if hasattr(typed, "getlist") else []
    return sorted(((value, words(value), value in chosen) for value in values), key=lambda each: each[1])


def _invite(request: HttpRequest, scope: Scope, sheet: Sheet) -> HttpResponse | None:
    typed = request.POST
    told = Told(
        typed.get("email", ""),
        typed.get("name", ""),
        typed.getlist("roles"),
        typed.getlist("sites"),
        typed.get("credentials", "")[:60],
        typed.get("zone", "America/New_York"),
    )
    if not told.roles:
        sheet.problems["roles"] = gettext("Choose at least one role.")
    if not told.name.strip():
        sheet.problems["name"] = gettext("Say the name.")
    if sheet.problems:
        return None
    try:
        made = keep_accounts.invite(scope, told, now_of(request))
    except NameTaken:
        sheet.problems["email"] = gettext("There is an account with this email already.")
    except (BadAccount, UnknownPlace, UnknownZone) as wrong:
        sheet.problems["email"] = sentence_of(wrong)
    except NotYours:
        sheet.problems["roles"] = gettext(
            "You may invite people who give care at your own sites. Choose a site."
        )
    else:
        return _letter(request, made.user, made.link, "join")
    return None


def _letter(request: HttpRequest, user: User, link: Issued, page: str) -> HttpResponse:
    """The link, shown this once, as a letter; the digits apart from it."""
    address = f"{request.scheme}://{request.get_host()}/{page}/{link.token}"
    context = {"account": user, "address": address, "link": link, "is_invite": page == "join"}
    return render(request, "staff/accounts_letter.html", context)


# --- one account


@staff_page
def one(request: HttpRequest, principal: int) -> HttpResponse:
    scope, user, now = scope_of(request), _user(request, principal), now_of(request)
    names = _sites(request)
    is_admin = "administrator" in scope.actor.roles
    context = {
        "line": _lines([user], names, scope, now)[0],
        "account": user,
        "devices": sessions.of_principal(principal, now),
        "factors": len(factors.apps_of(principal)) + len(factors.passkeys_of(principal)),
        "roles": [
            (r, role_words(r), r in user.roles)
            for r in sorted(ROLES if is_admin else SUPERVISED, key=role_words)
        ],
        "sites": [(id, name, id in user.sites) for id, name in names.items() if is_admin or id in user.sites],
        "zones": ZONES if user.zone in ZONES else (user.zone, *ZONES),
    }
    return render(request, "staff/accounts_one.html", context)


def _user(request: HttpRequest, principal: int) -> User:
    """Somebody else's account answers like one that is not there."""
    user = User.objects.select_related("principal").filter(principal=principal).first()
    scope = scope_of(request)
    if user is None or user.principal_id == scope.actor.principal or not _is_kept(scope, user):
        raise NotFound
    return user


@staff_page
@require_POST
@stepup.fresh
def act(request: HttpRequest, principal: int, what: str) -> HttpResponse:
    scope, user, now = scope_of(request), _user(request, principal), now_of(request)
    try:
        shown = _act(request, scope, user, what, now)
    except (BadAccount, UnknownPlace, UnknownZone, NotYours) as wrong:
        toasts.fail(request, sentence_of(wrong))
        shown = None
    return shown or HttpResponseRedirect(f"{HERE}/{principal}")


def _act(request: HttpRequest, scope: Scope, user: User, what: str, now: datetime) -> HttpResponse | None:
    """A page to show, or None for the account again."""
    if what == "change":
        _change(request, scope, user, now)
    elif what == "disable":
        keep_accounts.disable(scope, user, now)
        toasts.say(request, gettext("Disabled. All sessions have ended."))
    elif what == "enable":
        keep_accounts.change(scope, user, Change(is_enabled=True), now)
        toasts.say(request, gettext("This account may sign in again."))
    elif what == "end":
        keep_accounts.end_sessions(scope, user, now)
        toasts.say(request, gettext("All sessions have ended."))
    elif what == "reset":
        keep_accounts.reset_factors(scope, user, now)
        toasts.say(request, gettext("A new second step is set up at the next sign-in."))
    elif what == "link" and user.is_active:
        return _letter(request, user, keep_accounts.new_password_link(scope, user, now), "new-password")
    elif what == "link":
        return _letter(request, user, keep_accounts.invite_again(scope, user, now).link, "join")
    else:
        raise NotFound
    return None


def _change(request: HttpRequest, scope: Scope, user: User, now: datetime) -> None:
    typed = request.POST
    zone = typed.get("zone", "")
    if not typed.getlist("roles"):
        raise BadAccount("Choose at least one role.")
    told = Change(
        roles=typed.getlist("roles"),
        sites=typed.getlist("sites"),
        drops_sites=not typed.getlist("sites") and bool(user.sites),
        zone=zone_called(zone).key if zone else None,
        credentials=typed.get("credentials", "")[:60]
        if typed.get("credentials", "") != user.credentials
        else None,
    )
    keep_accounts.change(scope, user, told, now)
    toasts.say(request, gettext("Saved."))


urlpatterns = [
    path("accounts", accounts, name="accounts"),
    path("accounts/invite", invite, name="accounts-invite"),
    path("accounts/<int:principal>", one, name="accounts-one"),
    path("accounts/<int:principal>/<str:what>", act, name="accounts-act"),
]
