"""The plan as a page shows it: her own words, need → goal → steps → barriers, each line able to say why it is here.

What is only proposed is left out; a proposal that waits is named beside the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.utils.translation import get_language

from careloop.care.others_plans import is_others, is_our_plan, lines_of_others
from careloop.care.plan_lines import Held, PlanLine, changed_in, line_of, places, target_words
from careloop.care.work import work_of
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, extension, instant, text_of
from careloop.projections.card import ABOUT
from careloop.projections.chart_answers import instrument_in
from careloop.projections.chart_lines import (
    Answer,
    Barrier,
    Ended,
    Foreign,
    Goal,
    Need,
    PlanPage,
    Said,
    Step,
    Waiting,
    Why,
)
from careloop.projections.looked import is_proposed
from careloop.projections.moments import at_of, day_where, value_words
from careloop.projections.people import names, zone_of
from careloop.projections.worklist_rows import OPEN
from careloop.store import Stored, Unit

TYPES: Final = ("CarePlan", "Goal", "Condition", "Task")
ENDED_GOALS: Final = frozenset({"cancelled", "entered-in-error", "rejected", "proposed"})
LOST_TASKS: Final = frozenset({"cancelled", "rejected", "entered-in-error", "failed"})
BARRIER: Final = "barrier"


def plan_of(unit: Unit, patient: Stored, parents: Mapping[str, str]) -> PlanPage:
    """parents: code of a goal or step -> code of what the library's templates put it under, for lines that do not say
    it themselves."""
    held = unit.of_person(patient.rid, TYPES)
    by_type: dict[str, list[Stored]] = {kind: [] for kind in TYPES}
    for stored in held:
        by_type[stored.type].append(stored)
    plans = by_type["CarePlan"]
    theirs = lines_of_others(p.resource for p in plans)
    for kind in ("Goal", "Task"):
        by_type[kind] = [stored for stored in by_type[kind] if stored.reference not in theirs]
    active = next((p for p in plans if is_our_plan(p.resource)), None)
    reading = _Reading(unit, patient.reference, by_type, parents, active.resource if active else {})
    needs, goals, steps = reading.tree()
    told = list(_said(unit, patient))
    author = ((active.resource.get("author") if active else None) or {}).get("reference")
    return PlanPage(
        id=active.id if active else None,
        version=active.version if active else 0,
        title=str((active.resource if active else {}).get("title", "")),
        agreed=at_of(active.resource.get("created")) or active.at if active else None,
        author=names(unit, [author]).get(author) if author else None,
        needs=needs,
        goals=goals,
        steps=steps,
        waiting=tuple(_waiting(p) for p in plans if _is(p, "draft", "proposal")),
        said=tuple(each for each in told if each.about == "what-matters"),
        strengths=tuple(each for each in told if each.about == "strengths"),
        preferences=tuple(each for each in told if each.about == "preferences"),
        ended=tuple(_ended(held, active.resource if active else {})),
        foreign=tuple(_foreign(p.resource) for p in plans if _is_foreign(p.resource)),
    )


def _is_foreign(plan: Resource) -> bool:
    return plan.get("status") == "active" and is_others(plan)


def _foreign(plan: Resource) -> Foreign:
    kinds = [said for concept in plan.get("category", ()) if (said := text_of(concept))]
    details = [each.get("detail") or {} for each in plan.get("activity", ())]
    what = [text_of(detail.get("code")) or str(detail.get("description", "")) for detail in details]
    title = str(plan.get("title") or (kinds[-1] if kinds else ""))
    return Foreign(title, day((plan.get("period") or {}).get("start")), tuple(w for w in what if w))


def _is(plan: Stored, status: str, intent: str) -> bool:
    return (plan.resource.get("status"), plan.resource.get("intent")) == (status, intent)


def _waiting(plan: Stored) -> Waiting:
    resource = plan.resource
    lines = sum(len(resource.get(name, ())) for name in ("addresses", "goal", "activity"))
    because = str(extension(resource, uris.BECAUSE) or resource.get("title") or "")
    return Waiting(plan.id, because, at_of(resource.get("created")) or plan.at, lines)


def _said(unit: Unit, patient: Stored) -> Iterable[Said]:
    """Newest first."""
    page = unit.search(
        "Observation",
        [
            ("patient", patient.reference),
            ("category", "social-history"),
            ("_sort", "-date"),
            ("_count", "30"),
        ],
    )
    lives = zone_of(unit, patient.rid) if page.entries else None
    for stored in page.entries:
        resource, text = stored.resource, str(stored.resource.get("valueString") or "")
        is_over = "end" in (resource.get("effectivePeriod") or {})
        if resource.get("status") == "entered-in-error" or not text or is_over:
            continue
        about = code_in(resource.get("code"), ABOUT)
        if about is None and "matters" in text_of(resource.get("code")):
            about = "what-matters"
        if about in ("what-matters", "strengths", "preferences"):
            told = extension(resource, uris.HEARD_FROM)
            on = day_where(resource.get("effectiveDateTime"), lives)
            yield Said(text, on, str(told) if told else None, stored.reference, about)


def _ended(held: Sequence[Stored], plan: Resource) -> Iterable[Ended]:
    """Lines that somebody ended, the newest first."""
    place = places(plan)
    for stored in held:
        line = line_of(Held(stored.reference, stored.version, stored.resource), place)
        if line is not None and _is_over(line, stored.resource):
            because = line.because.get(get_language() or "en")
            yield Ended(stored.reference, stored.version, line.part, line.text.en, stored.at, because)


def _is_over(line: PlanLine, resource: Resource) -> bool:
    if {code for _, code in codings(resource.get("verificationStatus"))} & {"entered-in-error"}:
        return False
    if "entered-in-error" in (resource.get("status"), resource.get("lifecycleStatus")):
        return False
    return line.state == "ended" or (line.state == "reached" and line.part in ("need", "barrier"))


class _Reading:
    """One person's lines, on their way into a tree. live: references that the active plan names."""

    def __init__(
        self,
        unit: Unit,
        patient: str,
        held: Mapping[str, Sequence[Stored]],
        parents: Mapping[str, str],
        plan: Resource,
    ) -> None:
        self.parents, self.unit, self.patient = parents, unit, patient
        self.live = _named(plan)
        conditions = [s for s in held["Condition"] if not is_proposed(s.resource)]
        self.needs = self._ordered([s for s in conditions if self._is_need(s)])
        self.barriers = {s.reference: s for s in conditions if _is_barrier(s.resource) and _is_active(s)}
        self.met_by: dict[str, list[Step]] = {}
        self.goals = self._ordered([s for s in held["Goal"] if _is_live_goal(s.resource)])
        self.tasks = self._ordered([s for s in held["Task"] if self._is_step(s)])
        self.names = names(unit, self._people())
        self.evidence = unit.get(self._evidence())

    def tree(self) -> tuple[tuple[Need, ...], tuple[Goal, ...], tuple[Step, ...]]:
        steps: dict[str, list[Step]] = {}
        for task in self.tasks:
            barrier = next((r for r in work_of(task.resource).reasons if r in self.barriers), "")
            under = (
                self.met_by.setdefault(barrier, []) if barrier else steps.setdefault(self._goal_of(task), [])
            )
            under.append(self._step(task))
        goals: dict[str, list[Goal]] = {}
        for goal in self.goals:
            goals.setdefault(self._need_of(goal), []).append(self._goal(goal, steps.pop(goal.reference, [])))
        needs = tuple(self._need(need, goals.pop(need.reference, [])) for need in self.needs)
        loose = tuple(goal for rest in goals.values() for goal in rest)
        return needs, loose, tuple(step for rest in steps.values() for step in rest)

    def _ordered(self, found: Sequence[Stored]) -> list[Stored]:
        """As the plan names them, then what it does not name, oldest first."""
        last = len(self.live)
        return sorted(found, key=lambda s: (self.live.get(s.reference, last), s.rid))

    # --- what belongs here

    def _is_need(self, stored: Stored) -> bool:
        kinds = {code for c in stored.resource.get("category", ()) for _, code in codings(c)}
        return _is_active(stored) and (
            bool(kinds & {"health-concern", "sdoh"})
            or (stored.reference in self.live and not _is_barrier(stored.resource))
        )

    def _is_step(self, stored: Stored) -> bool:
        resource = stored.resource
        if is_proposed(resource) or resource.get("status") in LOST_TASKS:
            return False
        return stored.reference in self.live or resource.get("intent") == "plan"

    def _people(self) -> set[str]:
        elements = [t.resource.get("owner") for t in self.tasks]
        elements += [n.resource.get("recorder") for n in self.needs]
        elements += [g.resource.get("expressedBy") for g in self.goals]
        return {e["reference"] for e in elements if e and "reference" in e}

    def _evidence(self) -> set[str]:
        found = {
            detail["reference"]
            for need in self.needs
            for evidence in need.resource.get("evidence", ())
            for detail in evidence.get("detail", ())
            if "reference" in detail
        }
        return found | {
            reason
            for task in self.tasks
            for reason in work_of(task.resource).reasons
            if reason.startswith(("QuestionnaireResponse/", "Observation/"))
        }

    # --- who belongs to whom

    def _need_of(self, goal: Stored) -> str:
        known = {need.reference for need in self.needs}
        for address in goal.resource.get("addresses", ()):
            if address.get("reference") in known:
                return str(address["reference"])
        parent = self.parents.get(f"goal:{code_in(goal.resource.get('description'), uris.GOAL)}")
        return next(
            (
                n.reference
                for n in self.needs
                if f"need:{code_in(n.resource.get('code'), uris.NEED)}" == parent
            ),
            "",
        )

    def _goal_of(self, task: Stored) -> str:
        known = {goal.reference for goal in self.goals}
        for reason in work_of(task.resource).reasons:
            if reason in known:
                return reason
        parent = self.parents.get(f"action:{code_in(task.resource.get('code'), uris.WORK_CODE)}")
        return next(
            (
                g.reference
                for g in self.goals
                if f"goal:{code_in(g.resource.get('description'), uris.GOAL)}" == parent
            ),
            "",
        )

    # --- lines

    def _need(self, stored: Stored, goals: Sequence[Goal]) -> Need:
        resource = stored.resource
        title = text_of(resource.get("code"))
        display = next((c.get("display", "") for c in resource["code"].get("coding", ())), "")
        addressed = {
            address.get("reference")
            for goal in self.goals
            if goal.reference in {g.reference for g in goals}
            for address in goal.resource.get("addresses", ())
        }
        barriers = tuple(self._barrier(s) for r, s in self.barriers.items() if r in addressed)
        return Need(
            reference=stored.reference,
            title=title,
            name=display if display != title else "",
            words=str(extension(resource, uris.OWN_WORDS) or ""),
            goals=tuple(goals),
            barriers=barriers,
            why=self._why(stored, day(resource.get("recordedDate")), resource.get("recorder")),
            version=stored.version,
        )

    def _barrier(self, stored: Stored) -> Barrier:
        resource, since = stored.resource, day(stored.resource.get("recordedDate"))
        why = self._why(stored, since, resource.get("recorder"))
        steps = tuple(self.met_by.get(stored.reference, ()))
        return Barrier(stored.reference, text_of(resource.get("code")), since, steps, why, stored.version)

    def _goal(self, stored: Stored, steps: Sequence[Step]) -> Goal:
        resource = stored.resource
        target: Mapping[str, Any] = next(iter(resource.get("target", ())), {})
        now, now_at = self._now(resource, target)
        achievement = next((c for _, c in codings(resource.get("achievementStatus"))), "")
        addressed = [str(a.get("reference")) for a in resource.get("addresses", ())]
        return Goal(
            reference=stored.reference,
            text=text_of(resource.get("description")),
            words=str(extension(resource, uris.OWN_WORDS) or ""),
            due=day(target.get("dueDate")),
            achievement=achievement,
            is_reached=achievement == "achieved" or resource.get("lifecycleStatus") == "completed",
            target=target_words(target).get(get_language() or "en"),
            now=now,
            now_at=now_at,
            steps=tuple(steps),
            why=self._why(stored, day(resource.get("startDate")), resource.get("expressedBy")),
            version=stored.version,
            barriers=tuple(self._barrier(self.barriers[r]) for r in addressed if r in self.barriers),
        )

    def _now(self, goal: Resource, target: Mapping[str, Any]) -> tuple[str, datetime | None]:
        """How far she is: the newest note on the goal, or the newest value of what it measures."""
        note: Mapping[str, Any] = max(goal.get("note", ()), key=lambda n: str(n.get("time", "")), default={})
        noted = instant(note.get("time"))
        code = code_in(target.get("measure"), uris.LOINC)
        if code:
            asked = [
                ("patient", self.patient),
                ("code", f"{uris.LOINC}|{code}"),
                ("_sort", "-date"),
                ("_count", "1"),
            ]
            for stored in self.unit.search("Observation", asked).entries:
                at = at_of(stored.resource.get("effectiveDateTime"))
                if at and (noted is None or at > noted):
                    return value_words(stored.resource), at
        return str(note.get("text", "")), noted

    def _step(self, stored: Stored) -> Step:
        resource, work = stored.resource, work_of(stored.resource)
        is_open = resource.get("status") in OPEN
        owner = resource.get("owner") or {}
        who = owner.get("display") or self.names.get(owner.get("reference", "")) or ""
        ended = instant((resource.get("executionPeriod") or {}).get("end")) or instant(
            resource.get("lastModified")
        )
        return Step(
            reference=stored.reference,
            title=work.title,
            state="done" if not is_open else "waiting" if work.waiting_on else "open",
            who=str(who),
            due=work.target or work.due,
            zone=work.zone,
            done_at=None if is_open else ended or stored.at,
            waiting_on=work.waiting_on,
            work=stored.id if is_open else "",
            why=self._why(stored, at_of(resource.get("authoredOn")), None),
            version=stored.version,
        )

    def _why(self, stored: Stored, since: date | datetime | None, who: Mapping[str, Any] | None) -> Why:
        resource = stored.resource
        if stored.type == "Task":
            work = work_of(resource)
            because, details = work.because, list(work.reasons)
        else:
            because = str(extension(resource, uris.BECAUSE) or "")
            details = [
                d.get("reference", "") for e in resource.get("evidence", ()) for d in e.get("detail", ())
            ]
        named = (who or {}).get("reference", "")
        return Why(
            because=because,
            source=str(extension(resource, uris.SOURCE) or ""),
            answers=tuple(_answer(self.evidence[d], self.patient) for d in details if d in self.evidence),
            since=since or stored.at,
            who=self.names.get(named) or (who or {}).get("display"),
            changed=changed_in(resource),
        )


