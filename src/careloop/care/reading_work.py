"""Work that readings ask for by themselves: a value that can't be believed is asked about, and so is a device that has
fallen silent. Pure. What a believed value asks for is decided by protocols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from careloop.care.reading_limits import Limits
from careloop.care.work import Proposal, Withdrawal, Work, WorkClass
from careloop.kernel.calendar import BusinessCalendar
from careloop.kernel.days import day_said
from careloop.library import Kind, Words

ASK: Final = "ask-reading"
SILENT: Final = "ask-device"
LOOK: Final = "look-reading"
ASK_TITLE: Final = "Ask about a reading: {what}"
LOOK_TITLE: Final = "Look at a reading: {what}"
SILENT_TITLE: Final = "Ask why nothing comes any more: {what}"
# More doubtful values of one kind than this are not named one by one.
NAMED: Final = 3
HOUSE: Final = "The house’s own rule: a value that can’t be believed is kept, not acted on, and asked about."
LOOK_SOURCE: Final = "Limits that were set for this person."
PAST_SAID: Final = Words("{value} on {day}: {ends}", "{value} el {day}: {ends}")
SET_BY: Final = Words(", set by {who}", ", según {who}")
BELOW, ABOVE = Words("below", "por debajo de"), Words("above", "por encima de")
LOWER_NUMBER: Final = Words("the lower number ", "el número de abajo, ")
# An older value is nothing to be told of now.
FRESH: Final = timedelta(days=7)
SILENT_SOURCE: Final = "The house’s own rule; the days are in content/readings."


@dataclass(frozen=True, repr=False)
class Doubt:
    """One value that is not believed. before: the last believed one, as it was that day; unit: as it is shown."""

    kind: Kind
    value: Decimal
    second: Decimal | None
    unit: str
    at: datetime
    why: str
    observation: str
    before: tuple[Decimal, datetime] | None

    def __repr__(self) -> str:
        return f"Doubt({self.kind.id}, {self.observation})"


@dataclass(frozen=True, repr=False)
class Heard:
    """A device that is the person's own. last: when it was heard last, else since when it is hers."""

    device: str
    name: str
    last: datetime
    has_sent: bool
    within_days: int

    @property
    def silent_at(self) -> datetime:
        return self.last + timedelta(days=self.within_days)

    def __repr__(self) -> str:
        return f"Heard({self.device})"


def plain(value: Decimal) -> str:
    """`82`, `82.4`: at most two decimals."""
    cut = value.quantize(Decimal("0.01")) if value == value and abs(value) < 10**9 else value
    text = f"{cut:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_said(kind: Kind, value: Decimal, second: Decimal | None, unit: str, language: str = "en") -> str:
    """`142/88 mmHg`, `82.4 kg`, `72/min`."""
    shown = kind.units[0].called.get(language) if unit == kind.unit else unit
    pair = f"{plain(value)}/{plain(second)}" if second is not None else plain(value)
    return f"{pair}{'' if shown[:1] in ('%', '/') else ' '}{shown}".strip()


def why_said(doubt: Doubt, tz: ZoneInfo) -> str:
    """One sentence: “182 kg on Nov 22, 2026; 82.1 kg on Nov 21, 2026.”"""
    said = f"{value_said(doubt.kind, doubt.value, doubt.second, doubt.unit)} on {_day(doubt.at, tz)}"
    match doubt.why:
        case "leap" if doubt.before:
            value, at = doubt.before
            return f"{said}, but {value_said(doubt.kind, value, None, doubt.kind.unit)} on {_day(at, tz)}"
        case "unit":
            return f"{said}: the unit is not one we know"
        case "future":
            return f"{said}: that day had not come yet when it was sent"
    return f"{said}: that can’t be"


def _day(at: datetime, tz: ZoneInfo) -> str:
    return day_said(at.astimezone(tz).date(), "en")


def on_doubts(
    person: str, doubts: Sequence[Doubt], open_keys: Iterable[str], now: datetime, tz: ZoneInfo
) -> Proposal:
    """One to-do a kind. person: Patient/…. open_keys: of the to-dos of this sort that are open now."""
    by_kind: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        by_kind.setdefault(doubt.kind.id, []).append(doubt)
    work = tuple(_ask(person, found, now, tz) for found in by_kind.values())
    keys = {each.dedupe for each in work}
    gone = tuple(
        Withdrawal(key, "Somebody has said what is right, or it was sent again.")
        for key in open_keys
        if key not in keys
    )
    return Proposal(work, gone)


def _ask(person: str, doubts: Sequence[Doubt], now: datetime, tz: ZoneInfo) -> Work:
    first = min(doubts, key=lambda doubt: (doubt.at, doubt.observation))
    newest = sorted(doubts, key=lambda doubt: doubt.at, reverse=True)
    told = "; ".join(why_said(doubt, tz) for doubt in newest[:NAMED])
    more = len(doubts) - NAMED
    calendar = BusinessCalendar(tz)
    on = calendar.add_business_days(calendar.local_day(now), 1)
    return Work(
        kind=ASK,
        title=ASK_TITLE.format(what=first.kind.name.en),
        because=told + (f"; and {more} more" if more > 0 else ""),
        klass=WorkClass.ROUTINE,
        dedupe=f"{ASK}:{person}:{first.kind.id}:{first.observation}",
        target=calendar.working_target(on),
        zone=str(tz),
        source=HOUSE,
        reasons=tuple(doubt.observation for doubt in newest[:10]),
    )


