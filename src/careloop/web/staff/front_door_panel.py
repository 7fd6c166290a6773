"""A panel by CSV: sent up, its columns named, looked through without writing anything, then taken in parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from careloop.actions.import_panel import Finding, Report, import_panel
from careloop.actions.keep_panel import data_of, drop_panel, kept_panel, name_columns, note_progress, send_up
from careloop.actions.panel_file import (
    FIELDS,
    FULL_NAME,
    MOST_BYTES,
    BadPanel,
    Panel,
    mapping_problem,
    read_panel,
)
from careloop.library import load
from careloop.projections.people import PersonBrief, briefs
from careloop.store.drafts import Draft
from careloop.web.staff import register_fields, toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.file_columns import columns_of, mapped_of
from careloop.web.staff.front_door_enroll import language
from careloop.web.staff.reader import now_of, open_record, scope_of
from careloop.web.staff.register import site_chosen, sites_of
from careloop.web.staff.review_match import in_parts

# Rows taken in one request: about a second of work.
PART = 200
SHOWN = 100


@dataclass(frozen=True, repr=False)
class Fault:
    """person: whom the row looks like, when the reader may see her."""

    finding: Finding
    field: str
    sentence: str
    person: PersonBrief | None


@staff_page
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    sites = sites_of(request)
    if request.method == "GET":
        return _upload(request, sites, "")
    sent = request.FILES.get("file")
    if sent is None:
        return _upload(request, sites, gettext("Choose a file."))
    program = request.POST.get("program", "")
    try:
        draft = send_up(
            scope_of(request),
            sent.read(MOST_BYTES + 1),
            now_of(request),
            name=str(sent.name or ""),
            site=site_chosen(request, sites),
            program=program if program in load().programs else "",
        )
    except BadPanel as bad:
        return _upload(request, sites, sentence_of(bad))
    return HttpResponseRedirect(f"/front-door/panel/{draft.id}")


def _upload(request: HttpRequest, sites: list[tuple[str, str]], problem: str) -> HttpResponse:
    context = {
        "sites": sites,
        "problem": problem,
        "errors": [("field-file", problem)] if problem else [],
        "programs": _programs(),
        "typed": request.POST.dict(),
        "fields": [(name, words) for name, words in _field_words().items()],
    }
    return render(request, "staff/front_door_panel.html", context, status=422 if problem else 200)


def _programs() -> list[tuple[str, str]]:
    return [(code, each.title.get(language())) for code, each in sorted(load().programs.items())]


def _field_words() -> dict[str, str]:
    words = {
        FULL_NAME: gettext("Whole name"),
        **{name: str(label) for name, label in register_fields.LABELS.items()},
    }
    return {name: words[name] for name in FIELDS}


# --- a panel that was sent up


def _kept(request: HttpRequest, id: int) -> Draft:
    with open_record(request) as unit:
        return kept_panel(unit, id)


@staff_page
@require_http_methods(["GET", "POST"])
def panel(request: HttpRequest, id: int) -> HttpResponse:
    """GET: the columns and a dry run. POST: other columns, and the dry run again."""
    draft = _kept(request, id)
    data = data_of(draft)
    if request.method == "POST":
        mapped = mapped_of(request, read_panel(data), FIELDS)
        name_columns(scope_of(request), id, mapped, now_of(request))
        return HttpResponseRedirect(f"/front-door/panel/{id}#result")
    if draft.answers["done"]:
        return _progress(request, draft, read_panel(data))
    mapped = draft.answers["mapped"]
    problem = mapping_problem(mapped)
    report = None if problem else _run(request, draft, is_dry=True)
    return _shown(request, draft, read_panel(data), report, gettext(problem) if problem else "")


def _run(
    request: HttpRequest, draft: Draft, *, is_dry: bool, first: int = 0, most: int | None = None
) -> Report:
    answers = draft.answers
    return import_panel(
        scope_of(request),
        data_of(draft),
        site=answers["site"],
        now=now_of(request),
        mapped=answers["mapped"],
        dry_run=is_dry,
        program=answers["program"],
        library=load(),
        first=first,
        most=most,
    )


def _shown(
    request: HttpRequest, draft: Draft, found: Panel, report: Report | None, problem: str
) -> HttpResponse:
    context = {
        "draft": draft.id,
        "name": draft.answers["name"],
        "panel": found,
        "rows": len(found.rows),
        "columns": columns_of(found, draft.answers["mapped"]),
        "fields": list(_field_words().items()),
        "problem": problem,
        "errors": [("columns", problem)] if problem else [],
        "report": report,
        "counts": _counts(report.counts) if report else [],
        "faults": _faults(request, report.findings[:SHOWN]) if report else [],
        "hidden": max(0, len(report.findings) - SHOWN) if report else 0,
        "taking": report.counts.get("new", 0) if report else 0,
        "moving": bool(draft.answers["program"]) and bool(report and report.counts.get("known")),
        "site": dict(sites_of(request)).get(draft.answers["site"], ""),
        "program": dict(_programs()).get(draft.answers["program"], ""),
        "separator": _separator(found),
    }
    return render(request, "staff/front_door_panel_look.html", context, status=422 if problem else 200)


def _separator(found: Panel) -> str:
    return {
        "comma": gettext("commas"),
        "semicolon": gettext("semicolons"),
        "tab": gettext("tabs"),
        "bar": gettext("bars"),
    }[found.delimiter_name]


def _counts(counts: Mapping[Any, int]) -> list[tuple[str, str, int]]:
    words = (
        ("new", gettext("new")),
        ("known", gettext("known already; nothing about them changes")),
        ("twice", gettext("twice in the file; the first row counts")),
        ("unsure", gettext("look like somebody we know; add them by hand")),
        ("error", gettext("with a fault; left out")),
    )
    return [(key, said, counts.get(key, 0)) for key, said in words]


def _faults(request: HttpRequest, findings: list[Finding]) -> list[Fault]:
    with open_record(request) as unit:
        rids = {each.person: unit.rid_of(each.person) for each in findings if each.person}
        known = briefs(unit, {rid for rid in rids.values() if rid})
    labels = _field_words()
    return [
        Fault(
            each,
            labels.get(each.field, ""),
            gettext("The same person stands in row %(row)d.") % {"row": each.other_row}
            if each.outcome == "twice"
            else in_parts(each.sentence),
            known.get(rids.get(each.person) or 0),
        )
        for each in findings
    ]


@staff_page
@require_POST
def apply(request: HttpRequest, id: int) -> HttpResponse:
    """Takes the next part. Begun twice, or broken off, it doubles nothing."""
    draft = _kept(request, id)
    first = int(draft.answers["done"])
    report = _run(request, draft, is_dry=False, first=first, most=PART)
    counts = note_progress(scope_of(request), id, report, now_of(request))
    if report.done >= len(report.panel.rows):
        return _finished(request, counts)
    return HttpResponseRedirect(f"/front-door/panel/{id}")


def _progress(request: HttpRequest, draft: Draft, found: Panel) -> HttpResponse:
    context = {
        "draft": draft.id,
        "name": draft.answers["name"],
        "done": draft.answers["done"],
        "rows": len(found.rows),
        "counts": _counts(draft.answers["counts"]),
    }
    return render(request, "staff/front_door_panel_taking.html", context)


def _finished(request: HttpRequest, counts: Mapping[str, int]) -> HttpResponse:
    said = gettext("%(new)d people added, %(known)d known already, %(left)d left out.") % {
        "new": counts.get("new", 0),
        "known": counts.get("known", 0),
        "left": counts.get("twice", 0) + counts.get("unsure", 0) + counts.get("error", 0),
    }
    toasts.say(request, said)
    if getattr(request, "htmx", False):
        return HttpResponse(headers={"HX-Redirect": "/front-door"})
    return HttpResponseRedirect("/front-door")


@staff_page
@require_POST
def drop(request: HttpRequest, id: int) -> HttpResponse:
    """Not this file: forgotten, nothing was taken from it."""
    drop_panel(scope_of(request), id, now_of(request))
    return HttpResponseRedirect("/front-door/panel")


urlpatterns = [
    path("front-door/panel", upload, name="panel"),
    path("front-door/panel/<int:id>", panel, name="panel-look"),
    path("front-door/panel/<int:id>/apply", apply, name="panel-apply"),
    path("front-door/panel/<int:id>/drop", drop, name="panel-drop"),
]
