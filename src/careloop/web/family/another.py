"""Whoever was invited to a second person's page adds it to her sign-in, with the letter for it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from careloop.accounts import stepup
from careloop.accounts.family_codes import TooManyTries
from careloop.actions.join_invitations import join_invitation
from careloop.web.family import sign_in
from careloop.web.family.door import ANYBODY, HOME, Page, family_page


@sensitive_post_parameters("code", "year", "month", "day")
@family_page(ANYBODY, "GET", "POST")
def another(page: Page) -> HttpResponse:
    """Whoever finds a page left open must not add an invitation of her own, whose phone would open this account."""
    if not stepup.just_came(page.request, page.now):
        messages.error(page.request, gettext("To add another page, sign out and sign in again first."))
        return HttpResponseRedirect(f"{HOME}/account/sign-in")
    if page.request.method == "GET":
        return _form(page)
    typed, born = page.request.POST.get("code", "")[:64], sign_in.birth_date_of(page.request)
    try:
        sign_in.count_try(page.request, "code")
        is_joined = join_invitation(page.scope, page.family.account, typed, born, page.now)
    except TooManyTries as wait:
        return _form(page, sign_in.please_wait(wait), 429)
    if not is_joined:
        return _form(page, sign_in.wrong_letter(), 422)
    sign_in.give_back(page.request, "code")
    messages.success(page.request, gettext("Done. You sign in once now, and choose whose page you see."))
    return HttpResponseRedirect(HOME)


def _form(page: Page, problem: str = "", status: int = 200) -> HttpResponse:
    context = {"problem": problem, **sign_in.letter_fields(page.request)}
    return render(page.request, "family/another.html", context, status=status)


urlpatterns = [path("my/account/another", another, name="family-another")]
