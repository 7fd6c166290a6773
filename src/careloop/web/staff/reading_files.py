"""Readings from a file: sent up, its columns named, looked through without writing anything, then taken in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop import library
from careloop.actions.import_readings import (
    Report,
    drop_file,
    kept_file,
    look_through,
    name_columns,
    panel_of,
    send_up,
    take_part,
)
from careloop.actions.panel_file import MOST_BYTES, BadPanel, Panel
from careloop.actions.reading_file import FIELDS, KIND, PERSON, SECOND, mapping_problem
from careloop.kernel.escaping import csv_line
from careloop.projections.card import card
from careloop.projections.people import zone_of
from careloop.store.drafts import Draft
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.file_columns import columns_of, mapped_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.reading_words import said

# Readings taken in one request: about a second of work.
PART: Final = 200
SHOWN: Final = 100


@staff_page
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, person: str = "") -> HttpResponse:
    if request.method == "GET":
        return _upload(request, person, "")
    sent = request.FILES.get("file")
    if sent is None:
        return _upload(request, person, gettext("Choose a file."))
    try:
        draft = send_up(
            scope_of(request),
            sent.read(MOST_BYTES + 1),
            person,
            library.load(),
            now_of(request),
            name=str(sent.name or ""),
            zone=_zone(request, person),
        )
    except BadPanel as bad:
        return _upload(request, person, sentence_of(bad))
    return HttpResponseRedirect(f"/readings/file/{draft.id}")


def _zone(request: HttpRequest, person: str) -> str:
    """Hours in the file are those of where the person lives; of many people, those of the reader."""
    if person:
        with open_record(request) as unit:
            if found := zone_of(unit, unit.read("Patient", person).rid):
                return found
    return str(zone_of_reader(request))


def _upload(request: HttpRequest, person: str, problem: str) -> HttpResponse:
    with open_record(request) as unit:
        shown = card(unit, person) if person else None
    context = {
        "card": shown,
        "person": person,
        "problem": problem,
        "errors": [("field-file", problem)] if problem else [],
        "fields": [words for _, words in field_words()],
    }
    return render(request, "staff/reading_file.html", context, status=422 if problem else 200)


def field_words() -> list[tuple[str, str]]:
    """What a column may be, in the order of the choice."""
    words = {
        PERSON: gettext("Record number"),
        "date": gettext("Day, or day and hour"),
        "time": gettext("Hour"),
        "kind": gettext("What was measured"),
        "value": gettext("Number"),
        "second": gettext("Second number"),
        "unit": gettext("Unit"),
        "device": gettext("Device"),
        "note": gettext("Note"),
    }
    found = [(name, words[name]) for name in FIELDS]
    for kind in library.load().readings.values():
        found.append((f"{KIND}{kind.id}", said(kind.name)))
        if kind.second:
            found.append((f"{SECOND}{kind.id}", f"{said(kind.name)}: {said(kind.second.name)}"))
    return found


@staff_page
@require_http_methods(["GET", "POST"])
def look(request: HttpRequest, id: int) -> HttpResponse:
    """GET: the columns and what would happen. POST: other columns."""
    draft = _kept(request, id)
    panel = panel_of(draft)
    if request.method == "POST":
        mapped = mapped_of(request, panel, {name for name, _ in field_words()})
        name_columns(scope_of(request), id, mapped, now_of(request))
        return HttpResponseRedirect(f"/readings/file/{id}#result")
    problem = mapping_problem(draft.answers["mapped"], needs_person=not draft.answers["person"])
    report = None
    if not problem and not draft.answers["done"] and not draft.answers["is_over"]:
        report = look_through(scope_of(request), draft, library.load(), now_of(request))
    return _shown(request, draft, panel, report, gettext(problem) if problem else "")


def _kept(request: HttpRequest, id: int) -> Draft:
    with open_record(request) as unit:
        return kept_file(unit, id)


def _shown(
    request: HttpRequest, draft: Draft, panel: Panel, report: Report | None, problem: str
) -> HttpResponse:
    answers = draft.answers
    faults = [(f.row, f.column, gettext(f.sentence)) for f in report.faults] if report else []
    if not report:
        faults = [(row, column, gettext(sentence)) for row, column, sentence in answers["faults"]]
    with open_record(request) as unit:
        shown = card(unit, answers["person"]) if answers["person"] else None
    context = {
        "card": shown,
        "person": answers["person"],
        "draft": draft.id,
        "name": answers["name"],
        "rows": len(panel.rows),
        "zone": answers["zone"],
        "columns": columns_of(panel, answers["mapped"]),
        "fields": field_words(),
        "problem": problem,
        "errors": [("columns", problem)] if problem else [],
        "report": report,
        "counts": counts_in_words(report.counts if report else answers["counts"]),
        "taking": report.counts["new"] if report else 0,
        "faults": faults[:SHOWN],
        "hidden": max(0, len(faults) - SHOWN),
        "is_over": answers["is_over"],
        "done": answers["done"],
    }
    return render(request, "staff/reading_file_look.html", context, status=422 if problem else 200)


def counts_in_words(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    words = (
        ("new", gettext("new readings")),
        ("known", gettext("taken before; they stay one")),
        ("doubtful", gettext("of the new ones can’t be believed: kept, marked, and asked about")),
        ("error", gettext("that can’t be read; listed below with their row")),
    )
    return [(said_, counts.get(key, 0)) for key, said_ in words if counts.get(key, 0)]


@staff_page
@require_POST
def apply(request: HttpRequest, id: int) -> HttpResponse:
    """Takes the next part."""
    draft = _kept(request, id)
    report = take_part(scope_of(request), draft, library.load(), now_of(request), PART)
    if report.done >= report.total:
        toasts.say(request, gettext("The file is taken."))
    return HttpResponseRedirect(f"/readings/file/{id}")


@staff_page
@require_GET
def faults(request: HttpRequest, id: int) -> HttpResponse:
    """The rows that could not be read, as they stand in the file, with why: to mend and send again."""
    draft = _kept(request, id)
    panel = panel_of(draft)
    found = [(row, sentence) for row, _, sentence in draft.answers["faults"]]
    if not found and not draft.answers["done"]:
        report = look_through(scope_of(request), draft, library.load(), now_of(request))
        found = [(fault.row, fault.sentence) for fault in report.faults]
    why: dict[int, list[str]] = {}
    for row, sentence in found:
        why.setdefault(row, []).append(gettext(sentence))
    lines = [csv_line([*panel.columns, gettext("Why not")])]
    lines += [csv_line([*cells, "; ".join(why[row])]) for row, cells in panel.rows if row in why]
    response = HttpResponse("\ufeff" + "".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="readings-not-taken.csv"'
    return response


@staff_page
@require_POST
def drop(request: HttpRequest, id: int) -> HttpResponse:
    """Not this file: forgotten; what was taken from it stays."""
    person = _kept(request, id).answers["person"]
    drop_file(scope_of(request), id, now_of(request))
    return HttpResponseRedirect(f"/people/{person}/readings" if person else "/readings/file")


urlpatterns = [
    path("readings/file", upload, name="readings-file"),
    path("people/<str:person>/readings/file", upload, name="person-readings-file"),
    path("readings/file/<int:id>", look, name="readings-file-look"),
    path("readings/file/<int:id>/apply", apply, name="readings-file-apply"),
    path("readings/file/<int:id>/not-taken.csv", faults, name="readings-file-faults"),
    path("readings/file/<int:id>/drop", drop, name="readings-file-drop"),
]
