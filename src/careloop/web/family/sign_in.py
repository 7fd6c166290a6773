"""Sign in at the family's door: a code to a private contact, a code on paper with the birth date, or a passkey; sign
out, leave quickly, choose a language. The same words and the same work for known and unknown (TRUST 11)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils import translation
from django.utils.dates import MONTHS
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.access import Scope
from careloop.accounts import attempts, devices, family_codes, sessions
from careloop.accounts.family_accounts import actor_of, of_principal
from careloop.accounts.family_codes import BadContact, TooManyTries
from careloop.accounts.family_models import PortalAccount
from careloop.accounts.preferences import keep_language
from careloop.actions.invite_portal import door, is_born_on, send_code
from careloop.actions.note_event import note
from careloop.jobs import portal_codes
from careloop.kernel.numbers import whole_number
from careloop.web.apps import waiting
from careloop.web.family.door import HOME, SIGN_IN
from careloop.web.staff.errors import public_page

# In the session until the code is typed: the slot of where it went, never the phone or address itself.
ASKED: Final = "family-asked"
PUBLIC: Final = "where patients and families come in; it shows nothing of the record"


def _now(request: HttpRequest) -> datetime:
    asked: Any = request  # set by server.middleware.RequestId
    found: datetime = asked.now
    return found


def _is_signed_in(request: HttpRequest) -> bool:
    signed_in = getattr(request, "signed_in", None)
    return signed_in is not None and signed_in.principal.kind == "person"


@public_page(PUBLIC)
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET: the ways in. POST: where a code shall go."""
    if request.method == "POST":
        return _ask(request)
    if _is_signed_in(request):
        return HttpResponseRedirect(HOME)
    return _start(request)


def _start(request: HttpRequest, problem: str = "", typed: str = "") -> HttpResponse:
    context = {
        "can_send": portal_codes.is_set_up(),
        "problem": problem,
        "typed": typed,
        "has_ended": "ended" in request.GET,
    }
    return render(request, "family/sign_in.html", context, status=422 if problem else 200)


def _ask(request: HttpRequest) -> HttpResponse:
    typed = request.POST.get("contact", "")[:254]
    if not portal_codes.is_set_up():
        return _start(request)
    try:
        to = family_codes.where(typed)
        count_try(request, "ask")
    except BadContact:
        return _start(
            request, gettext("Type a phone number with its area code, or an e-mail address."), typed
        )
    except TooManyTries as wait:
        return _start(request, please_wait(wait), typed)
    slot = family_codes.slot(to, devices.known_hash(request))
    send_code(door(), to, _now(request), slot)
    request.session[ASKED] = slot
    return HttpResponseRedirect("/my/sign-in/code")


@public_page(PUBLIC)
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    contact = request.session.get(ASKED)
    if not contact:
        return HttpResponseRedirect(SIGN_IN)
    if request.method == "GET":
        return render(request, "family/code.html", {"problem": ""})
    try:
        count_try(request, "code")
        account = family_codes.take_sent(contact, request.POST.get("code", "")[:64], _now(request))
    except TooManyTries as wait:
        return render(request, "family/code.html", {"problem": please_wait(wait)}, status=429)
    if account is None:
        note(door(), "denied sign-in with a code", (), _now(request))
        return render(request, "family/code.html", {"problem": wrong_code()}, status=422)
    give_back(request, "ask", "code")
    return let_in(request, account, "code")


@public_page(PUBLIC)
@sensitive_post_parameters("code", "year", "month", "day")
@require_http_methods(["GET", "POST"])
def letter(request: HttpRequest) -> HttpResponse:
    """The code on paper and the birth date together: one answer whatever is wrong."""
    if request.method == "GET":
        return _letter(request)
    typed = request.POST.get("code", "")[:64]
    born = birth_date_of(request)
    now = _now(request)
    try:
        count_try(request, "code")
        paper = family_codes.paper_of(typed)
        is_right = is_born_on(paper, born or date(1, 1, 1), door(), now)
        account = family_codes.take_paper(paper, typed, is_right, now)
    except TooManyTries as wait:
        return _letter(request, please_wait(wait), 429)
    if account is None:
        note(door(), "denied sign-in with a letter", (), now)
        return _letter(request, wrong_letter())
    give_back(request, "code")
    return let_in(request, account, "letter")


