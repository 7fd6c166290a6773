"""The second step: a code, a passkey or a recovery code; and setting one up at the first sign-in. Whoever is here gave
a password and is not signed in yet: these pages read nothing but what belongs to the account itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from careloop.accounts import factors, halfway, passkeys
from careloop.accounts.halfway import Halfway
from careloop.web.staff import toasts
from careloop.web.staff.errors import public_page
from careloop.web.staff.factor_forms import (
    ON_TRIAL,
    answer_of,
    asked,
    name_of_device,
    name_of_phone,
    place_of,
    problem_of,
    secret_on_trial,
    show_codes,
    shown,
    wants_options,
)
from careloop.web.staff.reader import now_of
from careloop.web.staff.sign_in import arrived
from careloop.web.staff.told import tell

HalfView = Callable[[HttpRequest, Halfway], HttpResponse]


def halfway_page(view: HalfView) -> Callable[[HttpRequest], HttpResponse]:
    """For whoever gave a password within ten minutes."""

    @public_page("whoever gave the password, before the second factor: only her own account")
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        half = halfway.of(request, now_of(request))
        if half is None:
            return HttpResponseRedirect("/sign-in")
        return view(request, half)

    return guarded


@halfway_page
@sensitive_post_parameters("code", "answer")
def second(request: HttpRequest, half: Halfway) -> HttpResponse:
    principal = half.user.principal_id
    if not factors.has_any(principal):
        return HttpResponseRedirect("/sign-in/start")
    if request.method != "POST":
        return _second(request, half, "")
    tried = factors.try_code(principal, request.POST.get("code", ""), now_of(request))
    if not tried.method:
        if not tried.wait:
            tell(request, f"denied sign-in, second step: {principal}")
        return _second(request, half, problem_of(tried))
    if tried.method == "recovery":
        _say_left(request, principal)
    return _in(request, half, tried.method)


@halfway_page
def second_passkey(request: HttpRequest, half: Halfway) -> HttpResponse:
    principal, place, now = half.user.principal_id, place_of(request), now_of(request)
    if request.method != "POST":
        return asked(passkeys.ask_to_sign_in(place, now, principal))
    try:
        passkeys.check(place, *answer_of(request), now, principal)
    except passkeys.NotThisPasskey:
        tell(request, f"denied sign-in, second step: {principal}")
        return _second(
            request, half, gettext("This passkey did not work here. Try again, or use another way.")
        )
    return _in(request, half, "passkey")


def _second(request: HttpRequest, half: Halfway, problem: str) -> HttpResponse:
    principal = half.user.principal_id
    context = {
        "problem": problem,
        "has_app": factors.has_app(principal),
        "has_passkey": factors.has_passkey(principal),
        "has_codes": factors.codes_left(principal) > 0,
    }
    return render(request, "staff/sign_in_second.html", context, status=422 if problem else 200)


def _in(request: HttpRequest, half: Halfway, method: str) -> HttpResponse:
    return arrived(request, half.user, (*half.methods, method), half.onward)


def _say_left(request: HttpRequest, principal: int) -> None:
    left = factors.codes_left(principal)
    toasts.say(
        request,
        gettext("You used a recovery code; %(n)d are left. New ones are on your account page.") % {"n": left},
    )


# --- the first time


@halfway_page
def start(request: HttpRequest, half: Halfway) -> HttpResponse:
    if factors.has_any(half.user.principal_id):
        return HttpResponseRedirect("/sign-in/second")
    return render(request, "staff/sign_in_start.html", {"name": half.user.name})


@halfway_page
@sensitive_post_parameters("code")
def start_app(request: HttpRequest, half: Halfway) -> HttpResponse:
    if factors.has_any(half.user.principal_id):
        return HttpResponseRedirect("/sign-in/second")
    problem, secret = "", secret_on_trial(request, fresh=False)
    if request.method == "POST":
        tried = factors.add_app(
            half.user.principal_id,
            secret,
            request.POST.get("code", ""),
            name_of_phone(request),
            now_of(request),
        )
        if tried.method:
            return _started(request, half, "totp")
        problem = problem_of(tried)
    context = {
        "app": shown(secret, half.user),
        "problem": problem,
        "action": request.path,
        "back": "/sign-in/start",
    }
    return render(request, "staff/factor_app.html", context, status=422 if problem else 200)


@halfway_page
def start_passkey(request: HttpRequest, half: Halfway) -> HttpResponse:
    user, place, now = half.user, place_of(request), now_of(request)
    if factors.has_any(user.principal_id):
        return HttpResponseRedirect("/sign-in/second")
    if wants_options(request):
        return asked(passkeys.ask_to_make(place, user.principal_id, user.email, user.name, now))
    problem = ""
    if request.method == "POST":
        try:
            passkeys.make(place, user.principal_id, *answer_of(request), name_of_device(request), now)
        except passkeys.NotThisPasskey:
            problem = gettext("The passkey could not be kept. Try again, or use an authenticator app.")
        else:
            return _started(request, half, "passkey")
    context = {"problem": problem, "action": request.path, "back": "/sign-in/start"}
    return render(request, "staff/factor_passkey.html", context, status=422 if problem else 200)


def _started(request: HttpRequest, half: Halfway, method: str) -> HttpResponse:
    """She is in; the codes for a lost phone are shown on the way."""
    request.session.pop(ON_TRIAL, None)
    tell(request, f"second factor added, {method}", half.user)
    answer = _in(request, half, method)
    page = show_codes(request, half.user.principal_id, answer["Location"])
    page.cookies.update(answer.cookies)
    return page


urlpatterns = [
    path("sign-in/second", second, name="sign-in-second"),
    path("sign-in/second/passkey", second_passkey, name="sign-in-second-passkey"),
    path("sign-in/start", start, name="sign-in-start"),
    path("sign-in/start/app", start_app, name="sign-in-start-app"),
    path("sign-in/start/passkey", start_passkey, name="sign-in-start-passkey"),
]
