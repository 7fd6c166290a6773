"""Questions from elsewhere in the library: brought as a file, listed, read, retired. Forms are nobody's record: whoever
may keep a Questionnaire may bring one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.access import decide
from careloop.actions.adopted import QuestionsRefused, adopted, listed
from careloop.actions.take_questionnaires import (
    MOST_BYTES,
    NotAQuestionnaire,
    keep_questionnaire,
    retire_questionnaire,
)
from careloop.fhir.validate import InvalidResource
from careloop.kernel.errors import Forbidden
from careloop.library import load
from careloop.library.adopting import PREFIX, Adopted
from careloop.web.staff import toasts
from careloop.web.staff.assess_asked import Asked
from careloop.web.staff.assess_items import questions
from careloop.web.staff.assess_words import reader_language
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of


@dataclass(frozen=True)
class Form:
    """One form in a list. notes: how much of it Careloop can't do."""

    id: str
    title: str
    about: str
    publisher: str
    version: str
    questions: int
    notes: int
    is_draft: bool

    @property
    def href(self) -> str:
        return f"/library/elsewhere/{self.id}"


def forms(request: HttpRequest) -> list[Form]:
    """Those that may be asked; empty for who may not read them."""
    with open_record(request) as unit:
        return [_form(each) for each in listed(unit, load())]


def _form(instrument: Adopted) -> Form:
    language, resource = reader_language(), instrument.questionnaire
    return Form(
        id=instrument.id.removeprefix(PREFIX),
        title=instrument.title.get(language),
        about=instrument.about.get(language),
        publisher=str(resource.get("publisher") or resource.get("url") or ""),
        version=str(resource.get("version", "")),
        questions=len(instrument.form.questions),
        notes=len(instrument.form.notes),
        is_draft=resource.get("status") == "draft",
    )


@staff_page
@require_http_methods(["GET", "POST"])
def elsewhere(request: HttpRequest) -> HttpResponse:
    """The list, and a file that is brought."""
    if request.method == "POST":
        return _bring(request)
    return _page(request)


def _page(request: HttpRequest, problems: Iterable[str] = (), status: int = 200) -> HttpResponse:
    may = decide(scope_of(request).actor, "create", "Questionnaire").allowed
    context = {"forms": forms(request), "problems": list(problems), "may_bring": may}
    return render(request, "staff/library_elsewhere.html", context, status=status)


def _bring(request: HttpRequest) -> HttpResponse:
    sent = request.FILES.get("file")
    if sent is None:
        return _page(request, [gettext("Choose a file first.")], 422)
    try:
        stored = keep_questionnaire(scope_of(request), sent.read(MOST_BYTES + 1), load(), now_of(request))
    except (NotAQuestionnaire, QuestionsRefused) as refused:
        return _page(request, [sentence_of(refused)], 422)
    except InvalidResource as invalid:
        said = [f"{issue.expression}: {issue.text}" for issue in invalid.issues[:20]]
        return _page(request, [gettext("This is no right Questionnaire. Nothing was stored."), *said], 422)
    toasts.say(request, gettext("Kept. It can be asked of a person now."))
    return HttpResponseRedirect(f"/library/elsewhere/{stored.id}")


@staff_page
@require_GET
def one(request: HttpRequest, id: str) -> HttpResponse:
    """What it asks, what of it Careloop can't do, and where it comes from."""
    language = reader_language()
    with open_record(request) as unit:
        stored = unit.read("Questionnaire", id)
        try:
            instrument = adopted(unit, load(), stored)
        except QuestionsRefused as refused:
            context: dict[str, Any] = {
                "title": str(stored.resource.get("title") or id),
                "refused": sentence_of(refused),
            }
            return render(request, "staff/library_elsewhere_one.html", context)
    asked: list[Asked] = questions(instrument, {}, language)
    context = {
        "form": _form(instrument),
        "instrument": instrument,
        "title": instrument.title.get(language),
        "about": instrument.about.get(language),
        "copyright": instrument.copyright.get(language),
        "questions": asked,
        "notes": instrument.form.notes,
        "status": str(stored.resource.get("status", "")),
        "url": str(stored.resource.get("url", "")),
        "at": stored.at,
        "may_retire": decide(scope_of(request).actor, "update", "Questionnaire").allowed,
    }
    return render(request, "staff/library_elsewhere_one.html", context)


@staff_page
@require_POST
def retire(request: HttpRequest, id: str) -> HttpResponse:
    try:
        retire_questionnaire(scope_of(request), id, now_of(request))
    except Forbidden as forbidden:
        toasts.fail(request, sentence_of(forbidden))
        return HttpResponseRedirect(f"/library/elsewhere/{id}")
    toasts.say(request, gettext("Retired. It is not asked any more; the answers that were given stay."))
    return HttpResponseRedirect("/library/elsewhere")


urlpatterns = [
    path("library/elsewhere", elsewhere, name="library-elsewhere"),
    path("library/elsewhere/<str:id>", one, name="library-elsewhere-one"),
    path("library/elsewhere/<str:id>/retire", retire, name="library-elsewhere-retire"),
]
