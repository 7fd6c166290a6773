"""Where each answer stands: keys of what repeats, read and listed. Linear in the form and the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from careloop.fhir.questionnaire.form import MOST_REPEATS, Answer, Answers, Form, Item

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Place:
    """key: of its answer. parent: the key of the item around it. is_repetition: one repetition of `item` itself, whose
    key ends in `[n]`. around: of each repeating item that it stands in, outermost first, the beginning of every key of
    that repetition (`children[2]/`)."""

    key: str
    item: Item
    parent: str | None
    around: tuple[str, ...] = ()
    is_repetition: bool = False

    @property
    def within(self) -> str:
        return self.around[-1] if self.around else ""


@dataclass(frozen=True)
class Located:
    item: Item
    is_repetition: bool


def located(form: Form, key: str) -> Located | None:
    """Which item a key belongs to; None for a key that this form can't have."""
    plain = form.by_id.get(key)
    if plain is not None and not plain.containers:
        return Located(plain, is_repetition=False)
    if key.endswith("]"):
        head, number = _numbered(key)
        found = located(form, head) if number is not None else None
        is_one = found is not None and not found.is_repetition and is_container(form, found.item)
        return Located(found.item, is_repetition=True) if found and is_one else None
    at = key.find("]/")
    while at >= 0:
        item = form.by_id.get(key[at + 2 :])
        if item is not None and _stands_in(item.containers, key[: at + 2]):
            return Located(item, is_repetition=False)
        at = key.find("]/", at + 1)
    return None


def _stands_in(containers: tuple[str, ...], head: str) -> bool:
    """Whether `head` is `first[n]/second[m]/` for exactly these containers."""
    for name in containers:
        if not head.startswith(f"{name}["):
            return False
        number, closed, head = head[len(name) + 1 :].partition("]/")
        if not closed or _number(number) is None:
            return False
    return not head


def _numbered(key: str) -> tuple[str, int | None]:
    head, _, number = key[:-1].rpartition("[")
    return head, _number(number)


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > 4 or text.startswith("0"):
        return None
    return int(text) if int(text) <= MOST_REPEATS else None


def is_container(form: Form, item: Item) -> bool:
    """Whether what stands inside it is kept once for each repetition."""
    return item.link_id in form.repeating


def counts(keys: Iterable[str]) -> Mapping[str, int]:
    """For each repeating item that the keys name (`children`, `children[1]/visits`): its highest number."""
    found: dict[str, int] = {}
    for key in keys:
        at = key.find("]")
        while at >= 0:
            head, number = _numbered(key[: at + 1])
            if number is not None and (at + 1 == len(key) or key[at + 1] == "/"):
                found[head] = max(found.get(head, 0), number)
            at = key.find("]", at + 1)
    return found


def repetitions(form: Form, item: Item, key: str, answers: Answers, counted: Mapping[str, int]) -> int:
    """How often a repeating item stands there now: a group once at least, a question once for each of its answers."""
    if item.type == "group":
        return min(MOST_REPEATS, max(1, item.min_occurs or 0, counted.get(key, 0)))
    return min(MOST_REPEATS, len(answers.get(key, Answer()).values))


def walk(form: Form, answers: Answers) -> Iterator[Place]:
    """Every place in the order of the form, asked or not: the items themselves, each repetition, and what stands in
    it."""
    yield from _under(form, None, (), None, answers, counts(answers))


def _under(
    form: Form,
    parent: str | None,
    around: tuple[str, ...],
    parent_key: str | None,
    answers: Answers,
    counted: Mapping[str, int],
) -> Iterator[Place]:
    for item in form.inside(parent):
        key = (around[-1] if around else "") + item.link_id
        yield Place(key, item, parent_key, around)
        if not is_container(form, item):
            yield from _under(form, item.link_id, around, key, answers, counted)
            continue
        for number in range(1, repetitions(form, item, key, answers, counted) + 1):
            one = f"{key}[{number}]"
            yield Place(one, item, key, around, is_repetition=True)
            yield from _under(form, item.link_id, (*around, f"{one}/"), one, answers, counted)


def number_of(place: str) -> int:
    """2 of `children[2]` or `children[2]/`; 0 when it is no repetition."""
    return _numbered(place.removesuffix("/"))[1] or 0


def with_another(form: Form, answers: Answers, key: str) -> dict[str, Answer]:
    """One more, empty, repetition of the group `key`, at its end."""
    counted = counts(answers)
    item = form.at(key)
    if item is None:
        return dict(answers)
    number = repetitions(form, item, key, answers, counted) + 1
    changed = dict(answers)
    changed.setdefault(f"{key}[1]", Answer())
    changed[f"{key}[{min(number, MOST_REPEATS)}]"] = Answer()
    return changed


def without(answers: Mapping[str, Kept], place: str) -> dict[str, Kept]:
    """Whatever is kept by key, without the repetition `children[2]`; those behind it move up by one."""
    head, gone = _numbered(place)
    if gone is None:
        return dict(answers)
    kept: dict[str, Kept] = {}
    start = f"{head}["
    for key, answer in answers.items():
        if not key.startswith(start):
            kept[key] = answer
            continue
        number, _, rest = key[len(start) :].partition("]")
        at = _number(number)
        if at is None or at < gone:
            kept[key] = answer
        elif at > gone:
            kept[f"{head}[{at - 1}]{rest}"] = answer
    return kept
