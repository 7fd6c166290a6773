"""What a compiled questionnaire is made of, and the keys under which answers stand.

Answers are a mapping of *key* to `Answer`. The key of what can't repeat is its linkId. What stands inside something
that repeats (a repeating group, or the items under the answers of a repeating question) begins with the place of each
repetition, counted from 1: `children[2]/name`. `children[2]` itself, with an empty Answer, keeps a repetition that has
no answers yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from careloop.kernel.errors import CareError

ABSENT = {"not-asked": "not-asked", "declined": "asked-declined", "unknown": "asked-unknown"}
ABSENT_OF_CODE = {code: name for name, code in ABSENT.items()}
# Where a form counts a refusal as an answer of its own (ASQ: it is positive, and asks the fifth question), “Declined”
# is that answer, on the page and in a response that was posted.
REFUSED = "refused"

CHOICES = frozenset({"choice", "open-choice"})
VALUE_KEY = {
    "boolean": "valueBoolean",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "string": "valueString",
    "text": "valueString",
    "url": "valueUri",
    "choice": "valueCoding",
    "open-choice": "valueCoding",
    "quantity": "valueQuantity",
    "reference": "valueReference",
    "attachment": "valueAttachment",
}
TYPES: Final = frozenset(VALUE_KEY) | {"group", "display"}
# More of anything than this, and a form is refused, or a repetition is one too many.
MOST_ITEMS: Final = 5_000
MOST_DEPTH: Final = 24
MOST_REPEATS: Final = 200


class BadQuestionnaire(CareError):
    """This questionnaire contradicts itself."""

    code, status, issue_type = "bad-questionnaire", 422, "invalid"


@dataclass(frozen=True)
class Answer:
    """values: as many as were given. absent: not-asked, declined or unknown, when there is a reason
    instead."""

    values: tuple[Any, ...] = ()
    absent: str | None = None

    @property
    def is_given(self) -> bool:
        return bool(self.values)

    def __repr__(self) -> str:
        return f"Answer(<{len(self.values)}>)"


Answers = Mapping[str, Answer]


@dataclass(frozen=True)
class Media:
    """data: base64, when it came with the form; url is shown as an address, never fetched."""

    kind: str
    title: str
    url: str = ""
    data: str = field(default="", repr=False)


@dataclass(frozen=True)
class Option:
    """key: what an answer keeps: the option's element id, else its code, else its value in words. value_key, value: how
    it stands in FHIR. texts: by language."""

    key: str
    code: str
    system: str
    text: str
    ordinal: Decimal | None = None
    is_exclusive: bool = False
    value_key: str = "valueCoding"
    value: Any = field(default=None, hash=False, repr=False)
    prefix: str = ""
    texts: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    media: Media | None = None
    is_initial: bool = False

    def said(self, language: str) -> str:
        return self.texts.get(language) or self.text


@dataclass(frozen=True)
class When:
    """One enableWhen: question, operator, and the value compared with (an option's key for a choice)."""

    question: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Expression:
    """language: text/fhirpath, application/x-fhir-query or what else was written. name: of a variable."""

    text: str
    language: str = "text/fhirpath"
    name: str = ""

    @property
    def is_path(self) -> bool:
        return self.language == "text/fhirpath"

    @property
    def is_query(self) -> bool:
        return self.language == "application/x-fhir-query"


@dataclass(frozen=True)
class Toggle:
    """Options that may be chosen only while the expression holds."""

    keys: frozenset[str]
    expression: Expression


@dataclass(frozen=True)
class Unit:
    code: str
    system: str
    text: str


@dataclass(frozen=True)
class Taken:
    """How answers of this item become resources. relation: of an observation to the one above: member, component…;
    empty for one of its own, None for none. category: CodeableConcepts. definition: `Patient#Patient.name.family`.
    resource: the type that a definition-based extract makes of everything below."""

    relation: str | None = None
    category: tuple[Any, ...] = field(default=(), hash=False)
    definition: str = ""
    resource: str = ""
    fixed: tuple[tuple[str, Any], ...] = field(default=(), hash=False)


@dataclass(frozen=True)
class Item:
    """One item of a form. containers: the repeating items it stands in, outermost first. is_calculated: nobody answers
    it: it is read-only or computed. texts, helps: by language. html: its text with marks, already safe to show.
    codes: (system, code, display). period: within how long a known observation fills it, in days."""

    link_id: str
    text: str
    type: str
    parent: str | None = None
    is_required: bool = False
    repeats: bool = False
    is_calculated: bool = False
    options: tuple[Option, ...] = ()
    when: tuple[When, ...] = ()
    needs_all: bool = False
    minimum: Any = field(default=None, hash=False)
    maximum: Any = field(default=None, hash=False)
    max_length: int | None = None
    containers: tuple[str, ...] = ()
    depth: int = 0
    prefix: str = ""
    texts: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    helps: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    html: str = field(default="", repr=False)
    control: str = ""
    is_hidden: bool = False
    is_read_only: bool = False
    min_length: int | None = None
    decimals: int | None = None
    min_occurs: int | None = None
    max_occurs: int | None = None
    step: Decimal | None = None
    ends: tuple[str, str] = ("", "")
    units: tuple[Unit, ...] = ()
    is_unit_open: bool = True
    codes: tuple[tuple[str, str, str], ...] = ()
    media: Media | None = None
    link: str = ""
    hint: str = ""
    max_bytes: int | None = None
    kinds: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    initial: tuple[Any, ...] = field(default=(), hash=False, repr=False)
    asked_if: Expression | None = None
    calculation: Expression | None = None
    initial_expression: Expression | None = None
    answer_expression: Expression | None = None
    variables: tuple[Expression, ...] = ()
    repeated_for: Expression | None = None
    toggles: tuple[Toggle, ...] = ()
    period: int | None = None
    taken: Taken = field(default_factory=Taken)
    element: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False, compare=False)

    @property
    def is_question(self) -> bool:
        return self.type not in ("group", "display")

    @property
    def is_answered_here(self) -> bool:
        """Somebody is asked: not computed, not read-only, not hidden."""
        return self.is_question and not self.is_calculated and not self.is_hidden

    def option(self, key: Any) -> Option | None:
        return next((option for option in self.options if option.key == key), None)

    def said(self, language: str) -> str:
        return self.texts.get(language) or self.text

    def help(self, language: str) -> str:
        return self.helps.get(language) or self.helps.get("", "")


