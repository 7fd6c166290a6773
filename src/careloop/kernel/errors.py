"""One family of errors: a stable code, an HTTP status, and a docstring that is the sentence a person reads.

Only the edges translate them: to an OperationOutcome (api), an HL7 acknowledgment (connect), or a page (web).
"""

from __future__ import annotations

from typing import Any, ClassVar


class CareError(Exception):
    """Something went wrong. Nothing was changed."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    # FHIR IssueType (http://hl7.org/fhir/R4/valueset-issue-type.html)
    issue_type: ClassVar[str] = "processing"

    def __init__(self, detail: str = "", **fields: Any) -> None:
        self.detail = detail
        self.fields = fields
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What a person reads: the class's docstring (its first line), then the detail."""
        first = (type(self).__doc__ or CareError.__doc__ or "").strip().splitlines()[0]
        return f"{first} {self.detail}".strip()


class NotFound(CareError):
    """There is nothing here under this address, or you may not see it."""

    code, status, issue_type = "not-found", 404, "not-found"


class Gone(CareError):
    """This record was deleted; its history is kept."""

    code, status, issue_type = "gone", 410, "deleted"


class Forbidden(CareError):
    """You may not do this."""

    code, status, issue_type = "forbidden", 403, "forbidden"


class Unauthenticated(CareError):
    """Please sign in first."""

    code, status, issue_type = "unauthenticated", 401, "login"


class Conflict(CareError):
    """Someone changed this after you opened it. Nothing of yours was saved over theirs."""

    code, status, issue_type = "conflict", 409, "conflict"


class StaleVersion(Conflict):
    """Someone changed this after you opened it. Look at the newer version, then try again."""

    code, status = "stale-version", 412


class VersionRequired(CareError):
    """Say which version you are changing (If-Match), so that nobody's change is lost."""

    code, status, issue_type = "version-required", 428, "required"


class Unprocessable(CareError):
    """The content was understood but can't be accepted."""

    code, status, issue_type = "unprocessable", 422, "invalid"


class Unavailable(CareError):
    """The record can't be reached just now. Nothing was lost; please try again."""

    code, status, issue_type = "unavailable", 503, "transient"


class UnknownZone(CareError):
    """We can't tell the time zone, and we never guess one."""

    code, status, issue_type = "unknown-zone", 422, "required"
