"""What kind of insurance a Coverage is: by its code, then by the words in the plan's name; else unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal, get_args

from careloop.fhir.elements import Resource, codings, day, extension
from careloop.library import Library, Rule

Kind = Literal["medicare", "medicare-advantage", "medicaid", "commercial", "none", "unknown"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
MEDICARE: frozenset[str] = frozenset({"medicare", "medicare-advantage"})
TYPOLOGIES = ("https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5")


def kinds_of(coverages: Iterable[Resource], on: date, library: Library) -> frozenset[str]:
    """The kinds in force on that day; {"unknown"} when nothing is."""
    rule = library.rule("coverage-kinds", on)
    return frozenset(kind_of(each, rule) for each in coverages if in_force(each, on)) or frozenset(
        {"unknown"}
    )


def in_force(coverage: Resource, on: date) -> bool:
    period = coverage.get("period") or {}
    starts, ends = day(period.get("start")), day(period.get("end"))
    return (
        coverage.get("status", "active") == "active"
        and (not starts or starts <= on)
        and (not ends or on <= ends)
    )


def kind_of(coverage: Resource, rule: Rule) -> str:
    """rule: coverage-kinds. A plan with a name but without a telling word is commercial."""
    for system, code in codings(coverage.get("type")):
        if system in TYPOLOGIES and (found := _by_prefix(code, rule.values["typology"])):
            return found
    said = " ".join(_words(coverage)).lower()
    for line in rule.values["words"]:
        if all(word in said for word in line["all"]):
            return str(line["kind"])
    return "commercial" if said.strip() else "unknown"


def _by_prefix(code: str, table: dict[str, str]) -> str | None:
    return next((table[code[:n]] for n in range(len(code), 0, -1) if code[:n] in table), None)


def _words(coverage: Resource) -> Iterator[str]:
    """Every text in which a plan says what it is."""
    kind = coverage.get("type") or {}
    yield str(kind.get("text", ""))
    yield from (str(coding.get("display", "")) for coding in kind.get("coding", ()))
    for payor in coverage.get("payor", ()):
        yield str(payor.get("display", ""))
    for part in coverage.get("class", ()):
        yield str(part.get("name", ""))
    yield str(extension(coverage, "urn:careloop:ext:plan") or "")
