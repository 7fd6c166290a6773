"""Whose a resource is: her home, and the other people it concerns. By the Patient compartment of R4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

from careloop.fhir import definitions, index
from careloop.fhir.elements import Resource
from careloop.store.keys import parts_of

# The parameters that name whom a resource is about, in this order; then those of the compartment.
_ABOUT = ("subject", "patient", "beneficiary", "individual")


class Belonging(NamedTuple):
    """home: "Patient/…" or None. others: (reference, search parameter id) of further people.
    targets: for a Provenance, what it speaks of, and for a Binary, what it is part of: its home is theirs."""

    home: str | None
    others: tuple[tuple[str, int], ...]
    targets: tuple[str, ...] = ()


@cache
def _parameters(resource_type: str) -> dict[int, int]:
    """Search parameter id to its rank. Task.for is no part of R4's compartment; it is of ours."""
    known = definitions.search_params(resource_type)
    about = [code for code in _ABOUT if code in known and known[code].type == "reference"]
    codes = dict.fromkeys((*about, *definitions.compartment(resource_type)))
    return {known[code].id: rank for rank, code in enumerate(codes) if code in known}


@cache
def _target_parameter() -> int:
    return definitions.search_params("Provenance")["target"].id


def belonging(resource: Resource, rows: index.Rows) -> Belonging:
    """rows: what `index.extract` gives of it. A Patient's home is her own. Raises KeyError for an unknown type."""
    kind = resource["resourceType"]
    if kind in _AROUND:
        return _AROUND[kind](resource)
    ranks = _parameters(kind)
    references = rows.reference if ranks else ()
    named = sorted(
        (ranks[row[0]], row[1], row[3], row[0])
        for row in references
        if row[0] in ranks and isinstance(row[3], str) and row[3].startswith("Patient/")
    )
    people = [(reference, param) for _, _, reference, param in named]
    if kind == "Patient":
        return Belonging(f"Patient/{resource['id']}" if "id" in resource else None, tuple(people))
    home = people[0][0] if people else None
    others = tuple(dict.fromkeys(pair for pair in people if pair[0] != home))
    targets: tuple[str, ...] = ()
    if home is None and kind == "Provenance":
        targets = tuple(
            row[3] for row in references if row[0] == _target_parameter() and isinstance(row[3], str)
        )
    return Belonging(home, others, targets)


def _of_bundle(bundle: Resource) -> Belonging:
    """A document, a message, a collection: at home with the first person whom it holds anything about, since whoever
    reads it reads all of it."""
    inside = [
        belonging(held, index.extract(held))
        for entry in bundle.get("entry", ())
        if (held := entry.get("resource")) is not None
    ]
    homes = list(dict.fromkeys(found.home for found in inside if found.home is not None))
    why = definitions.param_id("Bundle", "composition")
    others = [*((home, why) for home in homes[1:]), *(pair for found in inside for pair in found.others)]
    if homes:
        return Belonging(homes[0], tuple(dict.fromkeys(pair for pair in others if pair[0] != homes[0])))
    return Belonging(None, (), tuple(target for found in inside for target in found.targets))


def _of_binary(binary: Resource) -> Belonging:
    """Whoever may see what it is part of may see it."""
    said = parts_of((binary.get("securityContext") or {}).get("reference", "").partition("#")[0])
    if said is None:
        return Belonging(None, ())
    part_of = "/".join(said)
    return Belonging(part_of, ()) if said[0] == "Patient" else Belonging(None, (), (part_of,))


# Not in the compartment of R4, and yet about somebody.
_AROUND: Final[Mapping[str, Callable[[Resource], Belonging]]] = {
    "Bundle": _of_bundle,
    "Binary": _of_binary,
}