@dataclass(frozen=True)
class Note:
    """What Careloop can't do of what a form asks for; the form is used without it. link_id: empty for the whole."""

    link_id: str
    text: str


@dataclass(frozen=True)
class Known:
    """What expressions may read besides the answers: the day, the launch context by name (`patient`, `user`,
    `encounter`), and what queries found, by the name of their variable."""

    today: date | None = None
    now: datetime | None = None
    zone: ZoneInfo | None = None
    resources: Mapping[str, Any] = field(default_factory=dict, repr=False)
    queried: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)


NOTHING_KNOWN: Final = Known()


@dataclass(frozen=True)
class Form:
    """items: depth first, as asked. canonical: url|version. order: linkIds so that each comes after all that it
    hangs on. known: what expressions may read, bound by `told`."""

    canonical: str
    items: tuple[Item, ...]
    by_id: Mapping[str, Item] = field(hash=False)
    children: Mapping[str | None, tuple[Item, ...]] = field(default_factory=dict, hash=False, repr=False)
    order: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[Note, ...] = ()
    variables: tuple[Expression, ...] = ()
    launch: tuple[str, ...] = ()
    repeating: frozenset[str] = frozenset()
    has_expressions: bool = False
    questionnaire: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False, compare=False)
    known: Known = field(default=NOTHING_KNOWN, hash=False, repr=False, compare=False)

    @property
    def questions(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.is_answered_here)

    def at(self, key: str) -> Item | None:
        """The item whose answer stands under this key; of `children[2]` the repeating item itself."""
        from careloop.fhir.questionnaire.places import located

        found = located(self, key)
        return found.item if found else None

    def inside(self, link_id: str | None) -> tuple[Item, ...]:
        return self.children.get(link_id, ())

    def below(self, item: Item) -> Iterator[Item]:
        for child in self.inside(item.link_id):
            yield child
            yield from self.below(child)


@dataclass(frozen=True)
class Problem:
    """link_id: the key of the answer. code: missing, unknown-question, wrong-type, not-an-option, out-of-range,
    too-long, too-short, too-many, too-few, exclusive, not-enabled, said-twice, wrong-place."""

    link_id: str
    code: str
    text: str


@dataclass(frozen=True)
class Progress:
    answered: int
    total: int
