"""My plan: what it says, what changed since she last said that she has seen it, and that she has seen it or agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import get_language, gettext

from careloop.actions.activate_plan import StalePlan
from careloop.actions.see_plan import acknowledge
from careloop.actions.sign_plan import sign_at_the_door
from careloop.care.plan_changes import changes
from careloop.care.work import work_of
from careloop.projections.by_type import searchable
from careloop.projections.plan_history import active_plan_of, plan_now, plan_then
from careloop.projections.plan_seen import Signature, is_asking, seen_in, signatures_in
from careloop.store import Stored, Unit
from careloop.web import formats
from careloop.web.family import reading
from careloop.web.family.door import Frame, Page, family_page, frame, show
from careloop.web.staff.errors import sentence_of


@dataclass(frozen=True, repr=False)
class News:
    """version: of the plan that stands. since: the day she saw one last; empty for never. lines: what changed since, in
    her language. is_seen: she has seen this version. signed: her newest signature. may_sign: she, or whoever stands for
    her by papers."""

    version: int
    since: str
    lines: tuple[str, ...]
    is_seen: bool
    signed: Signature | None
    signed_on: str
    is_changed_since_signed: bool
    may_sign: bool


def news(unit: Unit, found: Frame) -> News | None:
    """Needs the share “plan”. None without a plan."""
    plan = active_plan_of(unit, found.whose.rid)
    if plan is None:
        return None
    held = unit.of_person(found.whose.rid, searchable(unit, ("Task", "Provenance")))
    mine = [each for each in seen_in(held, plan.reference) if each.who == found.whose.me]
    signed = next((s for s in signatures_in(held, plan.reference) if s.who == found.whose.me), None)
    last = max([each.at for each in mine] + ([signed.recorded] if signed else []), default=None)
    lines = _lines(unit, found, plan, held, last) if last else ()
    since_signed = _lines(unit, found, plan, held, signed.recorded) if signed else ()
    return News(
        plan.version,
        formats.full_date(last.astimezone(found.tz).date()) if last else "",
        lines,
        last is not None and not lines,
        signed,
        formats.full_date(signed.at.astimezone(found.tz).date()) if signed else "",
        bool(since_signed),
        found.whose.is_self or bool(found.whose.kinds & {"agent", "guardian", "parent"}),
    )


def _lines(unit: Unit, found: Frame, plan: Stored, held: list[Stored], since: datetime) -> tuple[str, ...]:
    """What is protected, or the staff's own, is not told here."""
    hidden = {s.reference for s in held if s.type == "Task" and work_of(s.resource).is_protected}
    now, then = plan_now(unit, found.whose.rid), plan_then(unit, found.whose.rid, since, plan.id)
    only = {*now.lines, *then.lines} - hidden
    herself = f"Patient/{found.whose.id}" if found.whose.is_self else ""
    language = get_language() or "en"
    told = changes(then, now, "person", person=herself, only=only)
    return tuple(each.says.get(language) for each in told)


def is_asked(unit: Unit, found: Frame) -> bool:
    """Whether she is asked to look at a new version."""
    plan = active_plan_of(unit, found.whose.rid)
    if plan is None:
        return False
    tasks = unit.of_person(found.whose.rid, ["Task"])
    if not any(is_asking(s.resource, plan.reference, found.whose.me) for s in tasks):
        return False
    told = news(unit, found)
    return told is not None and not told.is_seen


@family_page("plan")
def plan(page: Page) -> HttpResponse:
    with page.open() as unit:
        found = frame(unit, page)
        known, told = reading.plan(unit, found), news(unit, found)
    return show(page, "plan", found, plan=known, news=told)


@family_page("plan", "POST")
def seen(page: Page) -> HttpResponse:
    version = _version(page)
    try:
        acknowledge(page.scope, page.person.id, page.person.me, version, page.now, how="portal")
    except StalePlan as stale:
        messages.error(page.request, sentence_of(stale))
    else:
        messages.success(page.request, gettext("Thank you. Your care team sees that you have read it."))
    return HttpResponseRedirect(f"/my/{page.person.id}/plan")


@family_page("plan", "POST")
def sign(page: Page) -> HttpResponse:
    with page.open() as unit:
        may = (told := news(unit, frame(unit, page))) is not None and told.may_sign
    if not may or page.request.POST.get("agree") != "yes":
        messages.error(
            page.request, gettext("Tick the box first: you agree with the plan as it stands here.")
        )
        return HttpResponseRedirect(f"/my/{page.person.id}/plan")
    try:
        sign_at_the_door(page.scope, page.person.id, page.person.me, _version(page), page.now)
    except StalePlan as stale:
        messages.error(page.request, sentence_of(stale))
    else:
        messages.success(
            page.request, gettext("Thank you. It is written down that you agree with this plan.")
        )
    return HttpResponseRedirect(f"/my/{page.person.id}/plan")


def _version(page: Page) -> int:
    said = page.request.POST.get("version", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


urlpatterns = [
    path("my/<str:person>/plan", plan, name="family-plan"),
    path("my/<str:person>/plan/seen", seen, name="family-plan-seen"),
    path("my/<str:person>/plan/sign", sign, name="family-plan-sign"),
]
