"""The questions of an instrument as written: questionnaire.yaml (English) and es.yaml, checked against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from careloop.fhir.questionnaire import ABSENT
from careloop.library.reading import Node, Words

QUESTION_TYPES = ("choice", "choices", "yes-no", "integer", "date", "text", "group", "display")
ITEM_KEYS = (
    "type",
    "text",
    "help",
    "answers",
    "loinc",
    "required",
    "items",
    "ask_when",
    "minimum",
    "maximum",
    "covers",
    "same_as",
    "fresh_days",
    "own_words",
)
COVERED: Final = re.compile(r"[a-z0-9-]+/[a-z0-9-]+\Z")
FRESH_DAYS: Final = 180
# As care/own_words.py writes them; a test holds both against each other.
OWN_WORDS: Final = ("what-matters", "strengths", "preferences")


@dataclass(frozen=True)
class Choice:
    code: str
    text: Words
    value: int | None
    loinc: str | None
    is_exclusive: bool


@dataclass(frozen=True)
class Question:
    """One item as written. kind: QUESTION_TYPES. ask_when: the node, compiled later. covers: which required elements of
    programs an answer serves (`ccm/functional`); a group's stand on each of its questions as well. same_as: the same
    question in another instrument (`phq-2/mood`). fresh_days: for so long a former answer is offered as it stands.
    own_words: of OWN_WORDS, where the answer is what the person says of herself: it stands on her plan."""

    id: str
    kind: str
    text: Words
    help: Words | None
    choices: tuple[Choice, ...]
    loinc: str | None
    is_required: bool
    minimum: int | None
    maximum: int | None
    parent: str | None
    ask_when: Node | None = field(repr=False, hash=False, compare=False)
    line: int = 0
    covers: tuple[str, ...] = ()
    same_as: str = ""
    fresh_days: int = FRESH_DAYS
    own_words: str = ""

    @property
    def is_question(self) -> bool:
        return self.kind not in ("group", "display")

    @property
    def allows_many(self) -> bool:
        return self.kind == "choices"

    def choice(self, code: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.code == code), None)


class Spanish:
    """es.yaml, checked both ways: every text has one, and nothing is translated that is not there."""

    def __init__(self, node: Node) -> None:
        keys = node.mapping(("title", "short", "about", "copyright", "items"), ("answers", "help"))
        self.node, self.keys = node, keys
        self.items = dict(keys["items"].any_mapping())
        self.help = dict(keys["help"].any_mapping()) if "help" in keys else {}
        self.answers = {
            name: dict(answers.any_mapping())
            for name, answers in (keys["answers"].any_mapping() if "answers" in keys else {}).items()
        }

    def head(self, key: str) -> str:
        return self.keys[key].text()

    def item(self, item: str) -> str:
        return self._take(self.items, item, "items", self.keys["items"])

    def help_of(self, item: str) -> str:
        return self._take(self.help, item, "help", self.keys.get("help", self.node))

    def answer(self, name: str, code: str) -> str:
        if name not in self.answers:
            self.node.fail(f"The answers “{name}” have no Spanish.")
        return self._take(self.answers[name], code, f"answers.{name}", self.keys["answers"])

    def _take(self, found: dict[str, Node], key: str, where: str, near: Node) -> str:
        if key not in found:
            near.fail(f"“{key}” has no Spanish in {where}.")
        return found.pop(key).text()

    def refuse_leftovers(self) -> None:
        for found in (self.items, self.help, *self.answers.values()):
            for key, node in found.items():
                node.fail(f"“{key}” is translated here but is not in questionnaire.yaml.")


def read_choices(node: Node | None, spanish: Spanish) -> dict[str, tuple[Choice, ...]]:
    sets = {}
    for name, listed in (node.any_mapping() if node else {}).items():
        choices: list[Choice] = []
        for each in listed.sequence():
            keys = each.mapping(("code", "text"), ("value", "loinc", "exclusive"))
            code = keys["code"].text()
            if code in ABSENT:
                keys["code"].fail(f"“{code}” is kept for a reason why there is no answer.")
            if any(code == choice.code for choice in choices):
                keys["code"].fail(f"The answer “{code}” is there twice.")
            choices.append(
                Choice(
                    code,
                    Words(keys["text"].text(), spanish.answer(name, code)),
                    keys["value"].integer() if "value" in keys else None,
                    keys["loinc"].text() if "loinc" in keys else None,
                    keys["exclusive"].boolean() if "exclusive" in keys else False,
                )
            )
        sets[name] = tuple(choices)
    return sets


def read_questions(
    listed: Node,
    parent: str | None,
    choices: Mapping[str, tuple[Choice, ...]],
    spanish: Spanish,
    seen: dict[str, int],
    covers: tuple[str, ...] = (),
) -> list[Question]:
    """covers: what the group above them serves."""
    found: list[Question] = []
    for node in listed.sequence():
        keys = node.mapping(("id", "type", "text"), ITEM_KEYS)
        identity = keys["id"].text()
        if identity in seen:
            keys["id"].fail(f"“{identity}” is there twice; first in line {seen[identity]}.")
        seen[identity] = keys["id"].line
        question = replace(_question(node, keys, parent, choices, spanish), **_marks(keys, covers))
        found.append(question)
        if "items" in keys:
            if question.kind != "group":
                keys["items"].fail("Only a group has items.")
            found.extend(read_questions(keys["items"], question.id, choices, spanish, seen, question.covers))
    return found


def _marks(keys: Mapping[str, Node], above: tuple[str, ...]) -> dict[str, Any]:
    own = keys["covers"].texts() if "covers" in keys else ()
    for named in own:
        if not COVERED.match(named):
            keys["covers"].fail(f"“{named}” does not name a program and its element, like “ccm/functional”.")
    fresh = keys["fresh_days"].integer() if "fresh_days" in keys else FRESH_DAYS
    if fresh < 1:
        keys["fresh_days"].fail("An answer is fresh for one day at least.")
    same = keys["same_as"].text() if "same_as" in keys else ""
    told = keys["own_words"].one_of(OWN_WORDS) if "own_words" in keys else ""
    if told and keys["type"].text() != "text":
        keys["own_words"].fail("Only a question that is answered in words is said in her own words.")
    return {
        "covers": tuple(dict.fromkeys((*above, *own))),
        "same_as": same,
        "fresh_days": fresh,
        "own_words": told,
    }


def _question(
    node: Node,
    keys: dict[str, Node],
    parent: str | None,
    choices: Mapping[str, tuple[Choice, ...]],
    spanish: Spanish,
) -> Question:
    kind = keys["type"].one_of(QUESTION_TYPES)
    identity = keys["id"].text()
    offered: tuple[Choice, ...] = ()
    if kind in ("choice", "choices"):
        if "answers" not in keys:
            node.fail(f"“{identity}” is a choice without answers.")
        if keys["answers"].text() not in choices:
            keys["answers"].fail(f"There are no answers called “{keys['answers'].text()}”.")
        offered = choices[keys["answers"].text()]
    elif "answers" in keys:
        keys["answers"].fail(f"A {kind} has no answers to choose from.")
    return Question(
        id=identity,
        kind=kind,
        text=Words(keys["text"].text(), spanish.item(identity)),
        help=Words(keys["help"].text(), spanish.help_of(identity)) if "help" in keys else None,
        choices=offered,
        loinc=keys["loinc"].text() if "loinc" in keys else None,
        is_required=keys["required"].boolean() if "required" in keys else kind not in ("group", "display"),
        minimum=keys["minimum"].integer() if "minimum" in keys else None,
        maximum=keys["maximum"].integer() if "maximum" in keys else None,
        parent=parent,
        ask_when=keys.get("ask_when"),
        line=node.line,
    )
