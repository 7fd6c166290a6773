"""Add a person, and put right how to reach her."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from careloop.actions.register_person import Alike, LooksLike, authority_of, register_person
from careloop.actions.update_person import update_person
from careloop.care.register import NotAPerson, Told, told_of
from careloop.fhir.elements import text_of
from careloop.kernel.errors import CareError, NotFound, StaleVersion
from careloop.projections.card import card
from careloop.projections.people import PersonBrief, briefs, names
from careloop.store import Stored, Unit
from careloop.web.staff import register_fields, toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import version_of
from careloop.web.staff.reader import now_of, open_record, scope_of


class NoSite(CareError):
    """Your account belongs to no site, so that nobody can be added. Ask your supervisor."""

    code, status = "no-site", 403


@dataclass(frozen=True, repr=False)
class Likeness:
    """Somebody we know, and what speaks for being the same."""

    person: PersonBrief
    because: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Likeness({self.person!r})"


def sites_of(request: HttpRequest) -> list[tuple[str, str]]:
    """(Organization id, name) of the reader's sites. Raises NoSite."""
    mine = [str(each) for each in getattr(request.user, "sites", ())]
    if not mine:
        raise NoSite
    with open_record(request) as unit:
        called = names(unit, [f"Organization/{each}" for each in mine])
    return [(each, called.get(f"Organization/{each}", each)) for each in mine]


def site_chosen(request: HttpRequest, sites: Sequence[tuple[str, str]]) -> str:
    """Never one that is not hers."""
    wanted = request.POST.get("site", "")
    return wanted if wanted in {id for id, _ in sites} else sites[0][0]


def told_in(request: HttpRequest) -> Told:
    return Told.of({name: request.POST[name] for name in Told.__dataclass_fields__ if name in request.POST})


def likenesses(request: HttpRequest, alike: Sequence[Alike]) -> list[Likeness]:
    with open_record(request) as unit:
        known = briefs(unit, [each.person.rid for each in alike])
    return [
        Likeness(known[each.person.rid], tuple(gettext(text) for text in each.because))
        for each in alike
        if each.person.rid in known
    ]


def another_than(request: HttpRequest) -> tuple[str, ...]:
    return tuple(part for part in request.POST.get("another", "").split(",") if part)


# --- add


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    sites = sites_of(request)
    if request.method == "GET":
        return _form(request, {"leads": "1"}, sites)
    site, told = site_chosen(request, sites), told_in(request)
    try:
        made = register_person(
            scope_of(request),
            told,
            site,
            now_of(request),
            another_than=another_than(request),
            leads="leads" in request.POST,
        )
    except NotAPerson as wrong:
        return _form(request, request.POST.dict(), sites, problems=wrong.problems)
    except LooksLike as looks:
        return _form(request, request.POST.dict(), sites, alike=likenesses(request, looks.alike))
    toasts.say(request, gettext("Added."))
    onward = "enroll" if request.POST.get("then") == "enroll" else "story"
    return HttpResponseRedirect(f"/people/{made.id}/{onward}")


def _form(
    request: HttpRequest,
    typed: dict[str, Any],
    sites: Sequence[tuple[str, str]],
    *,
    problems: dict[str, str] | None = None,
    alike: Sequence[Likeness] = (),
) -> HttpResponse:
    groups = register_fields.groups(typed, problems or {})
    context = {
        "groups": groups,
        "errors": register_fields.summary(problems or {}, groups),
        "typed": typed,
        "sites": sites,
        "alike": alike,
        "another": ",".join(each.person.id for each in alike),
    }
    status = 422 if problems else 409 if alike else 200
    return render(request, "staff/register.html", context, status=status)


# --- put right


@staff_page
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "GET":
        return _edit(request, person)
    try:
        update_person(
            scope_of(request),
            person,
            told_in(request),
            now_of(request),
            version=version_of(request),
            add_flags=request.POST.get("new_flags", "").splitlines(),
            end_flags=request.POST.getlist("end_flag"),
        )
    except NotAPerson as wrong:
        return _edit(request, person, typed=request.POST.dict(), problems=wrong.problems)
    except StaleVersion:
        return _edit(request, person, typed=request.POST.dict(), is_stale=True)
    toasts.say(request, gettext("Saved."))
    return HttpResponseRedirect(_back(request, person))


def _back(request: HttpRequest, person: str) -> str:
    """Where she came from, a decision that waits for this address for instance; else the person's page."""
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return f"/people/{person}/story"


def _edit(
    request: HttpRequest,
    person: str,
    *,
    typed: dict[str, Any] | None = None,
    problems: dict[str, str] | None = None,
    is_stale: bool = False,
) -> HttpResponse:
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        told = _told(unit, patient)
        changes = _changes(unit, patient, told, version_of(request)) if is_stale else ()
        flags = _flags(unit, patient)
        beside = card(unit, person)
    groups = register_fields.groups(typed if typed is not None else asdict(told), problems or {})
    context = {
        "card": beside,
        "person": person,
        "version": request.POST.get("version") if problems else patient.version,
        "groups": groups,
        "errors": register_fields.summary(problems or {}, groups),
        "typed": typed or {},
        "ended": request.POST.getlist("end_flag"),
        "flags": flags,
        "changes": changes,
        "is_stale": is_stale,
        "next": _back(request, person),
    }
    return render(
        request, "staff/register_edit.html", context, status=422 if problems else 412 if is_stale else 200
    )


def _told(unit: Unit, patient: Stored) -> Told:
    site = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
    return told_of(patient.resource, authority_of(unit, site.removeprefix("Organization/")))


def _changes(unit: Unit, patient: Stored, told: Told, version: int | None) -> tuple[str, ...]:
    try:
        seen = unit.read_version("Patient", patient.id, version) if version else None
    except NotFound:
        seen = None
    return register_fields.differences(_told(unit, seen), told) if seen else ()


def _flags(unit: Unit, patient: Stored) -> list[tuple[str, str]]:
    return [
        (flag.id, text_of(flag.resource.get("code")))
        for flag in unit.of_person(patient.rid, ["Flag"])
        if flag.resource.get("status") == "active"
    ]


urlpatterns = [
    path("people/new", new, name="new-person"),
    path("people/<str:person>/edit", edit, name="edit-person"),
]
