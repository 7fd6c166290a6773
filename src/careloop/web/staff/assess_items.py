"""What a page shows of a form: each question at its place with its answers, what stands before it, what repeats. One
shape for our instruments and for questions from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.utils.safestring import SafeString, mark_safe

from careloop.care.assess import items_of
from careloop.care.tally import worth
from careloop.fhir.elements import instant
from careloop.fhir.questionnaire import (
    CHOICES,
    Answer,
    Item,
    Option,
    Place,
    Reading,
    asked_places,
    options_at,
)
from careloop.fhir.questionnaire.asking import is_out_of_sight
from careloop.fhir.questionnaire.form import MOST_REPEATS
from careloop.fhir.questionnaire.places import counts, number_of, repetitions
from careloop.library import Instrument, Question
from careloop.web.staff.assess_asked import Above, Again, Asked, Choice, Earlier
from careloop.web.staff.assess_said import field_of, key_of, spoken_option, unit_of


@dataclass(frozen=True)
class Sheet:
    """typed: what was sent and did not fit, by question; problems: the sentence for each."""

    typed: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)


def questions(
    instrument: Instrument,
    answers: Mapping[str, Answer],
    language: str,
    *,
    said_at: Mapping[str, str] | None = None,
    earlier: Mapping[str, Earlier] | None = None,
    sheet: Sheet | None = None,
    origins: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Asked]:
    """Every question in order, those not asked now among them."""
    making = _Making(
        instrument, answers, language, said_at or {}, earlier or {}, sheet or Sheet(), origins or {}
    )
    return making.all()


class _Making:
    def __init__(
        self,
        instrument: Instrument,
        answers: Mapping[str, Answer],
        language: str,
        said_at: Mapping[str, str],
        earlier: Mapping[str, Earlier],
        sheet: Sheet,
        origins: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.instrument, self.form, self.answers = instrument, instrument.form, answers
        self.language, self.said_at, self.earlier, self.sheet = language, said_at, earlier, sheet
        self.origins = origins
        self.places, self.asked = asked_places(self.form, answers)
        self.critical = {item for each in instrument.scoring.critical for item in items_of(each)}
        self.counted = counts(answers)
        self.reading: Reading | None = None
        if any(item.answer_expression or item.toggles for item in self.form.items):
            self.reading = Reading(self.form, answers, self.asked)

    def all(self) -> list[Asked]:
        found: list[Asked] = []
        before: list[Above] = []
        number, last_group = 0, ""
        hidden = {item.link_id for item in self.form.items if is_out_of_sight(self.form, item)}
        for place in self.places:
            if place.item.link_id in hidden:
                continue
            if place.is_repetition:
                before.append(self._repetition(place))
            elif place.item.is_answered_here:
                is_asked = place.key in self.asked
                number += is_asked
                made = self._question(place, number, last_group)
                last_group = place.item.parent or ""
                found.append(replace(made, above=tuple(before)))
                before = []
            elif shown := self._above(place):
                before.append(shown)
        if before and found:
            found[-1] = replace(found[-1], below=(*found[-1].below, *before))
        return found

    def _again(self, place: Place) -> Again | None:
        for container, within in zip(place.item.containers[::-1], place.around[::-1], strict=True):
            item = self.form.by_id[container]
            if item.type != "group":
                continue
            one = within.removesuffix("/")
            group = one.rpartition("[")[0]
            count = self._count(item, group)
            can_go = count > max(1, item.min_occurs or 0)
            can_add = count < min(MOST_REPEATS, item.max_occurs or MOST_REPEATS)
            return Again(group, item.said(self.language), one if can_go else "", can_add)
        return None

    def _count(self, item: Item, group: str) -> int:
        return repetitions(self.form, item, group, self.answers, self.counted)

    def _repetition(self, place: Place) -> Above:
        head = place.key.rpartition("[")[0]
        item, count = place.item, self._count(place.item, head)
        text = item.said(self.language)
        if item.type != "group":  # what stands under one of several answers
            value = self.answers[head].values[number_of(place.key) - 1]
            text = spoken_option(item, value, self.language)
        return Above(
            "repetition",
            text,
            number=number_of(place.key),
            of=count,
            is_asked=place.key in self.asked,
        )

    def _above(self, place: Place) -> Above | None:
        item = place.item
        is_asked = place.key in self.asked
        if item.type == "group":
            if item.link_id in self.form.repeating:
                return None
            help_text = self._help(item)
            return (
                Above("group", item.said(self.language), help_text, self._marked(item), is_asked=is_asked)
                if (item.text or item.html)
                else None
            )
        if item.type == "display":
            return Above(
                "display",
                item.said(self.language),
                self._help(item),
                self._marked(item),
                is_asked=is_asked,
                media=item.media,
                link=item.link,
            )
        values = self.answers.get(place.key, Answer()).values
        said = ", ".join(spoken_option(item, value, self.language) for value in values)
        unit = f" {item.units[0].text}" if said and item.units and item.type in ("decimal", "integer") else ""
        return Above(
            "computed", item.said(self.language), place=place.key, is_asked=is_asked, value=said + unit
        )

    def _question(self, place: Place, number: int, last_group: str) -> Asked:
        item, key = place.item, place.key
        question = self.instrument.by_id[item.link_id]
        group = self._group_of(item)
        is_first = group is not None and group.link_id != last_group
        answer = self.answers.get(key, Answer())
        sent = self.sheet.typed.get(key)
        chosen = list(sent if sent is not None else map(key_of, answer.values))
        offered = options_at(self.form, self.answers, place, self.reading)
        choices = self._choices(question, item, offered, chosen)
        listed = {choice.value for choice in choices}
        written = [each for each in chosen if each not in listed]
        origin = self.origins.get(key, {})
        is_written = not choices or item.type == "open-choice"
        fields = (
            written
            if sent is not None
            else [field_of(item, value) for value in answer.values if key_of(value) not in listed]
        )
        return Asked(
            question=question,
            item=item,
            key=key,
            text=item.said(self.language) or question.text.get(self.language),
            help=self._help(item),
            heading=group.said(self.language) if group and is_first else "",
            heading_help=self._help(group) if group and is_first else "",
            group=group.said(self.language) if group else "",
            number=number,
            is_asked=key in self.asked,
            choices=choices,
            typed=", ".join(fields) if is_written else "",
            absent=answer.absent or "",
            seen=self.said_at.get(key, ""),
            waits=item.link_id in self.critical,
            earlier=self.earlier.get(key),
            problem=self.sheet.problems.get(key, ""),
            html=self._marked(item),
            fields=(*fields, "") if _may_add(item, fields) else tuple(fields),
            unit=unit_of(item, answer),
            origin=origin.get("source", ""),
            origin_on=instant(origin.get("on")),
            is_confirmed=bool(origin.get("confirmed")),
            again=self._again(place),
        )

    def _group_of(self, item: Item) -> Item | None:
        parent = self.form.by_id[item.parent] if item.parent else None
        return parent if parent is not None and parent.type == "group" and parent.text else None

    def _help(self, item: Item) -> str:
        question = self.instrument.by_id.get(item.link_id)
        own = question.help.get(self.language) if question and question.help else ""
        return own or item.help(self.language)

    def _marked(self, item: Item) -> SafeString | None:
        if not item.html or item.texts.get(self.language):
            return None
        return mark_safe(item.html)  # noqa: S308  # cleaned by fhir/narrative.py when the form was compiled

    def _choices(
        self, question: Question, item: Item, offered: tuple[Option, ...], chosen: list[str]
    ) -> tuple[Choice, ...]:
        if item.type == "boolean":
            words = {"en": ("Yes", "No"), "es": ("Sí", "No")}[self.language]
            pairs = zip(("true", "false"), words, strict=True)
            return tuple(Choice(v, w, str(n), v in chosen, False, None) for n, (v, w) in enumerate(pairs, 1))
        if item.type not in CHOICES:
            return ()
        counted = worth(self.instrument.scoring.total, question)
        return tuple(
            Choice(
                option.key,
                option.said(self.language),
                str(number) if number <= 9 else "",
                option.key in chosen,
                option.is_exclusive,
                counted.get(option.key),
                option.prefix,
                option.media,
            )
            for number, option in enumerate(offered, 1)
        )


def _may_add(item: Item, fields: list[str]) -> bool:
    return item.repeats and len(fields) < (item.max_occurs or MOST_REPEATS)
