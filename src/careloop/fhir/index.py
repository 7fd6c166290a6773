"""A resource's rows in the search index, by one generated function a resource type.

`extract` is pure: the same body gives the same rows, so rows can be compared, rebuilt and verified. Raise `VERSION`
whenever rows would come out differently; `careloop reindex` then brings old ones up.

g, the occurrence: 0 for what stands directly in the resource; n for what is, or stands inside, the n-th entry of a
repeating element right under it (Observation.component, useContext). Two rows with the same g belong together,
which is all a composite parameter needs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from careloop.fhir import definitions, terms
from careloop.fhir.definitions import SearchParam
from careloop.fhir.elements import Resource
from careloop.fhir.paths import (
    Claim,
    Edge,
    ExtensionAt,
    Field,
    HasExtension,
    Name,
    Path,
    RefersTo,
    Tree,
    Where,
    grow,
    parse,
)

VERSION: Final = 1
LAST_OCCURRENCE: Final = 32_767  # g is a smallint; what stands further back shares the last one


class Rows(NamedTuple):
    """One list a table; every row begins (param id, n, g). n: running number within resource and parameter."""

    token: list[tuple[Any, ...]]  # system key, code
    string: list[tuple[Any, ...]]  # part, normalized, exact (None: the same)
    date: list[tuple[Any, ...]]  # low, high: microseconds
    reference: list[tuple[Any, ...]]  # "Type/id", or a negative number for what is elsewhere
    quantity: list[tuple[Any, ...]]  # low, high, unit key
    number: list[tuple[Any, ...]]  # low, high
    uri: list[tuple[Any, ...]]  # uri


TABLES: Final = Rows._fields

# Answered without index rows: from the head, from ids, or by joining rows of the components.
ELSEWHERE: Final = frozenset({"_id", "_lastUpdated"})
LEFT_OUT: Final[Mapping[str, str]] = {
    "near": "distance needs a geographic index",
    "_text": "full text is not indexed",
    "_content": "full text is not indexed",
    "_query": "named queries are not offered",
    "_filter": "the filter language is not offered",
}


def extract(resource: Resource) -> Rows:
    """All index rows of a resource. One that was validated; KeyError when its type is unknown."""
    found = Rows([], [], [], [], [], [], [])
    compiled(resource["resourceType"]).walk(resource, *(rows.append for rows in found))
    return Rows(*(_numbered(rows) for rows in found))


def _numbered(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Without repetitions, and with n set."""
    if not rows:
        return rows
    counts: dict[int, int] = {}
    numbered = []
    for row in dict.fromkeys(rows):
        param = row[0]
        n = counts.get(param, 0)
        counts[param] = n + 1
        numbered.append((param, n, *row[1:]))
    return numbered


@dataclass(frozen=True)
class Compiled:
    """silent: parameters (code, FHIR type) whose expression reaches something that has no meaning for them."""

    walk: Callable[..., None]
    source: str
    silent: tuple[tuple[str, str], ...]


@cache
def compiled(resource_type: str) -> Compiled:
    """Raises KeyError for an unknown type."""
    if resource_type not in definitions.RESOURCE_TYPES:
        raise KeyError(resource_type)
    params = definitions.search_params(resource_type)
    tree, claims = _planted(resource_type, params)
    writer = _Writer(params)
    writer.begin(tree, claims)
    namespace: dict[str, Any] = dict(writer.names)
    # The text is ours: made from committed definitions, with every literal through repr().
    exec(compile(writer.source, f"<index of {resource_type}>", "exec"), namespace)  # noqa: S102
    return Compiled(namespace["walk"], writer.source, tuple(writer.silent))


def indexed(param: SearchParam) -> bool:
    return param.type in TABLES and param.code not in ELSEWHERE and param.code not in LEFT_OUT


def _planted(
    resource_type: str, params: Mapping[str, SearchParam]
) -> tuple[Tree, dict[str, tuple[Claim, ...]]]:
    tree, claims = Tree(resource_type), {}
    for code, param in params.items():
        if not indexed(param) or not param.expression:
            continue
        parsed = parse(param.expression)
        if parsed.claims:
            claims[code] = parsed.claims
        for path in parsed.paths:
            for end in grow(tree, path):
                if code not in end.goals:
                    end.goals.append(code)
    return tree, claims


