"""Asking the questions: begin, answer one after the other, and finish. Every answer is kept as it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.adopted import instrument_in
from careloop.actions.complete_assessment import (
    CompletedByAnother,
    ImpossibleDate,
    IncompleteAssessment,
    complete_assessment,
    stop_assessment,
)
from careloop.actions.drafting import (
    LANGUAGES,
    AssessmentEnded,
    Circumstances,
    DraftState,
    InvalidAnswer,
    NewerQuestions,
    opened,
)
from careloop.actions.record_safety import SafetyMissing, record_safety
from careloop.actions.repeat_questions import add_repetition, drop_repetition
from careloop.actions.save_answer import AnsweredMeanwhile, save_answer
from careloop.actions.start_assessment import describe_asking, start_assessment
from careloop.care.interpreted import WAYS
from careloop.fhir.questionnaire import Answer, answer_problems, progress, value_from_text
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, load
from careloop.projections.card import card
from careloop.projections.people import PersonBrief
from careloop.store import Unit, drafts
from careloop.web.interpreter_words import way_choices
from careloop.web.staff import toasts
from careloop.web.staff.assess_page import Telling, page_of, times_asked
from careloop.web.staff.assess_sheet import FINISH, Asked, Sheet, next_question, questions
from careloop.web.staff.assess_typed import typed_values
from careloop.web.staff.assess_words import (
    helper_words,
    language_name,
    languages_of,
    problem_words,
    reader_language,
    wording_warning,
)
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader

OTHER = "other"

# The id of a question of ours, or of most forms of others.
QUESTION = re.compile(r"[\w./:-]{1,120}", re.ASCII)


# --- begin


@staff_page
@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, person: str, instrument: str) -> HttpResponse:
    """Who answers, in which language, through whom; or go on where it was left."""
    if request.method == "POST":
        return _begin(request, person, instrument)
    with open_record(request) as unit:
        shown = card(unit, person)
        chosen = instrument_in(unit, load(), instrument)
        helpers = helpers_of(unit, shown.person.rid)
        kept = drafts.load(unit, shown.person.rid, instrument)
        before = times_asked(unit, shown.person.rid, chosen)[:1]
    state = DraftState.read(kept.answers) if kept else None
    context = {
        "card": shown,
        "instrument": chosen,
        "words": instrument_words(chosen),
        "helpers": helpers,
        "asked": _in_its_language(chosen, state.asked if state else _likely(shown.person)),
        "languages": [
            (code, language_name(code), wording_warning(chosen, code)) for code in languages_of(chosen)
        ],
        "ways": way_choices(),
        "kept": kept,
        "before": before[0] if before else None,
        "kept_progress": progress(chosen.form, state.answers) if state else None,
        "carry": request.GET.get("carry", ""),
    }
    return render(request, "staff/assess_begin.html", context)


def _begin(request: HttpRequest, person: str, instrument: str) -> HttpResponse:
    carry = request.POST.get("carry") or None
    found = start_assessment(
        scope_of(request), person, instrument, load(), now_of(request), carry, _asked(request)
    )
    return HttpResponseRedirect(f"/assessments/{found.draft.id}/")


def _asked(request: HttpRequest) -> Circumstances | None:
    """What the form says about how it is asked; None when it had no such part."""
    if "language" not in request.POST:
        return None
    told_by = request.POST.get("told_by", "")
    is_known = told_by.startswith(("Patient/", "RelatedPerson/"))
    interpreter = request.POST.get("interpreter_name", "").strip() or "an interpreter"
    is_through, way = bool(request.POST.get("interpreter")), request.POST.get("interpreter_way", "")
    return Circumstances(
        language=request.POST["language"],
        source=told_by if is_known else None,
        heard_from=request.POST.get("told_by_name", "").strip() if told_by == OTHER else "",
        interpreter=interpreter if is_through else "",
        interpreted_how=way if is_through and way in WAYS else "",
    )


def _likely(person: PersonBrief) -> Circumstances:
    """In the person's own language where we have it and the reader works in it, or nobody is needed between; else in
    the reader’s, through an interpreter."""
    own = person.language_code if person.language_code in LANGUAGES else None
    is_shared = own is not None and (own == reader_language() or not person.needs_interpreter)
    through = "an interpreter" if person.needs_interpreter and not is_shared else ""
    return Circumstances(own if own and is_shared else reader_language(), f"Patient/{person.id}", "", through)


def _in_its_language(chosen: Instrument, asked: Circumstances) -> Circumstances:
    """A form from elsewhere may be there in one language only."""
    there = languages_of(chosen)
    return asked if asked.language in there else replace(asked, language=there[0])


def helpers_of(unit: Unit, person: int) -> list[tuple[str, str]]:
    """(reference, name and relation) of those who may answer for the person."""
    found = unit.of_person(person, ["RelatedPerson"])
    return [
        (each.reference, helper_words(each.resource)) for each in found if each.resource.get("active", True)
    ]


def instrument_words(instrument: Instrument) -> dict[str, str]:
    language = reader_language()
    return {
        "title": instrument.title.get(language),
        "short": instrument.short.get(language),
        "about": instrument.about.get(language),
        "copyright": instrument.copyright.get(language),
    }


# --- one answer after the other


@staff_page
@require_GET
def runner(request: HttpRequest, draft: int) -> HttpResponse:
    return _shown(request, draft, Telling(current=request.GET.get("q", "")))


def _shown(request: HttpRequest, draft: int, telling: Telling, status: int = 200) -> HttpResponse:
    """The whole page, or what changes in it for a script that keeps answers."""
    is_part = getattr(request, "htmx", False)
    try:
        with open_record(request) as unit:
            context = page_of(unit, draft, load(), telling, zone_of_reader(request), is_whole=not is_part)
    except AssessmentEnded as ended:
        return _over(request, ended)
    except NewerQuestions as newer:
        return _renew(request, newer)
    name = "staff/assess_state.html" if is_part else "staff/assess.html"
    return render(request, name, {**context, "words": instrument_words(context["instrument"])}, status=status)


def _over(request: HttpRequest, ended: AssessmentEnded) -> HttpResponse:
    """Finished in another window: what it became, with a word about it."""
    address = f"/assessments/answered/{ended.fields['response']}/"
    if getattr(request, "htmx", False):
        return render(request, "staff/assess_over.html", {"address": address}, status=409)
    toasts.fail(request, sentence_of(ended))
    return HttpResponseRedirect(address)


def _renew(request: HttpRequest, newer: NewerQuestions) -> HttpResponse:
    person = str(newer.fields["person"]).removeprefix("Patient/")
    toasts.fail(request, sentence_of(newer))
    name = quote(str(newer.fields["instrument"]), safe="")
    return HttpResponseRedirect(f"/people/{person}/assess/{name}")


@staff_page
@require_POST
def answer(request: HttpRequest, draft: int) -> HttpResponse:
    """One answer. Without scripts it goes on to the next question; a script stays and asks what changed."""
    item, values = request.POST.get("item", ""), typed_values(request)
    absent = request.POST.get("absent") or None
    try:
        saved = save_answer(
            scope_of(request),
            draft,
            item,
            [] if absent else values,
            load(),
            now_of(request),
            absent=absent,
            seen=request.POST.get("seen"),
            former=bool(request.POST.get("keep")),
        )
    except InvalidAnswer:
        return _refused(request, draft, item, values)
    except AnsweredMeanwhile as stale:
        telling = Telling(current=item, sheet=Sheet({}, {item: sentence_of(stale)}), refused=item)
        return _shown(request, draft, telling, 409)
    except AssessmentEnded as ended:
        return _over(request, ended)
    except NewerQuestions as newer:
        return _renew(request, newer)
    if getattr(request, "htmx", False):
        return _shown(request, draft, Telling(current=item, alarmed=bool(saved.alarms)))
    here = f"/assessments/{draft}/"
    if saved.alarms or request.POST.get("move") == "stay":
        return HttpResponseRedirect(f"{here}?q={quote(item, safe='')}")
    following = next_question(_order(saved.found.instrument, saved.found.state.answers), item)
    return HttpResponseRedirect(f"{here}?q={quote(following, safe='')}#now")


def _order(instrument: Instrument, answers: Mapping[str, Answer]) -> list[Asked]:
    return questions(instrument, answers, "en")


def _refused(request: HttpRequest, draft: int, item: str, values: list[str]) -> HttpResponse:
    """What was typed stays in its field, with what would fit."""
    with open_record(request) as unit:
        form = opened(unit, draft, load(), to_change=False).instrument.form
    asked = form.at(item)
    if asked is None:
        raise NotFound
    typed = Answer(tuple(value_from_text(asked, value) for value in values))
    found = answer_problems(asked, typed)
    said = gettext("This does not fit the question.")
    sentence = problem_words(asked, found[0]) if found else said
    shown = [*request.POST.getlist("value"), request.POST.get("other", "")]
    kept = [each for each in shown if each.strip()]
    telling = Telling(current=item, sheet=Sheet({item: kept}, {item: sentence}), refused=item)
    return _shown(request, draft, telling, 422)


@staff_page
@require_POST
def repeat(request: HttpRequest, draft: int) -> HttpResponse:
    """One more of a group that repeats, or one less; then she stands at its first question."""
    place, group = request.POST.get("drop", ""), request.POST.get("group", "")
    try:
        if place:
            found = drop_repetition(scope_of(request), draft, place, load(), now_of(request))
            start = f"{place.rpartition('[')[0]}[1]"
        else:
            found, start = add_repetition(scope_of(request), draft, group, load(), now_of(request))
    except InvalidAnswer as refused:
        toasts.fail(request, sentence_of(refused))
        return HttpResponseRedirect(f"/assessments/{draft}/")
    except AssessmentEnded as ended:
        return _over(request, ended)
    except NewerQuestions as newer:
        return _renew(request, newer)
    asked = _order(found.instrument, found.state.answers)
    first = next((each.id for each in asked if each.is_asked and each.id.startswith(f"{start}/")), "")
    return HttpResponseRedirect(f"/assessments/{draft}/?q={quote(first, safe='')}#now")


@staff_page
@require_POST
def safety(request: HttpRequest, draft: int) -> HttpResponse:
    """Where the person is, a number to call back, safe now."""
    typed = {name: request.POST.get(name, "") for name in ("where", "callback", "safe")}
    try:
        record_safety(
            scope_of(request),
            draft,
            typed["where"],
            typed["callback"],
            typed["safe"],
            load(),
            now_of(request),
        )
    except SafetyMissing:
        problem = gettext("Choose one: safe now, not safe, not sure, or could not be asked.")
        return _shown(
            request, draft, Telling(request.POST.get("q", ""), safety=typed, safety_problem=problem), 422
        )
    except AssessmentEnded as ended:
        return _over(request, ended)
    if getattr(request, "htmx", False):
        return _shown(request, draft, Telling(request.POST.get("q", "")))
    return HttpResponseRedirect(f"/assessments/{draft}/{_at(request)}")


def _at(request: HttpRequest) -> str:
    """The question that the form stood at. Whatever else was typed there goes into no address."""
    said = request.POST.get("q", "")
    return f"?q={quote(said, safe='')}" if QUESTION.fullmatch(said) else ""


@staff_page
@require_http_methods(["GET", "POST"])
def asking(request: HttpRequest, draft: int) -> HttpResponse:
    """Language, who answers, interpreter: changed on the way."""
    if request.method == "POST" and (asked := _asked(request)):
        describe_asking(scope_of(request), draft, asked, load(), now_of(request))
    return HttpResponseRedirect(f"/assessments/{draft}/{_at(request)}")


# --- finish


@staff_page
@require_POST
def complete(request: HttpRequest, draft: int) -> HttpResponse:
    typed = request.POST.get("answered_on", "").strip()
    try:
        done = complete_assessment(
            scope_of(request),
            draft,
            load(),
            now_of(request),
            answered_at=_answered_at(request, typed),
            beside=request.POST.get("beside") or None,
        )
    except IncompleteAssessment as missing:
        items = [problem.link_id for problem in missing.problems if problem.code == "missing"]
        return _shown(
            request, draft, Telling(FINISH, missing=items, faults=_faults(request, draft, missing)), 422
        )
    except SafetyMissing as missing_safety:
        said = sentence_of(missing_safety)
        return _shown(request, draft, Telling(FINISH, safety_problem=said, is_summed_up=True), 422)
    except ImpossibleDate as impossible:
        telling = Telling(FINISH, answered_on=typed, date_problem=sentence_of(impossible))
        return _shown(request, draft, telling, 422)
    except CompletedByAnother:
        return _shown(request, draft, Telling(FINISH, answered_on=typed, is_beside_asked=True), 409)
    except AssessmentEnded as ended:
        return HttpResponseRedirect(f"/assessments/answered/{ended.fields['response']}/")
    except NewerQuestions as newer:
        return _renew(request, newer)
    return HttpResponseRedirect(f"/assessments/answered/{done.response.id}/?just=1")


def _faults(request: HttpRequest, draft: int, found: IncompleteAssessment) -> dict[str, str]:
    """What is wrong besides answers that are missing, in words, by key."""
    others = [problem for problem in found.problems if problem.code != "missing"]
    if not others:
        return {}
    with open_record(request) as unit:
        form = opened(unit, draft, load(), to_change=False).instrument.form
    items = {problem.link_id: form.at(problem.link_id) for problem in others}
    return {p.link_id: problem_words(item, p) if (item := items[p.link_id]) else p.text for p in others}


def _answered_at(request: HttpRequest, typed: str) -> Any:
    """Noon of the day on which it was answered, where she reads; None for today. Raises ImpossibleDate."""
    if not typed:
        return None
    tz = zone_of_reader(request)
    try:
        on = date.fromisoformat(typed)
    except ValueError:
        raise ImpossibleDate(gettext("Write the day as in the calendar.")) from None
    if on == now_of(request).astimezone(tz).date():
        return None
    return at_local(on, time(12), tz)


@staff_page
@require_POST
def stop(request: HttpRequest, draft: int) -> HttpResponse:
    with open_record(request) as unit:
        person = DraftState.read(drafts.get(unit, draft).answers).person.removeprefix("Patient/")
    try:
        stored = stop_assessment(scope_of(request), draft, load(), now_of(request))
    except AssessmentEnded as ended:
        return _over(request, ended)
    if stored is None:
        toasts.say(request, gettext("Nothing had been answered, so nothing was kept."))
        return HttpResponseRedirect(f"/people/{person}/assessments")
    toasts.say(request, gettext("Stopped. What was answered stays on the record."))
    return HttpResponseRedirect(f"/assessments/answered/{stored.id}/")


urlpatterns = [
    path("people/<str:person>/assess/<str:instrument>", begin, name="assess-begin"),
    path("assessments/<int:draft>/", runner, name="assess"),
    path("assessments/<int:draft>/answer", answer, name="assess-answer"),
    path("assessments/<int:draft>/repeat", repeat, name="assess-repeat"),
    path("assessments/<int:draft>/safety", safety, name="assess-safety"),
    path("assessments/<int:draft>/asking", asking, name="assess-asking"),
    path("assessments/<int:draft>/complete", complete, name="assess-complete"),
    path("assessments/<int:draft>/stop", stop, name="assess-stop"),
]
