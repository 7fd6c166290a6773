"""The way into a program and out of it, step by step on one page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions import enroll_person
from careloop.actions.enroll_person import Enrollment, fit_of, newest_enrollment, program_named
from careloop.actions.hand_off_work import colleagues
from careloop.actions.outreach import tries_of
from careloop.actions.referral_loop import ANSWER, open_referrals, stage_of
from careloop.care.enroll import Consented, Eligibility
from careloop.fhir import uris
from careloop.fhir.elements import day, extension, instant, text_of
from careloop.kernel.errors import CareError, NotFound, StaleVersion
from careloop.library import Program, load
from careloop.projections.card import PersonCard, card
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of

STEPS = ("fit", "ask", "consent", "join")
# Which of the four is at hand, by where the enrollment stands.
AT_HAND = {"referred": 0, "outreach": 1, "consent": 2, "enroll": 3, "enrolled": 4, "paused": 4, "ended": 4}


@dataclass(frozen=True)
class Criterion:
    """fit: yes, no or unknown. word: the same in words."""

    text: str
    fit: str
    word: str
    mark: str
    note: str
    is_needed: bool


@dataclass(frozen=True, repr=False)
class Offer:
    """A program that somebody could join."""

    code: str
    title: str
    about: str
    fit: str
    word: str
    because: str
    state: str

    def __repr__(self) -> str:
        return f"Offer({self.code})"


def language() -> str:
    return get_language() or "en"


def fit_word(fit: str) -> str:
    return {"yes": gettext("yes"), "no": gettext("no"), "unknown": gettext("not known")}[fit]


# --- which program


@staff_page
@require_GET
def programs(request: HttpRequest, person: str) -> HttpResponse:
    """All programs, with whether each would fit."""
    library = load()
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        beside = card(unit, person)
        offers = [
            _offer(
                program, fit_of(unit, patient, program, library), newest_enrollment(unit, patient, program)
            )
            for program in library.programs.values()
        ]
    order = {"yes": 0, "unknown": 1, "no": 2}
    offers.sort(key=lambda each: (not each.state, order[each.fit], each.title))
    return render(
        request, "staff/front_door_programs.html", {"card": beside, "offers": offers, "person": person}
    )


def _offer(program: Program, found: Eligibility, way: Enrollment | None) -> Offer:
    return Offer(
        code=program.code,
        title=program.title.get(language()),
        about=program.about.get(language()),
        fit=found.fit,
        word=_fit_sentence(found.fit),
        because=" · ".join(
            (each.criterion.otherwise if each.is_met is False else each.criterion.text).get(language())
            for each in found.answers
            if each.criterion.is_needed and each.fit == found.fit
        ),
        state=state_words(way) if way and way.where.step != "ended" else "",
    )


def _fit_sentence(fit: str) -> str:
    return {
        "yes": gettext("It fits"),
        "no": gettext("It does not fit"),
        "unknown": gettext("Not everything is known"),
    }[fit]


def state_words(way: Enrollment) -> str:
    return {
        "referred": gettext("waits for a first look"),
        "outreach": gettext("is being asked"),
        "consent": gettext("reached; consent is next"),
        "enroll": gettext("said yes; enrolling is next"),
        "enrolled": gettext("in the program"),
        "paused": gettext("paused"),
        "ended": gettext("ended"),
    }[way.where.step]


# --- the steps


@staff_page
@require_GET
def way(request: HttpRequest, person: str, program: str) -> HttpResponse:
    return _way(request, person, program, Sheet({}))


def _way(request: HttpRequest, person: str, code: str, sheet: Sheet, form: str = "") -> HttpResponse:
    """form: which of the page's forms the sheet belongs to."""
    library = load()
    program = program_named(library, code)
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        beside = card(unit, person)
        found = newest_enrollment(unit, patient, program)
        fit = fit_of(unit, patient, program, library)
        context = _told(unit, found, program) if found else {}
    step = found.where.step if found else "none"
    own = getattr(request, "actor", None)
    context |= {
        "card": beside,
        "person": person,
        "program": program,
        "title": program.title.get(language()),
        "about": program.about.get(language()),
        "found": found,
        "step": step,
        "at_hand": AT_HAND.get(step, -1),
        "state": state_words(found) if found else "",
        "criteria": [_criterion(each) for each in fit.answers],
        "fit": fit.fit,
        "fit_word": _fit_sentence(fit.fit),
        "say": _say(program, request, beside),
        "then": program.outreach.then.get(language()),
        "tell": [each.get(language()) for each in program.consent.tell],
        "how": [(each, _how(each)) for each in program.consent.how],
        "who": [(each, _who(each)) for each in program.consent.who],
        "pause_reasons": [(each.code, each.text.get(language())) for each in program.pause_reasons],
        "exit_reasons": [(each.code, each.text.get(language())) for each in program.exit_reasons],
        "colleagues": colleagues(scope_of(request), None),
        "me": getattr(own, "practitioner", None),
        "my_name": getattr(own, "name", ""),
        "sheet": sheet,
        "form": form,
    }
    return render(request, "staff/front_door_enroll.html", context, status=sheet.status)


