"""The disclosure composer: before anything leaves, who sends and whom it is about see line by line what goes, to whom
and why it may; then the paper, and the accounting of all that left."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods

from careloop import library, store
from careloop.access.acts import ACCOUNTING, DISCLOSE, may
from careloop.actions.disclose import (
    BadDisclosure,
    Composition,
    MayNotGo,
    NothingChosen,
    Recipient,
    check_may_send,
    compose,
    disclose,
    scoped,
)
from careloop.fhir.elements import name_of
from careloop.kernel.ids import new_id
from careloop.projections import disclosures
from careloop.projections.accounting import accounting_of
from careloop.projections.card import card
from careloop.projections.facts import language_of, phone_of
from careloop.projections.people import PersonBrief, briefs
from careloop.projections.principals import principals
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.accounting_pdf import accounting_pdf, letter_pdf
from careloop.web.staff import audit_words, toasts
from careloop.web.staff import disclosure_words as words
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.person_plan_words import told
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader

OFFERED = ("hand", "mail", "fax")


@staff_page
@require_http_methods(["GET", "POST"])
def disclose_page(request: HttpRequest, person: str) -> HttpResponse:
    """Two steps: to whom and why; then line by line. What is chosen is judged again when it is sent."""
    check_may_send(scope_of(request))
    if request.method == "GET":
        return _first(request, person, Sheet({}))
    if request.POST.get("act") == "send":
        return _send(request, person)
    return _look(request, person, Sheet(request.POST.dict()))


def _first(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        directory = _directory(unit)
    context = {
        "sheet": sheet,
        "card": beside,
        "person": person,
        "directory": sorted(directory),
        "bases": words.bases(),
        "methods": {code: words.methods()[code] for code in OFFERED},
        "opens_accounting": may(scope_of(request).actor, ACCOUNTING),
    }
    return render(request, "staff/disclose.html", context, status=sheet.status)


def _look(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    given, now = request.POST, now_of(request)
    if problems := _problems(request):
        return _first(request, person, Sheet(given.dict(), problems))
    with store.open(scoped(scope_of(request)), now=now) as unit:
        beside = card(unit, person)
        made = compose(
            unit,
            person,
            _recipient(request, unit),
            given.get("basis", ""),
            library.load(),
            given.get("purpose", ""),
        )
    chosen = given.getlist("line") if given.get("act") == "send" else None
    context = {
        "sheet": sheet,
        "card": beside,
        "person": person,
        "made": made,
        "sections": _sections(made, chosen),
        "stays": sum(not each.is_allowed for each in made.verdicts),
        "basis": words.bases()[made.basis],
        "method": words.methods().get(given.get("method", ""), ""),
        "key": given.get("key") or new_id(),
        "changed": list(map(told, made.since.changes)) if made.since else [],
        "with_changes": given.get("act") != "send" or bool(given.get("changes")),
        "has_part2": any(each.is_part2 for each in made.going),
    }
    return render(request, "staff/disclose_lines.html", context, status=sheet.status)


def _sections(made: Composition, chosen: list[str] | None) -> list[dict[str, Any]]:
    """Nothing that stays is ticked; of the rest all, until somebody unticked it."""
    called = words.section_names()
    found = []
    for section, title in called.items():
        lines = [
            {
                "verdict": each,
                "why": words.verdict_words(each.why, made.relation),
                "is_ticked": each.is_allowed and (chosen is None or each.line.reference in chosen),
            }
            for each in made.verdicts
            if each.line.section == section
        ]
        if lines:
            found.append({"title": title, "lines": lines})
    return found


def _send(request: HttpRequest, person: str) -> HttpResponse:
    given, now = request.POST, now_of(request)
    if problems := _problems(request):
        return _first(request, person, Sheet(given.dict(), problems))
    with open_record(request) as unit:
        recipient = _recipient(request, unit)
    try:
        number = disclose(
            scope_of(request),
            person,
            recipient,
            given.get("basis", ""),
            given.get("method", ""),
            given.getlist("line"),
            now,
            library.load(),
            key=f"form:{given.get('key') or new_id()}",
            purpose=given.get("purpose", ""),
            note=given.get("note", ""),
            language=(get_language() or "en") if given.get("changes") else "",
        )
    except (NothingChosen, MayNotGo, BadDisclosure) as refused:
        return _look(request, person, Sheet(given.dict(), {"lines": sentence_of(refused)}))
    toasts.say(request, gettext("Written into the accounting. Now hand it over."))
    return HttpResponseRedirect(f"/people/{person}/disclosures/{number}")


def _problems(request: HttpRequest) -> dict[str, str]:
    given, found = request.POST, {}
    if not given.get("to", "").strip():
        found["to"] = gettext("Say who gets it.")
    if given.get("basis") not in words.bases():
        found["basis"] = gettext("Say why it may go.")
    if given.get("method") not in OFFERED:
        found["method"] = gettext("Say how it reaches them.")
    if given.get("basis") in ("law", "emergency") and not given.get("purpose", "").strip():
        found["purpose"] = gettext("Say which law or court, or what the emergency is.")
    if given.get("method") in ("mail", "fax") and not given.get("address", "").strip():
        found["address"] = gettext("Say where it goes: the address, or the fax number.")
    return found


def _recipient(request: HttpRequest, unit: Unit) -> Recipient:
    name = " ".join(request.POST.get("to", "").split())[:200]
    organization = _directory(unit).get(name, "")
    return Recipient(name, organization, request.POST.get("address", "").strip()[:500])


def _directory(unit: Unit) -> dict[str, str]:
    """Names of our directory; one that two share stands for neither."""
    found: dict[str, str] = {}
    for each in unit.search("Organization", {"_count": "500", "_sort": "name"}).entries:
        name = name_of(each.resource)
        found[name] = "" if name in found else each.id
    return found


# --- what has left


@staff_page
@require_GET
def disclosure_page(request: HttpRequest, person: str, id: int) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
        found = disclosures.one(unit, beside.person.rid, id)
        letter, _ = _letter(unit, request, person, found)
    context = {"card": beside, "person": person, "found": found, "told": letter, "method": found.method}
    context["opens_accounting"] = may(scope_of(request).actor, ACCOUNTING)
    return render(request, "staff/disclosure.html", context)


@staff_page
@require_GET
def disclosure_pdf(request: HttpRequest, person: str, id: int) -> HttpResponse:
    with open_record(request) as unit:
        found = disclosures.one(unit, unit.read("Patient", person).rid, id)
        letter, _ = _letter(unit, request, person, found)
    return _as_pdf(letter_pdf(letter, found.at), f"disclosure-{id}")


def _letter(unit: Unit, request: HttpRequest, person: str, found: disclosures.Disclosure) -> tuple[Any, str]:
    house = _house(unit, unit.read("Patient", person))
    who = audit_words.name_of(principals([found.actor])[found.actor])
    name = name_of(house.resource) if house else ""
    return words.letter_of(found, who, name, zone_of_reader(request)), name


def _house(unit: Unit, patient: Stored) -> Stored | None:
    site = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
    return unit.get([site]).get(site) if site else None


@staff_page
@require_GET
def accounting_page(request: HttpRequest, person: str) -> HttpResponse:
    tz = zone_of_reader(request)
    with open_record(request) as unit:
        beside = card(unit, person)
        account = accounting_of(unit, beside.person.rid, now_of(request))
    context = {
        "card": beside,
        "person": person,
        "told": account,
        "may_send": may(scope_of(request).actor, DISCLOSE),
        "lines": [_line(each, account.senders, tz) for each in account.disclosures],
    }
    return render(request, "staff/accounting.html", context)


def _line(found: disclosures.Disclosure, who: Any, tz: ZoneInfo) -> dict[str, Any]:
    return {
        "found": found,
        "on": formats.full_date(found.at.astimezone(tz).date()),
        "why": words.bases().get(found.basis, found.basis),
        "how": words.methods().get(found.method, found.method),
        "who": audit_words.name_of(who[found.actor]),
        "lines": len(found.content.items),
    }


@staff_page
@require_GET
def accounting_pdf_page(request: HttpRequest, person: str) -> HttpResponse:
    """For the person to keep, in her language."""
    now = now_of(request)
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        account = accounting_of(unit, patient.rid, now, is_paper=True)
        brief: PersonBrief = briefs(unit, [patient.rid])[patient.rid]
        house = _house(unit, patient)
    asked = request.GET.get("language") or language_of(patient.resource) or "en"
    language = "es" if asked.lower().startswith(("es", "span")) else "en"
    number = phone_of(house.resource) if house else None
    said = words.accounting_words(
        account,
        brief,
        name_of(house.resource) if house else "",
        formats.phone_words(number) if number else "",
        zone_of_reader(request),
        language,
    )
    return _as_pdf(accounting_pdf(said, now), f"disclosures-{now:%Y-%m-%d}")


def _as_pdf(body: bytes, name: str) -> HttpResponse:
    """The name of the file tells nothing about the person."""
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


urlpatterns = [
    path("people/<str:person>/disclose", disclose_page, name="disclose"),
    path("people/<str:person>/disclosures", accounting_page, name="accounting"),
    path("people/<str:person>/disclosures.pdf", accounting_pdf_page, name="accounting-pdf"),
    path("people/<str:person>/disclosures/<int:id>", disclosure_page, name="disclosure"),
    path("people/<str:person>/disclosures/<int:id>.pdf", disclosure_pdf, name="disclosure-pdf"),
]
