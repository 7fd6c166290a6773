"""The registry's question: from an address, into an address, and in words. No person stands in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlencode

from django.utils.translation import get_language, gettext, ngettext

from careloop import library
from careloop.care.treat_to_target import Standing
from careloop.library.cohorts import load_conditions
from careloop.library.loading import content_path
from careloop.projections.registry import ORDERS, Asked, Risk, targets
from careloop.projections.risks import RiskRow
from careloop.web.staff.reader import program_name

PAGE: Final = "/registry"
DAYS: Final = (14, 30, 60, 90, 180)
LONGEST: Final = 80
STANDINGS: Final = (*Standing, "unmeasured", "due")


def asked_of(given: Mapping[str, str]) -> Asked:
    """Whatever is not known there is left out, so that an old view still opens."""

    def text(name: str) -> str:
        return given.get(name, "").strip()[:LONGEST]

    measure = text("measure") if text("measure") in dict(measure_choices()) else ""
    has_target = measure in targets()
    standings = STANDINGS if has_target else STANDINGS[-2:-1] if measure else ()
    days = text("heard")
    sort = text("sort") if text("sort") in ORDERS else "name"
    return Asked(
        whose="all" if text("whose") == "all" else "mine",
        lead=text("lead"),
        site=text("site"),
        program=text("program"),
        condition=text("condition_words") or text("condition"),
        need=text("need_words") or text("need"),
        measure=measure,
        low=_number(text("low")) if measure else None,
        high=_number(text("high")) if measure else None,
        moved=_moved(given) if measure else None,
        standing=text("standing") if text("standing") in standings else "",
        heard=int(days) if days.isascii() and days.isdecimal() and 0 < int(days[:5]) <= 3650 else 0,
        late=text("late") in ("1", "on", "True"),
        risk=text("risk"),
        band=text("band") if text("risk") else "",
        sort=sort if sort in _sorts(measure, has_target) else "name",
        after=given.get("after", "")[:2_000],
    )


def _sorts(measure: str, has_target: bool) -> frozenset[str]:
    usual = {"name", "heard", "risk"}
    return frozenset(
        usual | ({"value", "change"} if measure else set()) | ({"review"} if has_target else set())
    )


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.replace(",", ".")) if text else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and abs(found) < 10**9 else None


def _moved(given: Mapping[str, str]) -> Decimal | None:
    """`moved=-5`, or as the form says it: moved_by=5 and moved_way=fell."""
    if said := _number(given.get("moved", "").strip()[:20]):
        return said
    by = _number(given.get("moved_by", "").strip()[:20])
    return None if not by else -abs(by) if given.get("moved_way") == "fell" else abs(by)


def question(asked: Asked, **changed: Any) -> str:
    """What stands behind the `?`; only what differs from the plain list."""
    usual, meant = Asked(), replace(asked, **changed)
    said = {
        each.name: getattr(meant, each.name)
        for each in fields(Asked)
        if getattr(meant, each.name) != getattr(usual, each.name)
    }
    return urlencode({name: "1" if value is True else str(value) for name, value in said.items()})


def address(asked: Asked, **changed: Any) -> str:
    """Another question begins at its first page."""
    said = question(asked, **{"after": "", **changed})
    return f"{PAGE}?{said}" if said else PAGE


def is_narrowed(asked: Asked) -> bool:
    return any(
        getattr(asked, each.name) != each.default
        for each in fields(Asked)
        if each.name not in ("whose", "sort", "after")
    )


# --- in words


@dataclass(frozen=True)
class Phrase:
    """without: the address of the same question without this part."""

    text: str
    without: str


def phrases(asked: Asked, leads: Mapping[str, str], sites: Mapping[str, str]) -> list[Phrase]:
    return [Phrase(text, address(asked, **gone)) for text, gone in _said(asked, leads, sites)]


def _said(
    asked: Asked, leads: Mapping[str, str], sites: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if asked.site:
        yield sites.get(asked.site, gettext("a site that is not yours")), {"site": ""}
    if asked.lead:
        who = {"name": leads.get(asked.lead, gettext("somebody unknown"))}
        yield gettext("led by %(name)s") % who, {"lead": ""}
    if asked.program:
        yield gettext("in %(program)s") % {"program": program_name(asked.program)}, {"program": ""}
    if asked.condition:
        yield condition_name(asked.condition), {"condition": ""}
    if asked.need == "any":
        yield gettext("with an open need"), {"need": ""}
    elif asked.need:
        yield gettext("with the need “%(need)s”") % {"need": asked.need}, {"need": ""}
    if asked.measure:
        yield from _of_measure(asked)
    if asked.heard:
        text = ngettext("not reached for %(n)d day", "not reached for %(n)d days", asked.heard)
        yield text % {"n": asked.heard}, {"heard": 0}
    if asked.late:
        yield gettext("something is late"), {"late": False}
    if asked.risk:
        bands = dict(band_choices(asked.risk))
        name = dict(risk_choices()).get(asked.risk, asked.risk)
        said = f"{name}, {bands.get(asked.band, asked.band)}" if asked.band else name
        yield gettext("risk: %(risk)s") % {"risk": said}, {"risk": "", "band": ""}


def _of_measure(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    name = dict(measure_choices()).get(asked.measure, asked.measure)
    numbers = {"name": name, "low": asked.low, "high": asked.high}
    if asked.low is not None and asked.high is not None:
        yield gettext("%(name)s from %(low)s to %(high)s") % numbers, {"low": None, "high": None}
    elif asked.low is not None:
        yield gettext("%(name)s of %(low)s or more") % numbers, {"low": None}
    elif asked.high is not None:
        yield gettext("%(name)s of %(high)s or less") % numbers, {"high": None}
    else:
        gone = {"measure": "", "standing": "", "moved": None, "sort": "name"}
        yield name, gone
    if asked.moved is not None:
        words = gettext("fell by %(n)s or more") if asked.moved < 0 else gettext("rose by %(n)s or more")
        yield words % {"n": abs(asked.moved)}, {"moved": None}
    if asked.standing:
        yield standing_words()[asked.standing], {"standing": ""}


def standing_words() -> dict[str, str]:
    return {
        "worse": gettext("worse"),
        "stuck": gettext("stuck"),
        "early": gettext("too early to say"),
        "improving": gettext("improving"),
        "target": gettext("in target"),
        "unmeasured": gettext("not measured yet"),
        "due": gettext("review is due"),
    }


def condition_name(said: str) -> str:
    group = load_conditions(content_path()).get(said)
    return group.title.get(get_language() or "en") if group else f"“{said}”"


def condition_choices() -> list[tuple[str, str]]:
    spoken = get_language() or "en"
    found = [(each.id, each.title.get(spoken)) for each in load_conditions(content_path()).values()]
    return sorted(found, key=lambda pair: pair[1].casefold())


def measure_choices() -> list[tuple[str, str]]:
    """(id of a target, or the measure’s own name; words): those with a target first."""
    spoken, known = get_language() or "en", library.load()
    followed = {each.measure for each in targets().values()}
    found = [(id, each.title.get(spoken)) for id, each in sorted(targets().items())]
    others = [
        (f"score:{id}", each.short.get(spoken))
        for id, each in known.instruments.items()
        if each.scoring.bands
    ]
    others += [(f"reading:{id}", each.name.get(spoken)) for id, each in known.readings.items()]
    return [
        *found,
        *sorted((each for each in others if each[0] not in followed), key=lambda e: e[1].casefold()),
    ]


def risk_choices() -> list[tuple[str, str]]:
    return [(id, each.short.get(get_language() or "en")) for id, each in sorted(library.load().risks.items())]


def band_choices(risk: str) -> list[tuple[str, str]]:
    """(code, words), those of that score."""
    known = library.load().risks.get(risk)
    return [(band.code, band.text.get(get_language() or "en")) for band in known.bands] if known else []


def risk_words(name: str, risk: Risk | RiskRow) -> str:
    """`12, high`; what was not scored, because something is missing, says so."""
    if risk.value is None:
        return gettext("not scored")
    band = dict(band_choices(name)).get(risk.band or "", "")
    value = f"{risk.value.normalize():f}"
    return f"{value}, {band}" if band else value
