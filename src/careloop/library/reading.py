"""YAML with line numbers: every fault in content names its file and line.

Plainer than YAML 1.1 on purpose: only `true` and `false` are booleans (so that an answer may be called `no`),
`12:30` is text, decimals are exact, a key said twice is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import yaml

from careloop.kernel.errors import CareError

LANGUAGES = ("en", "es")


class BrokenContent(CareError):
    """The library can't be loaded."""

    code, status, issue_type = "broken-content", 500, "exception"

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n" + "\n".join(self.problems))


@dataclass(frozen=True)
class Words:
    """One text in each language that every text must have."""

    en: str
    es: str

    def get(self, language: str) -> str:
        """English for any language but Spanish (`es`, `es-MX`, …)."""
        return self.es if language.lower().startswith("es") else self.en

    def fill(self, **values: object) -> Words:
        """Both texts with their {placeholders} filled in."""
        return Words(self.en.format(**values), self.es.format(**values))


@dataclass(frozen=True)
class Node:
    """One YAML value and where it stands. value: a scalar, a list of Nodes, or a dict of text to Node."""

    value: Any
    line: int
    file: str

    def fail(self, text: str) -> NoReturn:
        raise BrokenContent([f"{self.file}:{self.line}: {text}"])

    def mapping(self, required: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, Node]:
        """With exactly these keys; an unknown one is refused, never ignored."""
        found = self.any_mapping()
        for key in found:
            if key not in required and key not in optional:
                known = ", ".join([*required, *optional])
                found[key].fail(f"“{key}” is not known here. Known: {known}.")
        if missing := [key for key in required if key not in found]:
            self.fail(f"“{missing[0]}” is missing.")
        return found

    def any_mapping(self) -> dict[str, Node]:
        if not isinstance(self.value, dict):
            self.fail("Expected names and values.")
        return self.value

    def sequence(self) -> list[Node]:
        if not isinstance(self.value, list):
            self.fail("Expected a list.")
        return self.value

    def text(self) -> str:
        if isinstance(self.value, bool) or not isinstance(self.value, (str, int)):
            self.fail("Expected text.")
        if not str(self.value).strip():
            self.fail("This text is empty.")
        return str(self.value).strip()

    def texts(self) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        return tuple(each.text() for each in self.value) if isinstance(self.value, list) else (self.text(),)

    def integer(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail("Expected a whole number.")
        return self.value

    def number(self) -> Decimal:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, Decimal)):
            self.fail("Expected a number.")
        return Decimal(self.value)

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.fail("Expected true or false.")
        return self.value

    def day(self) -> date:
        if not isinstance(self.value, date):
            self.fail("Expected a day such as 2026-01-01.")
        return self.value

    def one_of(self, choices: Collection[str]) -> str:
        if (said := self.text()) not in choices:
            self.fail(f"“{said}” is not one of: {', '.join(choices)}.")
        return said

    def words(self) -> Words:
        """`{en: …, es: …}`. English and Spanish are both mandatory."""
        if not isinstance(self.value, dict):
            self.fail("Expected this text in English and Spanish: {en: …, es: …}.")
        for language in LANGUAGES:
            if language not in self.value:
                self.fail(f"The text in “{language}” is missing.")
        found = self.mapping(LANGUAGES)
        return Words(found["en"].text(), found["es"].text())

    def plain(self) -> Any:
        """Ordinary Python values without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class _Loader(yaml.SafeLoader):
    """SafeLoader with our own few implicit types."""


class _Fast(yaml.CSafeLoader):
    """The same in C: seven times as fast; what is wrong it says in other words."""


for _loader in (_Loader, _Fast):
    _loader.yaml_implicit_resolvers = {}
    for _tag, _pattern, _first in (
        ("bool", r"(?:true|false)\Z", "tf"),
        ("null", r"(?:null|~|)\Z", ["n", "~", ""]),
        ("int", r"[-+]?[0-9]+\Z", "-+0123456789"),
        ("float", r"[-+]?[0-9]+\.[0-9]+\Z", "-+0123456789"),
        ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", "0123456789"),
    ):
        _loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _composed(text: str) -> list[yaml.Node]:
    try:
        return list(yaml.compose_all(text, Loader=_Fast))
    except yaml.YAMLError:
        return list(yaml.compose_all(text, Loader=_Loader))


def read(path: Path, root: Path) -> list[Node]:
    """Every document of the file. Names in errors are relative to root. Raises BrokenContent."""
    file = path.relative_to(root).as_posix()
    try:
        roots = _composed(path.read_text("utf-8"))
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise BrokenContent(
            [f"{file}:{line}: This is not YAML: {broken.problem}.{_hint(broken)}"]
        ) from broken
    except UnicodeDecodeError as broken:
        raise BrokenContent([f"{file}:1: This is not UTF-8 text."]) from broken
    if not roots:
        raise BrokenContent([f"{file}:1: This file is empty."])
    return [_node(each, file) for each in roots]


def _hint(broken: yaml.MarkedYAMLError) -> str:
    """What most often helps: a text inside { } that has one of YAML's own signs in it."""
    said = broken.problem or ""
    is_unquoted = said.startswith(("expected ',' or", "mapping values", "while scanning"))
    return ' Put a text that has ? : , # or { in it between "quotes".' if is_unquoted else ""


def read_one(path: Path, root: Path) -> Node:
    """The file's only document."""
    nodes = read(path, root)
    if len(nodes) > 1:
        nodes[1].fail("Only one document is expected in this file.")
    return nodes[0]


def _node(node: yaml.Node, file: str) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Node] = {}
        for key, value in node.value:
            if key.value in found:
                Node(None, key.start_mark.line + 1, file).fail(f"“{key.value}” is said twice.")
            made = _node(value, file)
            # A key's line is what a person looks for; a folded value may start lines later.
            found[key.value] = Node(made.value, key.start_mark.line + 1, file)
        return Node(found, line, file)
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(each, file) for each in node.value], line, file)
    return Node(_scalar(node, line, file), line, file)


def _scalar(node: yaml.Node, line: int, file: str) -> Any:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    match kind:
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return Decimal(text)
        case "timestamp":
            try:
                return date.fromisoformat(text)
            except ValueError:
                Node(None, line, file).fail(f"{text} is not a day of the calendar.")
    Node(None, line, file).fail(f"YAML tag “{node.tag}” is not allowed.")
