"""What is known of one person over time, and what a condition finds in it. Pure.

Days are counted in her zone: two readings on Monday and Wednesday mornings lie two days apart, whatever the minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from careloop.library.conditions import NUMERIC
from careloop.library.protocols import Course
from careloop.library.series import Asked, Named, amount

TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True, repr=False)
class Datum:
    """A reading, in its kind's own unit, or a score. second: of a pair."""

    at: datetime
    value: Decimal
    second: Decimal | None = None
    reference: str = ""

    def part(self, name: str) -> Decimal | None:
        return self.second if name == "second" else self.value

    def __repr__(self) -> str:
        return f"Datum({self.reference})"


@dataclass(frozen=True, slots=True, repr=False)
class Happened:
    """at may lie ahead: when a medicine runs out. what: in words, for the because."""

    at: datetime
    reference: str = ""
    what: str = ""

    def __repr__(self) -> str:
        return f"Happened({self.reference})"


@dataclass(frozen=True, repr=False)
class Signals:
    """reference: Patient/…. Everything oldest first. moments: by the names of library/series.MOMENTS. shown: how the
    unit of a kind of reading is written; spanish: the same in Spanish, where it differs. diagnosed: Conditions that
    not everybody may see, by the code in fact/conditions that they alone tell."""

    reference: str
    zone: tzinfo = UTC
    readings: Mapping[str, Sequence[Datum]] = field(default_factory=dict)
    scores: Mapping[str, Sequence[Datum]] = field(default_factory=dict)
    moments: Mapping[str, Sequence[Happened]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: Mapping[str, bool] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    spanish: Mapping[str, str] = field(default_factory=dict)
    is_deceased: bool = False
    diagnosed: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Signals({self.reference})"

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


@dataclass(frozen=True, repr=False)
class Found:
    """What one condition found. was, now: from where to where; since, at: when. evidence: references, oldest first."""

    value: Decimal | None
    unit: str = ""
    was: Decimal | None = None
    now: Decimal | None = None
    since: datetime | None = None
    at: datetime | None = None
    count: int = 0
    what: str = ""
    evidence: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Found({', '.join(self.evidence)})"


@dataclass(frozen=True)
class Treatment:
    """A course as its scores tell it. lowest: the lowest score since it responded, None before. relapsed: the last
    score is a relapse."""

    began: Datum
    last: Datum
    times: int
    lowest: Datum | None = None
    relapsed: bool = False


NOTHING = Found(None)


def find(
    asked: Asked, signals: Signals, values: Mapping[str, Decimal], treatment: Treatment | None, now: datetime
) -> Found:
    """NOTHING when it is not known. treatment: that of the protocol's course, as far as it has come."""
    match asked.subject:
        case "reading":
            data = [
                each
                for each in _until(signals.readings.get(asked.name, ()), now)
                if each.part(asked.part) is not None
            ]
            return _of_data(asked, data, signals, values, now, signals.shown.get(asked.name, asked.unit))
        case "score":
            return _of_data(asked, _until(signals.scores.get(asked.name, ()), now), signals, values, now, "")
        case "course":
            return _of_course(asked.name, treatment, now) if treatment else NOTHING
    return _of_moments(asked, signals, now)


def _until(data: Sequence[Datum], now: datetime) -> Sequence[Datum]:
    return data if not data or data[-1].at <= now else [each for each in data if each.at <= now]


# --- readings and scores


def _of_data(
    asked: Asked,
    data: Sequence[Datum],
    signals: Signals,
    values: Mapping[str, Decimal],
    now: datetime,
    unit: str,
) -> Found:
    if not data:
        return NOTHING
    last, today = data[-1], signals.day(now)
    if asked.within_days is None:
        window: Sequence[Datum] = data
    else:
        if asked.what != "times" and (today - signals.day(last.at)).days > asked.within_days:
            return NOTHING  # what happened then was for then
        ends = today if asked.what == "times" else signals.day(last.at)
        first = ends - timedelta(days=asked.within_days)
        window = [each for each in data if signals.day(each.at) >= first]
    if asked.what == "last":
        value = last.part(asked.part)
        return Found(value, unit, now=value, at=last.at, since=last.at, count=1, evidence=_named([last]))
    if asked.what == "times":
        return _times(asked, window, values, unit)
    return _change(asked, window, last, unit)


def _times(asked: Asked, window: Sequence[Datum], values: Mapping[str, Decimal], unit: str) -> Found:
    assert asked.limit is not None
    operator, limit = asked.limit[0], amount(asked.limit[1], values)
    hit = [
        each
        for each in window
        if (part := each.part(asked.part)) is not None and NUMERIC[operator](part, limit)
    ]
    if not hit:
        return Found(Decimal(0), unit)
    first, last = hit[0], hit[-1]
    return Found(
        Decimal(len(hit)),
        unit,
        was=first.part(asked.part),
        now=last.part(asked.part),
        since=first.at,
        at=last.at,
        count=len(hit),
        evidence=_named(hit),
    )


def _change(asked: Asked, window: Sequence[Datum], last: Datum, unit: str) -> Found:
    """Against the lowest of the window for a rise, the highest for a fall; the newest of several such."""
    sign = 1 if asked.what.startswith("rise") else -1
    base = min(reversed(window), key=lambda each: sign * (each.part(asked.part) or Decimal(0)))
    was, now = base.part(asked.part), last.part(asked.part)
    if base is last or was is None or now is None:
        return Found(Decimal(0), unit, was=now, now=now, since=last.at, at=last.at, evidence=_named([last]))
    value = sign * (now - was)
    if asked.what.endswith("percent"):
        if not was:
            return NOTHING
        value = (value * 100 / was).quantize(TENTH, ROUND_HALF_UP)
    return Found(
        value,
        "%" if asked.what.endswith("percent") else unit,
        was=was,
        now=now,
        since=base.at,
        at=last.at,
        count=len(window),
        evidence=_named([base, last]),
    )


def _named(found: Iterable[Datum | Happened]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.reference for each in found if each.reference))


