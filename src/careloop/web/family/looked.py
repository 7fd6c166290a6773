"""Who looked at my record: day by day, by name and role, in words. For the person herself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import get_language, gettext, pgettext

from careloop.fhir.elements import name_of
from careloop.projections.accounting import Look, accounting_of, looks_at
from careloop.projections.facts import phone_of
from careloop.web import formats
from careloop.web.accounting_pdf import accounting_pdf
from careloop.web.family.door import SELF_ONLY, Page, family_page, frame, show
from careloop.web.staff.disclosure_words import accounting_words

DAYS = 90


@dataclass(frozen=True, repr=False)
class Line:
    name: str
    role: str
    wrote: bool


def role_words() -> dict[str, str]:
    """As a person calls them who is cared for."""
    return {
        "coordinator": pgettext("a role", "care coordinator"),
        "supervisor": pgettext("a role", "supervisor of the care team"),
        "clinician": pgettext("a role", "doctor or nurse practitioner"),
        "social-worker": pgettext("a role", "social worker"),
        "ltc-nurse": pgettext("a role", "nurse"),
        "bh-clinician": pgettext("a role", "mental health clinician"),
        "therapist": pgettext("a role", "therapist"),
        "advocacy": pgettext("a role", "helps with insurance"),
        "payer-manager": pgettext("a role", "case manager of your health plan"),
        "payer-reviewer": pgettext("a role", "reviewer of your health plan"),
        "volunteer": pgettext("a role", "volunteer"),
        "ombudsman": pgettext("a role", "ombudsman"),
        "biller": pgettext("a role", "billing"),
        "administrator": pgettext("a role", "keeps the accounts"),
        "auditor": pgettext("a role", "checks who looked"),
        "privacy-officer": pgettext("a role", "privacy officer"),
    }


def _role(look: Look) -> str:
    match look.who.kind:
        case "staff":
            known = role_words()
            return ", ".join(known[role] for role in look.who.roles if role in known)
        case "person":
            return gettext("somebody with whom you share your pages")
        case "client" | "app":
            return gettext("a computer program of the clinic, or an app")
        case "partner":
            return gettext("a partner organization")
    return ""


@family_page(SELF_ONLY)
def looked(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        today = page.now.astimezone(found.tz).date()
        looks = looks_at(unit, found.whose.rid, page.now - timedelta(days=DAYS), page.now)
    days: dict[str, list[Line]] = {}
    mine = page.family.actor.principal
    for look in (each for each in looks if each.who.principal != mine):
        said = formats.day_words(look.day, today)
        days.setdefault(said[:1].upper() + said[1:], []).append(
            Line(look.who.name, _role(look), look.is_writing)
        )
    return show(page, "looked", found, days=days.items(), span=DAYS)


@family_page(SELF_ONLY)
def accounting(page: Page) -> HttpResponse:
    """What left the house about her, as a paper to keep, in the language she reads now."""
    with page.open() as unit:
        found = frame(unit, page)
        patient = unit.read("Patient", found.whose.id)
        told = accounting_of(unit, found.whose.rid, page.now, is_paper=True)
        site = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
        house = unit.get([site]).get(site) if site else None
    number = phone_of(house.resource) if house else None
    said = accounting_words(
        told,
        found.brief,
        name_of(house.resource) if house else "",
        formats.phone_words(number) if number else "",
        found.tz,
        (get_language() or "en")[:2],
    )
    response = HttpResponse(accounting_pdf(said, page.now), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="list-{page.now:%Y-%m-%d}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


urlpatterns = [
    path("my/<str:person>/looked", looked, name="family-looked"),
    path("my/<str:person>/looked/sent.pdf", accounting, name="family-accounting"),
]
