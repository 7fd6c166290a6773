"""Whether a resource is right, and if not, everything that is wrong with it, in words a person understands.

    problems(resource)   a list of Issue, empty when all is well
    check(resource)      raises InvalidResource with that list

Checked against FHIR R4 itself: elements, cardinality, types, formats, choices, required codes, references,
contained resources, and the invariants of `invariants`. Profiles, extensions' own definitions and open code
systems are not: unknown extensions are kept as they are.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.elements import Resource
from careloop.fhir.outcome import Issue
from careloop.fhir.plans import plan, walk
from careloop.fhir.visit import EnoughProblems, Path, Visit, contained_types, full_urls, shown, unknown_type
from careloop.kernel.errors import Unprocessable

__all__ = ["InvalidResource", "Issue", "check", "problems"]


class InvalidResource(Unprocessable):
    """This can't be stored as it is."""

    code, status, issue_type = "invalid-resource", 422, "invalid"

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        first = issues[0]
        more = f" And {len(issues) - 1} more." if len(issues) > 1 else ""
        super().__init__(f"{first.expression}: {first.text}{more}".removeprefix(": "))


def problems(resource: Any, *, expected_type: str | None = None) -> list[Issue]:
    """Every problem, in the order of the resource; at most 500, then it says so."""
    if not isinstance(resource, dict):
        return [Issue("error", "structure", "", "Send one resource: a JSON object that begins with {.")]
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in RESOURCE_TYPES:
        return [Issue("error", "structure", "resourceType", unknown_type(kind))]
    if expected_type is not None and kind != expected_type:
        said = f"This address is for {expected_type}, but the resource is a {shown(kind)}. Send it to …/{shown(kind)}."
        return [Issue("error", "invalid", kind, said)]
    visit = Visit(_enter)
    visit.container, visit.contained = resource, contained_types(resource)
    with suppress(EnoughProblems):
        _enter(kind, resource, (None, kind, None), visit)
    return visit.issues


def check(resource: Any, *, expected_type: str | None = None) -> Resource:
    """The resource itself when it is right; raises InvalidResource."""
    if found := problems(resource, expected_type=expected_type):
        raise InvalidResource(found)
    right: Resource = resource
    return right


def _enter(kind: str, resource: dict[str, Any], path: Path, visit: Visit) -> None:
    """One resource at its place."""
    around = visit.full_urls
    if kind == "Bundle":
        visit.full_urls = full_urls(resource)
    walk(plan(kind), resource, path, visit)
    if "contained" in resource:
        visit.contained_rules(resource, path)
    visit.full_urls = around
