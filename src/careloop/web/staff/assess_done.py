"""Answers as they were given: who said them, when, what they count. Never written over; asked again they stand anew.
And the same questions on paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, override
from django.views.decorators.http import require_GET

from careloop.actions.adopted import instrument_for, instrument_in
from careloop.actions.drafting import LANGUAGES, circumstances_of
from careloop.actions.extract_answers import left_out
from careloop.actions.populate_answers import origin_of
from careloop.care.assess import Score, instrument_answered, said, score
from careloop.care.tally import counts
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, extension, instant
from careloop.fhir.questionnaire import Answer, only_asked
from careloop.fhir.questionnaire.places import Place, number_of
from careloop.fhir.responses import answers_of
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, load
from careloop.library.adopting import Adopted
from careloop.projections.card import card
from careloop.store import Stored, Unit, drafts
from careloop.web.staff.assess import instrument_words
from careloop.web.staff.assess_page import Beside, begun, times_asked, who_of
from careloop.web.staff.assess_said import answered_words, shown_places
from careloop.web.staff.assess_sheet import questions, raised_by, who_has
from careloop.web.staff.assess_words import (
    Teller,
    number_words,
    reader_language,
    score_words,
    tellers,
    wording_warning,
    written_by,
)
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import open_record, zone_of_reader


@dataclass(frozen=True, repr=False)
class Given:
    """One question with its answer. points: what it counts. on: when, if on another day than the rest."""

    heading: str
    number: str
    text: str
    answer: str
    is_absent: bool
    points: str
    on: datetime | None = None
    is_from_record: bool = False

    def __repr__(self) -> str:
        return "Given(…)"


@staff_page
@require_GET
def answered(request: HttpRequest, response: str) -> HttpResponse:
    with open_record(request) as unit:
        stored = unit.read("QuestionnaireResponse", response)
        context = _answered(unit, stored, zone_of_reader(request))
    return render(request, "staff/assess_done.html", {**context, "is_just_done": "just" in request.GET})


def _answered(unit: Unit, stored: Stored, zone: tzinfo) -> dict[str, Any]:
    resource = stored.resource
    person = (resource.get("subject") or {}).get("reference", "")
    if not person.startswith("Patient/"):
        raise NotFound
    shown = card(unit, person.removeprefix("Patient/"))
    instrument = instrument_for(unit, load(), str(resource.get("questionnaire", "")))
    author = (resource.get("author") or {}).get("reference")
    context: dict[str, Any] = {
        "card": shown,
        "stored": stored,
        "status": resource["status"],
        "at": instant(resource.get("authored")) or stored.at,
        "entered": stored.at,
        "by": written_by(unit, [author]).get(author or "", ""),
        "teller": _teller(unit, stored, person, shown.person.name),
        "draft": _own_draft(unit, resource),
        "urgent": _urgent(unit, stored),
        "siblings": begun(unit, shown.person.rid, load()),
    }
    if instrument is None:
        return {**context, "title": _title(resource), "given": list(_as_sent(resource.get("item", ())))}
    answers, _ = answers_of(instrument.form, resource)
    if isinstance(instrument, Adopted):
        context |= _of_elsewhere(unit, instrument, answers, stored)
    result = score(instrument, answers, who_of(unit, person, context["at"]))
    return {
        **context,
        "instrument": instrument,
        "words": instrument_words(instrument),
        "title": instrument_words(instrument)["title"],
        "given": context.get("given")
        or _given(instrument, answers, _other_days(resource, context["at"], zone)),
        "score": score_words(instrument, result, is_done=True),
        "is_sum": instrument.scoring.is_scored,
        "source": instrument.scoring.source,
        "before": _beside(unit, stored, instrument, is_before=True),
        "after": _beside(unit, stored, instrument, is_before=False),
        "proposal": _proposal(unit, stored),
        "goes_on": _goes_on(unit, stored, result),
    }


def _teller(unit: Unit, stored: Stored, person: str, name: str) -> Teller:
    return tellers(unit, {"": circumstances_of(stored.resource)}, person, name)[""]


def _title(resource: Resource) -> str:
    return str(resource.get("_questionnaire", {}).get("display") or gettext("Questions from elsewhere"))


def _other_days(response: Resource, at: datetime, zone: tzinfo) -> dict[str, datetime]:
    """Answers of a sitting that lasted for days: linkId -> when, where it was not the day of the rest."""
    found: dict[str, datetime] = {}

    def walk(items: Any) -> None:
        for item in items:
            said_at = instant(extension(item, uris.SAID_AT))
            if said_at and said_at.astimezone(zone).date() != at.astimezone(zone).date():
                found[str(item.get("linkId"))] = said_at
            walk(item.get("item", ()))
            for answer in item.get("answer", ()):
                walk(answer.get("item", ()))

    walk(response.get("item", ()))
    return found


def _given(instrument: Instrument, answers: dict[str, Answer], on: Mapping[str, datetime]) -> list[Given]:
    language, total = reader_language(), instrument.scoring.total
    shown = only_asked(instrument.form, answers)
    counted = counts(total, instrument.form, instrument.by_id, shown) if total else {}
    lines = []
    for asked in questions(instrument, answers, language):
        if not asked.is_asked:
            continue
        answer = answers.get(asked.id, Answer())
        lines.append(
            Given(
                asked.heading,
                str(asked.number),
                asked.text,
                said(asked.question, answer, language) or gettext("no answer"),
                answer.absent is not None or not answer.is_given,
                number_words(counted[asked.id]) if asked.id in counted and answer.is_given else "",
                on.get(asked.id),
            )
        )
    return lines


def _of_elsewhere(
    unit: Unit, instrument: Adopted, answers: dict[str, Answer], stored: Stored
) -> dict[str, Any]:
    """The answers to a form of somebody else, what was made of them, and what was not."""
    made = unit.search("Observation", [("derived-from", stored.reference), ("_count", "100")]).entries
    notes = left_out(unit, instrument, only_asked(instrument.form, answers), stored)
    return {
        "is_from_elsewhere": True,
        "given": list(_of_form(instrument, answers, stored.resource)),
        "made": len([each for each in made if each.resource.get("status") != "entered-in-error"]),
        "left_out": [(note.link_id, note.text) for note in notes],
    }


def _of_form(instrument: Adopted, answers: dict[str, Answer], resource: Resource) -> Iterator[Given]:
    language, last = reader_language(), ""
    filled = _filled_in(resource.get("item", ()))
    for place in shown_places(instrument.form, answers):
        heading = _heading(instrument, place, language) or (last and instrument.short.get(language))
        answer = answers.get(place.key, Answer())
        yield Given(
            heading if heading != last else "",
            "",
            place.item.said(language),
            answered_words(place.item, answer),
            answer.absent is not None or not answer.is_given,
            "",
            is_from_record=place.item.link_id in filled,
        )
        last = heading


def _heading(instrument: Adopted, place: Place, language: str) -> str:
    """Its group, and which of several."""
    names = []
    for container, within in zip(place.item.containers, place.around, strict=True):
        names.append(f"{instrument.form.by_id[container].said(language)} {number_of(within)}")
    parent = instrument.form.by_id.get(place.item.parent or "")
    if parent is not None and parent.type == "group" and parent.link_id not in place.item.containers:
        names.append(parent.said(language))
    return ", ".join(name for name in names if name)


def _filled_in(items: Any) -> set[str]:
    """The linkIds of what came from the record and was left as it was."""
    found: set[str] = set()
    for item in items:
        if origin_of(item.get("extension", ())):
            found.add(str(item.get("linkId")))
        found |= _filled_in(item.get("item", ()))
        for answer in item.get("answer", ()):
            found |= _filled_in(answer.get("item", ()))
    return found


def _as_sent(items: Any) -> Iterator[Given]:
    """Questions that are not ours, in their own words."""
    for item in items:
        answers = item.get("answer", ())
        values = [_value_words(answer) for answer in answers]
        if values or not item.get("item"):
            text = str(item.get("text") or item.get("linkId", ""))
            yield Given("", "", text, ", ".join(values) or gettext("no answer"), not values, "")
        yield from _as_sent(item.get("item", ()))
        for answer in answers:
            yield from _as_sent(answer.get("item", ()))


def _value_words(answer: Resource) -> str:
    value = next((value for key, value in answer.items() if key.startswith("value")), "")
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, dict):
        return str(value.get("display") or value.get("code") or value.get("value") or "")
    return str(value)


def _own_draft(unit: Unit, resource: Resource) -> int | None:
    """The draft to go on with, when these answers are still being given by me."""
    identifier = resource.get("identifier") or {}
    kind, _, number = str(identifier.get("value", "")).partition(":")
    if (
        resource["status"] != "in-progress"
        or kind != "draft"
        or not (number.isascii() and number.isdecimal())
    ):
        return None
    try:
        return drafts.get(unit, int(number)).id
    except NotFound:
        return None


def _urgent(unit: Unit, stored: Stored) -> list[dict[str, Any]]:
    """Urgent work that these answers raised."""
    found = []
    for task in unit.of_person(stored.person, ["Task"]) if stored.person else ():
        work = work_of(task.resource)
        if work.is_protected and stored.reference in work.reasons:
            critical, _ = raised_by(unit, task, load())
            found.append(
                {
                    "id": task.id,
                    "title": critical.work.get(reader_language()) if critical else work.title,
                    "to": (task.resource.get("owner") or {}).get("display", ""),
                    "acknowledged": instant(extension(task.resource, uris.ACKNOWLEDGED)),
                    "is_done": task.resource["status"] == "completed",
                    "passes_on": who_has(unit, task).passes_on,
                }
            )
    return found


def _beside(unit: Unit, stored: Stored, instrument: Instrument, *, is_before: bool) -> Beside | None:
    """The nearest one before, or the newest one after."""
    here = instant(stored.resource.get("authored")) or stored.at
    found = [
        each
        for each in times_asked(unit, stored.person, instrument)
        if each.id != stored.id and (each.at < here) is is_before
    ]
    return found[0] if found else None


def _proposal(unit: Unit, stored: Stored) -> Stored | None:
    """The draft plan that these answers led to, as long as nobody has decided it."""
    page = unit.search("CarePlan", [("identifier", f"{uris.DEDUPE}|proposal:{stored.id}")])
    return next((plan for plan in page.entries if plan.resource["status"] == "draft"), None)


def _goes_on(unit: Unit, stored: Stored, result: Score) -> list[tuple[str, str, str]]:
    """What to ask next: (instrument, its name, because); not what was finished since."""
    language, library = reader_language(), load()
    value = "" if result.value is None else number_words(result.value)
    wanted = [(n.instrument, n.because.get(language).format(score=value)) for n in result.next]
    wanted += [(a.critical.next, a.because.get(language)) for a in result.critical if a.critical.next]
    since = instant(stored.resource.get("authored")) or stored.at
    done = {
        found.id
        for other in unit.of_person(stored.person, ["QuestionnaireResponse"])
        if other.at >= since and other.resource.get("status") in ("completed", "amended")
        if (found := instrument_answered(library, str(other.resource.get("questionnaire", ""))))
    }
    return [
        (name, library.instruments[name].short.get(language), because)
        for name, because in wanted
        if name not in done
    ]


@staff_page
@require_GET
def blank(request: HttpRequest, instrument: str) -> HttpResponse:
    """The questions on paper, for a day without a computer."""
    with open_record(request) as unit:
        chosen = instrument_in(unit, load(), instrument)
    language = request.GET.get("language", reader_language())
    if language not in LANGUAGES:
        raise NotFound
    with override(language):
        context = {
            "instrument": chosen,
            "words": instrument_words(chosen),
            "questions": questions(chosen, _everything(chosen), language),
            "language": language,
            "warning": wording_warning(chosen, language),
            "LANGUAGE_CODE": language,
        }
        return render(request, "staff/assess_blank.html", context)


def _everything(instrument: Instrument) -> dict[str, Answer]:
    """No answers: on paper every question is printed, those that depend on another with the rest."""
    return {}


urlpatterns = [
    path("assessments/answered/<str:response>/", answered, name="assess-answered"),
    path("assess/<str:instrument>/blank", blank, name="assess-blank"),
]
