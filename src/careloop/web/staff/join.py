"""Links that work once: an invitation, a new password. Opening one consumes nothing (mail programs open links, too): it
only moves the token out of the address. Then the digits that were said aloud, then the password; then the second step.

Unknown, used, void and late links get one and the same page."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from careloop.accounts import attempts, factors, halfway, sessions, tickets
from careloop.accounts.models import User
from careloop.accounts.passwords import keep_password, shortest_for
from careloop.accounts.sign_in_models import Ticket
from careloop.accounts.tickets import INVITE, PASSWORD, NoLongerWorks
from careloop.actions.keep_accounts import BadAccount, check_password
from careloop.web.staff.errors import public_page
from careloop.web.staff.factor_forms import please_wait
from careloop.web.staff.reader import now_of
from careloop.web.staff.told import tell, telling

KEY: Final = "link"
LINK: Final = "a link that works once, with a second check: it reads nothing of the record"
Held = tuple[Ticket, User]


@public_page(LINK)
def opened(request: HttpRequest, kind: str, token: str) -> HttpResponse:
    """The token goes into the session, so that no address, history or Referer keeps it."""
    request.session[KEY] = {"kind": kind, "token": token[:200], "checked": False}
    return HttpResponseRedirect("/link")


@public_page(LINK)
@sensitive_post_parameters("spoken", "new")
def link(request: HttpRequest) -> HttpResponse:
    """First the digits, then the password."""
    try:
        ticket, user = _held(request)
        if not request.session[KEY]["checked"]:
            return _digits(request, ticket, user)
        return _password(request, ticket, user)
    except NoLongerWorks:
        request.session.pop(KEY, None)
        return render(request, "staff/link_over.html", status=410)


def _held(request: HttpRequest) -> Held:
    said = request.session.get(KEY)
    if not said:
        raise NoLongerWorks
    ticket = tickets.look(said["kind"], said["token"], now_of(request))
    user = User.objects.filter(principal=ticket.principal_id).first()
    if user is None or (said["kind"] == PASSWORD and not user.is_active):
        raise NoLongerWorks
    return ticket, user


def _digits(request: HttpRequest, ticket: Ticket, user: User) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        is_right, wait = tickets.is_spoken(ticket, request.POST.get("spoken", ""), now_of(request))
        if is_right:
            request.session.cycle_key()
            request.session[KEY] = {**request.session[KEY], "checked": True}
            return HttpResponseRedirect("/link")
        if not wait:
            tell(request, f"denied link, {ticket.kind}: {user.principal_id}")
        problem = (
            please_wait(wait) if wait else gettext("These are not the digits. Ask whoever gave you the link.")
        )
    context = {"problem": problem, "is_invite": ticket.kind == INVITE}
    return render(request, "staff/link_digits.html", context, status=422 if problem else 200)


def _password(request: HttpRequest, ticket: Ticket, user: User) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        new = request.POST.get("new", "")
        try:
            check_password(new, user)
        except BadAccount as weak:
            problem = weak.detail
        else:
            return _used(request, ticket, user, new)
    context = {
        "problem": problem,
        "account": user,
        "least": shortest_for(user),
        "is_invite": ticket.kind == INVITE,
    }
    return render(request, "staff/link_password.html", context, status=422 if problem else 200)


def _used(request: HttpRequest, ticket: Ticket, user: User, new: str) -> HttpResponse:
    """Whoever comes second with the same link changes nothing. All sessions end; the second step follows."""
    now = now_of(request)
    with telling(request, user) as say:
        say(f"link used, {ticket.kind}")
        tickets.use(ticket, now)
        keep_password(user, new, enables=ticket.kind == INVITE)
        sessions.void(user.principal_id, now, "new password")
    attempts.forget(attempts.of_email(user.email))
    halfway.begin(request, user, ("password",), "/today", now)
    return HttpResponseRedirect("/sign-in/second" if factors.has_any(user.principal_id) else "/sign-in/start")


urlpatterns = [
    path("join/<str:token>", opened, {"kind": INVITE}, name="join"),
    path("new-password/<str:token>", opened, {"kind": PASSWORD}, name="new-password"),
    path("link", link, name="link"),
]