def _letter(request: HttpRequest, problem: str = "", status: int = 422) -> HttpResponse:
    context = {"problem": problem, **letter_fields(request)}
    return render(request, "family/letter.html", context, status=status if problem else 200)


def letter_fields(request: HttpRequest) -> dict[str, Any]:
    return {
        "months": [(number, str(name)) for number, name in MONTHS.items()],
        "typed": {name: request.POST.get(name, "")[:64] for name in ("code", "day", "month", "year")},
    }


def birth_date_of(request: HttpRequest) -> date | None:
    said = [request.POST.get(name, "").strip() for name in ("year", "month", "day")]
    year, month, day = (whole_number(part, digits=4) or 0 for part in said)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def wrong_code() -> str:
    return gettext(
        "This code does not work. It may be mistyped, used, or older than 10 minutes. Try again, or ask for a new one."
    )


def wrong_letter() -> str:
    return gettext(
        "This code and birth date don’t go together, or the code was used or is too old. Try again, or ask your care "
        "team for a new letter."
    )


def count_try(request: HttpRequest, what: str) -> None:
    """Raises TooManyTries for an address from which too many codes are asked for, or tried."""
    if address := devices.address_of(request):
        family_codes.count(f"family-{what}-from:{address}", _now(request), attempts.ADDRESS)


def give_back(request: HttpRequest, *what: str) -> None:
    """It was right: a clinic full of people behind one address is no attack."""
    if address := devices.address_of(request):
        for each in what:
            attempts.give_back(f"family-{each}-from:{address}")


def please_wait(error: TooManyTries) -> str:
    minutes = -(-int(error.fields.get("seconds", 60)) // 60)
    return ngettext(
        "Too many tries. Please wait %(n)d minute, then try again.",
        "Too many tries. Please wait %(n)d minutes, then try again.",
        minutes,
    ) % {"n": minutes}


def let_in(request: HttpRequest, account: PortalAccount, method: str) -> HttpResponse:
    now = _now(request)
    note(Scope(actor_of(account, (), ()), "family", "own record"), f"sign-in with a {method}", (), now)
    begin(request, account, method, now)
    response = HttpResponseRedirect(waiting.onward(request) or HOME)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _keep_language(response, account.language)
    return response


def begin(request: HttpRequest, account: PortalAccount, method: str, now: datetime) -> None:
    """Whoever was signed in on this browser before, of the staff perhaps, is signed out."""
    logout(request)
    sessions.begin(request, account.principal_id, (method,), now)


def _end(request: HttpRequest, why: str) -> None:
    """Ends it first: when the trail can't be written, she is out all the same."""
    signed_in = getattr(request, "signed_in", None)
    if signed_in is not None:
        sessions.end(signed_in.id, _now(request), why)
    logout(request)
    if signed_in is not None and (account := of_principal(signed_in.principal_id)):
        note(Scope(actor_of(account, (), ()), "family", "own record"), why, (), _now(request))


@public_page("signing out shows nothing")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    _end(request, "signed out")
    return HttpResponseRedirect(SIGN_IN)


@public_page("leaving shows nothing")
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """For when somebody comes into the room: the session ends, what the browser kept is dropped, and what is shown says
    nothing of where she was."""
    _end(request, "left")
    response = HttpResponseRedirect("/away")
    response["Clear-Site-Data"] = '"cache"'
    return response


@public_page("an empty page that says nothing")
@require_GET
def away(request: HttpRequest) -> HttpResponse:
    return render(request, "family/away.html")


@public_page("a language says nothing of the record")
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Kept in a cookie and with the account."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    response = HttpResponseRedirect(wanted if is_ours else HOME)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        _keep_language(response, chosen)
        if _is_signed_in(request):
            signed_in: Any = request
            if account := of_principal(signed_in.signed_in.principal_id):
                keep_language(account, chosen)
    return response


def _keep_language(response: HttpResponse, code: str) -> None:
    if translation.check_for_language(code):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=365 * 86400,
            samesite="Lax",
            httponly=True,
            secure=bool(settings.SESSION_COOKIE_SECURE),
        )


urlpatterns = [
    path("my/sign-in", sign_in, name="family-sign-in"),
    path("my/sign-in/code", code, name="family-code"),
    path("my/sign-in/letter", letter, name="family-letter"),
    path("my/sign-out", sign_out, name="family-sign-out"),
    path("my/leave", leave, name="family-leave"),
    path("my/language", language, name="family-language"),
    path("away", away, name="away"),
]
