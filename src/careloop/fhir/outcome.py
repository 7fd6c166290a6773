"""OperationOutcome: how problems are told to a program, and to the person who reads its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from careloop.fhir.elements import Resource
from careloop.kernel.errors import CareError

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """severity, code: as FHIR names them. expression: FHIRPath of the place, empty when there is none.
    text: a sentence that says what to do."""

    severity: Severity
    code: str
    expression: str
    text: str

    def __repr__(self) -> str:
        """Without the text: it may quote what somebody wrote about a person."""
        return f"Issue({self.severity} {self.code} at {self.expression or 'no place'})"


def outcome(issues: Iterable[Issue]) -> Resource:
    """Every issue in one OperationOutcome; without any it says that all is well."""
    found = [_issue(issue) for issue in issues]
    well = {"severity": "information", "code": "informational", "details": {"text": "All is well."}}
    return {"resourceType": "OperationOutcome", "issue": found or [well]}


def from_error(error: CareError, *, request: str = "") -> Resource:
    """An error as an OperationOutcome: its own issues where it has some, else its sentence and code.

    request: the id that a person can quote to us.
    """
    issues: Iterable[Issue] = getattr(error, "issues", ())
    if not issues:
        issues = [Issue("error", error.issue_type, str(error.fields.get("expression", "")), error.sentence)]
    made = outcome(issues)
    for issue in made["issue"]:
        issue["details"]["coding"] = [{"system": "urn:careloop:code:error", "code": error.code}]
    if request:
        made["id"] = request
    return made


def _issue(issue: Issue) -> Resource:
    made: Resource = {"severity": issue.severity, "code": issue.code, "details": {"text": issue.text}}
    if issue.expression:
        made["expression"] = [issue.expression]
    return made
