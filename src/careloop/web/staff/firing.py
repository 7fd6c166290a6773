"""Why a protocol spoke of somebody: what was found, by which rule, who answers for it; and what is watched for her,
with numbers of her own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop.access import Scope, system_actor
from careloop.actions.adjust_protocol import BadNumber, adjust_protocol, ask_again
from careloop.actions.protocol_work import proposed
from careloop.actions.protocols_on import On, switched_on, values_of
from careloop.actions.working import NoPractitioner, ReasonMissing
from careloop.care.firing import (
    FOREVER,
    adjusted_in,
    because_in,
    evidence_in,
    is_open,
    protocol_of,
)
from careloop.care.protocols import Adjusted, Outcome, evaluate, number_said
from careloop.fhir import uris
from careloop.fhir.elements import Resource, day, extension, identifier_in, instant, text_of
from careloop.fhir.translation import translated
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound
from careloop.library import Library, load
from careloop.library.protocols import Protocol, Review, Value
from careloop.projections.card import card
from careloop.projections.moments import at_of, value_words
from careloop.projections.people import names
from careloop.projections.signals import gather, own_limits
from careloop.store import Stored, Unit
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of
from careloop.web.staff.reader import now_of, open_record, zone_of_reader

OFF_DAYS: Final = {"week": 7, "month": 30}
END_OF_DAY: Final = time(23, 59)


@dataclass(frozen=True, repr=False)
class Shown:
    """One piece of evidence. href: empty where there is no page for it."""

    what: str
    says: str
    at: datetime | None
    href: str


@dataclass(frozen=True, repr=False)
class Number:
    """A value of a protocol for this person. own: hers, as it was set; limit: by the limit of her readings."""

    value: Value
    text: str
    unit: str
    now: str
    default: str
    is_own: bool
    is_limit: bool


@dataclass(frozen=True, repr=False)
class Watched:
    """One protocol that is on, as it stands for this person."""

    protocol: Protocol
    title: str
    is_watched: bool
    says: str
    numbers: tuple[Number, ...]
    adjusted: Adjusted
    off_until: datetime | None
    is_off: bool
    review: Review | None

    @property
    def is_reviewed(self) -> bool:
        return self.review is not None


def _language() -> str:
    return get_language() or "en"


def _scope(request: HttpRequest) -> Any:
    return request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen


@staff_page
@require_GET
def why(request: HttpRequest, person: str, issue: str) -> HttpResponse:
    library, language = load(), _language()
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        stored = unit.read("DetectedIssue", issue)
        name = protocol_of(stored.resource)
        if stored.person != patient.rid or name is None:
            raise NotFound
        protocol = library.protocols.get(name)
        tasks = _tasks(unit, stored)
        context = {
            "card": card(unit, person),
            "person": person,
            "issue": stored,
            "title": translated(stored.resource.get("code"), "text", language)
            or text_of(stored.resource.get("code")),
            "protocol": protocol,
            "branch": _branch(protocol, stored.resource, language),
            "because": because_in(stored.resource).get(language),
            "evidence": list(_evidence(unit, stored.resource, person, library)),
            "is_open": is_open(stored.resource),
            "since": instant(stored.resource.get("identifiedDateTime")),
            "endings": [_ending(each, language) for each in stored.resource.get("mitigation", ())],
            "source": extension(stored.resource, uris.SOURCE) or "",
            "tasks": tasks,
            "proposal": proposed(unit, stored),
            "watched": _watched_one(unit, patient, name, library),
            "version": str(stored.resource.get("reference", "")).rpartition("|")[2],
        }
    return render(request, "staff/firing.html", context)


def _branch(protocol: Protocol | None, issue: Resource, language: str) -> str:
    found = protocol.branch(str(extension(issue, uris.PROTOCOL_BRANCH) or "")) if protocol else None
    return found.title.get(language) if found else ""


def _ending(told: Mapping[str, Any], language: str) -> dict[str, Any]:
    action = told.get("action") or {}
    return {
        "text": translated(action, "text", language) or text_of(action),
        "at": instant(told.get("date")),
    }


def _tasks(unit: Unit, stored: Stored) -> list[Stored]:
    key = identifier_in(stored.resource, uris.DEDUPE)
    return [
        task
        for task in unit.of_person(stored.person, ["Task"])
        if key and identifier_in(task.resource, uris.DEDUPE) == key
    ]


def _evidence(unit: Unit, issue: Resource, person: str, library: Library) -> Iterable[Shown]:
    """Newest first. What the reader may not see is left out."""
    found = unit.get(evidence_in(issue))
    called = names(unit, {who for each in found.values() for who in _measured_by(each)})
    shown = [
        replace(
            one,
            says=", ".join(filter(None, (one.says, *(called.get(who, "") for who in _measured_by(each))))),
        )
        for each in found.values()
        for one in (_shown(each, person, library),)
    ]
    return sorted(shown, key=lambda each: each.at.isoformat() if each.at else "", reverse=True)


def _measured_by(stored: Stored) -> list[str]:
    """Of a reading: who says so, which may be somebody who helps her."""
    told = stored.resource.get("performer", ()) if stored.type == "Observation" else ()
    return [str(each["reference"]) for each in told if each.get("reference")]


def _shown(stored: Stored, person: str, library: Library) -> Shown:
    resource, language = stored.resource, _language()
    match stored.type:
        case "Observation":
            at = at_of(resource.get("effectiveDateTime")) or stored.at
            return Shown(text_of(resource.get("code")), value_words(resource), at, f"/people/{person}/health")
        case "QuestionnaireResponse":
            name = str(resource.get("questionnaire", "")).partition("|")[0].rpartition(":")[2]
            instrument = library.instruments.get(name)
            said = instrument.short.get(language) if instrument else name
            return Shown(
                said, gettext("answers"), at_of(resource.get("authored")), f"/people/{person}/assessments"
            )
        case "Task":
            return Shown(
                gettext("To-do"),
                str(resource.get("description", "")),
                at_of(resource.get("authoredOn")),
                f"/work/{stored.id}",
            )
        case "Encounter":
            return Shown(
                gettext("Contact"),
                next((text_of(each) for each in resource.get("reasonCode", ())), ""),
                at_of((resource.get("period") or {}).get("start")),
                f"/people/{person}/story",
            )
        case "MedicationDispense":
            concept = resource.get("medicationCodeableConcept")
            return Shown(
                gettext("Medicine handed out"), text_of(concept), at_of(resource.get("whenHandedOver")), ""
            )
    at = at_of(resource.get("start")) or at_of(resource.get("authoredOn")) or stored.at
    return Shown(
        gettext("On record"),
        text_of(resource.get("code")) or str(resource.get("description", "")),
        at,
        f"/people/{person}/story",
    )


# --- what is watched for one person


@staff_page
@require_GET
def watched(request: HttpRequest, person: str) -> HttpResponse:
    return _watched_page(request, person, "", Sheet({}))


def _watched_page(request: HttpRequest, person: str, opened: str, sheet: Sheet) -> HttpResponse:
    library = load()
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        on = switched_on(unit, library)
        shown = _all_watched(unit, patient, on, library)
        context = {
            "card": card(unit, person),
            "person": person,
            "watched": [each for each in shown if each.is_watched or each.is_off],
            "others": [each for each in shown if not each.is_watched and not each.is_off],
            "opened": opened,
            "sheet": sheet,
            "on": len(on),
        }
    return render(request, "staff/watched.html", context, status=sheet.status)


def _watched_one(unit: Unit, patient: Stored, name: str, library: Library) -> Watched | None:
    on = switched_on(unit, library)
    found = _all_watched(unit, patient, {name: on[name]}, library) if name in on else []
    return found[0] if found else None


def _all_watched(unit: Unit, patient: Stored, on: Mapping[str, On], library: Library) -> list[Watched]:
    paths = {path for each in on.values() for path in each.protocol.reads}
    signals = gather(unit, [patient.rid], paths, library).get(patient.rid)
    groups = [each.resource for each in unit.of_person(patient.rid, ["RequestGroup"])]
    kinds = {v.threshold[0] for each in on.values() for v in each.protocol.values if v.threshold}
    limits = own_limits(unit, [patient.rid], kinds).get(patient.rid, {})
    shown = []
    for each in on.values():
        adjusted = adjusted_in(groups, each.protocol)
        values = values_of(each.protocol, adjusted, limits)
        outcome = (
            evaluate(each.protocol, signals, values, unit.now) if signals else Outcome(None, is_watched=False)
        )
        shown.append(_one(each, adjusted, values, outcome, unit.now))
    return shown


def _one(
    on: On, adjusted: Adjusted, values: Mapping[str, Decimal], outcome: Outcome, now: datetime
) -> Watched:
    language, protocol = _language(), on.protocol
    is_off = adjusted.is_off(now)
    return Watched(
        protocol,
        protocol.title.get(language),
        outcome.is_watched,
        outcome.because.get(language) if outcome.branch else "",
        tuple(
            Number(
                each,
                each.text.get(language),
                each.unit.get(language),
                number_said(values.get(each.name, each.default)),
                number_said(each.default),
                each.name in adjusted.values,
                each.name in values and each.name not in adjusted.values,
            )
            for each in protocol.values
        ),
        adjusted,
        adjusted.off_until if is_off and adjusted.off_until != FOREVER else None,
        is_off,
        on.review,
    )


@staff_page
@require_http_methods(["POST"])
def adjust(request: HttpRequest, person: str, protocol: str) -> HttpResponse:
    known = load().protocols.get(protocol)
    if known is None:
        raise NotFound
    sheet = Sheet(request.POST.dict())
    values = _numbers(request, known, sheet)
    off_until = _off_until(request, sheet)
    if not sheet.problems:
        try:
            adjust_protocol(
                _scope(request),
                person,
                protocol,
                load(),
                now_of(request),
                values=values,
                off_until=off_until,
                because=request.POST.get("because", ""),
            )
        except BadNumber as bad:
            sheet.problems[bad.field] = gettext(bad.detail)
        except (ReasonMissing, NoPractitioner) as refused:
            sheet.problems["because"] = sentence_of(refused)
    if sheet.problems:
        return _watched_page(request, person, protocol, sheet)
    ask_again(
        Scope(system_actor("reactions"), "page", "operations"), person, protocol, load(), now_of(request)
    )
    toasts.say(request, gettext("Kept, with your reason. It was asked anew."))
    return HttpResponseRedirect(f"/people/{person}/watched#{protocol}")


def _numbers(request: HttpRequest, protocol: Protocol, sheet: Sheet) -> dict[str, Decimal | None]:
    """Typed numbers; the protocol's own takes hers back."""
    found: dict[str, Decimal | None] = {}
    for value in protocol.values:
        typed = request.POST.get(value.name, "").strip().replace(",", ".")
        if not typed:
            continue
        try:
            number = Decimal(typed)
        except InvalidOperation:
            sheet.problems[value.name] = gettext("Write a number.")
            continue
        if not number.is_finite():
            sheet.problems[value.name] = gettext("Write a number.")
            continue
        found[value.name] = None if number == value.default else number
    return found


def _off_until(request: HttpRequest, sheet: Sheet) -> datetime | None:
    asked, now = request.POST.get("off", ""), now_of(request)
    if asked in OFF_DAYS:
        return now + timedelta(days=OFF_DAYS[asked])
    if asked == "forever":
        return FOREVER
    if asked == "day":
        on = day(request.POST.get("off_day"))
        if on is None:
            sheet.problems["off_until"] = gettext("Write the day as month, day and year.")
            return None
        return at_local(on, END_OF_DAY, zone_of_reader(request))
    return None


urlpatterns = [
    path("people/<str:person>/alerts/<str:issue>", why, name="person-alert"),
    path("people/<str:person>/watched", watched, name="person-watched"),
    path("people/<str:person>/watched/<str:protocol>", adjust, name="person-watched-adjust"),
]
