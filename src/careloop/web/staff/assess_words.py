"""The words of an assessment: scores, answers, who said them, and what does not fit. In the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, gettext, ngettext

from careloop.actions.drafting import Circumstances
from careloop.care.assess import ABSENT_WORDS, Part, Score
from careloop.fhir.elements import name_of, text_of
from careloop.fhir.questionnaire import Item, Problem
from careloop.fhir.questionnaire.values import spoken
from careloop.library import Instrument, Total
from careloop.library.adopting import Adopted
from careloop.projections.people import names
from careloop.store import Unit
from careloop.web.interpreter_words import way_words


def reader_language() -> str:
    return "es" if (get_language() or "en").startswith("es") else "en"


def language_name(code: str) -> str:
    return {"en": gettext("English"), "es": gettext("Spanish")}.get(code, "")


def languages_of(instrument: Instrument) -> tuple[str, ...]:
    """In which the questions can be asked."""
    return instrument.languages if isinstance(instrument, Adopted) else ("en", "es")


@dataclass(frozen=True)
class ScoreWords:
    """value: `14`, `at least 9`, empty when there is none. of: `of 27`. band: in words. note: why there is no
    score yet. findings: what single answers say. beside: what must be known with the number. parts: the subscales."""

    value: str = ""
    of: str = ""
    band: str = ""
    note: str = ""
    findings: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    parts: tuple[PartWords, ...] = ()


@dataclass(frozen=True)
class PartWords:
    """A subscale. value: `4 of 6`, or “not scored”."""

    name: str
    value: str
    band: str


def score_words(instrument: Instrument, result: Score, *, is_done: bool) -> ScoreWords:
    """A sum that lacks answers is said as “at least”; it never stands as the score."""
    language = reader_language()
    findings = tuple(each.text.get(language) for each in result.findings)
    because = result.not_scored_because.get(language) if result.not_scored_because else ""
    parts = tuple(_part_words(part, is_done=is_done) for part in result.subscales)
    total = instrument.scoring.total
    if total is None:
        return ScoreWords(
            note=because if is_done and not (findings or parts) else "", findings=findings, parts=parts
        )
    of = gettext("of %(n)s") % {"n": result.maximum}
    beside = tuple(note.get(language) for note in result.notes)
    if result.value is not None:
        band = result.band.text.get(language) if result.band else ""
        return ScoreWords(number_words(result.value), of, band, "", findings, beside, parts)
    floor = result.at_least or Decimal(0)
    value = gettext("at least %(n)s") % {"n": number_words(floor)} if floor > total.minimum else ""
    note = because if is_done else ""
    return ScoreWords(value, of if value else "", _reached(total, floor), note, findings, (), parts)


def _reached(total: Total, floor: Decimal) -> str:
    """The band that is certain already; nothing where a higher number is better, since it can still be any."""
    reached = next((band for band in total.bands if band.first <= floor <= band.last), None)
    if reached is None or reached == total.bands[0] or total.is_higher_better or len(total.band_sets) > 1:
        return ""
    return gettext("%(band)s or more") % {"band": reached.text.get(reader_language())}


def _part_words(part: Part, *, is_done: bool) -> PartWords:
    language = reader_language()
    name = part.total.name.get(language) if part.total.name else ""
    if part.value is None:
        return PartWords(name, gettext("not scored") if is_done else "", "")
    said = gettext("%(value)s of %(most)s")
    value = said % {"value": number_words(part.value), "most": number_words(part.total.maximum)}
    return PartWords(name, value, part.band.text.get(language) if part.band else "")


def number_words(value: Decimal) -> str:
    """`14`, `5.3`."""
    return str(int(value)) if value == int(value) else str(value)


def absent_words(absent: str) -> str:
    return ABSENT_WORDS[absent].get(reader_language())


def problem_words(item: Item, problem: Problem) -> str:
    """What does not fit, and what would."""
    plain = {
        "missing": gettext("There is no answer yet."),
        "not-an-option": gettext("This is not one of the answers."),
        "exclusive": gettext("“None of these” can’t go with another answer. Take one of them back."),
        "too-many": gettext("Only one answer fits here."),
        "said-twice": gettext("The same answer is given twice."),
        "not-enabled": gettext("This question did not apply."),
        "unknown-question": gettext("There is no such question."),
        "wrong-place": gettext("This answer belongs elsewhere in the form."),
    }
    if problem.code in plain:
        return plain[problem.code]
    if problem.code == "too-few":
        return ngettext("At least %(n)d answer.", "At least %(n)d answers.", item.min_occurs or 0) % {
            "n": item.min_occurs or 0
        }
    if problem.code == "too-short":
        return ngettext("At least %(n)d character.", "At least %(n)d characters.", item.min_length or 0) % {
            "n": item.min_length or 0
        }
    if item.type == "attachment":
        return gettext("This file is too big, or not of a kind that is asked for.")
    if problem.code == "too-long":
        most = item.max_length or 0
        return ngettext("At most %(n)d character.", "At most %(n)d characters.", most) % {"n": most}
    if problem.code == "out-of-range" and item.decimals is not None and (item.minimum is None):
        n = item.decimals
        return ngettext(
            "At most %(n)d digit after the point.", "At most %(n)d digits after the point.", n
        ) % {"n": n}
    if problem.code == "out-of-range" and (item.minimum is None or item.maximum is None):
        limit, is_low = (item.maximum, False) if item.minimum is None else (item.minimum, True)
        said = gettext("%(limit)s or more.") if is_low else gettext("%(limit)s or less.")
        return said % {"limit": spoken(limit)}
    if problem.code == "out-of-range":
        return gettext("A number from %(first)s to %(last)s.") % {
            "first": spoken(item.minimum),
            "last": spoken(item.maximum),
        }
    kinds = {
        "integer": gettext("Write a whole number, like 2."),
        "decimal": gettext("Write a number, like 2.5."),
        "date": gettext("Write a day of the calendar, like 11/24/2026."),
        "quantity": gettext("Write a number with its unit, like 82 kg."),
        "time": gettext("Write a time of day, like 14:30."),
        "dateTime": gettext("Write a day and a time, like 11/24/2026 14:30."),
        "url": gettext("Write an address that begins with https://."),
    }
    return kinds.get(item.type, gettext("This does not fit the question."))


@dataclass(frozen=True, repr=False)
class Teller:
    """who: whose words they are, empty when nobody wrote it down. through: the interpreter, in words."""

    who: str
    is_person: bool = False
    through: str = ""
    language: str = ""

    def __repr__(self) -> str:
        return "Teller(…)"


def tellers(
    unit: Unit, asked: Mapping[str, Circumstances], person: str, person_name: str
) -> dict[str, Teller]:
    """By the same keys. person: "Patient/…"."""
    sources = {each.source for each in asked.values() if each.source and each.source != person}
    known = unit.get(sorted(sources))
    return {key: _teller(each, known, person, person_name) for key, each in asked.items()}


def _teller(asked: Circumstances, known: Mapping[str, Any], person: str, person_name: str) -> Teller:
    is_person = asked.source == person
    who = person_name if is_person else asked.heard_from
    if asked.source and asked.source in known and not is_person:
        who = helper_words(known[asked.source].resource)
    elif asked.source and not who:
        who = gettext("somebody else")
    named = asked.interpreter if asked.interpreter != "an interpreter" else ""
    way = way_words().get(asked.interpreted_how, "")
    through = ", ".join(part for part in (named, way) if part) or asked.interpreter
    return Teller(who, is_person, through, language_name(asked.language))


def helper_words(related: Mapping[str, Any]) -> str:
    """`Rosa Duarte, daughter`."""
    kinds = related.get("relationship", ())
    relation = next(
        (text_of(c) for c in kinds if not any(code.get("code") == "HPOWATT" for code in c.get("coding", ()))),
        "",
    )
    name = name_of(related)
    return f"{name}, {relation.lower()}" if relation else name


def wording_warning(instrument: Instrument, language: str) -> str:
    """What must be known before these words are read aloud; empty when they are as published."""
    how = instrument.wording.get(language, "")
    is_ours = instrument.wording["en"] == "own"
    if how == "unverified":
        return gettext(
            "This wording was not compared with the publisher’s form. A bilingual clinician should read it before use."
        )
    if how == "own" and not is_ours:
        return gettext(
            "This translation was written for Careloop. It is not the publisher’s own and was not validated."
        )
    return ""


def written_by(unit: Unit, references: Iterable[str | None]) -> dict[str, str]:
    return names(unit, [reference for reference in references if reference])
