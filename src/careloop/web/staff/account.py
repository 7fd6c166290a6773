"""Her own account: how she signs in, on which devices, her password. What changes a factor asks for a fresh one first
(accounts/stepup.py)."""

from __future__ import annotations

from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from careloop.accounts import attempts, factors, passkeys, second_step, sessions, stepup
from careloop.accounts.models import User
from careloop.accounts.passwords import keep_password
from careloop.accounts.sign_in_models import SignedIn
from careloop.actions.keep_accounts import BadAccount, check_password
from careloop.kernel.errors import NotFound
from careloop.web.staff import landing, toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.factor_forms import (
    ON_TRIAL,
    answer_of,
    asked,
    name_of_device,
    name_of_phone,
    place_of,
    please_wait,
    problem_of,
    secret_on_trial,
    show_codes,
    shown,
    wants_options,
)
from careloop.web.staff.forms import onward
from careloop.web.staff.reader import now_of
from careloop.web.staff.told import tell, telling

HERE = "/account"


def user_of(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user


def session_of(request: HttpRequest) -> SignedIn:
    row: SignedIn = request.signed_in  # type: ignore[attr-defined]  # staff_page: somebody is signed in
    return row


@staff_page
def account(request: HttpRequest) -> HttpResponse:
    user, principal, now = user_of(request), user_of(request).principal_id, now_of(request)
    context = {
        "account": user,
        "here": session_of(request).id,
        "devices": sessions.of_principal(principal, now),
        "apps": factors.apps_of(principal),
        "passkeys": factors.passkeys_of(principal),
        "codes_left": factors.codes_left(principal),
        "has_factor": factors.has_any(principal),
    }
    return render(request, "staff/account.html", context)


# --- a fresh second factor


@staff_page
@sensitive_post_parameters("code", "password", "answer")
def prove(request: HttpRequest) -> HttpResponse:
    """Shows a second factor again; made-up people of the demo, who have none, their password."""
    user = user_of(request)
    has_factor = factors.has_any(user.principal_id)
    if wants_options(request):
        return asked(passkeys.ask_to_sign_in(place_of(request), now_of(request), user.principal_id))
    problem = ""
    if request.method == "POST":
        problem = _prove(request, user) if has_factor else _prove_by_password(request, user)
        if not problem:
            with telling(request) as say:
                say("second factor shown again")
                stepup.proved(request, now_of(request))
            request.session.cycle_key()
            return HttpResponseRedirect(_after(request))
    context = {
        "problem": problem,
        "next": request.POST.get("next") or request.GET.get("next") or HERE,
        "has_app": factors.has_app(user.principal_id),
        "has_passkey": factors.has_passkey(user.principal_id),
        "has_factor": has_factor,
    }
    return render(request, "staff/account_prove.html", context, status=422 if problem else 200)


def _after(request: HttpRequest) -> str:
    return onward(request) if request.POST.get("next") else HERE


def _prove(request: HttpRequest, user: User) -> str:
    """What went wrong, empty for nothing."""
    now, (token, answer) = now_of(request), answer_of(request)
    if answer:
        try:
            passkeys.check(place_of(request), token, answer, now, user.principal_id)
        except passkeys.NotThisPasskey:
            tell(request, "denied: second factor")
            return gettext("This passkey did not work here. Try again, or use another way.")
        return ""
    tried = factors.try_code(user.principal_id, request.POST.get("code", ""), now)
    if tried.method:
        return ""
    tell(request, "denied: second factor")
    return problem_of(tried)


def _prove_by_password(request: HttpRequest, user: User) -> str:
    if not second_step.is_exempt(user):
        return gettext("Sign out and in again; then you have ten minutes for this.")
    return _wrong_password(request, user, "password")


def _wrong_password(request: HttpRequest, user: User, field: str) -> str:
    now = now_of(request)
    if wait := attempts.take(attempts.of_email(user.email), now):
        return please_wait(wait)
    if authenticate(request, username=user.email, password=request.POST.get(field, "")) != user:
        tell(request, "denied: password")
        return gettext("That is not your password.")
    attempts.forget(attempts.of_email(user.email))
    return ""


# --- password


@staff_page
@stepup.fresh
@sensitive_post_parameters("password", "new")
def password(request: HttpRequest) -> HttpResponse:
    """A new one ends all other sessions, and what apps hold."""
    user, problems = user_of(request), {}
    if request.method == "POST":
        problems = _new_password(request, user)
        if not problems:
            toasts.say(request, gettext("Your password is changed. All other devices were signed out."))
            return HttpResponseRedirect(HERE)
    has_factor = factors.has_any(user.principal_id)
    context = {"problems": problems, "least": 8 if has_factor else 15}
    return render(request, "staff/account_password.html", context, status=422 if problems else 200)


def _new_password(request: HttpRequest, user: User) -> dict[str, str]:
    if wrong := _wrong_password(request, user, "password"):
        return {"password": wrong}
    new = request.POST.get("new", "")
    try:
        check_password(new, user)
    except BadAccount as weak:
        return {"new": weak.detail}
    with telling(request) as say:
        say("password changed")
        keep_password(user, new)
        sessions.void(user.principal_id, now_of(request), "new password", but=session_of(request).id)
    update_session_auth_hash(request, user)
    return {}


# --- factors


@staff_page
@stepup.fresh
@sensitive_post_parameters("code")
def add_app(request: HttpRequest) -> HttpResponse:
    user, problem = user_of(request), ""
    secret = secret_on_trial(request, fresh=False)
    if request.method == "POST":
        typed, phone = request.POST.get("code", ""), name_of_phone(request)
        with telling(request) as say:
            tried = factors.add_app(user.principal_id, secret, typed, phone, now_of(request))
            say("second factor added, totp" if tried.method else "denied: second factor")
        if tried.method:
            return _added(request)
        problem = problem_of(tried)
    context = {"app": shown(secret, user), "problem": problem, "action": request.path, "back": HERE}
    return render(request, "staff/factor_app.html", context, status=422 if problem else 200)


@staff_page
@stepup.fresh
def add_passkey(request: HttpRequest) -> HttpResponse:
    user, place, now, problem = user_of(request), place_of(request), now_of(request), ""
    if wants_options(request):
        return asked(passkeys.ask_to_make(place, user.principal_id, user.email, user.name, now))
    if request.method == "POST":
        with telling(request) as say:
            try:
                passkeys.make(place, user.principal_id, *answer_of(request), name_of_device(request), now)
                say("second factor added, passkey")
            except passkeys.NotThisPasskey:
                problem = gettext("The passkey could not be kept. Try again, or use an authenticator app.")
                say("denied: second factor")
        if not problem:
            return _added(request)
    context = {"problem": problem, "action": request.path, "back": HERE}
    return render(request, "staff/factor_passkey.html", context, status=422 if problem else 200)


def _added(request: HttpRequest) -> HttpResponse:
    request.session.pop(ON_TRIAL, None)
    toasts.say(request, gettext("Added. You can use it from now on."))
    principal = user_of(request).principal_id
    if factors.codes_left(principal):
        return HttpResponseRedirect(HERE)
    return show_codes(request, principal, HERE)


@staff_page
@require_POST
@stepup.fresh
def remove_factor(request: HttpRequest, kind: str, id: int) -> HttpResponse:
    if kind not in ("app", "passkey"):
        raise NotFound
    user = user_of(request)
    with telling(request) as say:
        is_gone = factors.remove(user.principal_id, kind, id, may_be_last=second_step.is_exempt(user))
        say(f"second factor removed, {kind}" if is_gone else "denied: the last second factor")
    if is_gone:
        toasts.say(request, gettext("Removed. It no longer lets anybody in."))
    else:
        toasts.fail(request, gettext("Add another way first: you need one to sign in."))
    return HttpResponseRedirect(HERE)


@staff_page
@require_POST
@stepup.fresh
def new_codes(request: HttpRequest) -> HttpResponse:
    tell(request, "recovery codes made")
    return show_codes(request, user_of(request).principal_id, HERE)


# --- devices


@staff_page
@require_POST
def end_device(request: HttpRequest, id: str) -> HttpResponse:
    row = SignedIn.objects.filter(pk=id, principal=user_of(request).principal_id).first()
    if row is None:
        raise NotFound
    sessions.end(row.id, now_of(request))
    tell(request, "session ended")
    toasts.say(request, gettext("Signed out there."))
    return HttpResponseRedirect(HERE)


@staff_page
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Everywhere else; what apps hold ends as well."""
    user = user_of(request)
    sessions.void(user.principal_id, now_of(request), "signed out elsewhere", but=session_of(request).id)
    tell(request, "sessions ended elsewhere")
    toasts.say(request, gettext("Signed out everywhere else."))
    return HttpResponseRedirect(HERE)


@staff_page
def new_device(request: HttpRequest) -> HttpResponse:
    """Shown once, at the next sign-in after somebody signed in on a device that was never seen before."""
    principal, here = user_of(request).principal_id, session_of(request).id
    go_on = request.session.get("onward") or landing.first_page(user_of(request).roles)
    if request.method == "POST":
        was_she = request.POST.get("was") == "me"
        rows = sessions.untold(principal, here)
        sessions.told(principal, here)
        request.session.pop("onward", None)
        if was_she:
            return HttpResponseRedirect(go_on)
        for row in rows:
            sessions.end(row.id, now_of(request), "not her")
        tell(request, "unknown device reported")
        toasts.say(request, gettext("Signed out there. Choose a new password now."))
        return HttpResponseRedirect(f"{HERE}/password")
    found = sessions.untold(principal, here)
    if not found:
        return HttpResponseRedirect(go_on)
    return render(request, "staff/account_new_device.html", {"devices": found})


urlpatterns = [
    path("account", account, name="account"),
    path("account/prove", prove, name="account-prove"),
    path("account/password", password, name="account-password"),
    path("account/app", add_app, name="account-app"),
    path("account/passkey", add_passkey, name="account-passkey"),
    path("account/codes", new_codes, name="account-codes"),
    path("account/factors/<str:kind>/<int:id>/remove", remove_factor, name="account-factor-remove"),
    path("account/devices/others/end", end_others, name="account-others-end"),
    path("account/devices/<str:id>/end", end_device, name="account-device-end"),
    path("account/new-device", new_device, name="account-new-device"),
]
