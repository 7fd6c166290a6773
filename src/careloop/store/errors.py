"""What the record refuses, in words."""

from __future__ import annotations

from careloop.kernel.errors import CareError, Conflict, Unavailable


class RecordUnavailable(Unavailable):
    """The record can't be reached just now. Nothing of this was saved; please try again."""

    code = "record-unavailable"


class RecordFault(CareError):
    """Careloop stumbled over this. Nothing of it was saved; whoever looks after Careloop should know."""

    code, status, issue_type = "record-fault", 500, "exception"


class AuditUnavailable(Unavailable):
    """The audit trail can't be written, so nothing about anybody is shown or changed. Please try again."""

    code = "audit-unavailable"


class TooCostly(CareError):
    """This asks for too much at once. Narrow it down and try again."""

    code, status, issue_type = "too-costly", 400, "too-costly"


class ManyMatches(CareError):
    """More than one record fits this condition, so nothing was done."""

    code, status, issue_type = "many-matches", 412, "multiple-matches"


class AlreadyExists(Conflict):
    """Somebody made this at the same moment. Read it, then change it."""

    code, status = "already-exists", 409


class BadBundle(CareError):
    """This transaction can't be carried out as it stands. Nothing of it was saved."""

    code, status, issue_type = "bad-bundle", 400, "invalid"


class JoinedRecord(Conflict):
    """Records are joined and taken apart by a merge, not by writing a link. Nothing was changed."""

    code = "joined-record"
