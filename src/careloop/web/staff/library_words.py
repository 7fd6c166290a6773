"""The logic of content in words that a clinician reads: conditions, sources, how sure we are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, pgettext

from careloop.care.assess import ABSENT_WORDS
from careloop.library import Condition, Instrument, Library, Rule, Total
from careloop.library.conditions import Compare, Group
from careloop.library.facts import FACTS
from careloop.library.rules import VERIFIED
from careloop.web import formats

TONES = {"P": "done", "S": "wait", "O": "", "U": "late"}


@dataclass(frozen=True)
class Sure:
    """How sure we are of a fact: the word, and the tone of its flag."""

    word: str
    tone: str


def how_sure(rule: Rule, language: str) -> Sure:
    return Sure(VERIFIED[rule.verified].get(language), TONES[rule.verified])


class Wording:
    """Says conditions in one language. own: the instrument whose own questions a scoring rule names."""

    def __init__(self, library: Library, language: str, own: Instrument | None = None) -> None:
        self.library, self.language, self.own = library, language, own

    def of(self, condition: Condition) -> str:
        if isinstance(condition, Compare):
            return self._compare(condition)
        parts = [self._inside(part) for part in condition.parts]
        if condition.kind == "not":
            return gettext("not: %(what)s") % {"what": parts[0]}
        word = pgettext("between conditions", "and") if condition.kind == "all" else pgettext("between", "or")
        return f" {word} ".join(parts)

    def _inside(self, condition: Condition) -> str:
        said = self.of(condition)
        return f"({said})" if isinstance(condition, Group) and condition.kind in ("all", "any") else said

    def _compare(self, compare: Compare) -> str:
        subject, _, rest = compare.path.partition("/")
        if subject == "finding":
            said = self._finding(rest)
            return said if True in compare.value else gettext("not: %(what)s") % {"what": said}
        name, question = self._subject(subject, rest)
        if subject == "fact" and compare.operator == "is" and compare.value in ((True,), (False,)):
            return name if compare.value == (True,) else gettext("not: %(what)s") % {"what": name}
        return f"{name} {self._operator(compare, question)}"

    def _subject(self, subject: str, rest: str) -> tuple[str, Any]:
        """Its name, and its question if it is one."""
        if subject in ("score", "band") and self.own and (part := _part(self.own, rest)):
            return (part.name.get(self.language) if part.name else self.own.short.get(self.language)), part
        if subject == "score":
            instrument = self.library.instruments.get(rest)
            return (instrument.short.get(self.language) if instrument else rest), None
        if subject == "fact":
            return (FACTS[rest].get(self.language) if rest in FACTS else rest), None
        name, _, item = rest.partition("/")
        instrument = self.own if not item else self.library.instruments.get(name)
        question = instrument.by_id.get(item or name) if instrument else None
        return (f"“{question.text.get(self.language)}”" if question else rest), question

    def _finding(self, rest: str) -> str:
        name, _, id = rest.partition("/")
        instrument = self.library.instruments.get(name)
        found = next((f for f in instrument.scoring.findings if f.id == id), None) if instrument else None
        if instrument is None or found is None:
            return rest
        return f"{instrument.short.get(self.language)}: {found.text.get(self.language)}"

    def _operator(self, compare: Compare, question: Any) -> str:
        if compare.operator == "known":
            return gettext("is known") if compare.value else gettext("is not known")
        if isinstance(compare.value, Decimal):
            return NUMERIC[compare.operator]() % {"n": compare.value}
        said = f" {pgettext('between', 'or')} ".join(self._value(each, question) for each in compare.value)
        return (
            gettext("is %(what)s") % {"what": said}
            if compare.operator == "is"
            else gettext("is not %(what)s") % {"what": said}
        )

    def _value(self, value: Any, question: Any) -> str:
        if value is True:
            return pgettext("a condition holds", "yes")
        if value is False:
            return pgettext("a condition holds", "no")
        if isinstance(question, Total):
            bands = (band for sets in question.band_sets for band in sets.bands)
            return next((f"“{b.text.get(self.language)}”" for b in bands if b.code == value), str(value))
        choice = question.choice(value) if question is not None and question.choices else None
        if choice is not None:
            return f"“{choice.text.get(self.language)}”"
        if value in (sexes := {"male": gettext("male"), "female": gettext("female")}):
            return sexes[value]
        if value in (places := _discharged_to()):
            return places[value]
        if value in ABSENT_WORDS:
            return ABSENT_WORDS[value].get(self.language)
        return str(value)


def _part(own: Instrument, name: str) -> Total | None:
    return next((total for total in own.scoring.totals if total.id == name), None)


NUMERIC = {
    "at_least": lambda: gettext("is %(n)s or more"),
    "at_most": lambda: gettext("is %(n)s or less"),
    "above": lambda: gettext("is above %(n)s"),
    "below": lambda: gettext("is below %(n)s"),
}


def _discharged_to() -> dict[str, str]:
    return {
        "home": pgettext("left the hospital", "home"),
        "ama": pgettext("left the hospital", "home, against advice"),
        "snf": pgettext("left the hospital", "a nursing facility"),
        "rehab": pgettext("left the hospital", "rehabilitation"),
        "hospital": pgettext("left the hospital", "another hospital"),
        "hospice": pgettext("left the hospital", "hospice"),
    }


@dataclass(frozen=True)
class SourceLine:
    label: str
    text: str


def source_lines(text: str) -> list[SourceLine]:
    """A SOURCE.md: its list of `- **Label.** text`, as plain words. Its language is English."""
    lines: list[SourceLine] = []
    body = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    for item in re.split(r"^- ", body, flags=re.MULTILINE)[1:]:
        plain = " ".join(item.split()).replace("`", "")
        label = re.match(r"\*\*(.+?)\*\*\s*", plain)
        rest = plain[label.end() :] if label else plain
        lines.append(
            SourceLine(
                label.group(1).rstrip(".") if label else "", re.sub(r"\*{1,2}(.+?)\*{1,2}", r"\1", rest)
            )
        )
    return lines


def plain_values(values: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    """The values of a rule, flat: `business days` 2, `ub04 · 01` home."""
    for name, value in values.items():
        key = f"{above}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from plain_values(value, f"{key} · ")
        elif isinstance(value, list):
            yield key, ", ".join(str(each) for each in value)
        else:
            yield key, _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return pgettext("a condition holds", "yes") if value else pgettext("a condition holds", "no")
    return formats.full_date(value) if isinstance(value, date) else str(value)
