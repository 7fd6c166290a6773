"""Sign in through the house's own identity provider, and back."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from careloop.accounts import attempts, devices, sso
from careloop.accounts.sign_in_models import Provider
from careloop.accounts.sso import Fetch
from careloop.kernel.errors import CareError, NotFound
from careloop.web.staff.errors import public_page
from careloop.web.staff.factor_forms import please_wait
from careloop.web.staff.reader import now_of
from careloop.web.staff.sign_in import DOOR, form, go_on, onward_of
from careloop.web.staff.told import tell

KEY = "sso"


def fetch() -> Fetch:
    """The one way out; connect may not be imported here, so server hands it in by the settings."""
    found: Fetch = import_string(settings.FETCH)
    return found


def _provider(name: str) -> Provider:
    found = Provider.objects.filter(name=name, is_active=True).first()
    if found is None:
        raise NotFound
    return found


@public_page(DOOR)
def leave(request: HttpRequest, name: str) -> HttpResponse:
    """To the provider. A link, not a form: pages of ours may send forms to ourselves only."""
    provider, now = _provider(name), now_of(request)
    address = f"address:{devices.address_of(request)}"
    if wait := attempts.take(address, now, attempts.ADDRESS):
        return form(request, please_wait(wait))
    back = f"{request.scheme}://{request.get_host()}/sign-in/back/{provider.name}"
    try:
        begun = sso.begin(provider, back, onward_of(request), fetch(), now)
    except CareError:
        return _failed(request, "begin")
    attempts.give_back(address)
    request.session[KEY] = begun.kept
    return HttpResponseRedirect(begun.address)


@public_page(DOOR)
def back(request: HttpRequest, name: str) -> HttpResponse:
    """From the provider. What she began with is used up, however it ends."""
    provider, now = _provider(name), now_of(request)
    kept = request.session.pop(KEY, None)
    if kept is None:
        return _failed(request, "nothing begun")
    try:
        known = sso.finish(provider, kept, request.GET.dict(), fetch(), now)
    except CareError:
        return _failed(request, "refused")
    user = sso.account_of(provider, known, now)
    if user is None:
        tell(request, f"denied sign-in, sso {provider.name}: nobody")
        return form(
            request,
            gettext("You are known there, but have no account here. Ask your administrator to invite you."),
        )
    return go_on(request, user, ("sso-twice" if provider.proves_twice else "sso",), kept["onward"])


def _failed(request: HttpRequest, why: str) -> HttpResponse:
    tell(request, f"denied sign-in, sso: {why}")
    return form(request, gettext("Single sign-on did not work. Try again, or sign in with your password."))


urlpatterns = [
    path("sign-in/with/<slug:name>", leave, name="sign-in-with"),
    path("sign-in/back/<slug:name>", back, name="sign-in-back"),
]