@dataclass(frozen=True, repr=False)
class Past:
    """The newest believed value, past a limit that was set for this person. streak: the Observations past it one after
    the other, newest first. passed: low, high, second-low, second-high. by: who set the limits."""

    kind: Kind
    value: Decimal
    second: Decimal | None
    at: datetime
    streak: tuple[str, ...]
    passed: tuple[str, ...]
    limits: Limits
    by: str

    @property
    def observation(self) -> str:
        return self.streak[0]

    def key(self, person: str) -> str:
        """Of its to-do: one from the first value past the limit to the next one inside. person: Patient/…."""
        return f"{LOOK}:{person}:{self.kind.id}:{self.streak[-1]}"

    def __repr__(self) -> str:
        return f"Past({self.kind.id}, {self.observation})"


def on_limits(person: str, past: Sequence[Past], now: datetime, tz: ZoneInfo) -> Proposal:
    """One to-do from the first value past a limit until somebody has looked; one inside does not take it away."""
    return Proposal(tuple(_look(person, each, now, tz) for each in past if now - each.at <= FRESH))


def _look(person: str, past: Past, now: datetime, tz: ZoneInfo) -> Work:
    calendar = BusinessCalendar(tz)
    today = calendar.local_day(now)
    is_today = calendar.is_business_day(today) and now < calendar.working_target(today)
    on = today if is_today else calendar.add_business_days(today, 1)
    return Work(
        kind=LOOK,
        title=LOOK_TITLE.format(what=past.kind.name.en),
        because=past_said(past, tz, "en"),
        klass=WorkClass.PROMISE,
        dedupe=past.key(person),
        target=calendar.working_target(on),
        zone=str(tz),
        source=LOOK_SOURCE,
        reasons=(past.observation, *([past.limits.request] if past.limits.request else [])),
    )


def past_said(past: Past, tz: ZoneInfo, language: str) -> str:
    """“84.5 kg on Nov 22, 2026: above 84, set by Ana Reyes; Dr. Chen asked”."""
    told = PAST_SAID.get(language).format(
        value=value_said(past.kind, past.value, past.second, past.kind.unit, language),
        day=day_said(past.at.astimezone(tz).date(), language),
        ends=", ".join(_end(past.limits, name, language) for name in past.passed),
    )
    by = SET_BY.get(language).format(who=past.by) if past.by else ""
    return f"{told}{by}{f'; {past.limits.why}' if past.limits.why else ''}"


def _end(limits: Limits, name: str, language: str) -> str:
    value = getattr(limits, name.replace("-", "_"))
    word = (BELOW if name.endswith("low") else ABOVE).get(language)
    return f"{LOWER_NUMBER.get(language) if name.startswith('second') else ''}{word} {plain(value)}"


def on_silent_devices(
    person: str, devices: Sequence[Heard], open_keys: Iterable[str], now: datetime, tz: ZoneInfo
) -> tuple[Proposal, datetime | None]:
    """(what is to be asked, when to look again)"""
    silent = [each for each in devices if now >= each.silent_at]
    work = tuple(_silent(person, each, now, tz) for each in silent)
    keys = {each.dedupe for each in work}
    gone = tuple(
        Withdrawal(key, "It was heard again, or is no longer used.") for key in open_keys if key not in keys
    )
    again = min((each.silent_at for each in devices if now < each.silent_at), default=None)
    return Proposal(work, gone), again


def _silent(person: str, heard: Heard, now: datetime, tz: ZoneInfo) -> Work:
    calendar = BusinessCalendar(tz)
    on = calendar.add_business_days(calendar.local_day(now), 1)
    nothing = "nothing came since" if heard.has_sent else "nothing came yet, since"
    days = "1 day" if heard.within_days == 1 else f"{heard.within_days} days"
    return Work(
        kind=SILENT,
        title=SILENT_TITLE.format(what=heard.name),
        because=f"{nothing} {_day(heard.last, tz)}; asked about after {days}",
        klass=WorkClass.SILENCE,
        dedupe=f"{SILENT}:{person}:{heard.device}:{heard.last:%Y-%m-%dT%H%M}",
        target=calendar.working_target(on),
        zone=str(tz),
        source=SILENT_SOURCE,
        reasons=(heard.device,) if heard.device.startswith("Device/") else (),
    )


def by_device(kinds: Mapping[str, Kind], named: Iterable[str]) -> int | None:
    """After how many silent days a device that measures these is asked about: the fewest that its kinds name."""
    days = [kinds[name].stale_after_days for name in named if name in kinds]
    return min((each for each in days if each is not None), default=None)
