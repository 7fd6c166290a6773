"""The search grammar: what it reads, and what it refuses by name."""

from __future__ import annotations

import pytest

from careloop.fhir.search import BadSearch, Query, UnknownParameter, parse
from careloop.fhir.search_values import Composite, Date, Number, Quantity, Reference, Text, Token, Value
from careloop.fhir.terms import UCUM, elsewhere, key_of


def values(kind: str, code: str, text: str) -> tuple[Value, ...]:
    return parse(kind, [(code, text)]).criteria[0].values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", (Token(None, "a"),)),
        ("s|a", (Token("s", "a"),)),
        ("|a", (Token("", "a"),)),
        ("s|", (Token("s", None),)),
        ("a,s|b", (Token(None, "a"), Token("s", "b"))),
        (r"a\,b,c\|d\$e\\", (Token(None, "a,b"), Token(None, "c|d$e\\"))),
    ],
)
def test_tokens(text: str, expected: tuple[Token, ...]) -> None:
    assert values("Observation", "code", text) == expected


def test_strings_are_normalized() -> None:
    assert values("Patient", "name", " José  MARÍA") == (Text("jose maria"),)


def test_numbers_imply_their_precision() -> None:
    (five,) = values("RiskAssessment", "probability", "gt0.50")
    assert five == Number("gt", 0.5, 0.495, 0.505)
    (mass,) = values("Observation", "value-quantity", "5.4||mg")
    assert mass == Quantity(Number("eq", 5.4, 5.35, 5.45), (key_of(f"{UCUM}|mg"), key_of("|mg")))


def test_references_by_id_type_and_address() -> None:
    assert values("Observation", "patient", "1") == (Reference(("Group/1", "Patient/1")),)
    assert values("Observation", "subject", "Patient/1") == (Reference(("Patient/1",)),)
    assert values("Observation", "subject", "http://x.example/Patient/1") == (
        Reference((elsewhere("http://x.example/Patient/1"),)),
    )


def test_a_composite_has_a_value_of_each_part() -> None:
    (both,) = values("Observation", "code-value-quantity", "s|a$gt5")
    assert isinstance(both, Composite)
    assert both.parts[0] == Token("s", "a")


def test_a_plus_that_became_a_space_is_still_a_zone() -> None:
    assert values("Observation", "date", "2026-01-01T00:00:00 02:00") == values(
        "Observation", "date", "2026-01-01T00:00:00+02:00"
    )
    assert isinstance(values("Observation", "date", "ge2026-01")[0], Date)


def test_settings() -> None:
    query = parse(
        "Observation",
        [("_sort", "-date,_id"), ("_count", "900"), ("_total", "accurate"), ("_format", "json")],
    )
    assert [(sort.param.code, sort.is_descending) for sort in query.sort] == [("date", True), ("_id", False)]
    assert (query.count, query.total, query.is_count_only) == (200, "accurate", False)
    assert parse("Observation", [("_summary", "count")]).is_count_only
    assert parse("Observation", []).count == 50


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("Patient", "nickname", "a"),
        ("Patient", "name:exact", "a"),
        ("Patient", "name:contains", "a"),
        ("Patient", "gender:not", "male"),
        ("Patient", "birthdate:missing", "true"),
        ("Observation", "subject.name", "a"),
        ("Observation", "subject:Patient.name", "a"),
        ("Observation", "subject:Patient", "1"),
        ("Patient", "_has:Observation:patient:code", "a"),
        ("Patient", "_include", "Patient:organization"),
        ("Patient", "_elements", "name"),
        ("Patient", "_summary", "text"),
        ("Patient", "_text", "a"),
        ("Patient", "_filter", "a eq b"),
        ("Location", "near", "1|2"),
        ("Patient", "birthdate", "yesterday"),
        ("Patient", "birthdate", "2026-02-30"),
        ("Patient", "birthdate", ""),
        ("Patient", "name", " "),
        ("Patient", "name", "x" * 201),
        ("Patient", "gender", "a,,b"),
        ("Patient", "gender", "|"),
        ("Patient", "gender", "a|b|c"),
        ("Patient", "_id", "a/b"),
        ("Patient", "_count", "-1"),
        ("Patient", "_count", "many"),
        ("Patient", "_total", "maybe"),
        ("Patient", "_sort", "nickname"),
        ("Observation", "_sort", "subject"),
        ("Observation", "patient", "Device/1"),
        ("Observation", "value-quantity", "5|mg"),
        ("Observation", "value-quantity", "1e999"),
        ("Observation", "value-quantity", "five"),
        ("Observation", "code-value-quantity", "a"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(kind: str, name: str, text: str) -> None:
    with pytest.raises(BadSearch) as refused:
        parse(kind, [(name, text)])
    assert refused.value.status == 400
    assert str(refused.value.fields["parameter"]) == name


def test_an_unknown_parameter_can_be_told_apart() -> None:
    """So that a door may leave it away when asked to be lenient."""
    with pytest.raises(UnknownParameter):
        parse("Patient", [("nickname", "a")])


def test_costs_are_bounded() -> None:
    with pytest.raises(BadSearch):
        parse("Patient", [("gender", "male")] * 31)
    with pytest.raises(BadSearch):
        parse("Patient", [("gender", ",".join(["male"] * 501))])
    with pytest.raises(BadSearch):
        parse("Patient", [("_count", "1"), ("_count", "2")])


def test_the_signature_is_of_what_is_asked_not_of_the_page() -> None:
    def signature(*pairs: tuple[str, str]) -> str:
        found: Query = parse("Patient", pairs)
        return found.signature

    base = signature(("gender", "male"), ("name", "a"))
    assert base == signature(("name", "a"), ("gender", "male"), ("_count", "7"))
    assert base != signature(("gender", "male"))
    assert base != signature(("gender", "male"), ("name", "a"), ("_sort", "name"))
