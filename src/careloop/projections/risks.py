"""The newest of each risk score of a person, for lists of many people. What a score rests on stands in its
RiskAssessment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, instant
from careloop.projections import sources
from careloop.projections.by_type import seen_heads
from careloop.store import Change, Stored, Unit

TYPES: Final = ("RiskAssessment",)
COLUMNS: Final = "person, name, at, value, low, high, band, until, assessment"


@dataclass(frozen=True, repr=False)
class RiskRow:
    """name: id in content/risks. value: None while something is missing; low, high: what is possible. band: its code,
    empty while it is open. until: when it stops speaking; None for a score of the person. assessment: rid."""

    person: int
    name: str
    at: datetime
    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    band: str
    until: datetime | None
    assessment: int

    def __repr__(self) -> str:
        return f"RiskRow({self.name} {self.assessment})"


# --- reading them


def visible(unit: Unit, alias: str = "r") -> tuple[str, list[Any]]:
    """A boolean SQL expression over a row of risks: whether the reader may see what it was made from."""
    said, given = seen_heads(unit, TYPES)
    seen = f"exists (select from heads h where h.person = {alias}.person and h.rid = {alias}.assessment"
    return f"{seen} and h.state = 1 and {said})", given


def risks_of(unit: Unit, people: Collection[int], name: str | None = None) -> list[RiskRow]:
    """Those that speak now, in one statement. name: of one score only."""
    unit.flush()
    may, told = visible(unit)
    text = (
        f"select {COLUMNS} from risks r where r.person = any(%s::bigint[]) and (%s::text is null or r.name = %s)"
        f" and (r.until is null or r.until > %s) and {may} order by person, name"
    )
    rows = unit.cursor().execute(text, [sorted(people), name, name, unit.now, *told]).fetchall()
    unit.saw({row[0] for row in rows}, "risks")
    return [RiskRow(*row) for row in rows]


# --- keeping them


class Risks:
    """The projector."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        touched = sources.homes(changes, TYPES)
        if touched:
            unit.cursor().execute("delete from risks where person = any(%s::bigint[])", [sorted(touched)])
            keep(unit.cursor(), sources.of_people(unit, touched, TYPES))

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from risks")
        fill(unit.cursor(), sources.every(unit, TYPES))


def fill(cursor: Any, batches: Iterable[Sequence[Stored]]) -> None:
    """Into an empty table."""
    for batch in batches:
        keep(cursor, batch)


KEEP: Final = f"""
insert into risks({COLUMNS}) values ({", ".join(["%s"] * 9)})
on conflict (person, name) do update set at = excluded.at, value = excluded.value, low = excluded.low,
  high = excluded.high, band = excluded.band, until = excluded.until, assessment = excluded.assessment
where (excluded.at, excluded.assessment) > (risks.at, risks.assessment)
"""


def keep(cursor: Any, found: Iterable[Stored]) -> None:
    rows = [row for stored in found if stored.person and (row := _row(stored))]
    if rows:
        cursor.executemany(KEEP, rows)


def _row(stored: Stored) -> tuple[Any, ...] | None:
    resource = stored.resource
    name = code_in(resource.get("method"), uris.RISK)
    at = instant(resource.get("occurrenceDateTime"))
    if name is None or at is None or resource.get("status") != "final":
        return None
    told = result_in(resource)
    return (
        *(stored.person, name, at, told.value, told.low, told.high),
        *(told.band, told.until, stored.rid),
    )


@dataclass(frozen=True, repr=False)
class Result:
    """What a RiskAssessment of ours says in figures."""

    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    band: str
    until: datetime | None


def result_in(resource: Resource) -> Result:
    """From the extension urn:careloop:ext:risk; nothing of it for one that is not ours."""
    said: dict[str, Any] = {}
    for extension in resource.get("extension", ()):
        if extension.get("url") == uris.RISK_RESULT:
            for part in extension.get("extension", ()):
                said[str(part.get("url"))] = next((v for k, v in part.items() if k.startswith("value")), None)
    return Result(
        _decimal(said.get("value")),
        _decimal(said.get("low")),
        _decimal(said.get("high")),
        str(said.get("band") or ""),
        instant(said.get("until")),
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
