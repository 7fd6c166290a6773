"""Whether a plan holds what a program requires of it: each element met by what, or missing, and by when. Pure.

The requirements: content/completeness/, the hours: content/rules/. What the record shows: projections/plan_evidence.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from careloop.care.stay import Outstanding
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.calendar import zone as zone_called
from careloop.library import Library, Rule, Words
from careloop.library.completeness import UNITS, DueBy, Element, Standard, Want, Wanted

KIND = "complete-plan"
TITLE = "Complete the plan"


@dataclass(frozen=True, repr=False)
class Evidence:
    """One thing on record. key: covers/ccm/functional, instrument/phq-9, evidence/goals. at, by: when and by whom, as
    the record stamped it. reference: where it stands."""

    key: str
    reference: str
    at: datetime
    by: str = ""
    text: str = ""


@dataclass(frozen=True, repr=False)
class Shown:
    """joined: program -> when she joined it. evidence: of every key, the newest first. zone: where she lives."""

    reference: str
    joined: Mapping[str, datetime]
    evidence: Mapping[str, Sequence[Evidence]]
    zone: str | None = None
    lead: str | None = None
    site: str | None = None
    work: tuple[Outstanding, ...] = ()
    is_deceased: bool = False

    def __repr__(self) -> str:
        return f"Shown({self.reference})"


@dataclass(frozen=True, repr=False)
class Deadline:
    """due: the last moment. rule: of content/rules, as it holds then. because: what it is counted from."""

    due: datetime
    rule: Rule
    because: Words


@dataclass(frozen=True, repr=False)
class Judged:
    """met_by: what meets it; empty when it lacks. old: what would, were it not too old. again: when it lacks anew,
    should nothing be done. deadline: the first of its dues, met or not."""

    element: Element
    met_by: tuple[Evidence, ...]
    old: Evidence | None
    again: datetime | None
    deadline: Deadline | None

    @property
    def is_met(self) -> bool:
        return bool(self.met_by)

    def is_late(self, now: datetime) -> bool:
        return not self.is_met and self.deadline is not None and self.deadline.due < now


@dataclass(frozen=True, repr=False)
class Completeness:
    """One standard against one plan. program: through which she is held to it."""

    standard: Standard
    program: str
    elements: tuple[Judged, ...]

    @property
    def met(self) -> int:
        return sum(each.is_met for each in self.elements)

    @property
    def gaps(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.elements if not each.is_met)

    @property
    def is_whole(self) -> bool:
        return not self.gaps

    def sentence(self) -> Words:
        """`9 of 11 for chronic care; missing: caregiver assessment.`"""
        counts = {"met": self.met, "all": len(self.elements)}
        missing = [each.element.text for each in self.gaps]
        en, es = (self.standard.short.get(language) for language in ("en", "es"))
        if not missing:
            return Words(
                f"All {counts['all']} for {en}.", f"Los {counts['all']} requisitos de {es} están completos."
            )
        said = Words(_listed([w.en for w in missing], "and"), _listed([w.es for w in missing], "y"))
        return Words(
            f"{counts['met']} of {counts['all']} for {en}; missing: {said.en}.",
            f"{counts['met']} de {counts['all']} para {es}; falta: {said.es}.",
        )


def _listed(texts: Sequence[str], conjunction: str) -> str:
    lowered = [text[:1].lower() + text[1:] if text[1:2].islower() else text for text in texts]
    if len(lowered) < 2:
        return "".join(lowered)
    return f"{', '.join(lowered[:-1])} {conjunction} {lowered[-1]}"


def completeness(shown: Shown, library: Library, now: datetime) -> tuple[Completeness, ...]:
    """Of each standard that she is held to now; none for somebody who died."""
    if shown.is_deceased:
        return ()
    found = []
    for standard in library.standards_of(shown.joined):
        program = min(set(standard.programs) & shown.joined.keys(), key=lambda code: shown.joined[code])
        elements = tuple(_judged(each, program, shown, library, now) for each in standard.elements)
        found.append(Completeness(standard, program, elements))
    return tuple(found)


def _judged(element: Element, program: str, shown: Shown, library: Library, now: datetime) -> Judged:
    met_by = _meets(element.met_by, shown, now)
    deadlines = [
        found for due in element.dues if (found := _deadline(due, element, program, shown, library, now))
    ]
    return Judged(
        element,
        met_by,
        None if met_by else _old(element.met_by, shown),
        _again(element.met_by, met_by),
        min(deadlines, key=lambda each: each.due, default=None),
    )


def _meets(want: Want, shown: Shown, now: datetime) -> tuple[Evidence, ...]:
    """Empty when it is not met. Of alternatives the newest counts."""
    if isinstance(want, Wanted):
        return tuple(e for e in shown.evidence.get(want.key, ())[:1] if _is_fresh(e, want, now))
    parts = [_meets(part, shown, now) for part in want.parts]
    if want.kind == "all":
        return tuple(e for part in parts for e in part) if all(parts) else ()
    return max((part for part in parts if part), key=lambda part: max(e.at for e in part), default=())


def _is_fresh(evidence: Evidence, want: Wanted, now: datetime) -> bool:
    return want.within_days is None or now - evidence.at <= timedelta(days=want.within_days)


def _old(want: Want, shown: Shown) -> Evidence | None:
    found = [e for leaf in want.leaves() for e in shown.evidence.get(leaf.key, ())[:1]]
    return max(found, key=lambda e: e.at, default=None)


def _again(want: Want, met_by: tuple[Evidence, ...]) -> datetime | None:
    """When what meets it has grown too old."""
    limits = {leaf.key: leaf.within_days for leaf in want.leaves()}
    ends = [e.at + timedelta(days=days) for e in met_by if (days := limits.get(e.key)) is not None]
    return min(ends, default=None)


# --- by when


_COUNTED_FROM = {
    "joined": Words("counted from the day of joining", "contado desde el día de ingreso"),
    "assessed": Words("counted from the assessment", "contado desde la evaluación"),
    "last": Words("counted from the last time", "contado desde la última vez"),
}


def _deadline(
    due: DueBy, element: Element, program: str, shown: Shown, library: Library, now: datetime
) -> Deadline | None:
    start = _start(due, element, program, shown)
    if start is None or not library.rules[due.rule][0].since <= now.date():
        return None
    rule = library.rule(due.rule, now.date())
    return Deadline(
        _counted(start, rule.integer(due.value), UNITS[due.value], shown.zone), rule, _COUNTED_FROM[due.after]
    )


def _start(due: DueBy, element: Element, program: str, shown: Shown) -> datetime | None:
    joined = shown.joined[program]
    if due.after == "joined":
        return joined
    if due.after == "assessed":
        found = [e.at for e in shown.evidence.get(due.of, ()) if e.at >= joined]
        return max(found, default=None)
    last = [e.at for leaf in element.met_by.leaves() for e in shown.evidence.get(leaf.key, ())[:1]]
    return max([*last, joined])


def _counted(start: datetime, number: int, unit: str, zone: str | None) -> datetime:
    """Hours to the minute; days to the end of that day where she lives; a day of the stay, of which the first is 1.
    Where nobody knows her zone none is guessed: days are counted to the minute, which is never later."""
    if unit == "hours":
        return start + timedelta(hours=number)
    days = number - 1 if unit == "day-of-stay" else number
    if zone is None:
        return start + timedelta(days=days)
    calendar = BusinessCalendar(zone_called(zone))
    return calendar.end_of(calendar.local_day(start) + timedelta(days=days))


# --- what is missing, as work


@dataclass(frozen=True)
class Look:
    """look_again: the next moment at which something turns missing by itself."""

    proposal: Proposal
    look_again: datetime | None


def on_gaps(shown: Shown, library: Library, now: datetime) -> Look:
    """The work that gaps with a legal hour ask for, one piece a standard, and what of it fits no more. A gap without
    an hour is shown and makes no work; nor does a standard that nobody has verified."""
    judged = completeness(shown, library, now)
    work = tuple(made for each in judged if (made := _work(each, shown, now)))
    wanted = {each.dedupe for each in work}
    withdraw = tuple(
        Withdrawal(each.dedupe, "The plan holds it now, or no program asks for it any more.")
        for each in shown.work
        if each.kind == KIND and each.state == "open" and each.dedupe not in wanted and _is_ours(each, shown)
    )
    ends = [e.again for c in judged for e in c.elements if e.again and e.deadline and e.again > now]
    return Look(Proposal(work, withdraw), min(ends, default=None))


def _is_ours(work: Outstanding, shown: Shown) -> bool:
    return work.dedupe.startswith(f"complete:{shown.reference}:")


def _work(judged: Completeness, shown: Shown, now: datetime) -> Work | None:
    if judged.standard.verified == "U":
        return None
    timed = sorted(
        ((each, each.deadline) for each in judged.gaps if each.deadline and each.deadline.rule.is_on),
        key=lambda pair: pair[1].due,
    )
    if not timed:
        return None
    first = timed[0][1]
    names = _listed([each.element.text.en for each, _ in timed], "and")
    joined = shown.joined[judged.program]
    return Work(
        kind=KIND,
        title=f"{TITLE}: {judged.standard.title.en}",
        because=f"missing: {names} ({first.rule.label}, {first.because.en})",
        klass=WorkClass.CLOCK,
        dedupe=_key(judged, shown, joined, timed),
        due=first.due,
        target=_target(first.due, shown.zone),
        zone=shown.zone,
        rule=first.rule.ref,
        source=first.rule.source,
        owner=shown.lead,
        program=judged.program,
        site=shown.site,
    )


def _key(
    judged: Completeness, shown: Shown, joined: datetime, timed: Iterable[tuple[Judged, Deadline]]
) -> str:
    """One piece of work for one enrollment; what comes round is a piece of its own each time it falls due."""
    base = f"complete:{shown.reference}:{judged.standard.id}:{joined.astimezone(UTC):%Y-%m-%d}"
    rounds = [
        deadline.due.astimezone(UTC)
        for each, deadline in timed
        if any(due.after == "last" for due in each.element.dues) and each.old
    ]
    return f"{base}:{min(rounds):%Y-%m-%d}" if rounds else base


def _target(due: datetime, zone: str | None) -> datetime:
    """5 pm of the last day, unless the hour comes before."""
    if zone is None:
        return due
    calendar = BusinessCalendar(zone_called(zone))
    return min(due, calendar.working_target(calendar.local_day(due)))
