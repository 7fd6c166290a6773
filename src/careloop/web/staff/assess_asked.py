"""What a page shows of a question: its words, its answers, how it is answered, what stands around it. Made by
`assess_items`, shown by the templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

from django.utils.safestring import SafeString

from careloop.fhir.questionnaire import ABSENT, CHOICES, Item
from careloop.fhir.questionnaire.form import Media
from careloop.library import Question
from careloop.web.staff.assess_words import Teller, absent_words

ABSENT_KEYS = {"declined": "d", "unknown": "w", "not-asked": "n"}
# With more answers to choose from than this, they fold into a list.
MOST_BUTTONS: Final = 12
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_LISTS: Final = frozenset({"drop-down", "autocomplete", "lookup"})


@dataclass(frozen=True)
class Choice:
    """key: the number that answers. points: what it counts, None where nothing is counted. prefix: `a)`, as the form
    has it."""

    value: str
    text: str
    key: str
    is_chosen: bool
    is_exclusive: bool
    points: int | None
    prefix: str = ""
    media: Media | None = None


@dataclass(frozen=True, repr=False)
class Earlier:
    """A former answer. from_other: the questions in which it was given, when not these. is_offered: it may be kept as
    it stands; is_old: not any more."""

    words: str
    on: datetime | None
    teller: Teller | None
    by: str
    from_other: str = ""
    is_offered: bool = False
    is_old: bool = False

    def __repr__(self) -> str:
        return "Earlier(…)"


@dataclass(frozen=True)
class Above:
    """What stands before a question. kind: group, display, repetition, computed. place: the key of what is computed.
    number: of how many repetitions."""

    kind: str
    text: str
    help: str = ""
    html: SafeString | None = None
    place: str = ""
    number: int = 0
    of: int = 0
    is_asked: bool = True
    media: Media | None = None
    link: str = ""
    value: str = ""


@dataclass(frozen=True)
class Again:
    """The repetition that a question stands in. group: its key; text: the group's own. place: to take this one away,
    empty when it has to stay. can_add: whether there may be one more."""

    group: str
    text: str
    place: str
    can_add: bool


@dataclass(frozen=True, repr=False)
class Asked:
    """One question at its place. number: among those asked now. heading: of its group, on the first of it. seen: which
    answer the page shows, sent back with the next. waits: an answer may be critical, so the page waits to hear.
    above, below: what stands around it. origin: it was filled in from the record, and when that was said there;
    is_confirmed: it was asked whether it is still so."""

    question: Question
    item: Item
    key: str
    text: str
    help: str
    heading: str
    heading_help: str
    group: str
    number: int
    is_asked: bool
    choices: tuple[Choice, ...]
    typed: str
    absent: str
    seen: str
    waits: bool
    earlier: Earlier | None = None
    problem: str = ""
    html: SafeString | None = None
    above: tuple[Above, ...] = ()
    below: tuple[Above, ...] = ()
    again: Again | None = None
    fields: tuple[str, ...] = ()
    unit: str = ""
    origin: str = ""
    origin_on: datetime | None = None
    is_confirmed: bool = False

    @property
    def id(self) -> str:
        return self.key

    @property
    def dom(self) -> str:
        """Its id on the page: a linkId of somebody else may hold anything."""
        return (
            self.key
            if _PLAIN.match(self.key)
            else f"x{blake2b(self.key.encode(), digest_size=6).hexdigest()}"
        )

    @property
    def at(self) -> str:
        """In an address."""
        return quote(self.key, safe="")

    @property
    def kind(self) -> str:
        return self.question.kind

    @property
    def control(self) -> str:
        return control_of(self.item, len(self.choices))

    @property
    def is_answered(self) -> bool:
        return bool(self.typed or self.absent or any(choice.is_chosen for choice in self.choices))

    @property
    def is_unasked(self) -> bool:
        """The record says so, and nobody was asked."""
        return bool(self.origin) and not self.is_confirmed and self.is_asked

    @property
    def reasons(self) -> list[Choice]:
        """Declined, don't know, not asked."""
        return [
            Choice(code, absent_words(code), ABSENT_KEYS[code], code == self.absent, False, None)
            for code in ("declined", "unknown", "not-asked")
            if code in ABSENT
        ]

    def __repr__(self) -> str:
        return f"Asked({self.id})"


def control_of(item: Item, options: int) -> str:
    """buttons, boxes, list, several or one of the fields by its type."""
    if item.type == "boolean":
        return "buttons"
    if item.type in CHOICES and options:
        if item.repeats:
            return "boxes"
        return "list" if item.control in _LISTS or options > MOST_BUTTONS else "buttons"
    if item.repeats and item.type != "attachment":
        return "several"
    if item.type in ("integer", "decimal") and item.control == "slider" and _has_ends(item):
        return "slider"
    return {
        "integer": "number",
        "decimal": "number",
        "text": "area",
        "quantity": "quantity",
        "date": "date",
        "dateTime": "moment",
        "time": "time",
        "url": "address",
        "attachment": "file",
    }.get(item.type, "line" if item.control != "text-area" else "area")


def _has_ends(item: Item) -> bool:
    return item.minimum is not None and item.maximum is not None
