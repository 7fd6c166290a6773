"""The person's own copy of her plan, in plain words of her language: what matters to her, what we try for, who does
what by when, whom to call. Only what is active; no codes, no scores without words, no reasons of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext, pgettext

from careloop.care.plan_changes import Change
from careloop.fhir.elements import Resource, name_of
from careloop.fhir.translation import translated
from careloop.library import Library
from careloop.projections.card import PersonCard
from careloop.projections.chart_lines import Goal, Need, PlanPage, Step
from careloop.projections.facts import phone_of
from careloop.projections.plan_seen import Signature
from careloop.store import Stored, Unit
from careloop.web import formats

Language = Literal["en", "es"]


@dataclass(frozen=True, repr=False)
class Doing:
    """who: a name, or “You”. when: a day in words; empty without one."""

    what: str
    who: str
    when: str
    is_done: bool


@dataclass(frozen=True, repr=False)
class Aim:
    """text: what we try for. by: a day in words. words: how she said it herself."""

    text: str
    by: str
    words: str
    doings: tuple[Doing, ...]


@dataclass(frozen=True, repr=False)
class Topic:
    """One need. title: empty for what belongs to none."""

    title: str
    words: str
    aims: tuple[Aim, ...]
    doings: tuple[Doing, ...]
    in_the_way: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Number:
    """Whom to call. when: in which case."""

    when: str
    who: str
    number: str


@dataclass(frozen=True, repr=False)
class Copy:
    """labels: every fixed word of the page. untranslated: reference and words of lines that stand in English because
    nobody has said them in this language yet."""

    language: Language
    title: str
    name: str
    born: str
    made_on: str
    made_by: str
    said: tuple[str, ...]
    topics: tuple[Topic, ...]
    numbers: tuple[Number, ...]
    labels: Mapping[str, str]
    untranslated: tuple[tuple[str, str], ...]
    is_partial: bool = False
    strengths: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    changed_since: str = ""
    version: int = 0
    signed: tuple[str, ...] = ()
    is_large: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.topics

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def copy_of(
    unit: Unit,
    patient: Stored,
    plan: PlanPage,
    card: PersonCard,
    library: Library,
    language: Language,
    tz: ZoneInfo,
    *,
    is_partial: bool = False,
    changes: Sequence[Change] = (),
    since: datetime | None = None,
    signatures: Sequence[Signature] = (),
    is_large: bool = False,
) -> Copy:
    """tz: where she lives, for the days. is_partial: something is withheld from whoever prints it. changes: for the
    person, since that hour; None when she has seen no version before."""
    with translation.override(language):
        writing = _Writing(unit, patient, plan, library, language, tz)
        site = _site(unit, patient)
        born = card.person.birth_date
        return Copy(
            language=language,
            title=gettext("My plan"),
            name=name_of(patient.resource),
            born=formats.full_date(born) if born else "",
            made_on=formats.full_date(unit.now.astimezone(tz).date()),
            made_by=name_of(site) if site else "",
            said=tuple(each.text for each in plan.said[:3]),
            topics=tuple(writing.topics()),
            numbers=tuple(_numbers(site, card)),
            labels=_labels(),
            untranslated=tuple(dict.fromkeys(writing.untranslated)),
            is_partial=is_partial,
            strengths=tuple(each.text for each in plan.strengths[:4]),
            preferences=tuple(each.text for each in plan.preferences[:4]),
            changed=tuple(each.says.get(language) for each in changes) if since else (),
            changed_since=formats.full_date(since.astimezone(tz).date()) if since else "",
            version=plan.version,
            signed=tuple(_signed(signatures, tz)),
            is_large=is_large,
        )


def _signed(signatures: Sequence[Signature], tz: ZoneInfo) -> Iterable[str]:
    """The newest of each who signed."""
    newest = {each.who: each for each in sorted(signatures, key=lambda s: s.at)}
    for each in newest.values():
        told = {"name": each.name, "n": each.version, "day": formats.full_date(each.at.astimezone(tz).date())}
        yield gettext("%(name)s agreed to version %(n)d on %(day)s.") % told


def _site(unit: Unit, patient: Stored) -> Resource | None:
    reference = str((patient.resource.get("managingOrganization") or {}).get("reference", ""))
    found = unit.get([reference]) if reference else {}
    return found[reference].resource if reference in found else None


def _numbers(site: Resource | None, card: PersonCard) -> Iterable[Number]:
    number = phone_of(site) if site else None
    if site and number:
        who = f"{card.lead}, {name_of(site)}" if card.lead else name_of(site)
        yield Number(gettext("A question, or something changed"), who, formats.phone_words(number))
    yield Number(
        gettext("It can’t wait: chest pain, hard to breathe, a stroke, bleeding that does not stop"),
        gettext("Emergency"),
        "911",
    )
    yield Number(
        gettext("Life feels too heavy, or you think of ending it. Day and night, free"),
        gettext("988 Lifeline: call or text; for Spanish, call and press 2"),
        "988",
    )


def _labels() -> dict[str, str]:
    return {
        "matters": gettext("What matters to me"),
        "try": gettext("What we try for"),
        "by": pgettext("before a day", "by"),
        "what": gettext("What"),
        "who": gettext("Who"),
        "when": gettext("By when"),
        "done": gettext("Done"),
        "way": gettext("What is in the way"),
        "call": gettext("Whom to call"),
        "born": gettext("Born"),
        "made": gettext("Made on"),
        "page": gettext("Page"),
        "of": pgettext("page 1 of 2", "of"),
        "partial": gettext("This list may be incomplete."),
        "yours": gettext(
            "This plan is yours. If a line is wrong or no longer fits, tell us: we change it together."
        ),
        "english": gettext("Some lines are still in English. Ask us, and we will read them to you."),
        "also": gettext("Also"),
        "changed": gettext("What is new since"),
        "unchanged": gettext("Nothing changed since then."),
        "strengths": gettext("What I am good at, and who stands by me"),
        "preferences": gettext("How I want things done"),
        "version": gettext("Version"),
    }


class _Writing:
    """One person's lines on their way to paper. untranslated: references of lines without her language."""

    def __init__(
        self, unit: Unit, patient: Stored, plan: PlanPage, library: Library, language: Language, tz: ZoneInfo
    ) -> None:
        self.plan, self.library, self.language, self.tz = plan, library, language, tz
        self.me, self.my_name = patient.reference, name_of(patient.resource)
        self.untranslated: list[tuple[str, str]] = []
        self.resources = unit.get(sorted(_references(plan)))

    def topics(self) -> Iterable[Topic]:
        for need in self.plan.needs:
            if need.goals:
                yield self._topic(need)
        loose = tuple(self._aim(goal) for goal in self.plan.goals)
        barriers = [barrier for goal in self.plan.goals for barrier in goal.barriers]
        met = [step for barrier in barriers for step in barrier.steps]
        steps = self._doings([*self.plan.steps, *met])
        if loose or steps:
            in_the_way = tuple(barrier.text for barrier in barriers)
            yield Topic(gettext("Also") if self.plan.needs else "", "", loose, steps, in_the_way)

    def _topic(self, need: Need) -> Topic:
        return Topic(
            self._text(need.reference, "code", need.title),
            need.words,
            tuple(self._aim(goal, need.words) for goal in need.goals),
            self._doings([step for barrier in need.barriers for step in barrier.steps]),
            tuple(barrier.text for barrier in need.barriers),
        )

    def _aim(self, goal: Goal, said_above: str = "") -> Aim:
        by = formats.full_date(goal.due) if goal.due else ""
        words = "" if goal.words == said_above else goal.words
        return Aim(self._text(goal.reference, "description", goal.text), by, words, self._doings(goal.steps))

    def _doings(self, steps: Sequence[Step]) -> tuple[Doing, ...]:
        found = [
            (step.state == "done", step.due or datetime.max.replace(tzinfo=self.tz), step) for step in steps
        ]
        return tuple(self._doing(step) for _, _, step in sorted(found, key=lambda each: each[:2]))

    def _doing(self, step: Step) -> Doing:
        task = self.resources[step.reference].resource if step.reference in self.resources else {}
        owner = (task.get("owner") or {}).get("reference")
        # Something of hers may be in another's hands: the name written beside it wins.
        is_mine = owner == self.me and step.who in ("", self.my_name, self.my_name.partition(" ")[0])
        who = gettext("You") if is_mine else step.who or gettext("Our team")
        when = formats.full_date(self._day(step.due)) if step.due and step.state != "done" else ""
        return Doing(self._text(step.reference, "code", step.title), who, when, step.state == "done")

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.tz).date()

    def _text(self, reference: str, name: str, english: str) -> str:
        """The line in her language; as it is written when nobody has said it so."""
        if self.language == "en":
            return english
        stored = self.resources.get(reference)
        said = translated((stored.resource.get(name) if stored else None), "text", self.language)
        said = said or self._from_library(english)
        if said is None:
            self.untranslated.append((reference, english))
        return said or english

    def _from_library(self, english: str) -> str | None:
        """Words of a template that somebody else wrote into the plan."""
        for need in (need for plan in self.library.plans.values() for need in plan.needs):
            goals = need.goals
            every = (need.text, *(g.text for g in goals), *(a.text for g in goals for a in g.actions))
            if found := next((each for each in every if each.en == english), None):
                return found.get(self.language)
        return None


def _references(plan: PlanPage) -> Iterable[str]:
    for need in plan.needs:
        yield need.reference
    for goal in (*(g for need in plan.needs for g in need.goals), *plan.goals):
        yield goal.reference
        yield from (step.reference for step in goal.steps)
        yield from (step.reference for barrier in goal.barriers for step in barrier.steps)
    yield from (step.reference for step in plan.steps)
