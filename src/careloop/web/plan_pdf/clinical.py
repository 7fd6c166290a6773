"""The plan for a clinician: needs with why they are here, goals with target and where they stand, who does what, what
is in the way, what changed, who has seen and signed it. In the words of whoever prints it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language, gettext, pgettext

from careloop.care.plan_changes import Change
from careloop.care.plan_lines import ACHIEVEMENTS
from careloop.projections.card import PersonCard
from careloop.projections.chart_lines import Barrier, Goal, Need, PlanPage, Step
from careloop.projections.plan_seen import SeenBy
from careloop.web import formats
from careloop.web.work_words import work_title


def clinical_of(
    plan: PlanPage,
    card: PersonCard,
    seen: SeenBy | None,
    changes: Sequence[Change],
    since: datetime | None,
    now: datetime,
    tz: ZoneInfo,
    *,
    made_by: str,
    is_partial: bool,
) -> dict[str, Any]:
    """What clinical.typ sets; every word of it is here."""
    person, language = card.person, get_language() or "en"
    about = [person.name, formats.full_date(person.birth_date) if person.birth_date else "", person.mrn or ""]
    return {
        "language": language[:2],
        "title": gettext("Care plan"),
        "about": " · ".join(filter(None, about)),
        "name": person.name,
        "agreed": _agreed(plan, tz),
        "matters": [each.text for each in plan.said[:2]],
        "strengths": [each.text for each in plan.strengths[:4]],
        "preferences": [each.text for each in plan.preferences[:4]],
        "changed_since": formats.full_date(since.astimezone(tz).date()) if since else "",
        "changed": [each.says.get(language) for each in changes],
        "needs": [*(_need(each, tz) for each in plan.needs), *_loose(plan, tz)],
        "seen": list(_seen(seen, plan.version, tz)) if seen else [],
        "partial": gettext("This list may be incomplete.") if is_partial else "",
        "made": f"{gettext('Made on')} {formats.full_date(now.astimezone(tz).date())} · {made_by}",
        "labels": _labels(),
    }


def _agreed(plan: PlanPage, tz: ZoneInfo) -> str:
    if plan.agreed is None:
        return ""
    told = {"n": plan.version, "day": formats.full_date(_day(plan.agreed, tz))}
    said = gettext("Version %(n)d, agreed %(day)s") % told
    return f"{said}, {plan.author}" if plan.author else said


def _labels() -> dict[str, str]:
    return {
        "matters": gettext("What matters to the person"),
        "strengths": gettext("Strengths"),
        "preferences": gettext("How the person wants it"),
        "changed": gettext("What changed since"),
        "unchanged": gettext("Nothing changed since then."),
        "why": gettext("Why"),
        "way": gettext("In the way:"),
        "step": pgettext("a line of a plan", "Step"),
        "who": gettext("Who"),
        "when": gettext("By when"),
        "seen": gettext("Seen and signed"),
        "page": gettext("Page"),
        "of": pgettext("page 1 of 2", "of"),
        "none": gettext("No goal yet."),
    }


def _need(need: Need, tz: ZoneInfo) -> dict[str, Any]:
    name = f"{need.title} ({need.name})" if need.name else need.title
    return {
        "title": name,
        "words": need.words,
        "because": need.why.because,
        "goals": [_goal(goal, tz) for goal in need.goals],
        "steps": [],
    }


def _loose(plan: PlanPage, tz: ZoneInfo) -> Iterable[dict[str, Any]]:
    if plan.goals or plan.steps:
        goals = [_goal(goal, tz) for goal in plan.goals]
        steps = [_step(step, tz) for step in plan.steps]
        yield {"title": gettext("Also"), "words": "", "because": "", "goals": goals, "steps": steps}


def _goal(goal: Goal, tz: ZoneInfo) -> dict[str, Any]:
    achieved = ACHIEVEMENTS.get(goal.achievement)
    now = f"{gettext('now')}: {goal.now}" if goal.now else ""
    if goal.now and goal.now_at:
        now += f" ({formats.full_date(goal.now_at.astimezone(tz).date())})"
    parts = [
        goal.target,
        f"{pgettext('before a day', 'by')} {formats.full_date(goal.due)}" if goal.due else "",
        now,
        achieved.get(get_language() or "en") if achieved else "",
    ]
    return {
        "text": goal.text,
        "facts": " · ".join(filter(None, parts)),
        "steps": [_step(step, tz) for step in goal.steps],
        "barriers": [_barrier(each, tz) for each in goal.barriers],
    }


def _barrier(barrier: Barrier, tz: ZoneInfo) -> dict[str, Any]:
    return {"text": barrier.text, "steps": [_step(step, tz) for step in barrier.steps]}


def _step(step: Step, tz: ZoneInfo) -> dict[str, str]:
    when = formats.full_date(step.due.astimezone(tz).date()) if step.due else ""
    if step.state == "done":
        when = gettext("done")
    return {"what": work_title(step.title), "who": step.who or gettext("nobody yet"), "when": when}


def _seen(seen: SeenBy, version: int, tz: ZoneInfo) -> Iterable[str]:
    for each in seen.standings:
        told = {"name": each.must.name, "n": each.seen.version if each.is_current and each.seen else version}
        if each.is_current:
            yield gettext("%(name)s has seen version %(n)d.") % told
        else:
            yield gettext("%(name)s has not seen version %(n)d.") % told
    newest = {each.who: each for each in sorted(seen.signatures, key=lambda s: s.at)}
    for signed in newest.values():
        told = {"name": signed.name, "n": signed.version, "day": formats.full_date(_day(signed.at, tz))}
        said = gettext("%(name)s signed version %(n)d on %(day)s.") % told
        if any(change.is_material for change in seen.since.get(signed.reference, ())):
            said = f"{said} {gettext('It changed since it was signed.')}"
        yield said


def _day(at: datetime, tz: ZoneInfo) -> date:
    return at.astimezone(tz).date()
