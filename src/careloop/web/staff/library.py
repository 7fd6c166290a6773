"""The library, for clinicians to read: what is asked and how it counts, programs, plan templates, rules with their
source and how sure we are, leaflets. Nothing about any person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET

from careloop.care.tally import worth
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, Library, Program, Question, load
from careloop.web.staff.errors import staff_page
from careloop.web.staff.library_scoring import golden_of, rules_of, wordings_said
from careloop.web.staff.library_sections import found_in, sections, version_today
from careloop.web.staff.library_words import Wording, how_sure, plain_values, source_lines


def _language() -> str:
    return get_language() or "en"


@staff_page
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("q", "").strip()
    listed = [found_in(section, asked) for section in sections(load(), _language(), request)]
    context = {
        "sections": [section for section in listed if section.entries],
        "asked": asked,
        "total": sum(len(section.entries) for section in listed),
    }
    return render(request, "staff/library.html", context)


# --- one thing each


@staff_page
@require_GET
def instrument(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), _language()
    found = library.instruments.get(id)
    if found is None:
        raise NotFound
    wording = Wording(library, language, found)
    context = {
        "instrument": found,
        "title": found.title.get(language),
        "questions": [
            {
                "question": each,
                "text": each.text.get(language),
                "help": each.help.get(language) if each.help else "",
                "choices": _choices(found, each, language),
            }
            for each in found.questions
        ],
        "rules": rules_of(found, wording),
        "not_scored": "" if found.scoring.is_scored else found.scoring.not_scored.get(language),
        "sure": wordings_said(found),
        **golden_of(found),
        "findings": [(f.text.get(language), wording.of(f.when)) for f in found.scoring.findings],
        "critical": [
            {
                "when": wording.of(each.when),
                "say": each.say.get(language),
                "do": [step.get(language) for step in each.do],
                "minutes": each.escalate_after_minutes,
                "source": each.source,
            }
            for each in found.scoring.critical
        ],
        "next": [
            (library.instruments[each.instrument].short.get(language), each.instrument, wording.of(each.when))
            for each in found.scoring.next
        ],
        "about": found.about.get(language),
        "copyright": found.copyright.get(language),
        "source": source_lines(found.source),
        "used_by": [p for p in library.programs.values() if any(d.instrument == id for d in p.instruments)],
    }
    return render(request, "staff/library_instrument.html", context)


def _choices(found: Instrument, question: Question, language: str) -> list[tuple[str, int | None]]:
    """Each answer and what it counts."""
    counted = worth(found.scoring.total, question)
    return [(choice.text.get(language), counted.get(choice.code)) for choice in question.choices]


@staff_page
@require_GET
def program(request: HttpRequest, code: str) -> HttpResponse:
    library, language = load(), _language()
    found = library.programs.get(code)
    if found is None:
        raise NotFound
    wording = Wording(library, language)
    silence = version_today(library.rules[found.silence], request)
    context = {
        "program": found,
        "title": found.title.get(language),
        "about": found.about.get(language),
        "eligibility": [
            (each.text.get(language), wording.of(each.when), each.otherwise.get(language), each.is_needed)
            for each in found.eligibility
        ],
        "say": found.outreach.say.get(language),
        "then": found.outreach.then.get(language),
        "channels": [_channels()[each] for each in found.outreach.channels],
        "tell": [each.get(language) for each in found.consent.tell],
        "how": [_consent_words()[each] for each in found.consent.how],
        "who": [_consent_words()[each] for each in found.consent.who],
        "instruments": _due_words(library, found, language),
        "plans": [(name, library.plans[name].title.get(language)) for name in found.templates],
        "silence_days": silence.integer("days"),
        "pause": [each.text.get(language) for each in found.pause_reasons],
        "ends": [(each.text.get(language), each.ends) for each in found.exit_reasons],
        "source": source_lines(_source_of(library.path / "programs" / code)),
    }
    return render(request, "staff/library_program.html", context)


def _due_words(library: Library, program: Program, language: str) -> list[tuple[str, str, str, int | None]]:
    at = {
        "start": gettext("at the start"),
        "after-discharge": gettext("after a discharge"),
        "month": gettext("each month"),
    }
    return [
        (due.instrument, library.instruments[due.instrument].short.get(language), at[due.at], due.every_days)
        for due in program.instruments
    ]


def _channels() -> dict[str, str]:
    return {
        "phone": gettext("by phone"),
        "video": gettext("by video"),
        "home": gettext("at home"),
        "office": gettext("at the office"),
        "text": gettext("by text message"),
        "mail": gettext("by mail"),
    }


def _consent_words() -> dict[str, str]:
    return {
        "verbal": gettext("said aloud"),
        "written": gettext("in writing"),
        "person": pgettext("who consents", "the person"),
        "agent": gettext("the health care agent"),
        "guardian": gettext("a guardian"),
    }


def _source_of(folder: Path) -> str:
    return (folder / "SOURCE.md").read_text("utf-8")


@staff_page
@require_GET
def plan(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), _language()
    found = library.plans.get(id)
    if found is None:
        raise NotFound
    wording = Wording(library, language)
    owners = {
        "coordinator": gettext("coordinator"),
        "clinician": gettext("clinician"),
        "person": pgettext("who consents", "the person"),
        "family": gettext("family"),
        "agency": pgettext("who does a step", "an agency"),
    }
    needs = [
        {
            "text": need.text.get(language),
            "when": wording.of(need.when),
            "goals": [
                {
                    "text": goal.text.get(language),
                    "days": goal.due_days,
                    "actions": [
                        {
                            "text": action.text.get(language),
                            "owner": owners[action.owner],
                            "days": action.due_days,
                            "when": wording.of(action.when) if action.when else "",
                            "leaflet": library.leaflets.get(action.leaflet or ""),
                            "barriers": [
                                (each.text.get(language), each.met_by.get(language))
                                for each in action.barriers
                            ],
                        }
                        for action in goal.actions
                    ],
                }
                for goal in need.goals
            ],
        }
        for need in found.needs
    ]
    context: dict[str, Any] = {"plan": found, "title": found.title.get(language), "needs": needs}
    context["source"] = source_lines(_source_of(library.path / "plans" / id))
    return render(request, "staff/library_plan.html", context)


@staff_page
@require_GET
def rule(request: HttpRequest, id: str) -> HttpResponse:
    library, language = load(), _language()
    versions = library.rules.get(id)
    if versions is None:
        raise NotFound
    now = version_today(versions, request)
    title = now.title.get(language)
    context = {
        "id": id,
        "title": title[:1].upper() + title[1:],
        "versions": [
            {
                "rule": each,
                "is_now": each is now,
                "sure": how_sure(each, language),
                "values": list(plain_values(each.values)),
            }
            for each in reversed(versions)
        ],
        "used_by": [p for p in library.programs.values() if id in (p.silence, p.consent.rule)],
    }
    return render(request, "staff/library_rule.html", context)


@staff_page
@require_GET
def leaflet(request: HttpRequest, id: str) -> HttpResponse:
    """In the language asked for, which is the one of whoever takes it home."""
    found = load().leaflets.get(id)
    if found is None:
        raise NotFound
    language = "es" if request.GET.get("language", _language()).startswith("es") else "en"
    context = {
        "leaflet": found,
        "language": language,
        "title": found.title.get(language),
        "about": found.about.get(language),
        "parts": [
            (part.heading.get(language), [line.get(language) for line in part.lines]) for part in found.parts
        ],
    }
    return render(request, "staff/library_leaflet.html", context)


urlpatterns = [
    path("library", index, name="library"),
    path("library/instruments/<str:id>", instrument, name="library-instrument"),
    path("library/programs/<str:code>", program, name="library-program"),
    path("library/plans/<str:id>", plan, name="library-plan"),
    path("library/rules/<str:id>", rule, name="library-rule"),
    path("library/leaflets/<str:id>", leaflet, name="library-leaflet"),
]
