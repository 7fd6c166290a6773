"""How plans may contradict one another: content/conflicts/<id>.yaml, one way a file.

kind: statements   one subject (fluids, weight on a leg, a diet) of which only one value can hold at a time
      medicines    classes of medicines: one starts what another stopped
      goals        two targets for the same measure
      appointments two visits at the same hour
      diets        two diets that were ordered and are not the same

A rule only names what it sees and says whom to ask. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from careloop.library.reading import Node, Words, read_one
from careloop.library.rules import VERIFIED

KINDS: Final = ("statements", "medicines", "goals", "appointments", "diets")
HEAD: Final = ("id", "kind", "title", "because", "ask", "source", "verified")
OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "statements": ("values",),
    "medicines": ("classes",),
    "appointments": ("minutes_apart",),
    "goals": (),
    "diets": (),
}


@dataclass(frozen=True)
class Value:
    """One thing that may be said on a subject. phrases: as people write it, in either language, lower case. codes:
    `system|code`."""

    id: str
    text: Words
    phrases: tuple[str, ...]
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MedicineClass:
    """ingredients: RxNorm code of the ingredient -> its name, lower case."""

    id: str
    text: Words
    ingredients: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class ClashRule:
    """because: may name {a} and {b} (who says it), {x} and {y} (what), {about}. ask: {a} and {b}. agree: pairs of
    values that do not contradict one another. minutes_apart: less time than this between two visits is a conflict; 0:
    only when they overlap."""

    id: str
    kind: str
    title: Words
    because: Words
    ask: Words
    source: str
    verified: str
    values: tuple[Value, ...] = ()
    agree: frozenset[frozenset[str]] = frozenset()
    classes: tuple[MedicineClass, ...] = ()
    minutes_apart: int = 0
    file: str = ""


@dataclass(frozen=True)
class Clashes:
    rules: tuple[ClashRule, ...] = ()

    def of(self, kind: str) -> Iterator[ClashRule]:
        return (rule for rule in self.rules if rule.kind == kind)

    def rule(self, id: str) -> ClashRule | None:
        return next((rule for rule in self.rules if rule.id == id), None)


def load_clashes(folder: Path, root: Path) -> Clashes:
    """Raises BrokenContent with file and line."""
    return Clashes(tuple(_rule(path, root) for path in sorted(folder.glob("*.yaml"))))


def _rule(path: Path, root: Path) -> ClashRule:
    node = read_one(path, root)
    kind = node.any_mapping().get("kind", node).one_of(KINDS)
    keys = node.mapping((*HEAD, *OF_KIND[kind]), ("agree",) if kind == "statements" else ())
    if keys["id"].text() != path.stem:
        keys["id"].fail(f"The id “{keys['id'].text()}” is not the name of this file.")
    values = tuple(_value(each) for each in keys["values"].sequence()) if "values" in keys else ()
    for each in (keys["because"], keys["ask"]):
        _refuse_other_holes(each)
    return ClashRule(
        id=path.stem,
        kind=kind,
        title=keys["title"].words(),
        because=keys["because"].words(),
        ask=keys["ask"].words(),
        source=keys["source"].text(),
        verified=keys["verified"].one_of(VERIFIED),
        values=_once(keys.get("values", node), values),
        agree=frozenset(_pair(each, values) for each in keys["agree"].sequence())
        if "agree" in keys
        else frozenset(),
        classes=tuple(_class(each) for each in keys["classes"].sequence()) if "classes" in keys else (),
        minutes_apart=keys["minutes_apart"].integer() if "minutes_apart" in keys else 0,
        file=node.file,
    )


def _refuse_other_holes(node: Node) -> None:
    words = node.words()
    try:
        words.fill(a="", b="", x="", y="", about="")
    except (KeyError, ValueError, IndexError):
        node.fail("Only {a}, {b}, {x}, {y} and {about} are filled in here.")


def _once(node: Node, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """A phrase of two values would contradict itself."""
    seen: dict[str, str] = {}
    for value in values:
        for phrase in value.phrases:
            if seen.setdefault(phrase, value.id) != value.id:
                node.fail(f"“{phrase}” stands for {seen[phrase]} and for {value.id}.")
    return values


def _pair(node: Node, values: tuple[Value, ...]) -> frozenset[str]:
    known = {each.id for each in values}
    pair = frozenset(each.one_of(known) for each in node.sequence())
    if len(pair) != 2:
        node.fail("Expected two values that may hold together.")
    return pair


def _value(node: Node) -> Value:
    keys = node.mapping(("id", "text", "phrases"), ("codes",))
    phrases = tuple(dict.fromkeys(each.casefold() for each in keys["phrases"].texts()))
    return Value(
        keys["id"].text(),
        keys["text"].words(),
        phrases,
        frozenset(keys["codes"].texts()) if "codes" in keys else frozenset(),
    )


def _class(node: Node) -> MedicineClass:
    keys = node.mapping(("id", "text", "ingredients"))
    found: dict[str, str] = {}
    for code, name in keys["ingredients"].any_mapping().items():
        if not (code.isascii() and code.isdecimal()):
            name.fail(f"“{code}” is no RxNorm code.")
        found[code] = name.text().casefold()
    return MedicineClass(keys["id"].text(), keys["text"].words(), found)
