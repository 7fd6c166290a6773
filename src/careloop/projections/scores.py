"""Scores over time: of each completed set of answers, by the rules of its instrument as the library has it now; and of
scores that were sent as Observations by others.

A total has the scale ''. A set of answers that could not be scored is there as well, without a value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from careloop import library
from careloop.care.assess import NOBODY, Who, instrument_answered, score, who_is
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings
from careloop.fhir.responses import answers_of
from careloop.library import Instrument, Library
from careloop.projections import sources
from careloop.projections.by_type import seen_heads
from careloop.projections.moments import at_of
from careloop.store import Change, Stored, Unit
from careloop.store.keys import number_of

TYPES: Final = ("QuestionnaireResponse", "Observation")
DONE: Final = frozenset({"completed", "amended"})
WRONG: Final = frozenset({"entered-in-error", "cancelled", "registered"})
COLUMNS: Final = "person, instrument, scale, at, value, band, response"
INSERT: Final = f"insert into scores({COLUMNS}) values ({', '.join(['%s'] * 7)})"


@dataclass(frozen=True, repr=False)
class Scored:
    """response: rid of the QuestionnaireResponse, or of the Observation of a score from elsewhere. band: its code."""

    person: int
    instrument: str
    scale: str
    at: datetime
    value: Decimal | None
    band: str | None
    response: int

    def __repr__(self) -> str:
        return f"Scored({self.instrument} {self.response})"


# --- reading them


def visible(unit: Unit, alias: str = "s") -> tuple[str, list[Any]]:
    """A boolean SQL expression over a row of scores: whether the reader may see what it was made from."""
    said, given = seen_heads(unit, TYPES)
    seen = f"exists (select from heads h where h.person = {alias}.person and h.rid = {alias}.response"
    return f"{seen} and h.state = 1 and {said})", given


def scores_of(
    unit: Unit,
    person: int,
    instruments: Collection[str] | None = None,
    *,
    since: datetime | None = None,
    scale: str | None = "",
) -> list[Scored]:
    """Oldest first. scale: '' for totals, None for all."""
    unit.flush()
    may, told = visible(unit)
    where: list[str] = ["s.person = %s"]
    given: list[Any] = [person]
    for column, value, sign in (
        ("s.scale", scale, "= %s"),
        ("s.at", since, ">= %s"),
        ("s.instrument", None if instruments is None else list(instruments), "= any(%s::text[])"),
    ):
        if value is not None:
            where.append(f"{column} {sign}")
            given.append(value)
    text = f"select {COLUMNS} from scores s where {' and '.join(where)} and {may} order by at, response"
    rows = unit.cursor().execute(text, [*given, *told]).fetchall()
    unit.saw([person], "scores")
    return [Scored(*row) for row in rows]


def latest_scores(unit: Unit, people: Collection[int], instrument: str, scale: str = "") -> dict[int, Scored]:
    """The last one of each person that has a value, in one statement."""
    unit.flush()
    may, told = visible(unit)
    text = (
        "select s.* from unnest(%s::bigint[]) as p(person) cross join lateral ("
        f" select {COLUMNS} from scores s where s.person = p.person and s.instrument = %s and s.scale = %s"
        f" and s.value is not null and {may} order by s.at desc, s.response desc limit 1) s"
    )
    rows = unit.cursor().execute(text, [sorted(people), instrument, scale, *told]).fetchall()
    unit.saw([row[0] for row in rows], "scores")
    return {row[0]: Scored(*row) for row in rows}


# --- keeping them


class Scores:
    """The projector."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        told = sources.latest(changes, TYPES)
        found = {rid: change.after for rid, change in told.items()}
        if others := _others_now(changes):  # a published band may hang on sex and age
            found |= {s.rid: s for s in sources.of_people(unit, others, TYPES)}
        old = [rid for rid, after in found.items() if after is None or after.version > 1 or rid not in told]
        if old:
            unit.cursor().execute("delete from scores where response = any(%s::bigint[])", [old])
        keep(unit.cursor(), [after for after in found.values() if after])

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from scores")
        fill(unit.cursor(), sources.every(unit, TYPES))


