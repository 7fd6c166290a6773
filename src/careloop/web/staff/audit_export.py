"""The audit trail as a file, for an auditor's own tools: CSV, or FHIR AuditEvents a line. It is written down itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from careloop.accounts.stepup import fresh
from careloop.fhir import wire
from careloop.kernel.errors import CareError
from careloop.kernel.numbers import whole_number
from careloop.projections import looks
from careloop.projections.audit_events import events, references_of
from careloop.projections.looks import Asked, Row
from careloop.projections.principals import principals
from careloop.store import Unit
from careloop.web.staff import audit_words as words
from careloop.web.staff.audit import asked_of
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record

MOST: Final = 20_000
_PAGE: Final = 500
COLUMNS: Final = (
    *(
        "id",
        "at",
        "principal",
        "who",
        "role",
        "app",
        "what",
        "action",
        "outcome",
        "door",
        "purpose",
        "people",
    ),
    *("others", "request"),
)


class TooManyRows(CareError):
    """This is more than one file takes. Choose a shorter time."""

    code, status, issue_type = "too-many-rows", 422, "too-costly"


@staff_page
@fresh
@require_POST
def audit_export(request: HttpRequest) -> HttpResponse:
    """POST, so that nobody exports by following a link. The name of the file tells nothing about anybody."""
    is_csv = request.POST.get("as") != "ndjson"
    with open_record(request) as unit:
        unit.saw((), f"audit export {'csv' if is_csv else 'ndjson'}")
        asked, _ = asked_of(request, unit)
        rows = _all(unit, replace(asked, before=None))
        body = _csv(unit, rows) if is_csv else _ndjson(unit, rows)
    kind, ending = ("text/csv", "csv") if is_csv else ("application/fhir+ndjson", "ndjson")
    response = HttpResponse(body, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{now_of(request):%Y-%m-%d}.{ending}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _all(unit: Unit, asked: Asked) -> list[Row]:
    rows: list[Row] = []
    while True:
        page = looks.page(unit, asked, _PAGE)
        rows += page.rows
        if len(rows) > MOST:
            raise TooManyRows
        if page.next is None:
            return rows
        asked = replace(asked, before=page.next)


def _ndjson(unit: Unit, rows: Sequence[Row]) -> bytes:
    return b"".join(wire.dumps(event) + b"\n" for event in events(unit, rows))


def _csv(unit: Unit, rows: Sequence[Row]) -> bytes:
    who = principals({number for row in rows for number in (row.actor, row.app)})
    references = references_of(unit, {person for row in rows for person in row.people})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        people = " ".join(references[person] for person in row.people if person in references)
        app = words.name_of(who[row.app]) if row.app is not None else ""
        cells = (
            *(
                row.id,
                row.at.isoformat(),
                row.actor,
                words.name_of(who[row.actor]),
                words.role_of(who[row.actor]),
            ),
            *(app, words.what_of(row), row.action, row.outcome, row.door, row.purpose, people, row.others),
            row.request,
        )
        writer.writerow([harmless(str(cell)) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """A spreadsheet takes no cell of ours for a formula."""
    is_number = whole_number(cell.removeprefix("-"), digits=len(cell)) is not None
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not is_number else cell


urlpatterns = [path("audit/export", audit_export, name="audit-export")]