def _told(unit: Unit, found: Enrollment, program: Program) -> dict[str, Any]:
    episode = found.episode.resource
    judged = found.standing.judgment
    referrals = _referrals(unit, found)
    people = [judged.by] if judged and judged.by else []
    called = names(unit, people)
    reason = extension(episode, uris.REASON)
    waiting = [each for each in open_referrals(unit, found.episode) if stage_of(each.resource) == ANSWER]
    return {
        "judged_by": called.get(judged.by or "", "") if judged else "",
        "referrals": referrals,
        "tries": tries_of(unit, found.outreach),
        "answers": [
            (each.id, str((each.resource.get("requester") or {}).get("display", ""))) for each in waiting
        ],
        "reason": _reason_words(program, reason),
        "more": extension(episode, uris.BECAUSE),
        "since": instant((episode.get("period") or {}).get("start")),
        "ended_at": instant((episode.get("period") or {}).get("end")),
        "consent_by": _consent_by(found.consent),
    }


def _reason_words(program: Program, reason: Any) -> str:
    if not isinstance(reason, dict):
        return ""
    code = next((each.get("code", "") for each in reason.get("coding", ())), "")
    known = program.exit_reason(code) or program.pause_reason(code)
    if code == enroll_person.DOES_NOT_FIT:
        return gettext("It does not fit")
    return known.text.get(language()) if known else text_of(reason)


def _referrals(unit: Unit, found: Enrollment) -> list[dict[str, Any]]:
    named = [
        str(e["reference"]) for e in found.episode.resource.get("referralRequest", ()) if "reference" in e
    ]
    return [
        {
            "who": str((each.resource.get("requester") or {}).get("display", "")),
            "why": next((text_of(reason) for reason in each.resource.get("reasonCode", ())), ""),
            "at": came(each),
            "is_urgent": each.resource.get("priority") == "urgent",
            "number": extension(each.resource, uris.REFERRER_PHONE),
        }
        for each in unit.get(named).values()
    ]


def came(referral: Stored) -> datetime:
    """The moment, or noon of the day that stands on the paper."""
    said = str(referral.resource.get("authoredOn", ""))
    on = day(said)
    return instant(said) or (datetime.combine(on, time(12), tzinfo=UTC) if on else referral.at)


def _consent_by(consent: Stored | None) -> str:
    if consent is None:
        return ""
    heard = extension(consent.resource, uris.HEARD_FROM)
    return str(heard or "")


def _criterion(answered: Any) -> Criterion:
    criterion = answered.criterion
    return Criterion(
        text=criterion.text.get(language()),
        fit=answered.fit,
        word=fit_word(answered.fit),
        mark={"yes": "✓", "no": "✕", "unknown": "?"}[answered.fit],
        note=criterion.otherwise.get(language()) if answered.is_met is False else "",
        is_needed=criterion.is_needed,
    )


def _say(program: Program, request: HttpRequest, beside: PersonCard) -> str:
    """In the person's language when we have it: that is the one that is spoken."""
    spoken = (beside.person.language_code or language())[:2]
    words = program.outreach.say.get(spoken)
    return words.format(name=str(getattr(request.user, "name", "")), site=beside.site or "Careloop")


def _how(code: str) -> str:
    return {"verbal": gettext("By word of mouth"), "written": gettext("In writing")}[code]


def _who(code: str) -> str:
    return {
        "person": gettext("The person"),
        "agent": gettext("Her health care agent"),
        "guardian": gettext("Her guardian"),
    }[code]


# --- acts, each a plain form of the page


def _act(
    request: HttpRequest, person: str, program: str, form: str, said: str, act: Callable[[str], Stored]
) -> HttpResponse:
    """act gets the id of the EpisodeOfCare. A refusal comes back on the page, with what was typed."""
    episode = request.POST.get("episode", "")
    try:
        _check_hers(request, person, episode)
        act(episode)
    except StaleVersion:
        notice = gettext("Someone changed this while you had it open. What you typed is still here.")
        return _way(request, person, program, Sheet(request.POST.dict(), notice=notice), form)
    except CareError as refused:
        if refused.status not in (409, 422):
            raise
        sheet = Sheet(request.POST.dict(), {form: sentence_of(refused)})
        return _way(request, person, program, sheet, form)
    toasts.say(request, said)
    return HttpResponseRedirect(f"/people/{person}/enroll/{program}")


