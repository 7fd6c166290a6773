"""What a person agreed to share and asked not to be shown: the list, a new one, and its end; and what in her record is
labeled sensitive. In the words of the job; the codes are `care/consent_asked.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop.access import labels
from careloop.actions.record_consent import ConsentLacks, Paper, record_consent
from careloop.actions.revoke_consent import revoke_consent, would_reach
from careloop.care.consent import ANYONE, Statement, is_privacy, read
from careloop.care.consent_asked import Asked
from careloop.care.revocation import lasts
from careloop.fhir import uris
from careloop.fhir.elements import extension, name_of
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import CareError, NotFound
from careloop.kernel.numbers import whole_number
from careloop.library.labels import rules
from careloop.projections.card import PersonCard, card
from careloop.projections.people import names
from careloop.store import Stored, Unit
from careloop.web.staff import toasts
from careloop.web.staff.access_words import LABELS
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of, show
from careloop.web.staff.reader import now_of, open_record, zone_of_reader

CHOOSABLE = tuple(name for bit, name in labels.NAMES.items() if bit != labels.UNKNOWN)
MOST = 200


@dataclass(frozen=True, repr=False)
class Line:
    """state: in-force, later, ended. what: label names; empty for the record as a whole. problems: what could not be
    understood of it."""

    id: str
    version: int
    state: str
    is_denial: bool
    to: tuple[str, ...]
    what: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    how: str
    paper: str
    problems: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Line(Consent/{self.id})"


@staff_page
@require_GET
def consents(request: HttpRequest, person: str) -> HttpResponse:
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        found = [s for s in unit.of_person(patient.rid, ["Consent"]) if is_privacy(s.resource)]
        lines = [line for stored in found for line in _lines(unit, stored)]
        context: dict[str, Any] = {"card": card(unit, person), "person": person}
    order = {"in-force": 0, "later": 1, "ended": 2}
    context["lines"] = sorted(lines, key=lambda line: (order[line.state], line.is_denial))
    context["label_words"] = LABELS
    return render(request, "staff/consents.html", context)


def _lines(unit: Unit, stored: Stored) -> list[Line]:
    """One for what it permits and one for what it denies."""
    is_active = stored.resource.get("status") == "active"
    said = read({**stored.resource, "status": "active"}, rules())
    named = names(unit, {each.grantee for each in said.statements if each.grantee != ANYONE})
    parts = [[s for s in said.statements if s.permits], [s for s in said.statements if s.denies]]
    made = [_line(unit, stored, part, named, is_active, said.problems) for part in parts if part]
    return made or [_line(unit, stored, [], named, is_active, said.problems)]


def _line(
    unit: Unit,
    stored: Stored,
    part: list[Statement],
    named: Mapping[str, str],
    is_active: bool,
    problems: tuple[str, ...],
) -> Line:
    bits = 0
    for each in part:
        bits |= each.permits | each.denies
    holds = is_active and (any(lasts(each, unit.now) for each in part) or (not part and bool(problems)))
    is_later = is_active and any(each.since > unit.now for each in part)
    grantees = dict.fromkeys(
        named.get(each.grantee, gettext("somebody outside of this house"))
        if each.grantee
        else gettext("anyone")
        for each in part
    )
    paper = str((stored.resource.get("sourceReference") or {}).get("reference", ""))
    kept = unit.get([paper]).get(paper) if paper.startswith("DocumentReference/") else None
    return Line(
        id=stored.id,
        version=stored.version,
        state="in-force" if holds else "later" if is_later else "ended",
        is_denial=any(each.denies for each in part),
        to=tuple(grantees),
        what=tuple(name for bit, name in labels.NAMES.items() if bits & bit),
        since=min((each.since for each in part), default=None),
        until=max((each.until for each in part if each.until), default=None),
        how=str(extension(stored.resource, uris.CONSENT_HOW) or ""),
        paper=str(kept.resource.get("description", "")) if kept else "",
        problems=problems if is_active else (),
    )


# --- a new one


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "POST":
        sheet = Sheet({**request.POST.dict(), "what": _what(request)})
        sheet.problems = _kept(request, person)
        if not sheet.problems:
            toasts.say(request, gettext("It is kept, and holds from now on."))
            return HttpResponseRedirect(f"/people/{person}/consents")
    else:
        sheet = Sheet({"kind": "permit", "how": "written", "purpose": "tpo", "what": []})
    with open_record(request) as unit:
        beside = card(unit, person)
        organizations, people = _directory(unit, "Organization"), _directory(unit, "Practitioner")
    return show(request, "staff/consent_new.html", sheet, _choices(person, beside, organizations, people))


def _kept(request: HttpRequest, person: str) -> dict[str, str]:
    """Keeps it; else what needs another look, by field."""
    asked, problems = _asked(request, person)
    if problems:
        return problems
    typed = request.POST
    paper = Paper(typed.get("paper", ""), _day(typed.get("signed", "")), typed.get("kept", ""))
    scope: Any = request
    try:
        record_consent(scope.scope, asked, now_of(request), paper=paper)
    except ConsentLacks as lacking:
        words = _lacking_words()
        return {_field(name): words.get(name, sentence_of(lacking)) for name in lacking.lacking}
    return {}


def _choices(
    person: str, beside: PersonCard, organizations: list[tuple[str, str]], people: list[tuple[str, str]]
) -> dict[str, Any]:
    return {
        **{"card": beside, "person": person, "organizations": organizations, "people": people},
        "labels": [(name, LABELS[name]) for name in CHOOSABLE],
        "purposes": [
            ("tpo", gettext("treatment, payment and running the practice")),
            ("treatment", gettext("treatment and care coordination")),
            ("payment", gettext("payment")),
        ],
        "hows": [("written", gettext("signed, on paper or on screen")), ("verbal", gettext("said aloud"))],
    }


def _directory(unit: Unit, kind: str) -> list[tuple[str, str]]:
    found = unit.search(kind, [("_count", str(MOST))]).entries
    called = ((stored.reference, name_of(stored.resource)) for stored in found)
    return sorted((pair for pair in called if pair[1]), key=lambda pair: pair[1])


def _what(request: HttpRequest) -> list[str]:
    return [name for name in request.POST.getlist("what") if name in CHOOSABLE]


def _asked(request: HttpRequest, person: str) -> tuple[Asked, dict[str, str]]:
    typed = request.POST
    is_denial = typed.get("kind") == "deny"
    problems: dict[str, str] = {}
    until = None
    if said := typed.get("until", "").strip():
        on = _day(said)
        # The last day is hers: it ends where the reader's next day begins.
        until = at_local(on + timedelta(days=1), time(), zone_of_reader(request)) if on else None
        if until is None or until <= now_of(request):
            problems["until"] = gettext("Choose a day that is still to come, or leave it empty.")
    asked = Asked(
        person=f"Patient/{person}",
        by_whom=typed.get("by_whom", ""),
        recipients=tuple(filter(None, [typed.get("to", "")])),
        what=tuple(_what(request)),
        purpose="" if is_denial else typed.get("purpose", ""),
        signed_by=typed.get("signed_by", "").strip()[:200],
        how=typed.get("how", ""),
        until=until,
        through_intermediary=bool(typed.get("through")),
        intermediary=typed.get("intermediary", "").strip()[:200],
        is_denial=is_denial,
    )
    return asked, problems


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _field(name: str) -> str:
    return {"recipients": "to", "in_writing": "how"}.get(name, name)


def _lacking_words() -> dict[str, str]:
    """42 CFR 2.31(a), in words."""
    return {
        "recipients": gettext("Choose who may see it."),
        "signed_by": gettext("Write who agreed: the person, or who acts for the person."),
        "how": gettext("Choose how they agreed."),
        "purpose": gettext("Choose what it is for."),
        "by_whom": gettext("Records of a substance use program: choose which program may hand them out."),
        "in_writing": gettext("Records of a substance use program need a signature."),
        "intermediary": gettext("Name the exchange that passes it on."),
        "what": gettext("Choose what it is about."),
        "until": gettext("Choose a day that is still to come, or leave it empty."),
    }


# --- its end


@staff_page
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, person: str, consent: str) -> HttpResponse:
    if request.method == "POST":
        return _end(request, person, consent)
    with open_record(request) as unit:
        stored = unit.read("Consent", consent)
        patient = unit.read("Patient", person)
        if stored.person != patient.rid or not is_privacy(stored.resource):
            raise NotFound(f"Consent/{consent}")
        context = {
            **{"card": card(unit, person), "person": person, "lines": _lines(unit, stored)},
            **{"reached": [_called(each) for each in would_reach(unit, stored)], "label_words": LABELS},
            "version": stored.version,
        }
    return render(request, "staff/consent_end.html", context)


def _called(stored: Stored) -> str:
    resource = stored.resource
    code = resource.get("code") or {}
    return str(resource.get("description") or code.get("text") or gettext("a referral"))


def _end(request: HttpRequest, person: str, consent: str) -> HttpResponse:
    scope: Any = request
    version = request.POST.get("version", "")
    with open_record(request) as unit:
        held = len(would_reach(unit, unit.read("Consent", consent)))  # of those that the reader sees
    try:
        revoke_consent(
            scope.scope,
            consent,
            request.POST.get("why", ""),
            now_of(request),
            version=whole_number(version),
        )
    except CareError as refused:
        if refused.status == 404:
            raise
        toasts.fail(request, sentence_of(refused))
        return HttpResponseRedirect(f"/people/{person}/consents")
    said = gettext("It has ended, and nothing of it is shown any more.")
    if held:
        said += " " + ngettext(
            "%(n)d open to-do with a partner is on hold.",
            "%(n)d open to-dos with partners are on hold.",
            held,
        ) % {"n": held}
    toasts.say(request, said)
    return HttpResponseRedirect(f"/people/{person}/consents")


urlpatterns = [
    path("people/<str:person>/consents", consents, name="consents"),
    path("people/<str:person>/consents/new", new, name="consent-new"),
    path("people/<str:person>/consents/<str:consent>/end", end, name="consent-end"),
]
