"""Calls, visits and their notes: kept as they are typed, then signed; promises made on the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.heed_safe_contact import UnsafeContact
from careloop.actions.keep_typed import keep_contact, keep_note
from careloop.actions.log_contact import CHANNELS, OUTCOMES, BadContact, Contact, form_of, log_contact
from careloop.actions.record_promise import BadPromise, record_promise
from careloop.actions.sign_note import EmptyNote, sign_note, text_of_note
from careloop.actions.working import ReasonMissing, WorkEnded
from careloop.care.interpreted import WAYS, Interpreted
from careloop.fhir.elements import instant
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import NotFound, StaleVersion
from careloop.projections.card import card
from careloop.projections.people import names
from careloop.store import Stored, drafts
from careloop.web import formats, safe_words
from careloop.web.interpreter_words import way_choices
from careloop.web.staff.asked_call import call_of_answers
from careloop.web.staff.changes import changes_since
from careloop.web.staff.errors import staff_page
from careloop.web.staff.forms import Sheet, done, local_moment, sentence_of, show, version_of
from careloop.web.staff.reader import now_of, open_record, scope_of, zone_of_reader
from careloop.web.staff.work import Choice, open_work, stale

FIELDS = (
    "outcome",
    "channel",
    "minutes",
    "minutes_by_hand",
    "with_whom",
    "interpreter_way",
    "interpreter_name",
    "about",
    "note",
    "is_done",
    "promise",
    "promise_until",
    "started",
    "despite",
)
# A sheet left open longer than this was not one call: its timer starts again.
ONE_CALL = timedelta(hours=1)


def outcome_choices() -> list[Choice]:
    return [Choice(code, gettext(words)) for code, words in OUTCOMES.items()]


def channel_choices() -> list[Choice]:
    words = {
        "phone": gettext("Phone"),
        "video": gettext("Video"),
        "text": gettext("Text message"),
        "home": gettext("Home visit"),
        "office": gettext("Office visit"),
    }
    return [Choice(code, words[code]) for code in CHANNELS]


# --- a contact, from a to-do or from the person


@staff_page
@require_http_methods(["GET", "POST"])
def of_work(request: HttpRequest, id: str) -> HttpResponse:
    if request.method == "POST":
        return _log(request, task=id)
    with open_record(request) as unit:
        found = open_work(unit, request, id)
        kept = drafts.load(unit, found.task.person, form_of(id)) if found.task.person else None
    return _sheet(request, Sheet(_resumed(kept, request)), task=id, kept=kept)


@staff_page
@require_http_methods(["GET", "POST"])
def of_person(request: HttpRequest, person: str) -> HttpResponse:
    if request.method == "POST":
        return _log(request, person=person)
    with open_record(request) as unit:
        patient = unit.read("Patient", person)
        kept = drafts.load(unit, patient.rid, form_of(None))
        asked = request.GET.get("answers", "")
        told = call_of_answers(unit, patient, asked, now_of(request)) if asked and not kept else {}
    return _sheet(request, Sheet(_resumed(kept, request, told)), person=person, kept=kept)


def _resumed(
    kept: drafts.Draft | None, request: HttpRequest, told: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """told: what is known of this very call from elsewhere."""
    now = now_of(request)
    typed: dict[str, Any] = {"channel": "phone", **told, **(kept.answers if kept else {})}
    began = instant(str(typed.get("started", "")))
    if began is None or now - began > ONE_CALL:
        typed["started"] = now.isoformat()
    return typed


def _sheet(
    request: HttpRequest, sheet: Sheet, *, task: str = "", person: str = "", kept: drafts.Draft | None = None
) -> HttpResponse:
    now, tz = now_of(request), zone_of_reader(request)
    with open_record(request) as unit:
        if task:
            found = open_work(unit, request, task)
            context = found.context
            if sheet.notice:
                sheet.changes = changes_since(unit, found.task, version_of(request))
        else:
            context = {"card": card(unit, person), "task": None, "work": None, "shown": None}
    began = instant(str(sheet.typed.get("started", ""))) or now
    context |= {
        "outcomes": outcome_choices(),
        "channels": channel_choices(),
        "ways": way_choices(),
        "action": f"/work/{task}/contact" if task else f"/people/{person}/contact",
        "seconds": int((now - began).total_seconds()),
        "saved_at": formats.clock_time(kept.at.astimezone(tz)) if kept else "",
        "tomorrow": _tomorrow(now, tz),
        "despite": safe_words.despite_choices(),
        "refused": safe_words.refused(context["card"].safe, now) if context["card"] else (),
    }
    return show(request, "staff/contact.html", sheet, context)


def _tomorrow(now: datetime, tz: Any) -> str:
    day = now.astimezone(tz).date() + timedelta(days=1)
    return at_local(day, time(17), tz).astimezone(tz).replace(tzinfo=None).isoformat("T", "minutes")


def _log(request: HttpRequest, *, task: str = "", person: str = "") -> HttpResponse:
    posted = request.POST
    problems = _problems(request)
    if problems:
        return _sheet(request, Sheet(posted.dict(), problems), task=task, person=person)
    outcome: Any = posted.get("outcome")
    contact = Contact(
        outcome=outcome,
        minutes=int(posted.get("minutes", "1")),
        note=posted.get("note", ""),
        signs_later=posted.get("sign") == "0",
        channel=posted.get("channel", "phone"),
        with_whom=posted.get("with_whom", ""),
        about=posted.get("about", ""),
        through=_through(posted.get("interpreter_way", ""), posted.get("interpreter_name", "")),
        is_done="is_done" in posted,
        promise=posted.get("promise", ""),
        promised_for=local_moment(posted.get("promise_until", ""), zone_of_reader(request)),
        opened=posted.get("started", ""),
        despite=posted.get("despite", ""),
    )
    try:
        result = log_contact(
            scope_of(request),
            contact,
            now_of(request),
            person=person,
            task=task or None,
            version=version_of(request),
        )
    except BadContact as bad:
        return _sheet(request, Sheet(posted.dict(), {"minutes": sentence_of(bad)}), task=task, person=person)
    except UnsafeContact as unsafe:
        return _sheet(
            request, Sheet(posted.dict(), {"despite": sentence_of(unsafe)}), task=task, person=person
        )
    except ReasonMissing as missing:
        return _sheet(request, Sheet(posted.dict(), {"note": sentence_of(missing)}), task=task, person=person)
    except (StaleVersion, WorkEnded):
        return _sheet(request, stale(request), task=task, person=person)
    return done(request, _said(contact), result)


def _through(way: str, name: str) -> Interpreted | None:
    return Interpreted(way if way in WAYS else "", name.strip()) if way or name.strip() else None


def _said(contact: Contact) -> str:
    if contact.outcome != "reached":
        return gettext("Attempt logged: %(how)s.") % {"how": gettext(OUTCOMES[contact.outcome]).lower()}
    if contact.is_done:
        return gettext("Call logged, and done.")
    return gettext("Call logged.")


def _problems(request: HttpRequest) -> dict[str, str]:
    posted, found = request.POST, {}
    if posted.get("outcome") not in OUTCOMES:
        found["outcome"] = gettext("Choose how it went.")
    minutes = posted.get("minutes", "")
    is_number = minutes.isascii() and minutes.isdecimal() and len(minutes) < 10
    if not is_number or not 1 <= int(minutes) <= 600:
        found["minutes"] = gettext("Minutes are a whole number from 1 to 600.")
    if (
        posted.get("outcome") == "reached"
        and posted.get("sign", "1") == "1"
        and not posted.get("note", "").strip()
    ):
        found["note"] = gettext("Write what was said and agreed, or choose “Sign later”.")
    if posted.get("promise", "").strip():
        until = local_moment(posted.get("promise_until", ""), zone_of_reader(request))
        if until is None or until <= now_of(request):
            found["promise"] = gettext("A promise needs an hour that is still to come.")
    return found


# --- drafts: kept at each pause in typing


@staff_page
@require_POST
def keep_work_draft(request: HttpRequest, id: str) -> HttpResponse:
    return _kept(request, keep_contact(scope_of(request), _typed(request), now_of(request), task=id))


@staff_page
@require_POST
def keep_person_draft(request: HttpRequest, person: str) -> HttpResponse:
    return _kept(request, keep_contact(scope_of(request), _typed(request), now_of(request), person=person))


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST[name] for name in FIELDS if name in request.POST}


def _kept(request: HttpRequest, is_kept: bool) -> HttpResponse:
    """What came too late, after it was logged or signed, is passed over without a word."""
    if not is_kept:
        return HttpResponse(status=204)
    at = formats.clock_time(now_of(request).astimezone(zone_of_reader(request)))
    return HttpResponse(gettext("Saved %(time)s") % {"time": at}, content_type="text/plain; charset=utf-8")


# --- a promise by itself


@staff_page
@require_http_methods(["GET", "POST"])
def promise(request: HttpRequest, person: str) -> HttpResponse:
    now, tz = now_of(request), zone_of_reader(request)
    if request.method == "GET":
        return _promise_sheet(request, person, Sheet({"until": _tomorrow(now, tz)}))
    until = local_moment(request.POST.get("until", ""), tz)
    try:
        if until is None:
            raise BadPromise
        result = record_promise(scope_of(request), person, request.POST.get("what", ""), until, now)
    except ReasonMissing:
        sheet = Sheet(request.POST.dict(), {"what": gettext("Write what you promised, in your words.")})
        return _promise_sheet(request, person, sheet)
    except BadPromise as bad:
        return _promise_sheet(request, person, Sheet(request.POST.dict(), {"until": sentence_of(bad)}))
    return done(request, gettext("Promise recorded. It stands on Today."), result)


def _promise_sheet(request: HttpRequest, person: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        beside = card(unit, person)
    return show(request, "staff/promise.html", sheet, {"card": beside})


# --- notes


@staff_page
@require_GET
def note(request: HttpRequest, id: str) -> HttpResponse:
    """A signed note with its addenda: to read, copy for the EHR, print, or add to."""
    return _note_page(request, id, Sheet({}))


def _note_page(request: HttpRequest, id: str, sheet: Sheet) -> HttpResponse:
    with open_record(request) as unit:
        stored = unit.read("DocumentReference", id)
        if stored.resource.get("status") == "entered-in-error":  # taken back: nobody signed it
            raise NotFound
        found = unit.search(
            "DocumentReference", {"relatesto": stored.reference, "_sort": "date", "_count": "50"}
        )
        documents = [stored.resource, *(e.resource for e in found.entries)]
        called = names(
            unit, [who["reference"] for d in documents for who in _signatories(d) if "reference" in who]
        )
        beside = card(unit, _person_of(stored))
    told = [
        {
            "text": text_of_note(d),
            "at": instant(d.get("date")),
            "who": _signer(d, called),
            "writer": _author(d, called),
        }
        for d in documents
    ]
    return show(request, "staff/note.html", sheet, {"card": beside, "notes": told, "id": id})


def _author(document: dict[str, Any], called: dict[str, str]) -> str:
    authors = document.get("author", ())
    return next((called.get(a.get("reference", ""), a.get("display", "")) for a in authors), "")


def _signer(document: dict[str, Any], called: dict[str, str]) -> str:
    """Who answers for it: its author, unless another signed what the author left."""
    who = document.get("authenticator") or {}
    return called.get(who.get("reference", ""), who.get("display", "")) or _author(document, called)


def _signatories(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [*document.get("author", ()), document.get("authenticator") or {}]


def _person_of(note: Stored) -> str:
    return str((note.resource.get("subject") or {}).get("reference", "")).removeprefix("Patient/")


@staff_page
@require_POST
def addendum(request: HttpRequest, id: str) -> HttpResponse:
    with open_record(request) as unit:
        person = _person_of(unit.read("DocumentReference", id))
    try:
        sign_note(scope_of(request), person, request.POST.get("text", ""), now_of(request), appends=id)
    except EmptyNote:
        problem = gettext("Write what is to be added, then sign it.")
        return _note_page(request, id, Sheet(request.POST.dict(), {"text": problem}))
    return HttpResponseRedirect(f"/notes/{id}")


@staff_page
@require_http_methods(["GET", "POST"])
def unsigned(request: HttpRequest, draft: int) -> HttpResponse:
    """A note that waits for its signature."""
    with open_record(request) as unit:
        kept = drafts.get(unit, draft)
        if not kept.form.startswith("note:"):
            raise NotFound
        person = unit.reference_of(kept.person).removeprefix("Patient/")
        beside = card(unit, person)
    sheet = Sheet({"text": kept.answers.get("text", "")})
    if request.method == "POST":
        try:
            encounter = str(kept.answers["encounter"])
            signed = sign_note(
                scope_of(request),
                person,
                request.POST.get("text", ""),
                now_of(request),
                encounter=encounter,
                draft=draft,
            )
        except EmptyNote as empty:
            sheet = Sheet(request.POST.dict(), {"text": sentence_of(empty)})
        else:
            return HttpResponseRedirect(f"/notes/{signed.id}")
    back = kept.answers.get("back") or {}
    return show(request, "staff/note_unsigned.html", sheet, {"card": beside, "draft": draft, "back": back})


@staff_page
@require_POST
def keep_unsigned(request: HttpRequest, draft: int) -> HttpResponse:
    return _kept(request, keep_note(scope_of(request), draft, request.POST.get("text", ""), now_of(request)))


urlpatterns = [
    path("work/<str:id>/contact", of_work, name="work-contact"),
    path("work/<str:id>/contact/draft", keep_work_draft, name="work-contact-draft"),
    path("people/<str:person>/contact", of_person, name="person-contact"),
    path("people/<str:person>/contact/draft", keep_person_draft, name="person-contact-draft"),
    path("people/<str:person>/promise", promise, name="promise"),
    path("notes/<str:id>", note, name="note"),
    path("notes/<str:id>/addendum", addendum, name="addendum"),
    path("notes/draft/<int:draft>", unsigned, name="unsigned-note"),
    path("notes/draft/<int:draft>/keep", keep_unsigned, name="keep-note"),
]