class _Writer:
    """Writes the source of one `walk(v0, token, string, …)`; v0 is the resource, v<n> what was found n steps down."""

    def __init__(self, params: Mapping[str, SearchParam]) -> None:
        self.params = params
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"refers_to": terms.type_referred_to, "LAST": LAST_OCCURRENCE}
        self.silent: list[tuple[str, str]] = []

    @property
    def source(self) -> str:
        return "\n".join(self.lines) + "\n"

    def begin(self, tree: Tree, claims: Mapping[str, tuple[Claim, ...]]) -> None:
        self.lines.append(f"def walk(v0, {', '.join(TABLES)}):")
        self.branches(tree, 0, 1, "0")
        for code, told in claims.items():
            name = f"claims_{len(self.names)}"
            self.names[name] = _claimed(tree.kind, told)
            self.lines.append(f"    token(({self.params[code].id}, 0, 0, {name}(v0)))")
        self.lines.append("    return")

    def branches(self, tree: Tree, depth: int, indent: int, g: str) -> None:
        for edge, branch in tree.branches.items():
            if branch.leads_anywhere():
                self.branch(edge, branch, depth, indent, g)

    def branch(self, edge: Edge, branch: Tree, depth: int, indent: int, g: str) -> None:
        begun = len(self.lines)
        indent, g = self.way_in(edge, depth, indent, g)
        inside = len(self.lines)
        for code in branch.goals:
            self.goal(code, branch, f"v{depth + 1}", indent, g)
        self.branches(branch, depth + 1, indent, g)
        if len(self.lines) == inside:  # nothing but silent goals
            del self.lines[begun:]

    def way_in(self, edge: Edge, depth: int, indent: int, g: str) -> tuple[int, str]:
        here, there = f"v{depth}", f"v{depth + 1}"
        match edge:
            case Field():
                return self.field(edge, depth, indent, g)
            case ExtensionAt(url):
                self.line(indent, f"for {there} in {here}.get('extension', ()):")
                self.line(indent + 1, f"if {there}.get('url') == {url!r}:")
                return indent + 2, g
        self.line(indent, f"if {_condition(edge, here)}:")
        self.line(indent + 1, f"{there} = {here}")
        return indent + 1, g

    def field(self, edge: Field, depth: int, indent: int, g: str) -> tuple[int, str]:
        """Steps into an element; counts occurrences (g) where a list stands right under the resource."""
        here, there = f"v{depth}", f"v{depth + 1}"
        self.line(indent, f"{there} = {here}.get({edge.key!r})")
        self.line(indent, f"if {there} is not None:")
        if not edge.is_list:
            return indent + 1, g
        if edge.only is not None:
            self.line(indent + 1, f"for {there} in {there}[{edge.only}:{edge.only + 1}]:")
        elif depth == 0:
            self.line(indent + 1, f"for i, {there} in enumerate({there}, 1):")
            self.line(indent + 2, "if i > LAST: i = LAST")
            g = "i"
        else:
            self.line(indent + 1, f"for {there} in {there}:")
        self.line(indent + 2, f"if {there} is None: continue")
        return indent + 2, g

    def goal(self, code: str, branch: Tree, value: str, indent: int, g: str) -> None:
        param = self.params[code]
        term = _term(param, branch)
        if term is None:
            self.silent.append((code, branch.kind))
            return
        name = f"{param.type}_{branch.kind}_{id(term):x}".replace(".", "_")
        self.names[name] = term
        self.line(indent, f"{name}({param.type}, {param.id}, {g}, {value})")

    def line(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)


def _condition(edge: Edge, here: str) -> str:
    match edge:
        case Where(field, text):
            return f"{here}.get({field!r}) == {text!r}"
        case RefersTo(kind):
            return f"refers_to({here}) == {kind!r}"
        case HasExtension(url):
            return f"any(e.get('url') == {url!r} for e in {here}.get('extension', ()))"
    raise TypeError(edge)


def _term(param: SearchParam, end: Tree) -> terms.Term | None:
    if param.type == "string" and param.code == "phonetic":
        return terms.phonetic
    if end.kind == "Extension":
        return _in_extension(param.type)
    if end.kind == "Resource":
        return _resource_in(param.targets)
    if param.type == "token" and end.kind == "code" and isinstance(end.edge, Field) and end.edge.binding:
        return _bound_code(end.edge.binding)
    return terms.TERMS.get((param.type, end.kind))


_in_extension = cache(terms.in_extension)
_resource_in = cache(terms.resource_in)


@cache
def _bound_code(binding: str) -> terms.Term:
    listed = definitions.codes(binding) or {}
    return terms.code_in({code: terms.key_of(system) for system, codes in listed.items() for code in codes})


def _claimed(kind: str, claims: tuple[Claim, ...]) -> Callable[[Resource], str]:
    """For `Patient.deceased.exists() and Patient.deceased != false`: "true" or "false" of a resource."""

    def holds(resource: Resource, claim: Claim) -> bool:
        found = list(_values(kind, claim.path, resource))
        if claim.unlike is None:
            return bool(found)
        return any(_literal(value) != claim.unlike for value in found)

    return lambda resource: "true" if all(holds(resource, claim) for claim in claims) else "false"


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(kind: str, path: Path, resource: Resource) -> Iterator[Any]:
    """What stands at `Type.element`, whatever its type; claims go no deeper."""
    names = [step.text for step in path if isinstance(step, Name)]
    for element in definitions.type_def(kind).elements:
        if element.name == names[-1]:
            for found in element.types:
                key = element.name + (found.code[0].upper() + found.code[1:] if element.is_choice else "")
                if key in resource:
                    yield resource[key]