def _named(plan: Resource) -> dict[str, int]:
    """References of the lines of a plan, with their place in it."""
    actions = [each.get("reference", {}) for each in plan.get("activity", ())]
    every = [*plan.get("addresses", ()), *plan.get("goal", ()), *actions]
    return {each["reference"]: n for n, each in enumerate(every) if "reference" in each}


def _is_barrier(condition: Resource) -> bool:
    return any(code == BARRIER for c in condition.get("category", ()) for _, code in codings(c))


def _is_active(condition: Stored) -> bool:
    status = {code for _, code in codings(condition.resource.get("clinicalStatus"))}
    return not status or bool(status & {"active", "recurrence", "relapse"})


def _is_live_goal(goal: Resource) -> bool:
    return goal.get("lifecycleStatus") not in ENDED_GOALS


def _answer(stored: Stored, patient: str) -> Answer:
    resource = stored.resource
    if stored.type == "QuestionnaireResponse":
        name, _ = instrument_in(resource)
        who = extension(resource, uris.HEARD_FROM)
        at = instant(resource.get("authored"))
        return Answer("", name, at, who, f"/assessments/answered/{stored.id}/")
    text = f"{text_of(resource.get('code'))}: {value_words(resource)}"
    href = f"/people/{patient.partition('/')[2]}/health#readings"
    return Answer(text, "", at_of(resource.get("effectiveDateTime")), None, href)
