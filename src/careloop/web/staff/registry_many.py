"""Acting on many: whom, what, who is left out and why; then done in parts, each person with her result, and taken back
as a whole for ten minutes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from careloop.actions import act_on_many
from careloop.actions.act_on_many import Many, NobodyChosen, TooManyChosen
from careloop.actions.case_review import BadMeeting
from careloop.actions.hand_off_work import colleagues
from careloop.actions.undo import TooLate
from careloop.care.many import ACTS, HER_LEAD, NOBODY, Judged, Wanted
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound
from careloop.projections import registry
from careloop.projections.people import PersonBrief, briefs
from careloop.store import Unit
from careloop.web.staff import registry_ask, toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import local_moment
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader

# As care/many.py, actions and the story write them; a test holds the two together.
SENTENCES: Final = (
    gettext_noop("You may not see this person any more."),
    gettext_noop("This person has died."),
    gettext_noop("This colleague leads the person’s care already."),
    gettext_noop("The same to-do is open already."),
    gettext_noop("The person is not to be called. The record says how to reach them."),
    gettext_noop("Whoever is to do it could not open this person’s record."),
    gettext_noop("The person stands on an agenda already."),
    gettext_noop("Nobody leads this person’s care: anybody at the site can take it."),
    gettext_noop("Somebody went on from here."),
    gettext_noop("Case reviewed"),
    gettext_noop("Consultation answered"),
)
SHOWN: Final = 100
MOST_MINUTES: Final = 120


def act_words() -> dict[str, str]:
    return {
        "assign": gettext("Assign to a colleague"),
        "call": gettext("Start a call list"),
        "todo": gettext("Add a to-do"),
        "review": gettext("Bring to case review"),
    }


@staff_page
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """From the list: those ticked, or all that fit the question."""
    posted = request.POST
    asked = registry_ask.asked_of(QueryDict(posted.get("question", "")[:2_000]))
    act = posted.get("act", "") if posted.get("act") in ACTS else ""
    with open_record(request) as unit:
        people = (
            registry.chosen(unit, asked) if posted.get("all") else _ticked(unit, posted.getlist("person"))
        )
    try:
        question = registry_ask.question(asked, after="")
        many = act_on_many.choose(scope_of(request), people, question, now_of(request), act)
    except (NobodyChosen, TooManyChosen) as refused:
        toasts.fail(request, sentence_of(refused))
        return HttpResponseRedirect(registry_ask.address(asked))
    return HttpResponseRedirect(f"/registry/many/{many.draft}?act={act}")


def _ticked(unit: Unit, ids: list[str]) -> list[PersonBrief]:
    rids = {id: rid for id in ids[: registry.MOST_CHOSEN + 1] if (rid := unit.rid_of(f"Patient/{id}"))}
    known = briefs(unit, rids.values())
    return [known[rid] for rid in rids.values() if rid in known]


@dataclass(frozen=True, repr=False)
class Shown:
    """One person with what will be done, or was. because: in the reader's language."""

    person: PersonBrief
    outcome: str
    because: str


@staff_page
@require_http_methods(["GET", "POST"])
def many(request: HttpRequest, draft: int) -> HttpResponse:
    """GET: what is to be done, for whom, who is left out; once begun, how far it is. POST: says what is to be done."""
    problems: dict[str, str] = {}
    if request.method == "POST":
        wanted, problems = _wanted_of(request)
        if wanted is not None and not problems:
            act_on_many.say(scope_of(request), draft, wanted, now_of(request))
            return HttpResponseRedirect(f"/registry/many/{draft}#look")
    with open_record(request) as unit:
        found = act_on_many.kept(unit, draft)
        said = found.wanted.act if found.wanted else "todo"
        act = said if found.done else request.POST.get("act") or request.GET.get("act") or said
        if found.wanted and act != said:  # another act than was looked at: nothing is looked at yet
            found = replace(found, wanted=None)
        told = _looked(unit, found) if found.done == 0 else _results(unit, found)
    typed = request.POST.dict() if request.method == "POST" else _typed(found, request)
    context = {
        **told,
        "many": found,
        "total": len(found.people),
        "act": act if act in ACTS else "todo",
        "acts": list(act_words().items()),
        "typed": typed,
        "problems": problems,
        "errors": [(f"field-{name}", said) for name, said in problems.items()],
        "back": f"{registry_ask.PAGE}?{found.question}" if found.question else registry_ask.PAGE,
        "colleagues": colleagues(scope_of(request), None),
        "may_undo": found.may_undo(now_of(request)),
        "her_lead": HER_LEAD,
        "nobody": NOBODY,
    }
    return render(request, "staff/registry_many.html", context, status=422 if problems else 200)


def _typed(found: Many, request: HttpRequest) -> dict[str, str]:
    """What was said before; else a start: due tomorrow week, the review next Tuesday at noon."""
    tz, now = zone_of_reader(request), now_of(request)
    wanted = found.wanted
    today = now.astimezone(tz).date()
    usual = {
        "due": (today + timedelta(days=7)).isoformat(),
        "meeting": f"{(today + timedelta(days=(1 - today.weekday()) % 7 or 7)).isoformat()}T12:00",
        "minutes": "10",
        "owner": HER_LEAD,
    }
    if wanted is None:
        return usual
    said = {"title": wanted.title, "owner": wanted.owner, "because": wanted.because}
    if wanted.due:
        said["due"] = wanted.due.astimezone(tz).date().isoformat()
    if wanted.meeting:
        said["meeting"] = wanted.meeting.astimezone(tz).replace(tzinfo=None).isoformat("T", "minutes")
    return {**usual, **said, "minutes": str(wanted.minutes)}


