"""Monitoring protocols for clinicians to read, try over everybody, and switch: what is watched, why, by whose word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_POST

from careloop.access.acts import SWITCH_PROTOCOL, may
from careloop.actions.dry_run_protocol import DAYS, DryRun, dry_run
from careloop.actions.protocols_on import On, those_on
from careloop.actions.switch_protocol import SwitchedAlready, switch_protocol, switches
from careloop.actions.working import ReasonMissing
from careloop.care.protocol_cases import fires_in_case, said_in_case
from careloop.care.protocols import number_said
from careloop.kernel.errors import NotFound
from careloop.library import Library, load
from careloop.library.protocols import DAYS as WEEK
from careloop.library.protocols import Protocol, Review
from careloop.library.reviewing import review_from
from careloop.library.rules import VERIFIED
from careloop.projections.people import PersonBrief, briefs
from careloop.store import protocol_switches
from careloop.store.protocol_switches import Switch
from careloop.web.staff import toasts
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, sentence_of
from careloop.web.staff.library_words import TONES, Sure, source_lines
from careloop.web.staff.protocol_words import ProtocolWording, days_said, paths, settling
from careloop.web.staff.reader import now_of, open_record, scope_of

# How long a page tries before it says how far it came; the command looks at everybody.
SECONDS: Final = 4.0
LISTED: Final = 50
FIELDS: Final = ("owner", "approved", "opens", "closes", "path", "after_en", "after_es")


@dataclass(frozen=True)
class Entry:
    """One protocol in the list. state: on, proposes (on without a review) or off, with its word and tone."""

    protocol: Protocol
    title: str
    about: str
    state: Sure
    sure: Sure


def _language() -> str:
    return get_language() or "en"


@staff_page
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    library, language = load(), _language()
    with open_record(request) as unit:
        on = those_on(switches(unit), library)
    entries = [
        Entry(
            each,
            each.title.get(language),
            each.about.get(language),
            _state(on.get(each.id)),
            _sure(each, language),
        )
        for each in library.protocols.values()
    ]
    return render(request, "staff/protocols.html", {"entries": entries, "on": len(on)})


def _state(on: On | None) -> Sure:
    if on is None:
        return Sure(gettext("off"), "")
    if on.review is None:
        return Sure(gettext("on, only proposes: not reviewed"), "wait")
    return Sure(gettext("on"), "done")


def _sure(protocol: Protocol, language: str) -> Sure:
    return Sure(VERIFIED[protocol.verified].get(language), TONES[protocol.verified])


@staff_page
@require_GET
def one(request: HttpRequest, protocol: str) -> HttpResponse:
    return _page(request, _known(protocol), Sheet({}))


@staff_page
@require_GET
def tried(request: HttpRequest, protocol: str) -> HttpResponse:
    """The dry run: what it would have said in the last days, of those whom the reader may see."""
    known, library = _known(protocol), load()
    found = dry_run(
        scope_of(request), protocol, library, now_of(request), days=DAYS, seconds=SECONDS, listed=LISTED
    )
    with open_record(request) as unit:
        people = briefs(unit, [each.person for each in found.listed])
        unit.saw(people, "dry run")
    context = {
        "protocol": known,
        "title": known.title.get(_language()),
        "found": found,
        "branches": _branches(found),
        "rows": _rows(found, people),
        "more": found.people - len(found.listed),
    }
    return render(request, "staff/protocol_tried.html", context)


def _branches(found: DryRun) -> list[tuple[str, int]]:
    said = {each.id: each.title.get(_language()) for each in found.protocol.branches}
    return [(said.get(name, name), count) for name, count in found.branches.most_common()]


def _rows(found: DryRun, people: Mapping[int, PersonBrief]) -> list[dict[str, Any]]:
    language = _language()
    return [
        {
            "person": people[each.person],
            "at": each.fired[-1].at,
            "because": each.fired[-1].because.get(language),
            "times": len(each.fired),
        }
        for each in found.listed
        if each.person in people
    ]


def _known(id: str) -> Protocol:
    found = load().protocols.get(id)
    if found is None:
        raise NotFound
    return found


def _page(request: HttpRequest, protocol: Protocol, sheet: Sheet) -> HttpResponse:
    library, language = load(), _language()
    wording = ProtocolWording(library, language, protocol)
    with open_record(request) as unit:
        on = those_on(switches(unit), library).get(protocol.id)
        past = protocol_switches.history(unit, protocol.id)
    review = on.review if on else protocol.review
    examples = _examples(protocol, library, language)
    context = {
        "protocol": protocol,
        "title": protocol.title.get(language),
        "about": protocol.about.get(language),
        "sure": _sure(protocol, language),
        "state": _state(on),
        "on": on,
        "review": review,
        "review_days": days_said(review) if review else "",
        "review_after": review.after_hours.get(language) if review else "",
        "watches": wording.of(protocol.watches),
        "branches": [wording.branch(each, examples.get(each.id, "")) for each in protocol.branches],
        "values": [
            (
                each.text.get(language),
                number_said(each.default),
                each.unit.get(language),
                each.least,
                each.most,
            )
            for each in protocol.values
        ],
        "cases": _cases(protocol, library),
        "history": past,
        "may_switch": may(scope_of(request).actor, SWITCH_PROTOCOL),
        "refusal": gettext(SWITCH_PROTOCOL.refusal),
        "sheet": sheet,
        "week": _week(sheet),
        "paths": paths().items(),
        "settling": settling(),
        "source": source_lines((library.path / "protocols" / protocol.id / "SOURCE.md").read_text("utf-8")),
    }
    return render(request, "staff/protocol.html", context, status=sheet.status)


def _week(sheet: Sheet) -> list[tuple[str, str, bool]]:
    names = (
        *(gettext("Mon"), gettext("Tue"), gettext("Wed"), gettext("Thu"), gettext("Fri")),
        *(gettext("Sat"), gettext("Sun")),
    )
    chosen = sheet.typed.get("days") or ["mon", "tue", "wed", "thu", "fri"]
    return [(day, name, day in chosen) for day, name in zip(WEEK, names, strict=True)]


def _examples(protocol: Protocol, library: Library, language: str) -> dict[str, str]:
    """What each branch says of the first made-up person that it is for."""
    shown = {name: kind.shown for name, kind in library.readings.items()}
    found: dict[str, str] = {}
    for case in protocol.cases:
        fires, because = said_in_case(protocol, case, shown)
        found.setdefault(fires, because.get(language))
    return found


def _cases(protocol: Protocol, library: Library) -> list[dict[str, Any]]:
    shown = {name: kind.shown for name, kind in library.readings.items()}
    titles = {each.id: each.title.get(_language()) for each in protocol.branches}
    found = []
    for case in protocol.cases:
        fires, _ = fires_in_case(protocol, case, shown)
        expected = str(case.expect["fires"])
        found.append(
            {
                "name": case.name,
                "expected": titles.get(expected, gettext("nothing")),
                "is_right": fires == expected,
            }
        )
    return found


# --- switching


@staff_page
@require_POST
def switch(request: HttpRequest, protocol: str) -> HttpResponse:
    known = _known(protocol)
    is_on = request.POST.get("act") == "on"
    sheet = Sheet({**request.POST.dict(), "days": request.POST.getlist("days")})
    review = _review(request, sheet) if is_on and request.POST.get("reviewed") else None
    if not request.POST.get("because", "").strip():
        sheet.problems["because"] = gettext("Say why in a few words, so that the next person understands.")
    if sheet.problems:
        return _page(request, known, sheet)
    try:
        switch_protocol(
            scope_of(request),
            protocol,
            is_on=is_on,
            because=request.POST["because"],
            library=load(),
            now=now_of(request),
            review=review,
        )
    except (SwitchedAlready, ReasonMissing) as refused:
        toasts.fail(request, sentence_of(refused))
        return HttpResponseRedirect(f"/library/protocols/{protocol}")
    toasts.say(
        request,
        gettext("Switched on. Whoever it has something to say of stands on Today soon.")
        if is_on
        else gettext("Switched off. What it raised before stays open."),
    )
    return HttpResponseRedirect(f"/library/protocols/{protocol}")


def _review(request: HttpRequest, sheet: Sheet) -> Review | None:
    typed = request.POST
    for name, sentence in (
        ("owner", gettext("Name the clinician who answers for it.")),
        ("after_en", gettext("Say what happens out of hours, in English.")),
        ("after_es", gettext("Say what happens out of hours, in Spanish.")),
    ):
        if not typed.get(name, "").strip():
            sheet.problems[name] = sentence
    try:
        date.fromisoformat(typed.get("approved", ""))
    except ValueError:
        sheet.problems["approved"] = gettext("Write the day as month, day and year.")
    if not typed.getlist("days"):
        sheet.problems["days"] = gettext("Choose the days on which somebody watches.")
    if not typed.get("opens") or typed.get("opens", "") >= typed.get("closes", ""):
        sheet.problems["opens"] = gettext("It has to open before it closes.")
    found = review_from(
        {
            "owner": typed.get("owner", "")[:200],
            "approved": typed.get("approved", ""),
            "days": typed.getlist("days"),
            "opens": typed.get("opens", ""),
            "closes": typed.get("closes", ""),
            "path": typed.get("path", ""),
            "after_hours": {"en": typed.get("after_en", "")[:500], "es": typed.get("after_es", "")[:500]},
        }
    )
    if found is None and not sheet.problems:
        sheet.problems["path"] = gettext("Choose what happens out of hours.")
    return found


__all__ = ["Switch", "urlpatterns"]
urlpatterns = [
    path("library/protocols", index, name="library-protocols"),
    path("library/protocols/<str:protocol>", one, name="library-protocol"),
    path("library/protocols/<str:protocol>/dry-run", tried, name="library-protocol-dry-run"),
    path("library/protocols/<str:protocol>/switch", switch, name="library-protocol-switch"),
]
