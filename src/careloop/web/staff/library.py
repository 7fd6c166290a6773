"""The library, for clinicians to read: what is asked and how it counts, programs, plan templates, rules with their
source and how sure we are, leaflets. Nothing about any person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext
from django.views.decorators.http import require_GET

from careloop.care.tally import worth
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, Library, Program, Question, Rule, load
from careloop.library.rules import VERIFIED
from careloop.web.staff.errors import staff_page
from careloop.web.staff.library_elsewhere import forms
from careloop.web.staff.library_scoring import golden_of, rules_of, wordings_said
from careloop.web.staff.library_words import TONES, Sure, Wording, how_sure, plain_values, source_lines
from careloop.web.staff.reader import now_of, zone_of_reader


@dataclass(frozen=True)
class Entry:
    """One thing of the library in a list. haystack: what a search looks through."""

    title: str
    about: str
    href: str
    sure: Sure | None
    haystack: str


@dataclass(frozen=True)
class Section:
    key: str
    name: str
    about: str
    entries: Sequence[Entry]


def _language() -> str:
    return get_language() or "en"


@staff_page
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("q", "").strip()
    sections = [_found(section, asked) for section in _sections(load(), _language(), request)]
    sections.insert(1, _found(_elsewhere(request), asked))
    context = {
        "sections": [section for section in sections if section.entries],
        "asked": asked,
        "total": sum(len(section.entries) for section in sections),
    }
    return render(request, "staff/library.html", context)


def _elsewhere(request: HttpRequest) -> Section:
    """Forms that others wrote; the record keeps them."""
    listed = forms(request)
    entries = [
        _entry(each.title, each.about or each.publisher, each.href, None, each.publisher) for each in listed
    ]
    words = gettext("Forms that others wrote: listed here, asked like ours.")
    bring = _entry(gettext("Bring a form from elsewhere"), words, "/library/elsewhere", None)
    return Section("elsewhere", gettext("From elsewhere"), words, [*entries, bring])


def _found(section: Section, asked: str) -> Section:
    words = asked.casefold().split()
    kept = [each for each in section.entries if all(word in each.haystack for word in words)]
    return Section(section.key, section.name, section.about, kept)


def _entry(title: str, about: str, href: str, sure: Sure | None, *more: str) -> Entry:
    return Entry(title, about, href, sure, " ".join((title, about, *more)).casefold())


def _sections(library: Library, language: str, request: HttpRequest) -> Iterable[Section]:
    yield Section(
        "instruments",
        gettext("Questions we ask"),
        gettext("Wording, how answers count, which of them speak at once."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/instruments/{each.id}",
                None,
                each.id,
                *(f"{q.text.en} {q.text.es}" for q in each.questions),
            )
            for each in library.instruments.values()
        ],
    )
    yield Section(
        "programs",
        gettext("Programs"),
        gettext("Who may join, what consent says, how it ends."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/programs/{each.code}",
                None,
                each.code,
            )
            for each in library.programs.values()
        ],
    )
    yield Section(
        "plans",
        gettext("What a plan proposes"),
        gettext("From an answer to a need, a goal, and steps."),
        [
            _entry(
                each.title.get(language),
                "; ".join(need.text.get(language) for need in each.needs),
                f"/library/plans/{each.id}",
                None,
                each.id,
                *(f"{goal.text.en} {goal.text.es}" for need in each.needs for goal in need.goals),
            )
            for each in library.plans.values()
        ],
    )
    yield Section(
        "protocols",
        gettext("What is watched"),
        gettext("What protocols look for, and what they propose; tried over everybody, switched on and off."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/protocols/{each.id}",
                Sure(VERIFIED[each.verified].get(language), TONES[each.verified]),
                each.id,
            )
            for each in library.protocols.values()
        ],
    )
    yield Section(
        "readings",
        gettext("What is measured"),
        gettext("Units, what is possible, ranges to be in and limits, each with its source."),
        [
            _entry(
                each.name.get(language),
                ", ".join(dict.fromkeys(unit.called.get(language) for unit in each.units)),
                f"/library/readings/{each.id}",
                None,
                each.id,
                *each.called,
            )
            for each in library.readings.values()
        ],
    )
    yield Section(
        "rules",
        gettext("Rules"),
        gettext("Deadlines and codes, with source and how sure we are."),
        [_rule_entry(versions, language, request) for versions in library.rules.values()],
    )
    yield Section(
        "standards",
        gettext("What a plan must hold"),
        gettext("What payers, laws and accreditors ask of a plan, and what meets it."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/standards/{each.id}",
                Sure(VERIFIED[each.verified].get(language), TONES[each.verified]),
                each.id,
                *(f"{one.text.en} {one.text.es}" for one in each.elements),
            )
            for each in library.standards.values()
        ],
    )
    yield Section(
        "conflicts",
        gettext("What plans may contradict"),
        gettext("What is named when two organizations say different things, and whom to ask."),
        [
            _entry(each.title.get(language), each.source, f"/library/conflicts/{each.id}", None, each.id)
            for each in library.clashes.rules
        ],
    )
    yield Section(
        "risks",
        gettext("Risk scores"),
        gettext("Worked out from the record, with what went in and what is missing."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/risks/{each.id}",
                None,
                each.id,
            )
            for each in library.risks.values()
        ],
    )
    yield Section(
        "leaflets",
        gettext("Leaflets"),
        gettext("One page each, to hand out."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/leaflets/{each.id}",
                None,
                each.id,
            )
            for each in library.leaflets.values()
        ],
    )


def _rule_entry(versions: Sequence[Rule], language: str, request: HttpRequest) -> Entry:
    rule = _today(versions, request)
    title = rule.title.get(language)
    return _entry(
        title[:1].upper() + title[1:],
        rule.source,
        f"/library/rules/{rule.id}",
        how_sure(rule, language),
        rule.id,
    )


def _today(versions: Sequence[Rule], request: HttpRequest) -> Rule:
    """The version that holds today, else the newest."""
    day = now_of(request).astimezone(zone_of_reader(request)).date()
    return next((rule for rule in versions if rule.covers(day)), versions[-1])


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
    silence = _today(library.rules[found.silence], request)
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
    now = _today(versions, request)
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
