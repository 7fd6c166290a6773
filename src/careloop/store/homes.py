"""Whose a resource is: her home, and the other people it concerns. By the Patient compartment of R4."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from careloop.fhir import definitions, index
from careloop.fhir.elements import Resource

# The parameters that name whom a resource is about, in this order; then those of the compartment.
_ABOUT = ("subject", "patient", "beneficiary", "individual")


class Belonging(NamedTuple):
    """home: "Patient/…" or None. others: (reference, search parameter id) of further people.
    targets: for a Provenance, what it speaks of: its home is theirs."""

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
    ranks = _parameters(kind)
    references = rows.reference if ranks else ()
    named = sorted(
        (ranks[row[0]], row[1], row[3], row[0])
        for row in references
        if row[0] in ranks and isinstance(row[3], str) and row[3].startswith("Patient/")
    )
    people = [(reference, param) for _, _, reference, param in named]
    if kind == "Patient":
        return Belonging(f"Patient/{resource['id']}", tuple(people))
    home = people[0][0] if people else None
    others = tuple(dict.fromkeys(pair for pair in people if pair[0] != home))
    targets: tuple[str, ...] = ()
    if home is None and kind == "Provenance":
        targets = tuple(
            row[3] for row in references if row[0] == _target_parameter() and isinstance(row[3], str)
        )
    return Belonging(home, others, targets)
