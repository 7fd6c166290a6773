"""Questions taken along to a home without a network: taking them, the page that asks them from the device, and the door
where the answers come in. The page and its worker hold nothing of anybody (docs/decisions/0091)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.accounts import attempts
from careloop.accounts.models import User
from careloop.accounts.passwords import ALONE
from careloop.actions.complete_assessment import ImpossibleDate
from careloop.actions.send_offline import Sent, send_offline, sheet_of
from careloop.actions.start_assessment import PersonDied
from careloop.actions.take_offline import (
    KEPT_FOR,
    NotOurTicket,
    SomebodyElses,
    TooOld,
    account_of,
    look_at,
    take_along,
)
from careloop.care.assess import who_is
from careloop.fhir.elements import instant, name_of
from careloop.kernel.errors import CareError, Forbidden, NotFound
from careloop.library import load
from careloop.web import formats
from careloop.web.staff.assess_said import answered_words
from careloop.web.staff.assess_words import problem_words, reader_language, written_by
from careloop.web.staff.errors import public_page, sentence_of, staff_page
from careloop.web.staff.factor_forms import please_wait
from careloop.web.staff.offline_words import words
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.told import tell

SHELL = "a shell: it shows what lies on this device, and reads nothing of the record"


# --- taking along


@staff_page
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def take(request: HttpRequest, person: str) -> HttpResponse:
    """What goes along, and her password; the script encrypts the answer under it before it is written down."""
    with open_record(request) as unit:
        along = look_at(unit, person, load())
    problem = _wrong_password(request) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        return JsonResponse(take_along(scope_of(request), person, load(), now_of(request)))
    if request.method == "POST":
        return JsonResponse({"problem": problem}, status=422)
    language = reader_language()
    context = {
        "card": along.card,
        "instruments": [each.title.get(language) for each in along.instruments],
        "begun": [each.short.get(language) for each in along.instruments if each.id in along.begun],
        "until": now_of(request) + KEPT_FOR,
        "days": KEPT_FOR.days,
        "has_password": _user_of(request).has_usable_password(),
    }
    return render(request, "staff/offline_take.html", context)


def _user_of(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # staff_page: somebody is signed in
    return user


def _wrong_password(request: HttpRequest) -> str:
    """The sentence, empty for the right one. On the device no second factor stands beside it, so that it must be as
    long as one that stands alone."""
    user, typed, now = _user_of(request), request.POST.get("password", ""), now_of(request)
    if wait := attempts.take(attempts.of_email(user.email), now):
        return please_wait(wait)
    if authenticate(request, username=user.email, password=typed) != user:
        tell(request, "denied: password")
        return gettext("That is not your password.")
    attempts.forget(attempts.of_email(user.email))
    if len(typed) < ALONE:
        said = gettext(
            "On the device your password stands alone, so it needs %(n)d characters. Choose a longer one first."
        )
        return said % {"n": ALONE}
    return ""


# --- the page, without anybody in it


@public_page(SHELL)
@require_GET
def shell(request: HttpRequest) -> HttpResponse:
    return render(request, "staff/offline.html", {"words": words()})


@public_page("a script: it keeps the shell's own files on the device")
@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    return render(request, "staff/offline_worker.js", content_type="text/javascript; charset=utf-8")


@staff_page
@require_GET
def now(request: HttpRequest) -> HttpResponse:
    """Whether she is signed in here, as whom, and the token with which the page sends."""
    return JsonResponse({"account": account_of(_user_of(request).principal_id), "token": get_token(request)})


# --- the way in


@staff_page
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """200: done, or kept; 409: she decides first; else refused, with what to do. Always JSON."""
    try:
        sent = json.loads(request.body)
        ticket, sheet = sheet_of(sent if isinstance(sent, dict) else {})
        found = send_offline(scope_of(request), ticket, sheet, load(), now_of(request))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return _refused(NotOurTicket())
    except CareError as refused:
        return _refused(refused)
    if found.asks:
        return JsonResponse({"state": "asks", **_asked(request, found)}, status=409)
    if found.response is not None:
        return JsonResponse({"state": "done", "url": f"/assessments/answered/{found.response.id}/"})
    return JsonResponse({"state": "kept", **_kept(found)})


def _refused(refused: CareError) -> HttpResponse:
    """What happened and what to do; what she wrote stays on the device."""
    status = refused.status if 400 <= refused.status < 500 else 503
    said = {"state": "refused", "because": sentence_of(refused), "todo": _todo(refused)}
    return JsonResponse(said, status=status)


def _todo(refused: CareError) -> str:
    on_paper = gettext(
        "Nothing was sent. What you wrote is still on this device: print it for the paper record."
    )
    words: list[tuple[tuple[type[CareError], ...], Callable[[], str]]] = [
        (
            (NotFound, Forbidden),
            lambda: gettext(
                "You may not see this person’s record any more. Ask your supervisor, then send again."
            ),
        ),
        ((SomebodyElses,), lambda: gettext("Sign in with the account that took it along.")),
        ((PersonDied,), lambda: gettext("Talk with your supervisor about what you wrote.")),
        (
            (TooOld, NotOurTicket, ImpossibleDate),
            lambda: gettext("Ask the questions again, or enter them from paper."),
        ),
    ]
    then = next((said() for kinds, said in words if isinstance(refused, kinds)), gettext("Try again."))
    return f"{on_paper} {then}"


def _asked(request: HttpRequest, found: Sent) -> dict[str, Any]:
    """What she decides, in her words: each question that stands otherwise, who it is, what a colleague finished."""
    form, language = found.instrument.form, reader_language()
    told: dict[str, Any] = {"answers": [], "who": None, "beside": None}
    for each in found.differences:
        if (item := form.at(each.key)) is not None:
            here, there = answered_words(item, each.here), answered_words(item, each.there)
            told["answers"].append(
                {"key": each.key, "text": item.said(language), "here": here, "there": there}
            )
    if found.who:
        patient = found.patient.resource
        age = who_is(patient, now_of(request).date()).age
        told["who"] = ", ".join(part for part in (name_of(patient), "" if age is None else str(age)) if part)
    if found.beside is not None:
        resource = found.beside.resource
        author = (resource.get("author") or {}).get("reference")
        with open_record(request) as unit:
            by = written_by(unit, [author]).get(author or "", gettext("A colleague"))
        at = (instant(resource.get("authored")) or found.beside.at).astimezone(zone_of_reader(request))
        when = f"{formats.full_date(at.date())}, {formats.clock_time(at)}"
        told["beside"] = {
            "id": found.beside.id,
            "by": by,
            "when": when,
            "url": f"/assessments/answered/{found.beside.id}/",
        }
    return told


def _kept(found: Sent) -> dict[str, Any]:
    """The answers wait in the draft: why they are not finished, and where to go on."""
    form, language = found.instrument.form, reader_language()
    because = []
    for problem in found.problems:
        item = form.at(problem.link_id)
        because.append(f"{item.said(language)} {problem_words(item, problem)}" if item else problem.text)
    if found.needs_safety:
        because.append(gettext("First write down where the person is and whether the person is safe now."))
    for key, typed in found.left:
        item = form.at(key)
        fits_not = gettext("“%(answer)s” does not fit the question as it is now: %(question)s")
        because.append(fits_not % {"answer": typed, "question": item.said(language) if item else key})
    return {
        "url": f"/assessments/{found.draft}/",
        "because": because,
        "alarmed": found.alarmed,
        "covered": found.is_covered,
        "stamps": dict(found.stamps),
    }


urlpatterns = [
    path("people/<str:person>/take-along", take, name="take-along"),
    path("offline/", shell, name="offline"),
    path("offline/worker.js", worker, name="offline-worker"),
    path("offline/now", now, name="offline-now"),
    path("offline/send", send, name="offline-send"),
]
