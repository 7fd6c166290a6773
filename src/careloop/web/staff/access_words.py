"""Reasons of the policy as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from careloop.access.reasons import Reason
from careloop.web.staff.reader import program_name

ROLES = {
    "coordinator": _("care coordinator"),
    "supervisor": _("supervisor"),
    "clinician": _("clinician"),
    "social-worker": _("social worker"),
    "ltc-nurse": _("long-term care nurse"),
    "bh-clinician": _("behavioral health clinician"),
    "therapist": _("therapist"),
    "advocacy": _("advocacy specialist"),
    "payer-manager": _("payer case manager"),
    "payer-reviewer": _("payer reviewer"),
    "volunteer": _("volunteer"),
    "ombudsman": _("ombudsman"),
    "biller": _("biller"),
    "administrator": _("administrator"),
    "auditor": _("auditor"),
    "privacy-officer": _("privacy officer"),
}
LABELS = {
    "part2": _("records of a substance use program (42 CFR Part 2)"),
    "substance-use": _("substance use"),
    "mental-health-notes": _("mental health notes"),
    "reproductive-health": _("reproductive health"),
    "hiv": _("HIV"),
    "safety-address": _("an address kept secret for safety"),
    "violence": _("violence at home"),
    "unknown": _("a label that is not known here"),
}


def role_name(role: str) -> str:
    return str(ROLES.get(role, role))


def sentence(reason: Reason, names: Mapping[int, str], reader_lead: int | None = None) -> str:
    """names: of sites, teams and colleagues by rid."""
    about = next(iter(reason.values), None)
    named = names.get(about, "") if isinstance(about, int) else str(about or "")
    match reason.code, reason.holds:
        case "site", True:
            return gettext("Works at %(name)s, where this person is cared for.") % {"name": named}
        case "site", False:
            return gettext("Does not work at this person’s site.")
        case "team", True:
            return gettext("Belongs to the care team %(name)s.") % {"name": named}
        case "team", False:
            return gettext("Does not belong to this person’s care team.")
        case "lead", True if about == reader_lead:
            return gettext("Leads this person’s care.")
        case "lead", True:
            return gettext("Covers for %(name)s, who leads this person’s care.") % {"name": named}
        case "lead", False:
            return gettext("Does not lead this person’s care.")
        case "program", True:
            programs = ", ".join(program_name(str(code)) for code in reason.values)
            return gettext("Works in the program %(name)s, which this person has joined.") % {
                "name": programs
            }
        case "program", False:
            return gettext("Does not work in a program that this person has joined.")
        case "named", True:
            return gettext("Was given this record by name, or opened it in an emergency.")
        case "named", False:
            return gettext("Was not given this record by name.")
        case "denied", _:
            return gettext("May never see this person, whatever the role: it was set so by name.")
        case "emergency", _:
            return gettext("Opened it in an emergency.")
        case "consent-denies", _:
            return gettext("The person said no to it.")
        case "labels", True:
            return gettext("Nothing in it is hidden from this role.")
        case "labels", False:
            hidden = ", ".join(str(LABELS.get(str(name), name)) for name in reason.values)
            return gettext("This role sees it only with the person’s consent: %(what)s.") % {"what": hidden}
        case "everyone", _:
            return gettext("May see everybody’s.")
        case _:
            return gettext("No rule lets this account see it.")
