"""Passkeys at the family's door: sign in without a code, on a device that is hers alone. Offered, never asked for."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.accounts import devices, family_accounts, passkeys, stepup
from careloop.accounts.passkeys import NotThisPasskey
from careloop.accounts.sign_in_models import Passkey
from careloop.actions.invite_portal import door
from careloop.actions.note_event import note
from careloop.web.family.door import ANYBODY, HOME, SIGN_IN, Page, family_page
from careloop.web.family.sign_in import PUBLIC, let_in
from careloop.web.staff.errors import public_page, sentence_of
from careloop.web.staff.factor_forms import answer_of, asked, place_of, wants_options

# What a device shows in its list of passkeys: nothing about anybody's health or name.
SHOWN_AS = "My page"


@public_page(PUBLIC)
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """GET: a challenge for the page's script. POST: the device's answer."""
    its: Any = request  # now is set by server.middleware
    if wants_options(request):
        return asked(passkeys.ask_to_sign_in(place_of(request), its.now))
    if request.method == "GET":
        return HttpResponseRedirect(SIGN_IN)
    token, answer = answer_of(request)
    try:
        account = family_accounts.of_principal(passkeys.check(place_of(request), token, answer, its.now))
    except NotThisPasskey as error:
        return _not_in(request, sentence_of(error))
    if account is None:  # of the staff, or closed: the same answer
        return _not_in(request, gettext("This passkey did not work here. Try again, or use another way."))
    return let_in(request, account, "passkey")


def _not_in(request: HttpRequest, problem: str) -> HttpResponse:
    its: Any = request
    note(door(), "denied sign-in with a passkey", (), its.now)
    messages.error(request, problem)
    return HttpResponseRedirect(SIGN_IN)


@family_page(ANYBODY, "GET", "POST")
def make(page: Page) -> HttpResponse:
    """Whoever finds a page left open must not make a key of her own that outlives it."""
    place, principal = place_of(page.request), page.family.actor.principal
    if not stepup.just_came(page.request, page.now):
        messages.error(page.request, gettext("To set up a passkey, sign out and sign in again first."))
        return HttpResponseRedirect(f"{HOME}/account/sign-in")
    if wants_options(page.request):
        return asked(passkeys.ask_to_make(place, principal, SHOWN_AS, SHOWN_AS, page.now))
    if page.request.method == "POST":
        token, answer = answer_of(page.request)
        device = devices.words_of(page.request.headers.get("User-Agent", ""))
        try:
            passkeys.make(place, principal, token, answer, device, page.now)
        except NotThisPasskey as error:
            messages.error(page.request, sentence_of(error))
        else:
            note(page.scope, "a passkey was made", (), page.now)
            messages.success(
                page.request, gettext("Done. Next time you sign in on this device without a code.")
            )
    return HttpResponseRedirect(f"{HOME}/account/sign-in")


@family_page(ANYBODY, "POST")
def remove(page: Page, passkey: int) -> HttpResponse:
    """Her own alone; of anybody else's nothing is removed and nothing is said."""
    if Passkey.objects.filter(pk=passkey, principal=page.family.actor.principal).delete()[0]:
        note(page.scope, "a passkey was removed", (), page.now)
        messages.success(page.request, gettext("Done. That device needs a code again."))
    return HttpResponseRedirect(f"{HOME}/account/sign-in")


urlpatterns = [
    path("my/sign-in/passkey", show, name="family-passkey"),
    path("my/account/passkey", make, name="family-passkey-make"),
    path("my/account/passkey/<int:passkey>/remove", remove, name="family-passkey-remove"),
]
