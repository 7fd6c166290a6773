"""What somebody is called on a page. Pure."""

from __future__ import annotations

from careloop.fhir.elements import Resource, name_of


def called(resource: Resource) -> str:
    """`Ana Reyes, RN`; an organization's or a team's name as it is."""
    name = resource.get("name")
    if isinstance(name, str):
        return name
    said = name_of(resource)
    suffix = ", ".join(
        s for n in resource.get("name", ()) if isinstance(n, dict) for s in n.get("suffix", ())
    )
    if said and suffix and suffix not in said:
        return f"{said}, {suffix}"
    return said
