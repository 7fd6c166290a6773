"""The types and search parameters of FHIR R4 4.0.1, from the files that tools/make_definitions.py writes.

Everything is read on first use and kept; nothing here is ever changed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal
from zlib import crc32

VERSION: Final = "4.0.1"

Kind = Literal["resource", "complex-type", "backbone"]
ParamType = Literal[
    "token", "string", "date", "reference", "quantity", "number", "uri", "composite", "special"
]

_DATA = Path(__file__).resolve().parent / "data"
_COMMON = ("Resource", "DomainResource")
# DomainResource adds nothing that can be indexed; these three are Resources without being DomainResources.
_PLAIN = frozenset({"Binary", "Bundle", "Parameters"})


@dataclass(frozen=True, slots=True)
class TypeRef:
    """code: a FHIR type, or the path of a backbone element (`Patient.contact`).
    targets: resource types that a Reference may name; empty allows any.
    profile: `SimpleQuantity` where a Quantity may not have a comparator."""

    code: str
    targets: tuple[str, ...] = ()
    profile: str = ""


@dataclass(frozen=True, slots=True)
class ElementDef:
    """name: without `[x]`. max: None is any number. binding: name of a required code list (`codes`)."""

    name: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    is_choice: bool
    binding: str | None

    @property
    def is_list(self) -> bool:
        return self.max != 1


@dataclass(frozen=True, slots=True)
class RuleDef:
    """An invariant simple enough to be compiled; tree: see tools/invariant_parser.py."""

    key: str
    severity: str
    human: str
    tree: list[Any]


@dataclass(frozen=True, slots=True)
class TypeDef:
    name: str
    kind: Kind
    is_abstract: bool
    elements: tuple[ElementDef, ...]
    rules: tuple[RuleDef, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite parameter; expression starts from what the composite's expression found."""

    code: str
    type: ParamType
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParam:
    """id: of this code at this resource type, from its name, so that it stays the same for good (31 bits).
    expression: only the alternatives that speak of this type. targets: of a reference; empty for others."""

    id: int
    code: str
    type: ParamType
    expression: str
    targets: tuple[str, ...]
    components: tuple[Component, ...]
    url: str


def _read(name: str) -> Any:
    return json.loads(gzip.decompress((_DATA / name).read_bytes()))


@cache
def _types() -> Any:
    return _read("types.json.gz")


@cache
def _search() -> Any:
    return _read("search.json.gz")


def _resource_types() -> frozenset[str]:
    rows = _types()["types"].items()
    return frozenset(name for name, row in rows if row["kind"] == "resource" and not row.get("abstract"))


RESOURCE_TYPES: Final[frozenset[str]] = _resource_types()


@cache
def type_def(name: str) -> TypeDef:
    """A resource type, data type (`Money`) or backbone element (`Patient.contact`). KeyError if unknown."""
    row = _types()["types"][name]
    return TypeDef(
        name=name,
        kind=row["kind"],
        is_abstract=bool(row.get("abstract")),
        elements=tuple(_element(*found) for found in row["elements"]),
        rules=tuple(RuleDef(*found) for found in row.get("rules", ())),
    )


def _element(
    name: str, least: int, most: int, types: list[Any], facts: Mapping[str, str] = MappingProxyType({})
) -> ElementDef:
    return ElementDef(
        name=name.removesuffix("[x]"),
        min=least,
        max=most or None,
        types=tuple(_type_ref(found) for found in types),
        is_choice=name.endswith("[x]"),
        binding=facts.get("bind"),
    )


def _type_ref(found: Any) -> TypeRef:
    if isinstance(found, str):
        return TypeRef(found)
    code, targets, *profile = found
    return TypeRef(code, tuple(targets), *profile)


def primitives() -> Mapping[str, str]:
    """Primitive type to its regular expression; empty where the standard gives none (xhtml)."""
    found: Mapping[str, str] = _types()["primitives"]
    return found


@cache
def codes(binding: str) -> Mapping[str, frozenset[str]] | None:
    """A required code list as {code system: codes}; None where it is too open to list (mimetypes, units)."""
    found = _types()["codes"].get(binding)
    return None if found is None else MappingProxyType({k: frozenset(v) for k, v in found.items()})


@cache
def code_order(binding: str) -> tuple[str, ...]:
    """The codes of a required list in the standard's order, for sentences."""
    return tuple(code for listed in _types()["codes"].get(binding, {}).values() for code in listed)


def param_id(resource_type: str, code: str) -> int:
    """The integer of a search parameter: a hash of its name, the same in every installation and release."""
    return crc32(f"{resource_type}.{code}".encode()) & 0x7FFFFFFF


@cache
def _params_by_base() -> Mapping[str, list[tuple[Any, str]]]:
    found: dict[str, list[tuple[Any, str]]] = {}
    for row in _search()["params"]:
        for base, expression in row[3].items():
            found.setdefault(base, []).append((row, expression))
    return found


@cache
def search_params(resource_type: str) -> Mapping[str, SearchParam]:
    """Code to parameter, the ones of every resource included (`_id`, `_lastUpdated`, `_tag`, …)."""
    bases = (*_COMMON[: 1 if resource_type in _PLAIN else 2], resource_type)
    found = {
        row[1]: SearchParam(
            id=param_id(resource_type, row[1]),
            code=row[1],
            type=row[2],
            expression=expression,
            targets=tuple(row[4]),
            components=tuple(Component(*part) for part in row[5]),
            url=f"http://hl7.org/fhir/SearchParameter/{row[0]}",
        )
        for base in bases
        for row, expression in _params_by_base().get(base, ())
    }
    return MappingProxyType(found)


def compartment(resource_type: str, of: str = "Patient") -> tuple[str, ...]:
    """The search parameters that put a resource of this type into the compartment of a Patient (or of a
    Practitioner, RelatedPerson, Encounter, Device). Empty: to none. Source: CompartmentDefinition."""
    return tuple(_search()["compartments"][of].get(resource_type, ()))
