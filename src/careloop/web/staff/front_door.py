"""The front door: who is on the way in, with the next step of each, and whoever waits for our answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext, ngettext
from django.views.decorators.http import require_GET

from careloop.actions.enroll_person import Enrollment, enrollment_of
from careloop.actions.referral_loop import ANSWER, STAGE
from careloop.care.enroll import ASKED, REFERRAL, Where, program_of
from careloop.fhir import uris
from careloop.fhir.elements import extension, instant, text_of
from careloop.library import Library, Program, load
from careloop.projections.people import PersonBrief, briefs
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.staff import front_door_answer, front_door_enroll, front_door_panel, front_door_referral
from careloop.web.staff.errors import staff_page
from careloop.web.staff.reader import now_of, open_record

PAGE = 25
ANSWERS = 50


@dataclass(frozen=True, repr=False)
class Waiting:
    """One on the way in. act: the next step in words. because: who referred and why. sub: under the age."""

    person: PersonBrief
    href: str
    act: str
    because: str
    age: str
    sub: str
    tone: str
    tone_word: str
    button: str

    def __repr__(self) -> str:
        return f"Waiting({self.person!r})"


@dataclass(frozen=True)
class Section:
    """total: how many there are, of which rows are shown. more: where the next ones stand, or empty."""

    key: str
    name: str
    rows: tuple[Waiting, ...]
    total: int
    more: str = ""


@dataclass(frozen=True)
class Answers:
    """One page of the answers that are due. total: on all pages. next: the place of the next page, or None."""

    rows: tuple[Waiting, ...]
    total: int
    next: str | None


def reader_language() -> str:
    return get_language() or "en"


@staff_page
@require_GET
def front_door(request: HttpRequest) -> HttpResponse:
    library, now = load(), now_of(request)
    wanted = request.GET.get("program", "")
    with open_record(request) as unit:
        answers = _answers(unit, library, now, request.GET.get("answers", ""))
        page = unit.search("EpisodeOfCare", _asked(wanted, request.GET.get("after", "")))
        ways = _ways(unit, page.entries, library)
        people = briefs(unit, {each.patient.rid for each in ways})
        requests = _requests(unit, ways)
    rows = [
        (_step(each), _row(each, people[each.patient.rid], requests, now))
        for each in ways
        if each.patient.rid in people
    ]
    sections = [
        _answer_section(answers),
        *(_section(key, name, [row for step, row in rows if step == key]) for key, name in _section_names()),
    ]
    shown = [section for section in sections if section.rows]
    context = {
        "sections": shown,
        "lede": _lede(answers.total, rows, bool(page.next)),
        "programs": [
            (code, each.title.get(reader_language())) for code, each in sorted(library.programs.items())
        ],
        "program": wanted,
        "next": page.next,
        "is_first": not (request.GET.get("after") or request.GET.get("answers")),
    }
    return render(request, "staff/front_door.html", context)


def _section(key: str, name: str, rows: Sequence[Waiting]) -> Section:
    return Section(key, name, tuple(rows), len(rows))


def _answer_section(answers: Answers) -> Section:
    more = f"/front-door?{urlencode({'answers': answers.next})}" if answers.next else ""
    name = gettext("Whoever referred waits for an answer")
    return Section("answer", name, answers.rows, answers.total, more)


def _asked(program: str, after: str) -> list[tuple[str, str]]:
    """Oldest first: who came first is looked at first."""
    pairs = [("status", ",".join(ASKED)), ("_sort", "_lastUpdated"), ("_count", str(PAGE))]
    if program:
        pairs.append(("type", f"{uris.PROGRAM}|{program}"))
    return [*pairs, ("_cursor", after)] if after else pairs


def _ways(unit: Unit, episodes: Sequence[Stored], library: Library) -> list[Enrollment]:
    patients = unit.get({str(each.resource["patient"]["reference"]) for each in episodes})
    found = []
    for episode in episodes:
        patient = patients.get(str(episode.resource["patient"]["reference"]))
        program = library.programs.get(program_of(episode.resource) or "")
        if patient and program:
            found.append(enrollment_of(unit, episode, patient, program))
    return found


def _requests(unit: Unit, ways: Sequence[Enrollment]) -> Mapping[str, Stored]:
    named = {
        str(each["reference"])
        for way in ways
        for each in way.episode.resource.get("referralRequest", ())
        if "reference" in each
    }
    return unit.get(named)


def _section_names() -> tuple[tuple[str, str], ...]:
    return (
        ("referred", gettext("Does it fit?")),
        ("outreach", gettext("To be asked")),
        ("consent", gettext("Reached: ask for consent")),
        ("enroll", gettext("Said yes: enroll")),
    )


def _step(way: Enrollment) -> str:
    return way.where.step


def _row(way: Enrollment, person: PersonBrief, requests: Mapping[str, Stored], now: datetime) -> Waiting:
    referral = next(
        (requests[str(each.get("reference"))] for each in way.episode.resource.get("referralRequest", ())
         if str(each.get("reference")) in requests),
        None,
    )  # fmt: skip
    is_urgent = referral is not None and referral.resource.get("priority") == "urgent"
    came = began(way.episode)
    return Waiting(
        person=person,
        href=f"/people/{person.id}/enroll/{way.program.code}",
        act=next_act(way.where, way.program, now),
        because=_because(referral),
        age=formats.how_long(now - came) if came else "",
        sub=_sub(way.where, way.program, now),
        tone="late" if is_urgent else "wait" if _waits(way.where, now) else "",
        tone_word=gettext("urgent")
        if is_urgent
        else gettext("waiting")
        if _waits(way.where, now)
        else gettext("to do"),
        button=gettext("Next step"),
    )


def began(episode: Stored) -> datetime | None:
    history = episode.resource.get("statusHistory", ())
    return instant(history[0]["period"].get("start")) if history else episode.at


def _waits(found: Where, now: datetime) -> bool:
    return found.next_try is not None and found.next_try > now and not found.is_exhausted


def next_act(found: Where, program: Program, now: datetime) -> str:
    """“Collaborative care: decide whether it fits”."""
    title = program.title.get(reader_language())
    match found.step:
        case "referred":
            said = gettext("%(program)s: decide whether it fits")
        case "outreach" if found.is_exhausted:
            said = gettext("%(program)s: not reached; decide whether to go on")
        case "outreach" if _waits(found, now):
            said = gettext("%(program)s: try again later")
        case "outreach":
            said = gettext("%(program)s: call to offer it")
        case "consent":
            said = gettext("%(program)s: ask for consent")
        case "enroll":
            said = gettext("%(program)s: enroll")
        case _:
            said = "%(program)s"
    return said % {"program": title}


def _sub(found: Where, program: Program, now: datetime) -> str:
    if found.step != "outreach" or not found.attempts:
        return gettext("since it came")
    most = program.outreach.attempts
    return ngettext("tried %(n)d time of %(most)d", "tried %(n)d times of %(most)d", found.attempts) % {
        "n": found.attempts,
        "most": most,
    }


def _because(referral: Stored | None) -> str:
    if referral is None:
        return gettext("added here, without a referral")
    who = str((referral.resource.get("requester") or {}).get("display", ""))
    why = next((text_of(each) for each in referral.resource.get("reasonCode", ())), "")
    return gettext("%(who)s referred: %(why)s") % {"who": who, "why": why}


# --- answers that are due


def _answers(unit: Unit, library: Library, now: datetime, after: str) -> Answers:
    """Whoever waits longest first. The stage is asked for, so that those who are still being asked take no place."""
    pairs = [
        ("code", f"{uris.WORK_CODE}|{REFERRAL}"),
        ("business-status", f"{STAGE}|{ANSWER}"),
        ("status", ",".join(sorted(OPEN))),
        ("_sort", "_lastUpdated"),
        ("_count", str(ANSWERS)),
        ("_total", "accurate"),
    ]
    page = unit.search("Task", [*pairs, ("_cursor", after)] if after else pairs)
    people = briefs(unit, {each.person for each in page.entries})
    rows = [
        _answer(each, people[each.person], library, now) for each in page.entries if each.person in people
    ]
    return Answers(tuple(rows), page.total or len(rows), page.next)


def _answer(task: Stored, person: PersonBrief, library: Library, now: datetime) -> Waiting:
    who = str((task.resource.get("requester") or {}).get("display", ""))
    program = library.programs.get(str(extension(task.resource, uris.PROGRAM_EXT) or ""))
    authored = instant(task.resource.get("authoredOn"))
    return Waiting(
        person=person,
        href=f"/front-door/referrals/{task.id}/answer",
        act=gettext("Tell %(who)s what became of the referral") % {"who": who},
        because=str((task.resource.get("businessStatus") or {}).get("text", ""))
        or (program.title.get(reader_language()) if program else ""),
        age=formats.how_long(now - authored) if authored else "",
        sub=gettext("since the referral"),
        tone="late" if task.resource.get("priority") == "asap" else "",
        tone_word=gettext("urgent") if task.resource.get("priority") == "asap" else gettext("to do"),
        button=gettext("Answer"),
    )


def _lede(answers: int, rows: Sequence[tuple[str, Waiting]], has_more: bool) -> str:
    parts = []
    if rows:
        count = len(rows)
        said = ngettext("%(n)d person on the way in", "%(n)d people on the way in", count) % {"n": count}
        parts.append(gettext("%(n)d and more people on the way in") % {"n": count} if has_more else said)
    if answers:
        parts.append(ngettext("%(n)d answer due", "%(n)d answers due", answers) % {"n": answers})
    return f"{', '.join(parts)}." if parts else ""


urlpatterns = [
    path("front-door", front_door, name="front-door"),
    *front_door_referral.urlpatterns,
    *front_door_answer.urlpatterns,
    *front_door_enroll.urlpatterns,
    *front_door_panel.urlpatterns,
]
