"""The door: password or passkey first, then the second factor (sign_in_second.py). Sign out, choose a language.

Same words and same work for known and unknown addresses (TRUST 11)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import authenticate, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from careloop.accounts import attempts, devices, halfway, passkeys, second_step, sessions
from careloop.accounts.models import User
from careloop.accounts.preferences import keep_language
from careloop.accounts.sign_in_models import Provider, SignedIn
from careloop.web.staff import landing
from careloop.web.staff.errors import public_page
from careloop.web.staff.factor_forms import answer_of, asked, place_of, please_wait
from careloop.web.staff.reader import now_of
from careloop.web.staff.told import tell

DOOR = "the door itself: it reads nothing of the record"


@public_page(DOOR)
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST signs in. `?next=` must be a place of ours."""
    if request.method == "POST":
        return _try(request, onward_of(request))
    if getattr(request, "scope", None) is not None:
        roles = getattr(request.user, "roles", ())
        return HttpResponseRedirect(landing.onward(roles, onward_of(request)))
    return form(request, "")


def _try(request: HttpRequest, onward: str) -> HttpResponse:
    email = request.POST.get("email", "").strip()[:254]
    now = now_of(request)
    account, address = _counted(request, email)
    wait = (attempts.take(address, now, attempts.ADDRESS) if address else 0) or attempts.take(account, now)
    if wait:
        return form(request, please_wait(wait), email)
    user = authenticate(request, username=email, password=request.POST.get("password", ""))
    if not isinstance(user, User):
        tell(request, f"denied sign-in, password: {_principal(email)}")
        return form(request, gettext("That email and password don’t go together. Please try again."), email)
    attempts.forget(account)
    if address:
        attempts.give_back(address)
    return go_on(request, user, ("password",), onward)


def _counted(request: HttpRequest, email: str) -> tuple[str, str]:
    """By what tries are counted: the account, and the address they come from. A browser that has signed in to this
    account before is counted by itself: so nobody else can keep her out, nor can a neighbor behind the same address."""
    device = devices.known_hash(request)
    is_known = SignedIn.objects.filter(device_hash=device, principal=_principal(email)).exists()
    if device and is_known:
        return attempts.of_email(email, device), ""
    address = devices.address_of(request)
    return attempts.of_email(email), f"address:{address}" if address else ""


def _principal(email: str) -> int:
    user = User.objects.called(email)
    return user.principal_id if user else 0


@public_page(DOOR)
def with_passkey(request: HttpRequest) -> HttpResponse:
    """GET: a challenge for the page's script. POST: what the passkey answered."""
    now, place = now_of(request), place_of(request)
    if request.method != "POST":
        return asked(passkeys.ask_to_sign_in(place, now))
    address = f"address:{devices.address_of(request)}"
    if wait := attempts.take(address, now, attempts.ADDRESS):
        return form(request, please_wait(wait))
    token, answer = answer_of(request)
    try:
        principal = passkeys.check(place, token, answer, now)
    except passkeys.NotThisPasskey:
        user = None
    else:
        user = User.objects.filter(principal=principal, is_active=True).first()
    if user is None:
        tell(request, "denied sign-in, passkey")
        return form(request, gettext("This passkey did not work here. Try again, or use another way."))
    attempts.give_back(address)
    return go_on(request, user, ("passkey",), onward_of(request))


def go_on(request: HttpRequest, user: User, methods: tuple[str, ...], onward: str) -> HttpResponse:
    """In, or to the second step."""
    if not second_step.is_enough(user, methods):
        halfway.begin(request, user, methods, onward, now_of(request))
        return HttpResponseRedirect("/sign-in/second")
    return arrived(request, user, methods, onward)


def arrived(request: HttpRequest, user: User, methods: tuple[str, ...], onward: str) -> HttpResponse:
    """Signs her in, with methods that are enough. Written down first: without a trail nobody gets in."""
    tell(request, f"sign-in, {' '.join(methods)}", user)
    halfway.enter(request, user, methods, now_of(request))
    onward = landing.onward(user.roles, onward)
    row: SignedIn = request.signed_in  # type: ignore[attr-defined]  # set when she entered
    if sessions.untold(user.principal_id, row.id):
        request.session["onward"] = onward
        onward = "/account/new-device"
    response = HttpResponseRedirect(onward)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        _keep_language(response, user.language)
    return response


def form(request: HttpRequest, problem: str, email: str = "") -> HttpResponse:
    has_ended = getattr(request, "session_ended", "") or "ended" in request.GET
    context = {
        "next": onward_of(request),
        "problem": problem,
        "email": email,
        "has_ended": has_ended,
        "providers": Provider.objects.filter(is_active=True).order_by("label"),
    }
    return render(request, "staff/sign_in.html", context, status=422 if problem else 200)


def onward_of(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or settings.LOGIN_REDIRECT_URL
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return str(settings.LOGIN_REDIRECT_URL)


@public_page(DOOR)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    row: SignedIn | None = getattr(request, "signed_in", None)
    if row is not None:
        sessions.end(row.id, now_of(request))
        if getattr(request, "scope", None) is not None:
            tell(request, "sign-out")
    logout(request)
    return HttpResponseRedirect(settings.LOGIN_URL)


@public_page("it keeps a choice of language")
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keeps the choice in a cookie and, for those signed in, with the account."""
    chosen = request.POST.get("language", "")
    response = HttpResponseRedirect(onward_of(request))
    if chosen in dict(settings.LANGUAGES):
        _keep_language(response, chosen)
        if request.user.is_authenticated:
            keep_language(request.user, chosen)
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
    path("sign-in", sign_in, name="sign-in"),
    path("sign-in/passkey", with_passkey, name="sign-in-passkey"),
    path("sign-out", sign_out, name="sign-out"),
    path("language", language, name="language"),
]
