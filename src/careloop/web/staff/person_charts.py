"""Charts as SVG, drawn here: no script, no inline style. Every chart has its last value in words and a table beside;
lines differ by shape as well, so that they can be read in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from careloop.projections.chart_health import Point, Series
from careloop.web import formats

WIDTH: Final = 360
HEIGHT: Final = 150
LEFT: Final = 40
RIGHT: Final = 12
TOP: Final = 12
BOTTOM: Final = 26
# A chart of fewer values says less than a sentence.
FEWEST: Final = 2


@dataclass(frozen=True)
class Dot:
    x: str
    y: str
    is_last: bool


@dataclass(frozen=True)
class Tick:
    """Something that happened: where, and what."""

    x: str
    words: str


@dataclass(frozen=True)
class Label:
    y: str
    words: str


@dataclass(frozen=True)
class Band:
    y: str
    height: str
    words: str


@dataclass(frozen=True)
class Mark:
    """A value worth a line of its own: a limit, a goal."""

    value: Decimal
    words: str


@dataclass(frozen=True, repr=False)
class Chart:
    """All in the units of the view box. lines: points of a polyline each; marks: labeled lines across; says: the chart
    in a sentence."""

    key: str
    series: Series
    lines: tuple[str, ...]
    dots: tuple[tuple[Dot, ...], ...]
    band: Band | None
    labels: tuple[Label, ...]
    ticks: tuple[Tick, ...]
    first: str
    last: str
    says: str
    rows: tuple[Point, ...]
    marks: tuple[Label, ...] = ()

    @property
    def box(self) -> str:
        return f"0 0 {WIDTH} {HEIGHT}"

    @property
    def frame(self) -> dict[str, int]:
        return {"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM, "text": LEFT - 6}


@dataclass(frozen=True)
class Event:
    at: datetime
    words: str


def draw(
    series: Series,
    today: datetime,
    tz: ZoneInfo,
    events: Sequence[Event] = (),
    *,
    floor: Decimal | None = None,
    ceiling: Decimal | None = None,
    marks: Sequence[Mark] = (),
) -> Chart | None:
    """None when there is too little to draw. floor, ceiling: the ends of the scale, when it has any. marks: those that
    lie within the scale are drawn."""
    points = series.points
    if len(points) < FEWEST or points[0].at == points[-1].at:
        return None
    scale = _Scale.of(series, floor, ceiling)
    values = [[(p.at, p.value) for p in points]]
    if all(p.other is not None for p in points):
        values.append([(p.at, p.other) for p in points if p.other is not None])
    within = [e for e in events if points[0].at <= e.at <= points[-1].at]
    return Chart(
        key=series.code,
        series=series,
        lines=tuple(" ".join(f"{scale.x(at)},{scale.y(v)}" for at, v in line) for line in values),
        dots=tuple(
            tuple(Dot(scale.x(at), scale.y(v), n == len(line) - 1) for n, (at, v) in enumerate(line))
            for line in values
        ),
        band=_band(series, scale),
        labels=tuple(Label(scale.y(v), _number(v)) for v in scale.marks),
        ticks=tuple(Tick(scale.x(e.at), f"{e.words}, {_day(e.at, today, tz)}") for e in within),
        first=_day(points[0].at, today, tz),
        last=_day(points[-1].at, today, tz),
        says=_says(series, today, tz),
        rows=tuple(reversed(points)),
        marks=tuple(Label(scale.y(m.value), m.words) for m in marks if scale.low <= m.value <= scale.high),
    )


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    end: datetime
    low: Decimal
    high: Decimal

    @classmethod
    def of(cls, series: Series, floor: Decimal | None, ceiling: Decimal | None) -> _Scale:
        """Round ends a little outside of what was measured, with the range to be in."""
        values = [v for p in series.points for v in (p.value, p.other) if v is not None]
        values += [v for v in (series.low, series.high) if v is not None]
        low, high = min(values), max(values)
        step = _step(high - low)
        low = floor if floor is not None else (low / step).to_integral_value(ROUND_FLOOR) * step
        high = ceiling if ceiling is not None else (high / step).to_integral_value(ROUND_CEILING) * step
        if low == high:
            low, high = low - step, high + step
        return cls(series.points[0].at, series.points[-1].at, low, high)

    @property
    def marks(self) -> list[Decimal]:
        """Values that get a line: the ends and what divides them into round steps."""
        span = self.high - self.low
        parts = next((n for n in (3, 4, 2) if _is_round(span / n)), 1)
        return [self.low + span / parts * n for n in range(parts + 1)]

    def x(self, at: datetime) -> str:
        share = (at - self.begin).total_seconds() / (self.end - self.begin).total_seconds()
        return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"

    def y(self, value: Decimal) -> str:
        share = float((value - self.low) / (self.high - self.low))
        return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"


def _is_round(step: Decimal) -> bool:
    return (step == step.to_integral_value() and (step < 10 or step % 10 == 0)) or step == Decimal("0.5")


def _step(span: Decimal) -> Decimal:
    """1, 2 or 5 of a power of ten: about four of them to the span."""
    if span <= 0:
        return Decimal(1)
    power = Decimal(10) ** ((span / 4).adjusted())
    return next(power * times for times in (1, 2, 5, 10) if power * times * 4 >= span)


def _band(series: Series, scale: _Scale) -> Band | None:
    if series.low is None and series.high is None:
        return None
    low = max(series.low if series.low is not None else scale.low, scale.low)
    high = min(series.high if series.high is not None else scale.high, scale.high)
    if low >= high:
        return None
    top, foot = scale.y(high), scale.y(low)
    return Band(top, f"{float(foot) - float(top):.1f}", series.range_words)


def _number(value: Decimal) -> str:
    plain = value.normalize()
    return f"{plain:f}" if plain == plain.to_integral() else f"{value:.1f}"


def _day(at: datetime, today: datetime, tz: ZoneInfo) -> str:
    return formats.day_words(at.astimezone(tz).date(), today.astimezone(tz).date())


def _says(series: Series, today: datetime, tz: ZoneInfo) -> str:
    count = len(series.points)
    told = {
        "title": series.title,
        "n": count,
        "first": _day(series.points[0].at, today, tz),
        "last": _day(series.latest.at, today, tz),
        "value": series.latest.words,
    }
    said = (
        ngettext(
            "%(title)s: %(n)d value from %(first)s to %(last)s, the last one %(value)s.",
            "%(title)s: %(n)d values from %(first)s to %(last)s, the last one %(value)s.",
            count,
        )
        % told
    )
    if series.low is None and series.high is None:
        return said
    return f"{said} {range_words(series)}."


def range_words(series: Series) -> str:
    """`Range to be in: 68 to 70.5 kg (dry weight)`."""
    told = {"low": series.low, "high": series.high, "unit": series.unit}
    if series.low is None:
        text = gettext("Range to be in: up to %(high)s %(unit)s") % told
    elif series.high is None:
        text = gettext("Range to be in: from %(low)s %(unit)s") % told
    else:
        text = gettext("Range to be in: %(low)s to %(high)s %(unit)s") % told
    return f"{text.strip()} ({series.range_words})" if series.range_words else text.strip()
