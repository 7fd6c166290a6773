"""The part of FHIRPath that R4's search parameters speak, read and resolved against the definitions.

An expression is parsed (`parse`) and its alternatives become steps in one tree a resource type (`Tree`), so that
`name`, `family` and `given` walk Patient.name once. `fhir/index.py` turns a tree into one Python function.

Spoken: paths, `|`, `as`, `.as()`, `.ofType()`, `[0]`, `.where(field = 'text')`, `.where(resolve() is Type)`,
`.where(hasExtension('url'))`, `.extension('url')`, `.exists()`, `and`, `=`, `!=`. Nothing else: an expression that says
more raises `UnknownPath`, and the index lists it as left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from careloop.fhir import definitions

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<word>%?[A-Za-z_]\w*)|(?P<number>\d+)|(?P<mark>!=|[().|\[\]=]))"
)


class UnknownPath(ValueError):
    """This expression says something the index can't follow."""


@dataclass(frozen=True, slots=True)
class Name:
    """A child element, or (first in a path) the type it starts from."""

    text: str


@dataclass(frozen=True, slots=True)
class Index:
    at: int


@dataclass(frozen=True, slots=True)
class As:
    type: str


@dataclass(frozen=True, slots=True)
class Where:
    """field == text: only elements whose child says exactly that."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class RefersTo:
    type: str


@dataclass(frozen=True, slots=True)
class HasExtension:
    url: str


@dataclass(frozen=True, slots=True)
class ExtensionAt:
    url: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Only at the end of a path, where it turns it into a claim."""


Step = Name | Index | As | Where | RefersTo | HasExtension | ExtensionAt | Exists
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """One side of an `and`: does the path find anything (text None), or anything other than this literal?"""

    path: Path
    unlike: str | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """Alternatives to walk; or claims that must all hold, whose answer is a boolean."""

    paths: tuple[Path, ...]
    claims: tuple[Claim, ...] = ()


def parse(expression: str) -> Parsed:
    """Raises UnknownPath."""
    return _Reader(expression).whole()


class _Reader:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = list(_tokens(expression))
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        found = self.peek()
        if not found or (wanted and found != wanted):
            raise UnknownPath(f"{self.expression!r}: expected {wanted or 'more'}, found {found or 'the end'}")
        self.at += 1
        return found

    def takes(self, wanted: str) -> bool:
        if self.peek() == wanted:
            self.at += 1
            return True
        return False

    def whole(self) -> Parsed:
        first = self.union()
        if self.peek() in ("and", "=", "!=") or _ends_in_exists(first):
            claims = [self.claim(first)]
            while self.takes("and"):
                claims.append(self.claim(self.union()))
            parsed = Parsed((), tuple(claims))
        else:
            parsed = Parsed(tuple(first))
        if self.peek():
            raise UnknownPath(f"{self.expression!r}: {self.peek()!r} is not understood")
        return parsed

    def claim(self, paths: list[Path]) -> Claim:
        if len(paths) != 1:
            raise UnknownPath(f"{self.expression!r}: a claim about a union")
        if _ends_in_exists(paths):
            return Claim(paths[0][:-1], None)
        self.take("!=")
        return Claim(paths[0], self.take())

    def union(self) -> list[Path]:
        found = self.typed()
        while self.takes("|"):
            found += self.typed()
        return found

    def typed(self) -> list[Path]:
        found = self.chain()
        while self.takes("as"):
            kind = As(self.take())
            found = [(*path, kind) for path in found]
        return found

    def chain(self) -> list[Path]:
        if self.takes("("):
            found = self.union()
            self.take(")")
        else:
            found = [(Name(self.take()),)]
        while True:
            if self.takes("."):
                step = self.member()
            elif self.takes("["):
                step = Index(int(self.take()))
                self.take("]")
            else:
                return found
            found = [(*path, step) for path in found]

    def member(self) -> Step:
        name = self.take()
        if not self.takes("("):
            return Name(name)
        step = self.function(name)
        self.take(")")
        return step

    def function(self, name: str) -> Step:
        match name:
            case "as" | "ofType":
                return As(self.take())
            case "extension":
                return ExtensionAt(_text(self.take()))
            case "exists":
                return Exists()
            case "where":
                return self.condition()
        raise UnknownPath(f"{self.expression!r}: {name}() is not understood")

    def condition(self) -> Step:
        name = self.take()
        if name == "resolve":
            for wanted in ("(", ")", "is"):
                self.take(wanted)
            return RefersTo(self.take())
        if name == "hasExtension":
            self.take("(")
            step = HasExtension(_text(self.take()))
            self.take(")")
            return step
        self.take("=")
        return Where(name, _text(self.take()))


