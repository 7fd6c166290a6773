"""Sign in, sign out, choose a language. Same words and same work for known and unknown users (TRUST 11)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from careloop.accounts import attempts, sessions
from careloop.accounts.preferences import keep_language


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST signs in. `?next=` must be a place of ours."""
    onward = _onward(request)
    if request.method == "POST":
        return _try(request, onward)
    if request.user.is_authenticated:
        return HttpResponseRedirect(onward)
    return _form(request, onward, "")


def _try(request: HttpRequest, onward: str) -> HttpResponse:
    email = request.POST.get("email", "").strip()[:254]
    now = request.now  # type: ignore[attr-defined]  # set by server.middleware.RequestId
    wait = attempts.seconds_to_wait(email, now)
    if wait:
        return _form(request, onward, _please_wait(wait), email)
    user = authenticate(request, username=email, password=request.POST.get("password", ""))
    if user is None:
        attempts.failed(email, now)
        return _form(
            request, onward, gettext("That email and password don’t go together. Please try again."), email
        )
    attempts.forget(email)
    login(request, user)
    sessions.begin(request, user.principal_id, ("password",), now)
    response = HttpResponseRedirect(onward)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _keep_language(response, user.language)
    return response


def _please_wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return ngettext(
        "Too many tries. Please wait %(n)d minute, then try again.",
        "Too many tries. Please wait %(n)d minutes, then try again.",
        minutes,
    ) % {"n": minutes}


def _form(request: HttpRequest, onward: str, problem: str, email: str = "") -> HttpResponse:
    has_ended = getattr(request, "session_ended", False) or "ended" in request.GET
    context = {"next": onward, "problem": problem, "email": email, "has_ended": has_ended}
    return render(request, "staff/sign_in.html", context, status=422 if problem else 200)


def _onward(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or settings.LOGIN_REDIRECT_URL
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return str(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(settings.LOGIN_URL)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keeps the choice in a cookie and, for those signed in, with the account."""
    chosen = request.POST.get("language", "")
    response = HttpResponseRedirect(_onward(request))
    if chosen in dict(settings.LANGUAGES):
        _keep_language(response, chosen)
        if request.user.is_authenticated:
            keep_language(request.user, chosen)
    return response


def _keep_language(response: HttpResponse, code: str) -> None:
    if translation.check_for_language(code):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, code, max_age=365 * 86400, samesite="Lax", httponly=True
        )
