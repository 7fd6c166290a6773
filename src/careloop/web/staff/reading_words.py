"""Readings in words: ranges, limits, why a value does not count, in the reader's language."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import get_language, gettext

from careloop.care.reading_limits import Limits
from careloop.care.reading_work import plain
from careloop.library import Kind, Words
from careloop.library.rules import VERIFIED
from careloop.projections.chart_readings import Row, Target


def said(words: Words) -> str:
    return words.get((get_language() or "en")[:2])


def language() -> str:
    return (get_language() or "en")[:2]


def sure(verified: str) -> str:
    """How sure we are of a number, in words."""
    found = VERIFIED.get(verified)
    return said(found) if found else ""


def ends_words(low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return gettext("up to %(high)s") % {"high": plain(high or Decimal(0))}
    if high is None:
        return gettext("from %(low)s") % {"low": plain(low)}
    return gettext("%(low)s to %(high)s") % {"low": plain(low), "high": plain(high)}


def _with_second(kind: Kind, first: str, second: str) -> str:
    unit = kind.units[0].called.get(language())
    if kind.second is None or not second:
        return f"{first}{'' if unit[:1] in ('%', '/') else ' '}{unit}"
    lower = gettext("lower number %(range)s") % {"range": second}
    return f"{first}, {lower} {unit}" if first else f"{lower} {unit}"


def target_words(kind: Kind, target: Target) -> str:
    """`Range to be in: up to 130, lower number up to 80 mmHg`."""
    told = _with_second(
        kind, ends_words(target.low, target.high), ends_words(target.second_low, target.second_high)
    )
    return gettext("Range to be in: %(range)s") % {"range": told}


def limit_words(kind: Kind, limits: Limits) -> str:
    """`Look when below 90 or above 150 mmHg`."""
    parts = [_passed(limits.low, limits.high)]
    if second := _passed(limits.second_low, limits.second_high):
        parts.append(gettext("lower number %(range)s") % {"range": second})
    unit = kind.units[0].called.get(language())
    told = ", ".join(part for part in parts if part)
    return gettext("Look when %(range)s") % {"range": f"{told}{'' if unit[:1] in ('%', '/') else ' '}{unit}"}


def _passed(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return gettext("below %(low)s or above %(high)s") % {"low": plain(low), "high": plain(high)}
    if low is not None:
        return gettext("below %(low)s") % {"low": plain(low)}
    return gettext("above %(high)s") % {"high": plain(high)} if high is not None else ""


def state_words(row: Row) -> str:
    """Why it does not count, or who said that it does."""
    return {
        "unit": gettext("unit not known"),
        "impossible": gettext("can’t be"),
        "future": gettext("dated in the future"),
        "leap": gettext("far from the one before"),
        "confirmed": gettext("looked at, right"),
        "refuted": gettext("wrong"),
        None: "",
    }.get(row.read.why, "")
