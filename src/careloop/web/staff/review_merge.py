"""Two records side by side: which one stays, what moves, what speaks against it; and taking joined records apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions import joining
from careloop.actions.merge_people import changeable, doubts_between, merge_people
from careloop.actions.unmerge_people import give_to_other, unmerge_people, written_meanwhile
from careloop.actions.working import ReasonMissing
from careloop.care import merge as merging
from careloop.fhir.elements import name_of
from careloop.kernel.errors import CareError, NotFound, StaleVersion
from careloop.projections import finder, identity
from careloop.projections.card import card
from careloop.projections.joined import counts
from careloop.projections.moments import moments
from careloop.projections.people import briefs
from careloop.store import Stored, Unit, merges
from careloop.web import formats
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.review_match import compared, in_parts

MOST = 8
LONGEST = 200
LOOKED_FOR = "merge-with"


@dataclass(frozen=True, repr=False)
class Count:
    """What there is of one kind in each of the two records."""

    name: str
    first: int
    second: int


@dataclass(frozen=True, repr=False)
class Since:
    """Something that was written while two records were one. is_likely: it speaks of what went back."""

    reference: str
    title: str
    at: str
    is_likely: bool


def kind_names() -> dict[str, str]:
    return {
        "Encounter": gettext("Contacts and stays"),
        "Task": gettext("To-dos"),
        "CarePlan": gettext("Plans"),
        "Goal": gettext("Goals"),
        "Condition": gettext("Needs and conditions"),
        "QuestionnaireResponse": gettext("Assessments"),
        "Observation": gettext("Results and answers"),
        "MedicationRequest": gettext("Medicines"),
        "AllergyIntolerance": gettext("Allergies"),
        "ServiceRequest": gettext("Referrals"),
        "DocumentReference": gettext("Notes and documents"),
        "Communication": gettext("Messages"),
        "EpisodeOfCare": gettext("Programs"),
        "Consent": gettext("Consents"),
        "Coverage": gettext("Coverage"),
        "RelatedPerson": gettext("Family and helpers"),
        "CareTeam": gettext("Care teams"),
        "Flag": gettext("Flags"),
    }


# --- whom it could be


@staff_page
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, person: str) -> HttpResponse:
    """Who looks like this person, and anybody else whom the reader looks for. The words wait in the session."""
    if request.method == "POST":
        request.session[LOOKED_FOR] = {"id": person, "who": request.POST.get("who", "").strip()[:LONGEST]}
        return HttpResponseRedirect(f"/people/{person}/merge")
    kept = request.session.get(LOOKED_FOR) or {}
    who = str(kept.get("who", "")) if kept.get("id") == person else ""
    with open_record(request) as unit:
        patient = changeable(unit, person)
        beside = card(unit, person)
        alike = [each.rid for each in identity.look_alikes(unit, patient.resource) if each.rid != patient.rid]
        found = (
            [one.person for one in finder.find(unit, who, MOST) if one.person != patient.rid] if who else []
        )
        known = briefs(unit, [*alike[:MOST], *found])
    context = {
        "card": beside,
        "person": person,
        "who": who,
        "alike": [known[rid] for rid in alike[:MOST] if rid in known],
        "found": [known[rid] for rid in found if rid in known and rid not in alike],
    }
    return render(request, "staff/merge_choose.html", context)


# --- the two of them


@staff_page
@require_http_methods(["GET", "POST"])
def side_by_side(request: HttpRequest, person: str, other: str) -> HttpResponse:
    if request.method == "GET":
        return _beside(request, person, other, Sheet({"stays": person, "task": request.GET.get("task", "")}))
    posted = request.POST
    stays = posted.get("stays", "")
    if stays not in (person, other):
        sheet = Sheet(posted.dict(), {"stays": gettext("Choose which record stays.")})
        return _beside(request, person, other, sheet)
    goes = other if stays == person else person
    try:
        joined = merge_people(
            scope_of(request),
            stays,
            goes,
            now_of(request),
            reason=posted.get("reason", ""),
            versions=(_number(posted, f"version-{stays}"), _number(posted, f"version-{goes}")),
            is_confirmed=posted.get("is_confirmed") == "1",
            task=posted.get("task") or None,
        )
    except StaleVersion:
        notice = gettext("Someone changed one of the two while you had them open. Compare them again.")
        return _beside(request, person, other, Sheet(posted.dict(), notice=notice))
    except ReasonMissing as missing:
        return _beside(request, person, other, Sheet(posted.dict(), {"reason": sentence_of(missing)}))
    except merging.MergeInDoubt as doubt:
        return _beside(request, person, other, Sheet(posted.dict(), {"is_confirmed": sentence_of(doubt)}))
    except CareError as refused:
        if refused.status not in (409, 422):
            raise
        return _beside(request, person, other, Sheet(posted.dict(), {"stays": sentence_of(refused)}))
    toasts.say(request, gettext("The two records are one now. You can take them apart from the story."))
    return HttpResponseRedirect(f"/people/{joined.survivor}/story")


def _number(posted: Any, name: str) -> int:
    text = posted.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _beside(request: HttpRequest, person: str, other: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        one, two = changeable(unit, person), changeable(unit, other)
        known = briefs(unit, [one.rid, two.rid])
        sides = joining.side(unit, one), joining.side(unit, two)
        context = {
            "card": card(unit, person),
            "comparison": compared(unit, one.resource, [two.reference]),
            "people": [(known[each.rid], each.version, each.at) for each in (one, two)],
            "counts": _counts(unit, one, two),
            "conflicts": [gettext(each) for each in merging.conflicts(*sides)],
            "doubts": [gettext(each) for each in doubts_between(one, two)],
        }
    context |= {
        "sheet": sheet,
        "person": person,
        "other": other,
        "address": f"/people/{person}/merge/{other}",
        "refused": _refusal(*sides),
    }
    return render(request, "staff/merge.html", context, status=sheet.status)


def _refusal(one: merging.Side, two: merging.Side) -> str:
    """What no confirming helps against, told before she fills in anything."""
    try:
        merging.refuse(one, two)
    except CareError as refused:
        return sentence_of(refused)
    return ""


def _counts(unit: Unit, one: Stored, two: Stored) -> list[Count]:
    first, second = counts(unit, one.rid), counts(unit, two.rid)
    return [
        Count(name, first.get(kind, 0), second.get(kind, 0))
        for kind, name in kind_names().items()
        if kind in first or kind in second
    ]


# --- a merge that was


@staff_page
@require_GET
def told(request: HttpRequest, provenance: str) -> HttpResponse:
    """From the story, which knows only what tells of it."""
    with open_record(request) as unit:
        stored = unit.read("Provenance", provenance)
        found = merges.of_provenance(unit, stored.rid)
        if found is None:
            found = _last_of(unit, stored)
    return HttpResponseRedirect(f"/merges/{found.id}")


def _last_of(unit: Unit, stored: Stored) -> merges.Merge:
    """Of a Provenance that tells of taking apart: the merge that was. Raises NotFound."""
    gone = next(
        (str((e.get("what") or {}).get("reference", "")) for e in stored.resource.get("entity", ())), ""
    )
    rid = unit.rid_of(gone)
    found = merges.last_between(unit, stored.person, rid) if rid is not None else None
    if found is None:
        raise NotFound
    return found


@staff_page
@require_http_methods(["GET", "POST"])
def joined(request: HttpRequest, number: int) -> HttpResponse:
    """What was joined, when and by whom; taking it apart, with a reason."""
    if request.method == "GET":
        return _joined(request, number, Sheet({}))
    try:
        parted = unmerge_people(
            scope_of(request), number, now_of(request), reason=request.POST.get("reason", "")
        )
    except ReasonMissing as missing:
        return _joined(request, number, Sheet(request.POST.dict(), {"reason": sentence_of(missing)}))
    except CareError as refused:
        if refused.status not in (409, 422):
            raise
        return _joined(request, number, Sheet(request.POST.dict(), {"reason": sentence_of(refused)}))
    toasts.say(request, gettext("Two records again. Each thing is back where it was."))
    if parted.since:
        return HttpResponseRedirect(f"/merges/{number}")
    return HttpResponseRedirect(f"/people/{parted.stays}/story")


def _joined(request: HttpRequest, number: int, sheet: Sheet) -> HttpResponse:
    tz = zone_of_reader(request)
    with open_record(request) as unit:
        found = merges.get(unit, number)
        if found is None:
            raise NotFound
        stays, goes = (
            changeable(unit, unit.reference_of(rid).removeprefix("Patient/"))
            for rid in (found.survivor, found.loser)
        )
        known = briefs(unit, [stays.rid, goes.rid])
        told = unit.get([reference := unit.reference_of(found.provenance)]).get(reference)
        since = _since(unit, number, goes, tz)
        moved = len(merges.moved_by(unit, number))
        beside = card(unit, stays.id)
    context = {
        "sheet": sheet,
        "number": number,
        "merge": found,
        "card": beside,
        "stays": known[stays.rid],
        "goes": known[goes.rid],
        "moved": ngettext("%(n)d thing was moved.", "%(n)d things were moved.", moved) % {"n": moved},
        "who": _who(told),
        "why": _why(told),
        "since": since,
    }
    return render(request, "staff/merge_joined.html", context, status=sheet.status)


def _who(told: Stored | None) -> str:
    agents = told.resource.get("agent", ()) if told else ()
    return next((str((each.get("who") or {}).get("display", "")) for each in agents), "")


def _why(told: Stored | None) -> str:
    reasons = told.resource.get("reason", ()) if told else ()
    return in_parts(next((str(each.get("text", "")) for each in reasons), ""))


def _since(unit: Unit, number: int, goes: Stored, tz: Any) -> list[Since]:
    found = written_meanwhile(unit, number)
    cited = {name for each in found for name in _cites(each.resource)}
    hers = {reference for reference, stored in unit.get(cited).items() if stored.person == goes.rid}
    return [
        Since(
            each.reference,
            _title(each),
            formats.exact(each.at, tz),
            bool(hers & set(_cites(each.resource))),
        )
        for each in found
    ]


def _title(stored: Stored) -> str:
    told = moments(stored.resource, stored.at)
    if told:
        return ": ".join(filter(None, (gettext(told[0].title), told[0].detail)))
    return kind_names().get(stored.type, name_of(stored.resource) or stored.type)


def _cites(element: Any) -> Iterable[str]:
    if isinstance(element, dict):
        for key, value in element.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from _cites(value)
    elif isinstance(element, list):
        for value in element:
            yield from _cites(value)


@staff_page
@require_POST
def divide(request: HttpRequest, number: int) -> HttpResponse:
    """These are the other person's."""
    chosen: Sequence[str] = request.POST.getlist("theirs")
    given = give_to_other(scope_of(request), number, chosen, now_of(request))
    said = ngettext(
        "%(n)d thing went to the other person.", "%(n)d things went to the other person.", len(given)
    )
    toasts.say(request, said % {"n": len(given)})
    return HttpResponseRedirect(f"/merges/{number}")


urlpatterns = [
    path("people/<str:person>/merge", choose, name="merge-choose"),
    path("people/<str:person>/merge/<str:other>", side_by_side, name="merge"),
    path("merges/<int:number>", joined, name="merge-joined"),
    path("merges/<int:number>/divide", divide, name="merge-divide"),
    path("merges/told/<str:provenance>", told, name="merge-told"),
]