def _tokens(expression: str) -> Iterator[str]:
    at = 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnknownPath(f"{expression!r}: {text[at:].strip()[:20]!r} is not understood")
        yield match.group().strip()
        at = match.end()


def _text(token: str) -> str:
    if not token.startswith("'"):
        raise UnknownPath(f"{token!r} is not a text in quotes")
    return token[1:-1].replace("\\'", "'").replace("\\\\", "\\")


def _ends_in_exists(paths: list[Path]) -> bool:
    return len(paths) == 1 and paths[0][-1] == Exists()


# --- resolved against the definitions ---


@dataclass(frozen=True, slots=True)
class Field:
    """A JSON member to look into. kind: the FHIR type found there, with its required code list (or None).
    only: a place in the list, where the expression names one."""

    key: str
    is_list: bool
    kind: str
    binding: str | None = None
    only: int | None = None


Edge = Field | Where | RefersTo | HasExtension | ExtensionAt


@dataclass(slots=True)
class Tree:
    """kind: the FHIR type of what stands here. goals: what wants it (search parameter codes)."""

    kind: str
    edge: Edge | None = None
    branches: dict[Edge, Tree] = field(default_factory=dict)
    goals: list[str] = field(default_factory=list)

    def branch(self, edge: Edge, kind: str) -> Tree:
        if edge not in self.branches:
            self.branches[edge] = Tree(kind, edge)
        return self.branches[edge]

    def leads_anywhere(self) -> bool:
        return bool(self.goals) or any(branch.leads_anywhere() for branch in self.branches.values())


def grow(tree: Tree, path: Path) -> list[Tree]:
    """Adds the branches of a path to a resource type's tree and returns its ends, one a FHIR type that may stand
    there. Raises UnknownPath when there is nothing of that name or type."""
    steps = list(path)
    first = steps[0]
    if isinstance(first, Name) and first.text in (tree.kind, "Resource", "DomainResource", "%resource"):
        steps = steps[1:]
    ends = [tree]
    while steps:
        step, only = steps.pop(0), None
        if steps and isinstance(place := steps[0], Index):
            only = place.at
            steps.pop(0)
        ends = [after for end in ends for after in _step(end, step, only)]
        if not ends:
            raise UnknownPath(f"nothing at {step} in {tree.kind}")
    return ends


def _step(tree: Tree, step: Step, only: int | None) -> list[Tree]:
    match step:
        case Name(text):
            return [tree.branch(edge, edge.kind) for edge in _fields(tree.kind, text, only)]
        case As(kind):
            return [tree] if tree.kind.lower() == kind.lower() else []
        case ExtensionAt():
            return [tree.branch(step, "Extension")]
        case Where() | RefersTo() | HasExtension():
            return [tree.branch(step, tree.kind)]
        case Index() | Exists():
            raise UnknownPath(f"{step} can't stand here")


def _fields(kind: str, name: str, only: int | None) -> list[Field]:
    try:
        elements = definitions.type_def(kind).elements
    except KeyError:
        return []
    for element in elements:
        if element.name == name:
            return [
                Field(
                    _json_key(name, found.code, element.is_choice),
                    element.is_list,
                    found.code,
                    element.binding,
                    only,
                )
                for found in element.types
            ]
    return []


def _json_key(name: str, kind: str, is_choice: bool) -> str:
    return name + kind[0].upper() + kind[1:] if is_choice else name
