"""Who looked at my record: day by day, by name and role, in words. For the person herself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext, pgettext

from careloop.projections.portal_looks import Look, looks_at
from careloop.web import formats
from careloop.web.family.door import SELF_ONLY, Page, family_page, frame, show

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
    match look.kind:
        case "staff":
            known = role_words()
            return ", ".join(known[role] for role in look.roles if role in known)
        case "person":
            return gettext("somebody with whom you share your pages")
        case "client":
            return gettext("a computer program of the clinic, or an app")
        case "partner":
            return gettext("a partner organization")
    return ""


@family_page(SELF_ONLY)
def looked(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        today = page.now.astimezone(found.tz).date()
        looks = looks_at(
            unit, found.whose.rid, today - timedelta(days=DAYS), today, page.family.actor.principal
        )
    days: dict[str, list[Line]] = {}
    for look in looks:
        said = formats.day_words(look.day, today)
        days.setdefault(said[:1].upper() + said[1:], []).append(Line(look.name, _role(look), look.wrote > 0))
    return show(page, "looked", found, days=days.items(), span=DAYS)


urlpatterns = [path("my/<str:person>/looked", looked, name="family-looked")]
