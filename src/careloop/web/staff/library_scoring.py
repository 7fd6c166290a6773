"""How an instrument's answers count, in words: the rule, what a missing answer does, what the number means, and the
golden cases, run as the page is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext

from careloop.care.golden import differences
from careloop.library import BandSet, Instrument, Total
from careloop.library.totals import CutPoint
from careloop.web.staff.assess_words import number_words
from careloop.web.staff.library_words import Wording


@dataclass(frozen=True)
class Bands:
    """who: for whom, empty for everybody. rows: (from, to, meaning)."""

    who: str
    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Rule:
    """One total in words. name: of a subscale, empty for the whole. says: sentences on how it is made. weights: (what,
    what it adds). better: which end is the good one, empty where low is."""

    name: str
    says: Sequence[str]
    weights: Sequence[tuple[str, str]]
    bands: Sequence[Bands]
    cuts: Sequence[tuple[str, str, str]]
    code: str


@dataclass(frozen=True)
class Golden:
    name: str
    faults: Sequence[str]


def rules_of(instrument: Instrument, wording: Wording) -> list[Rule]:
    language = wording.language
    return [_rule(instrument, total, language, wording) for total in instrument.scoring.totals]


def golden_of(instrument: Instrument) -> dict[str, Any]:
    cases = [Golden(case.name, differences(instrument, case)) for case in instrument.cases]
    right = sum(not case.faults for case in cases)
    said = gettext("%(right)d of %(all)d golden cases come out as expected.")
    return {"golden": cases, "golden_said": said % {"right": right, "all": len(cases)}}


def _rule(instrument: Instrument, total: Total, language: str, wording: Wording) -> Rule:
    return Rule(
        name=total.name.get(language) if total.name else "",
        says=[*_made(instrument, total, language), *_missing(total, language), *_end(total, language)],
        weights=[
            (f"{case.text.get(language)}: {wording.of(case.when)}", f"{case.add:+}")
            for points in total.points
            for case in points.cases
        ],
        bands=[_bands(each, language) for each in total.band_sets],
        cuts=[_cut(each, language) for each in total.cut_points],
        code=f"LOINC {total.loinc}" if total.loinc else "",
    )


def _made(instrument: Instrument, total: Total, language: str) -> list[str]:
    span = {"least": number_words(total.minimum), "most": number_words(total.maximum)}
    said = [f"{_way(total)} {gettext('From %(least)s to %(most)s.') % span}"]
    if total.kind == "count":
        said.append(gettext("Counts one: %(what)s.") % {"what": _positive(instrument, total, language)})
    if total.reversed:
        names = [
            f"“{instrument.by_id[item].text.get(language)}”" for item in total.items if item in total.reversed
        ]
        said.append(gettext("The other way round: %(items)s.") % {"items": "; ".join(names)})
    if total.skips:
        said.append(gettext("A question that an earlier answer makes needless counts the lowest."))
    return said


def _way(total: Total) -> str:
    n = len(total.items)
    match total.kind:
        case "mean":
            return gettext("The mean of %(n)d answers.") % {"n": n}
        case "count":
            return gettext("How many of %(n)d answers count.") % {"n": n}
        case "points":
            return gettext("Weighted points; of lines that belong together only the first that holds counts.")
        case "highest":
            return gettext("The highest of %(n)d answers.") % {"n": n}
    return ngettext("What the answer counts.", "What %(n)d answers count, added up.", n) % {"n": n}


def _positive(instrument: Instrument, total: Total, language: str) -> str:
    words: dict[str, None] = {}
    for item in total.items:
        question = instrument.by_id[item]
        if question.kind == "yes-no":
            words |= {gettext("Yes") if "yes" in total.positive else gettext("No"): None}
        for choice in question.choices:
            if choice.code in total.positive:
                words[choice.text.get(language)] = None
    return ", ".join(f"“{word}”" for word in words)


def _missing(total: Total, language: str) -> list[str]:
    n = total.allowed_missing
    because = total.not_scored.get(language)
    if not n:
        return [gettext("With an answer missing there is no score: %(because)s") % {"because": because}]
    allowed = ngettext("One answer may be missing.", "Up to %(n)d answers may be missing.", n) % {"n": n}
    rule = total.rule.get(language) if total.rule else ""
    more = gettext("With more missing there is no score: %(because)s") % {"because": because}
    return [each for each in (allowed, rule, more) if each]


def _end(total: Total, language: str) -> list[str]:
    said = [gettext("A higher number is better.")] if total.is_higher_better else []
    return [*said, total.no_bands.get(language)] if total.no_bands else said


def _bands(bands: BandSet, language: str) -> Bands:
    rows = [
        (number_words(band.first), number_words(band.last), band.text.get(language)) for band in bands.bands
    ]
    return Bands(bands.who.get(language) if bands.who else "", rows)


def _cut(cut: CutPoint, language: str) -> tuple[str, str, str]:
    return number_words(cut.at), cut.says.get(language), cut.source


def wordings_said(instrument: Instrument) -> list[tuple[str, str]]:
    """How sure we are of the words, by language."""
    known = {
        "checked": gettext("held against the publisher’s own form"),
        "agrees": gettext("word for word as independent public copies have it"),
        "unverified": gettext("not compared with the publisher’s form: a clinician must read it first"),
        "own": gettext("written for Careloop, not validated"),
    }
    names = {"en": gettext("English"), "es": gettext("Spanish")}
    return [(names[language], known[how]) for language, how in instrument.wording.items()]