def _check_hers(request: HttpRequest, person: str, episode: str) -> None:
    """A form of one person's page never acts on another's."""
    with open_record(request) as unit:
        found = unit.read("EpisodeOfCare", episode)
    if found.resource["patient"].get("reference") != f"Patient/{person}":
        raise NotFound


@staff_page
@require_POST
def begin(request: HttpRequest, person: str, program: str) -> HttpResponse:
    enroll_person.start_enrollment(scope_of(request), person, program, load(), now_of(request))
    return HttpResponseRedirect(f"/people/{person}/enroll/{program}")


@staff_page
@require_POST
def fit(request: HttpRequest, person: str, program: str) -> HttpResponse:
    fits = request.POST.get("fits") == "yes"
    said = gettext("It fits. The call stands on Today.") if fits else gettext("Ended: it does not fit.")
    return _act(
        request,
        person,
        program,
        "fit",
        said,
        lambda episode: enroll_person.judge_fit(
            scope_of(request),
            episode,
            fits,
            request.POST.get("reason", ""),
            load(),
            now_of(request),
            version=version_of(request),
        ),
    )


@staff_page
@require_POST
def consent(request: HttpRequest, person: str, program: str) -> HttpResponse:
    gives = request.POST.get("gives") == "yes"
    said = Consented(
        gives=gives,
        who=request.POST.get("who", ""),
        how=request.POST.get("how", ""),
        name=request.POST.get("name", ""),
        told=len(request.POST.getlist("told")),
    )
    return _act(
        request,
        person,
        program,
        "consent",
        gettext("Consent recorded.") if gives else gettext("Her no is recorded, and it ends here."),
        lambda episode: enroll_person.record_consent(
            scope_of(request), episode, said, load(), now_of(request), version=version_of(request)
        ),
    )


@staff_page
@require_POST
def join(request: HttpRequest, person: str, program: str) -> HttpResponse:
    mine = scope_of(request).actor
    known = {each.reference: each.name for each in colleagues(scope_of(request), None)}
    if mine.practitioner:
        known[mine.practitioner] = mine.name
    manager = request.POST.get("manager", "") or (mine.practitioner or "")
    if manager not in known:
        sheet = Sheet(request.POST.dict(), {"join": gettext("Choose who leads this program with her.")})
        return _way(request, person, program, sheet, "join")
    return _act(
        request,
        person,
        program,
        "join",
        gettext("Enrolled."),
        lambda episode: enroll_person.enroll(
            scope_of(request),
            episode,
            (manager, known[manager]),
            load(),
            now_of(request),
            version=version_of(request),
        ),
    )


@staff_page
@require_http_methods(["POST"])
def pause(request: HttpRequest, person: str, program: str) -> HttpResponse:
    return _act(
        request,
        person,
        program,
        "pause",
        pgettext("a program", "Paused."),
        lambda episode: enroll_person.pause(
            scope_of(request),
            episode,
            request.POST.get("reason", ""),
            load(),
            now_of(request),
            version=version_of(request),
        ),
    )


@staff_page
@require_POST
def resume(request: HttpRequest, person: str, program: str) -> HttpResponse:
    return _act(
        request,
        person,
        program,
        "resume",
        gettext("The program goes on."),
        lambda episode: enroll_person.resume(
            scope_of(request), episode, load(), now_of(request), version=version_of(request)
        ),
    )


@staff_page
@require_POST
def end(request: HttpRequest, person: str, program: str) -> HttpResponse:
    return _act(
        request,
        person,
        program,
        "end",
        gettext("Ended. Whoever referred can be answered now."),
        lambda episode: enroll_person.end(
            scope_of(request),
            episode,
            request.POST.get("reason", ""),
            load(),
            now_of(request),
            words=request.POST.get("words", ""),
            version=version_of(request),
        ),
    )


_AT = "people/<str:person>/enroll"
urlpatterns = [
    path(_AT, programs, name="offer-programs"),
    path(f"{_AT}/<slug:program>", way, name="enroll"),
    *(
        path(f"{_AT}/<slug:program>/{name}", view, name=f"enroll-{name}")
        for name, view in (
            ("begin", begin),
            ("fit", fit),
            ("consent", consent),
            ("join", join),
            ("pause", pause),
            ("resume", resume),
            ("end", end),
        )
    ),
]
