"""Roles in words of the job."""

from __future__ import annotations

from django.utils.translation import gettext


def role_words(role: str) -> str:
    """`ltc-nurse`: Long-term care nurse. An unknown one is read as words."""
    known = {
        "coordinator": gettext("Coordinator"),
        "supervisor": gettext("Supervisor"),
        "clinician": gettext("Clinician"),
        "social-worker": gettext("Social worker"),
        "ltc-nurse": gettext("Long-term care nurse"),
        "bh-clinician": gettext("Behavioral health clinician"),
        "therapist": gettext("Therapist"),
        "advocacy": gettext("Advocacy specialist"),
        "payer-manager": gettext("Payer case manager"),
        "payer-reviewer": gettext("Payer reviewer"),
        "volunteer": gettext("Volunteer"),
        "ombudsman": gettext("Ombudsman"),
        "biller": gettext("Biller"),
        "administrator": gettext("Administrator"),
        "auditor": gettext("Auditor"),
        "privacy-officer": gettext("Privacy officer"),
    }
    return known.get(role, role.replace("-", " ").capitalize())