def _wanted_of(request: HttpRequest) -> tuple[Wanted | None, dict[str, str]]:
    posted, tz, now = request.POST, zone_of_reader(request), now_of(request)
    act: Any = posted.get("act", "")
    problems: dict[str, str] = {}
    if act not in ACTS:
        return None, {"act": gettext("Choose what is to be done.")}
    allowed = {HER_LEAD, NOBODY, *(each.reference for each in colleagues(scope_of(request), None))}
    owner = posted.get("owner", "")
    mine = scope_of(request).actor.practitioner
    if act in ("assign", "call", "todo") and owner not in {*allowed, mine}:
        problems["owner"] = gettext("Choose a colleague who works with this person’s site, or the team.")
    if act == "assign" and owner in (HER_LEAD, NOBODY):
        problems["owner"] = gettext("Choose who leads from now on.")
    title = posted.get("title", "").strip()
    if act in ("call", "todo") and not title:
        problems["title"] = gettext("Write what is to be done, as it will stand on Today.")
    because = posted.get("because", "").strip()
    if act == "review" and not because:
        problems["because"] = gettext("Write why they are talked about.")
    due = evening(posted.get("due", ""), tz)
    if act in ("call", "todo") and due is not None and due <= now:
        problems["due"] = gettext("Choose a day that is still to come.")
    meeting = local_moment(posted.get("meeting", ""), tz)
    if act == "review" and (meeting is None or meeting <= now):
        problems["meeting"] = sentence_of(BadMeeting())
    minutes = posted.get("minutes", "10")
    length = int(minutes) if minutes.isascii() and minutes.isdecimal() and len(minutes) < 4 else 10
    wanted = Wanted(act, title, owner, because, due, meeting, max(1, min(length, MOST_MINUTES)))
    return wanted, problems


def evening(text: str, tz: ZoneInfo) -> datetime | None:
    """5 pm of a day, in the reader's zone."""
    try:
        return at_local(datetime.fromisoformat(text[:10]).date(), time(17), tz)
    except ValueError:
        return None


def _looked(unit: Unit, found: Many) -> dict[str, Any]:
    """Before it is done."""
    people = briefs(unit, [rid for _, rid in found.people])
    if found.wanted is None:
        first = [people[rid] for _, rid in found.people if rid in people]
        return {"chosen": first[:SHOWN], "more": max(0, len(first) - SHOWN)}
    answers = act_on_many.judged(unit, found)
    will = [
        _shown(people[rid], answers[rid], "will")
        for _, rid in found.people
        if rid in people and answers[rid].will
    ]
    left = [
        _shown(people[rid], answers[rid], "skipped")
        for _, rid in found.people
        if rid in people and not answers[rid].will
    ]
    unseen = sum(rid not in people for _, rid in found.people)
    reasons = Counter(each.because for each in left)
    return {
        "will": will[:SHOWN],
        "will_count": len(will),
        "will_more": max(0, len(will) - SHOWN),
        "left": left[:SHOWN],
        "left_count": len(left) + unseen,
        "left_more": max(0, len(left) - SHOWN),
        "reasons": reasons.most_common(),
        "unseen": unseen,
    }


def _shown(person: PersonBrief, answer: Judged, outcome: str) -> Shown:
    return Shown(person, outcome, gettext(answer.because) if answer.because else "")


def outcome_words() -> dict[str, str]:
    return {
        "done": gettext("done"),
        "skipped": gettext("left out"),
        "undone": gettext("taken back"),
        "kept": gettext("not taken back"),
    }


def _results(unit: Unit, found: Many) -> dict[str, Any]:
    people = briefs(unit, [each.person for each in found.results])
    words = outcome_words()
    told = [
        Shown(people[each.person], words[each.outcome], gettext(each.because) if each.because else "")
        for each in found.results
        if each.person in people
    ]
    counts = Counter(each.outcome for each in found.results)
    told.sort(key=lambda each: not each.because)
    return {
        "results": told[:SHOWN],
        "results_more": max(0, len(told) - SHOWN),
        "tally": [(counts[key], said) for key, said in words.items() if counts.get(key)],
        "is_going": not found.is_done,
        "is_undoing": found.undone is not None and found.undone < len(found.results),
    }


@staff_page
@require_POST
def go(request: HttpRequest, draft: int) -> HttpResponse:
    """Does the next part; asked again until all are done."""
    act_on_many.go_on(scope_of(request), draft, now_of(request))
    return HttpResponseRedirect(f"/registry/many/{draft}")


@staff_page
@require_POST
def take_back(request: HttpRequest, draft: int) -> HttpResponse:
    try:
        act_on_many.take_back(scope_of(request), draft, now_of(request))
    except TooLate as late:
        toasts.fail(request, sentence_of(late))
    return HttpResponseRedirect(f"/registry/many/{draft}")


@staff_page
@require_POST
def forget(request: HttpRequest, draft: int) -> HttpResponse:
    with open_record(request) as unit:
        found = act_on_many.kept(unit, draft)
    if found.done:
        raise NotFound
    act_on_many.forget(scope_of(request), draft, now_of(request))
    return HttpResponseRedirect(
        f"{registry_ask.PAGE}?{found.question}" if found.question else registry_ask.PAGE
    )


urlpatterns = [
    path("registry/many", choose, name="registry-choose"),
    path("registry/many/<int:draft>", many, name="registry-many"),
    path("registry/many/<int:draft>/go", go, name="registry-go"),
    path("registry/many/<int:draft>/undo", take_back, name="registry-undo"),
    path("registry/many/<int:draft>/forget", forget, name="registry-forget"),
]
