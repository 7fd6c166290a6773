"""The list of the library: every part of the content with its entries, found again by a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext

from careloop.library import Library, Rule, Words
from careloop.library.rules import VERIFIED
from careloop.web.staff.library_elsewhere import forms
from careloop.web.staff.library_words import TONES, Sure, how_sure
from careloop.web.staff.reader import now_of, zone_of_reader


@dataclass(frozen=True)
class Entry:
    """One thing of the library in a list. haystack: what a search looks through."""

    title: str
    about: str
    href: str
    sure: Sure | None
    haystack: str


@dataclass(frozen=True)
class Section:
    key: str
    name: str
    about: str
    entries: Sequence[Entry]


def sections(library: Library, language: str, request: HttpRequest) -> list[Section]:
    asked, *others = _of_asking(library, language)
    return [
        asked,
        elsewhere(request),
        *others,
        *_of_watching(library, language, request),
        *_of_plans(library, language),
        *_of_telling(library, language),
    ]


def elsewhere(request: HttpRequest) -> Section:
    """Forms that others wrote; the record keeps them."""
    listed = [
        _entry(each.title, each.about or each.publisher, each.href, each.publisher) for each in forms(request)
    ]
    words = gettext("Forms that others wrote: listed here, asked like ours.")
    bring = _entry(gettext("Bring a form from elsewhere"), words, "/library/elsewhere")
    return Section("elsewhere", gettext("From elsewhere"), words, [*listed, bring])


def found_in(section: Section, asked: str) -> Section:
    words = asked.casefold().split()
    kept = [each for each in section.entries if all(word in each.haystack for word in words)]
    return Section(section.key, section.name, section.about, kept)


def _entry(title: str, about: str, href: str, *more: str, sure: Sure | None = None) -> Entry:
    return Entry(title, about, href, sure, " ".join((title, about, *more)).casefold())


def _both(*said: Words) -> list[str]:
    return [f"{words.en} {words.es}" for words in said]


def _of_asking(library: Library, language: str) -> Iterator[Section]:
    yield Section(
        "instruments",
        gettext("Questions we ask"),
        gettext("Wording, how answers count, which of them speak at once."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/instruments/{each.id}",
                each.id,
                *_both(*(question.text for question in each.questions)),
            )
            for each in library.instruments.values()
        ],
    )
    yield Section(
        "programs",
        gettext("Programs"),
        gettext("Who may join, what consent says, how it ends."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/programs/{each.code}",
                each.code,
            )
            for each in library.programs.values()
        ],
    )
    yield Section(
        "plans",
        gettext("What a plan proposes"),
        gettext("From an answer to a need, a goal, and steps."),
        [
            _entry(
                each.title.get(language),
                "; ".join(need.text.get(language) for need in each.needs),
                f"/library/plans/{each.id}",
                each.id,
                *_both(*(goal.text for need in each.needs for goal in need.goals)),
            )
            for each in library.plans.values()
        ],
    )


def _of_watching(library: Library, language: str, request: HttpRequest) -> Iterator[Section]:
    yield Section(
        "protocols",
        gettext("What is watched"),
        gettext("What protocols look for, and what they propose; tried over everybody, switched on and off."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/protocols/{each.id}",
                each.id,
                sure=_verified(each.verified, language),
            )
            for each in library.protocols.values()
        ],
    )
    yield Section(
        "readings",
        gettext("What is measured"),
        gettext("Units, what is possible, ranges to be in and limits, each with its source."),
        [
            _entry(
                each.name.get(language),
                ", ".join(dict.fromkeys(unit.called.get(language) for unit in each.units)),
                f"/library/readings/{each.id}",
                each.id,
                *each.called,
            )
            for each in library.readings.values()
        ],
    )
    yield Section(
        "rules",
        gettext("Rules"),
        gettext("Deadlines and codes, with source and how sure we are."),
        [_rule_entry(version_today(each, request), language) for each in library.rules.values()],
    )


def _of_plans(library: Library, language: str) -> Iterator[Section]:
    yield Section(
        "standards",
        gettext("What a plan must hold"),
        gettext("What payers, laws and accreditors ask of a plan, and what meets it."),
        [
            _entry(
                each.title.get(language),
                each.about.get(language),
                f"/library/standards/{each.id}",
                each.id,
                *_both(*(one.text for one in each.elements)),
                sure=_verified(each.verified, language),
            )
            for each in library.standards.values()
        ],
    )
    yield Section(
        "conflicts",
        gettext("What plans may contradict"),
        gettext("What is named when two organizations say different things, and whom to ask."),
        [
            _entry(each.title.get(language), each.source, f"/library/conflicts/{each.id}", each.id)
            for each in library.clashes.rules
        ],
    )


def _of_telling(library: Library, language: str) -> Iterator[Section]:
    yield Section(
        "risks",
        gettext("Risk scores"),
        gettext("Worked out from the record, with what went in and what is missing."),
        [
            _entry(each.title.get(language), each.about.get(language), f"/library/risks/{each.id}", each.id)
            for each in library.risks.values()
        ],
    )
    yield Section(
        "leaflets",
        gettext("Leaflets"),
        gettext("One page each, to hand out."),
        [
            _entry(
                each.title.get(language), each.about.get(language), f"/library/leaflets/{each.id}", each.id
            )
            for each in library.leaflets.values()
        ],
    )


def _verified(code: str, language: str) -> Sure:
    return Sure(VERIFIED[code].get(language), TONES[code])


def _rule_entry(rule: Rule, language: str) -> Entry:
    title = rule.title.get(language)
    return _entry(
        title[:1].upper() + title[1:],
        rule.source,
        f"/library/rules/{rule.id}",
        rule.id,
        sure=how_sure(rule, language),
    )


def version_today(versions: Sequence[Rule], request: HttpRequest) -> Rule:
    """The version that holds today, else the newest."""
    day = now_of(request).astimezone(zone_of_reader(request)).date()
    return next((rule for rule in versions if rule.covers(day)), versions[-1])
