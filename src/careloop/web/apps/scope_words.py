"""Scopes in words that a patient reads. One line a scope, so that each can be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext, gettext_lazy

from careloop.access.smart_scope import BadScope, SmartScope

_KINDS: Final = {
    "*": gettext_lazy("everything that is shared with you here"),
    "Patient": gettext_lazy("name, birth date, address and phone"),
    "RelatedPerson": gettext_lazy("family and helpers"),
    "Observation": gettext_lazy("test results and measurements"),
    "DiagnosticReport": gettext_lazy("test reports"),
    "Condition": gettext_lazy("health problems"),
    "MedicationRequest": gettext_lazy("prescriptions"),
    "MedicationStatement": gettext_lazy("medicines taken"),
    "MedicationDispense": gettext_lazy("medicines picked up"),
    "Medication": gettext_lazy("names of medicines"),
    "AllergyIntolerance": gettext_lazy("allergies"),
    "Immunization": gettext_lazy("shots"),
    "Procedure": gettext_lazy("operations and treatments"),
    "Encounter": gettext_lazy("hospital stays and visits"),
    "Appointment": gettext_lazy("appointments"),
    "CarePlan": gettext_lazy("care plan"),
    "Goal": gettext_lazy("goals"),
    "CareTeam": gettext_lazy("care team"),
    "DocumentReference": gettext_lazy("documents"),
    "Binary": gettext_lazy("files"),
    "Communication": gettext_lazy("messages"),
    "Questionnaire": gettext_lazy("questions we ask"),
    "QuestionnaireResponse": gettext_lazy("answers to our questions"),
    "Coverage": gettext_lazy("insurance"),
    "Task": gettext_lazy("to-dos"),
    "ServiceRequest": gettext_lazy("referrals and orders"),
    "Consent": gettext_lazy("choices about sharing"),
    "Organization": gettext_lazy("clinics and other organizations"),
    "Practitioner": gettext_lazy("names of staff"),
    "PractitionerRole": gettext_lazy("where staff work"),
    "Location": gettext_lazy("places of care"),
    "Device": gettext_lazy("medical devices"),
    "FamilyMemberHistory": gettext_lazy("illnesses in the family"),
    "Provenance": gettext_lazy("who wrote what"),
}
_CATEGORIES: Final = {
    "laboratory": gettext_lazy("lab results"),
    "vital-signs": gettext_lazy("blood pressure, weight and the like"),
    "social-history": gettext_lazy("how and where somebody lives"),
    "survey": gettext_lazy("answers to questionnaires"),
    "sdoh": gettext_lazy("food, housing and transport needs"),
    "imaging": gettext_lazy("X-rays and scans"),
    "problem-list-item": gettext_lazy("the list of health problems"),
    "encounter-diagnosis": gettext_lazy("reasons for visits"),
    "clinical-note": gettext_lazy("visit notes"),
}


@dataclass(frozen=True)
class Line:
    """value: the scopes behind it, as they were written. says: the sentence."""

    value: str
    says: str


def lines(words: tuple[str, ...], given: Mapping[str, frozenset[str]] | None = None) -> list[Line]:
    """What can be left out of a request, in the order asked; the launch itself is none. given: of each scope the
    letters that open anything, where they are fewer than were asked for."""
    found = [_line(word, (given or {}).get(word)) for word in words if is_resource(word)]
    identity = [word for word in words if word in ("openid", "fhirUser")]
    if identity:
        found.append(Line(" ".join(identity), gettext("Know that it is you who uses it")))
    if "offline_access" in words:
        found.append(Line("offline_access", gettext("Stay connected until you end it, 90 days at most")))
    if "online_access" in words:
        found.append(Line("online_access", gettext("Stay connected while you are signed in here")))
    return found


def is_resource(word: str) -> bool:
    return "/" in word and word != "launch/patient"


def sentences(words: tuple[str, ...]) -> list[str]:
    """The same as plain sentences; what an older version of ours allowed is shown as it was written."""
    try:
        return [line.says for line in lines(words)]
    except BadScope:
        return list(words)


def kept(words: tuple[str, ...], ticked: list[str]) -> tuple[str, ...]:
    """The words of what stayed ticked, in the order asked, with the launch they came by."""
    wanted = {word for line in lines(words) if line.value in ticked for word in line.value.split(" ")}
    return tuple(word for word in words if word in wanted or word in ("launch", "launch/patient"))


def _line(word: str, given: frozenset[str] | None = None) -> Line:
    scope = SmartScope.parse(word)
    what = {"what": _what(scope)}
    may = scope.may if given is None else given
    reads, writes = bool(may & {"r", "s"}), bool(may & {"c", "u", "d"})
    if reads and writes:
        return Line(word, gettext("Read, add and change: %(what)s") % what)
    if writes:
        return Line(word, gettext("Add and change, without reading: %(what)s") % what)
    return Line(word, gettext("Read: %(what)s") % what)


def _what(scope: SmartScope) -> str:
    kind = (
        str(_KINDS[scope.type])
        if scope.type in _KINDS
        else gettext("records of the kind %(kind)s") % {"kind": scope.type}
    )
    if not scope.query:
        return kind
    codes = [value.rpartition("|")[2] for name, value in scope.query]
    if len(scope.query) == 1 and scope.query[0][0] == "category" and codes[0] in _CATEGORIES:
        return str(_CATEGORIES[codes[0]])
    return gettext("%(kind)s, only those marked %(codes)s") % {"kind": kind, "codes": ", ".join(codes)}