# --- a treatment


def treated(course: Course | None, signals: Signals, now: datetime) -> Treatment | None:
    """Her treatment until then; None without a course, and before one began."""
    return treatment_of(course, _until(signals.scores.get(course.instrument, ()), now)) if course else None


def treatment_of(course: Course, scores: Sequence[Datum]) -> Treatment | None:
    """None before a score has reached where it begins. A relapse stays one until the next score: that one belongs to
    the course which the relapse began."""
    now: Treatment | None = None
    for score in scores:
        if now is None:
            now = Treatment(score, score, 1) if score.value >= course.begins_at else None
            continue
        if now.relapsed:
            now = Treatment(now.last, now.last, 1)
        lowest = now.lowest
        relapsed = lowest is not None and score.value - lowest.value >= course.relapse_rise
        fallen = (now.began.value - score.value) * 100 >= course.response_percent * now.began.value
        has_responded = lowest is not None or fallen or score.value < course.remission_below
        if has_responded and not relapsed and (lowest is None or score.value <= lowest.value):
            lowest = score
        now = Treatment(now.began, score, now.times + 1, lowest, relapsed)
    return now


def _of_course(name: str, treatment: Treatment, now: datetime) -> Found:
    began, last = treatment.began, treatment.last
    fall = began.value - last.value
    value: Decimal | None
    match name:
        case "weeks":
            value = Decimal((now - began.at).days // 7)
        case "baseline":
            value = began.value
        case "latest":
            value = last.value
        case "fall":
            value = fall
        case "fall_percent":
            value = (fall * 100 / began.value).quantize(TENTH, ROUND_HALF_UP) if began.value else None
        case "rise":
            value = last.value - treatment.lowest.value if treatment.lowest else None
        case "weeks_unmeasured":
            value = Decimal((now - last.at).days // 7)
        case _:
            value = Decimal(treatment.times)
    base = treatment.lowest if name == "rise" and treatment.lowest else began
    return Found(
        value,
        was=base.value,
        now=last.value,
        since=base.at,
        at=last.at,
        count=treatment.times,
        evidence=_named([base, last]),
    )


# --- what happened


def moments_of(name: str, signals: Signals) -> Sequence[Happened]:
    first, _, rest = name.partition("/")
    if first in ("reading", "score"):
        data = (signals.readings if first == "reading" else signals.scores).get(rest, ())
        return [Happened(each.at, each.reference) for each in data]
    return signals.moments.get(name, ())


def _of_moments(asked: Asked, signals: Signals, now: datetime) -> Found:
    found = [each for each in moments_of(asked.name, signals) if each.at <= now]
    if asked.subject == "count":
        if asked.within_days is not None:
            first = signals.day(now) - timedelta(days=asked.within_days)
            found = [each for each in found if signals.day(each.at) >= first]
        value = Decimal(len(found))
        if not found:
            return Found(value)
        return Found(
            value,
            since=found[0].at,
            at=found[-1].at,
            count=len(found),
            what=found[-1].what,
            evidence=_named(found),
        )
    if not found:
        return NOTHING
    one = found[0] if asked.subject == "days_since_first" else found[-1]
    return Found(
        Decimal((now - one.at).days),
        since=one.at,
        at=one.at,
        count=len(found),
        what=one.what,
        evidence=_named([one]),
    )


def again_at(
    asked: Asked, value: Any, signals: Signals, treatment: Treatment | None, now: datetime
) -> datetime | None:
    """When a count of days may first reach that number, if nothing else happens; None when it never will, or has."""
    if isinstance(value, (Named, bool)) or value is None:
        return None
    if asked.subject == "course":
        if treatment is None:
            return None
        base = treatment.began.at if asked.name == "weeks" else treatment.last.at
        due = base + timedelta(days=7 * int(value))
        return due if due > now else None
    known = moments_of(asked.name, signals)
    past = [each.at for each in known if each.at <= now]
    bases = [each.at for each in known if each.at > now]
    if past:
        bases.append(past[0] if asked.subject == "days_since_first" else past[-1])
    ahead = [due for base in bases if (due := base + timedelta(days=int(value))) > now]
    return min(ahead, default=None)