def fill(cursor: Any, batches: Iterable[Sequence[Stored]]) -> None:
    for batch in batches:
        keep(cursor, batch)


def keep(cursor: Any, found: Iterable[Stored]) -> None:
    content = library.load()
    by_code = codes_of(content)
    live = [s for s in found if s.person and not s.is_deleted]
    patients = _patients(cursor, {s.person for s in live if s.type == "QuestionnaireResponse"})
    rows = [
        (s.person, *told, s.rid)
        for s in live
        for told in scores_in(s.resource, s.at, content, by_code, patients.get(s.person))
    ]
    if rows:
        cursor.executemany(INSERT, rows)


def _others_now(changes: Sequence[Change]) -> set[int]:
    """Whose record says another sex or birth date than before."""
    return {
        change.after.rid
        for change in changes
        if change.stored.type == "Patient" and change.before is not None and change.after is not None
        if _who(change.before.resource) != _who(change.after.resource)
    }


def _who(patient: Resource) -> tuple[Who, Any]:
    return who_is(patient, date(2000, 1, 1)), patient.get("birthDate")


def _patients(cursor: Any, people: Collection[int]) -> dict[int, Resource]:
    if not people:
        return {}
    cursor.execute(
        sources.CURRENT + " and i.rid = any(%s::bigint[])", [[number_of("Patient")], sorted(people)]
    )
    return {stored.rid: stored.resource for stored in map(Stored.of_row, cursor.fetchall())}


Told = tuple[str, str, datetime, Decimal | None, str | None]


def codes_of(content: Library) -> dict[str, Instrument]:
    """LOINC code of a total -> its instrument."""
    return {each.scoring.loinc: each for each in content.instruments.values() if each.scoring.loinc}


def scores_in(
    resource: Resource,
    written: datetime,
    content: Library,
    by_code: dict[str, Instrument],
    patient: Resource | None = None,
) -> list[Told]:
    """(instrument, scale, at, value, band) of what one resource tells; written: for what has no time of its own.
    patient: for bands that differ by sex or age."""
    if resource["resourceType"] == "QuestionnaireResponse":
        return _of_answers(resource, written, content, patient)
    return _of_observation(resource, written, by_code)


def _of_answers(
    resource: Resource, written: datetime, content: Library, patient: Resource | None
) -> list[Told]:
    if resource.get("status") not in DONE:
        return []
    instrument = instrument_answered(content, str(resource.get("questionnaire", "")))
    if instrument is None:
        return []
    answers, _ = answers_of(instrument.form, resource)
    at = at_of(resource.get("authored")) or written
    result = score(instrument, answers, who_is(patient, at.date()) if patient else NOBODY)
    return [
        (
            instrument.id,
            "" if part.id == instrument.id else part.id,
            at,
            part.value,
            part.band.code if part.band else None,
        )
        for part in result.parts
    ]


def _of_observation(resource: Resource, written: datetime, by_code: dict[str, Instrument]) -> list[Told]:
    """Of others only: ours is derived from a set of answers, which tells it already."""
    codes = [
        code for system, code in codings(resource.get("code")) if system == uris.LOINC and code in by_code
    ]
    is_ours = any(
        str(each.get("reference", "")).startswith("QuestionnaireResponse/")
        for each in resource.get("derivedFrom", ())
    )
    value = _number(resource)
    if not codes or is_ours or value is None or resource.get("status") in WRONG:
        return []
    instrument = by_code[codes[0]]
    maximum = instrument.scoring.maximum
    if value < 0 or (maximum is not None and value > maximum):
        return []
    band = next((b for b in instrument.scoring.bands if b.first <= value <= b.last), None)
    at = at_of(resource.get("effectiveDateTime")) or at_of(resource.get("issued")) or written
    return [(instrument.id, "", at, value, band.code if band else None)]


def _number(resource: Resource) -> Decimal | None:
    said = (resource.get("valueQuantity") or {}).get("value", resource.get("valueInteger"))
    try:
        value = Decimal(str(said)) if said is not None else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() and abs(value.adjusted()) <= 6 else None
