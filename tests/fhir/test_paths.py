"""The FHIRPath that search parameters speak."""

from __future__ import annotations

import pytest

from careloop.fhir import definitions, index, paths
from careloop.fhir.paths import As, Claim, Name, RefersTo, Tree, UnknownPath, Where


def test_alternatives_types_and_filters_are_read() -> None:
    found = paths.parse("(Observation.value as Quantity) | Patient.telecom.where(system='email')")
    assert found.paths == (
        (Name("Observation"), Name("value"), As("Quantity")),
        (Name("Patient"), Name("telecom"), Where("system", "email")),
    )
    (about,) = paths.parse("Task.for.where(resolve() is Patient)").paths
    assert about[-1] == RefersTo("Patient")


def test_a_claim_is_read_as_a_boolean() -> None:
    deceased = (Name("Patient"), Name("deceased"))
    found = paths.parse("Patient.deceased.exists() and Patient.deceased != false")
    assert found.claims == (Claim(deceased, None), Claim(deceased, "false"))


def test_a_choice_without_a_type_ends_at_every_type_it_may_have() -> None:
    ends = paths.grow(Tree("Condition"), (Name("Condition"), Name("onset")))
    assert {end.kind for end in ends} == {"dateTime", "Age", "Period", "Range", "string"}


@pytest.mark.parametrize(
    "expression",
    ["Patient.name.first()", "Patient.name.where(use > 'a')", "Patient..name", "Patient.name[", "a = b"],
)
def test_what_is_not_spoken_is_refused(expression: str) -> None:
    with pytest.raises(UnknownPath):
        paths.parse(expression)


def test_a_name_that_the_type_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownPath):
        paths.grow(Tree("Patient"), (Name("Patient"), Name("nickname")))


def test_every_parameter_of_every_type_resolves() -> None:
    """Expressions left out stand in index.LEFT_OUT with a reason; these here reach types without a meaning for them."""
    silent = {(name, *pair) for name in definitions.RESOURCE_TYPES for pair in index.compiled(name).silent}
    assert {pair[2] for pair in silent} == {"string", "SampledData", "Attachment", "Age", "Range"}
    assert len(silent) == 9
    for name in definitions.RESOURCE_TYPES:
        for code, param in definitions.search_params(name).items():
            assert param.expression or code in index.LEFT_OUT, (name, code)
