"""Suspected abuse of a child, an elder or a dependent adult: whom to call in this state, how fast, and what has to be
written down. Pure; the facts are content/rules/abuse-reporting.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError
from careloop.library import Rule, Words

RULE: Final = "abuse-reporting"
KINDS: Final[dict[str, str]] = {
    "child": "A child",
    "elder": "An older person",
    "adult": "An adult who can’t look after themselves",
}


class ReportIncomplete(CareError):
    """Write down whom you called, when, and the reference number they gave, or that they gave none."""

    code, status, issue_type = "report-incomplete", 422, "required"


@dataclass(frozen=True)
class Line:
    """A number to call. is_verified: read where the agency publishes it; else it is checked before it is used."""

    name: str
    number: str
    source: str
    is_verified: bool


@dataclass(frozen=True)
class Steps:
    """state: two letters, empty when no address tells it. lines: the state's own first. who: who must report.
    hours: within which the house reports. law_hours: the state's own limit, None where none is on file."""

    kind: str
    state: str
    lines: tuple[Line, ...]
    who: Words | None
    who_source: str
    is_who_verified: bool
    hours: int
    law_hours: int | None
    law_source: str
    is_law_verified: bool
    partner: Line


def steps(rule: Rule, kind: str, state: str) -> Steps:
    """What is known for this state; the national line is always there. kind: of KINDS."""
    national: Mapping[str, Any] = rule.values["national"]
    house: Mapping[str, Any] = rule.values["house"]
    told: Mapping[str, Any] = rule.values["states"].get(state, {})
    lines = [_line(told[kind])] if kind in told else []
    who, limit = told.get("who"), told.get("hours", {})
    return Steps(
        kind=kind,
        state=state,
        lines=(*lines, _line(national[kind])),
        who=Words(who["text"]["en"], who["text"]["es"]) if who else None,
        who_source=str(who["source"]) if who else "",
        is_who_verified=bool(who and who["verified"]),
        hours=int(house["hours"]),
        law_hours=int(limit[kind]) if kind in limit else None,
        law_source=str(limit["source"]) if kind in limit else "",
        is_law_verified=bool(kind in limit and limit["verified"]),
        partner=_line(national["partner"]),
    )


def _line(told: Mapping[str, Any]) -> Line:
    return Line(str(told["name"]), str(told["number"]), str(told["source"]), bool(told["verified"]))


def state_of(patient: Mapping[str, Any]) -> str:
    """Two letters of the address in use; empty when none tells."""
    for address in patient.get("address", ()):
        state = str(address.get("state", "")).strip().upper()
        if address.get("use") != "old" and len(state) == 2:
            return state
    return ""


@dataclass(frozen=True, repr=False)
class Report:
    """kind: of KINDS. agency: whom she called. reference: theirs; empty with has_none. called_at: aware. who: who took
    it. words: what was seen and said, in the words of whoever reports."""

    kind: str
    agency: str
    called_at: datetime | None
    who: str = ""
    reference: str = ""
    has_none: bool = False
    words: str = ""

    def __repr__(self) -> str:
        return f"Report({self.kind})"


def check(report: Report, now: datetime) -> None:
    """Raises ReportIncomplete."""
    has_number = bool(report.reference.strip()) != report.has_none
    is_past = report.called_at is not None and report.called_at <= now + timedelta(minutes=5)
    if report.kind not in KINDS or not report.agency.strip() or not report.words.strip():
        raise ReportIncomplete
    if not has_number or not is_past:
        raise ReportIncomplete


def follow_up_at(rule: Rule, called_at: datetime) -> datetime:
    """When somebody asks the agency what became of it."""
    return called_at + timedelta(days=int(rule.values["house"]["follow_up_days"]))


def to_communication(report: Report, patient: str, label: Resource) -> Resource:
    """A Communication to the agency, restricted by its label. Its words are neutral but for the payload."""
    called = report.called_at
    assert called is not None
    found: Resource = {
        "resourceType": "Communication",
        "meta": {"security": [label]},
        "status": "completed",
        "category": [{"coding": [{"system": "urn:careloop:code:communication", "code": "report-to-agency"}]}],
        "medium": [{"coding": [{"system": _MODE, "code": "PHONE"}]}],
        "subject": {"reference": patient},
        "topic": {"text": "Report made by phone"},
        "recipient": [{"display": report.agency.strip()[:200]}],
        "sent": called.isoformat(timespec="seconds"),
        "payload": [{"contentString": report.words.strip()[:5_000]}],
        "note": [{"text": text} for text in _notes(report)],
    }
    if report.reference.strip():
        number = report.reference.strip()[:100]
        found["identifier"] = [{"system": "urn:careloop:id:agency-report", "value": number}]
    return found


def _notes(report: Report) -> list[str]:
    about = f"About: {KINDS[report.kind].lower()}."
    taken = f"Taken by: {report.who.strip()[:200]}." if report.who.strip() else ""
    return [
        text for text in (about, taken, "They gave no reference number." if report.has_none else "") if text
    ]


_MODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
