"""A report to the state's agency was made by phone: kept under the violence label, with its number, and followed up."""

from __future__ import annotations

from datetime import datetime

from careloop.access import Scope
from careloop.actions import record, working
from careloop.actions.heed_safe_contact import LABEL, ask_in_private
from careloop.care import abuse
from careloop.care.abuse import Report
from careloop.fhir.elements import fhir_instant
from careloop.library import Library
from careloop.store import Stored

BECAUSE = "A report was made. Ask the agency what became of it, and look after the person."


def report_abuse(scope: Scope, person: str, report: Report, library: Library, now: datetime) -> Stored:
    """person: Patient id. The same call written down twice (agency, hour) stands once. Raises ReportIncomplete,
    NotFound, NoPractitioner."""
    abuse.check(report, now)
    rule = library.rule(abuse.RULE, now.date())
    with record.begin(scope, now) as unit:
        patient = unit.read("Patient", person)
        me = working.me(unit)
        assert report.called_at is not None
        made = abuse.to_communication(report, patient.reference, LABEL) | {"sender": me}
        key = f"report:{patient.id}:{report.kind}:{fhir_instant(report.called_at)}"
        stored = unit.match_one(
            "Communication", [("identifier", f"urn:careloop:id:dedupe|{key.replace('|', '')}")]
        )
        if stored is not None:
            return stored
        mark = {"system": "urn:careloop:id:dedupe", "value": key}
        stored = unit.create({**made, "identifier": [*made.get("identifier", ()), mark]})
        due = abuse.follow_up_at(rule, report.called_at)
        ask_in_private(unit, patient, BECAUSE, f"{key}:follow", (stored.reference,), due=due)
        return stored
