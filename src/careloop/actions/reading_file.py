"""Readings in a table: which column is what, and what each cell says. Pure. One row may hold one reading (what, number,
unit) or several (a column each for weight, pulse, …). Nothing is lost: what can't be read is named by its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from careloop.actions.panel_file import Panel
from careloop.actions.record_reading import BadReading, number_in
from careloop.kernel.calendar import at_local
from careloop.library import Kind

PERSON: Final = "mrn"
FIELDS: Final = (PERSON, "date", "time", "kind", "value", "second", "unit", "device", "note")
# A column that holds one kind of reading, of a pair also its second value: `kind:weight`, `second:blood-pressure`.
KIND: Final = "kind:"
SECOND: Final = "second:"
CALLED: Final[Mapping[str, str]] = {
    PERSON: "mrn medicalrecordnumber recordnumber patientid chart chartnumber memberid expediente",
    "date": "date datetime day timestamp measuredat recordedat takenat dateandtime measurementdate fecha fechayhora",
    "time": "time hour clock hora",
    "kind": "kind type measure measurement vital observation tipo medicion",
    "value": "value result reading valor resultado",
    "second": "value2 secondvalue diastolic valor2",
    "unit": "unit units unidad unidades",
    "device": "device devicename meter monitor dispositivo aparato",
    "note": "note notes comment comments remark nota notas comentario",
}
SYSTOLIC: Final = "systolic systolicbp sys sbp sistolica"
DIASTOLIC: Final = "diastolic diastolicbp dia dbp diastolica"
DAYS: Final = ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%b %d, %Y", "%d %b %Y")
HOURS: Final = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I %p")
UNIT_IN_NAME: Final = re.compile(r"[(\[]([^)\]]{1,20})[)\]]")
# A number with its own unit, or a pair of numbers.
PAIR: Final = re.compile(r"(\d[\d.,]*)\s*/\s*(\d[\d.,]*)\s*(\D.*)?")
ONE: Final = re.compile(r"(-?\d[\d.,]*)\s*(\D.*)?")

Mapped = Mapping[str, int]


@dataclass(frozen=True, repr=False)
class Item:
    """One reading of a row. unit: as it is written, empty where nothing says it. has_hour: a day alone has none."""

    row: int
    mrn: str
    kind: Kind
    value: Decimal
    second: Decimal | None
    unit: str
    at: datetime
    has_hour: bool
    device: str
    note: str

    def __repr__(self) -> str:
        return f"Item({self.row})"


@dataclass(frozen=True)
class Fault:
    """sentence: an English msgid; column: as the file calls it."""

    row: int
    column: str
    sentence: str


def plain(text: str) -> str:
    """`Systolic BP (mmHg)` -> `systolicbp`."""
    bare = UNIT_IN_NAME.sub("", text)
    return re.sub(r"[^a-z0-9]", "", bare.casefold().translate(str.maketrans("áéíóúñ", "aeioun")))


def guess(columns: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Which column is what, by what it is called; a column serves once."""
    found: dict[str, int] = {}
    pairs = [kind for kind in kinds.values() if kind.is_pair]
    by_name = {plain(said): kind.id for kind in kinds.values() for said in (*kind.called, kind.id)}
    for number, column in enumerate(columns):
        name = plain(column)
        field = next((f for f in FIELDS if name in CALLED[f].split()), "")
        if pairs and name in SYSTOLIC.split():
            field = f"{KIND}{pairs[0].id}"
        elif pairs and name in DIASTOLIC.split():
            field = f"{SECOND}{pairs[0].id}"
        elif name in by_name and field not in ("date", "time", PERSON):
            field = f"{KIND}{by_name[name]}"
        if field and field not in found:
            found[field] = number
    return found


def mapping_problem(mapped: Mapped, *, needs_person: bool) -> str:
    """What must be known of every row, or a sentence."""
    if "date" not in mapped:
        return "Say which column is the day."
    if "value" not in mapped and not any(name.startswith(KIND) for name in mapped):
        return "Say which column is the number, or which columns are weight, blood pressure and so on."
    if "value" in mapped and "kind" not in mapped:
        return "Say which column tells what was measured, or choose it in the place of “number”."
    if needs_person and PERSON not in mapped:
        return "Say which column is the record number: whose readings they are."
    return ""


def items_of(panel: Panel, mapped: Mapped, kinds: Mapping[str, Kind], tz: ZoneInfo) -> Iterator[Item | Fault]:
    """tz: for hours without an offset. In the order of the file."""
    by_name = {said: kind for kind in kinds.values() for said in (*kind.called, kind.id)}
    for number, cells in panel.rows:
        yield from _of_row(panel, number, cells, mapped, kinds, by_name, tz)


def _of_row(
    panel: Panel,
    number: int,
    cells: Sequence[str],
    mapped: Mapped,
    kinds: Mapping[str, Kind],
    by_name: Mapping[str, Kind],
    tz: ZoneInfo,
) -> Iterator[Item | Fault]:
    said = {name: cells[place].strip() for name, place in mapped.items() if place < len(cells)}
    moment = moment_in(said.get("date", ""), said.get("time", ""), tz)
    if moment is None:
        yield Fault(
            number, panel.columns[mapped["date"]], "This is no day: write it like 11/23/2026 or 2026-11-23."
        )
        return
    if PERSON in mapped and not said.get(PERSON):
        yield Fault(number, panel.columns[mapped[PERSON]], "There is no record number.")
        return
    rows = list(_cells(panel, said, mapped, kinds, by_name))
    if not rows:
        yield Fault(number, "", "There is no number in this row.")
    for column, kind, value, second, unit in rows:
        if kind is None:
            yield Fault(number, column, "It does not say what was measured, in a word that is known here.")
            continue
        try:
            yield _item(number, said, kind, value, second, unit, moment)
        except BadReading as bad:
            yield Fault(number, column, bad.detail)


def _cells(
    panel: Panel,
    said: Mapping[str, str],
    mapped: Mapped,
    kinds: Mapping[str, Kind],
    by_name: Mapping[str, Kind],
) -> Iterator[tuple[str, Kind | None, str, str, str]]:
    """(column, kind, value, second, unit as written beside it)"""
    if said.get("value"):
        kind = by_name.get(" ".join(said.get("kind", "").casefold().split()))
        yield (
            panel.columns[mapped["value"]],
            kind,
            said["value"],
            said.get("second", ""),
            said.get("unit", ""),
        )
    for name, place in mapped.items():
        if name.startswith(KIND) and said.get(name):
            kind = kinds.get(name.removeprefix(KIND))
            second = said.get(f"{SECOND}{kind.id}", "") if kind else ""
            column = panel.columns[place]
            in_name = UNIT_IN_NAME.search(column)
            yield column, kind, said[name], second, in_name[1] if in_name else ""


def _item(
    row: int,
    said: Mapping[str, str],
    kind: Kind,
    value: str,
    second: str,
    unit: str,
    moment: tuple[datetime, bool],
) -> Item:
    """Raises BadReading."""
    if pair := PAIR.fullmatch(value):
        if not kind.is_pair:
            raise BadReading("These are two numbers where one is measured.", "value")
        value, second, unit = pair[1], pair[2], pair[3] or unit
    elif one := ONE.fullmatch(value):
        value, unit = one[1], one[2] or unit
    first = number_in(value)
    other = number_in(second) if second else None
    if kind.is_pair and other is None:
        raise BadReading("Write both numbers, like 142/88.", "value")
    if not unit and len(kind.typed_in) == 1:
        unit = kind.typed_in[0].code
    at, has_hour = moment
    return Item(
        row, said.get(PERSON, ""), kind, first, other, unit.strip(), at, has_hour,
        said.get("device", "")[:80], said.get("note", "")[:500],
    )  # fmt: skip


def moment_in(day_text: str, hour_text: str, tz: ZoneInfo) -> tuple[datetime, bool] | None:
    """(instant, whether it has an hour). `2026-11-23T07:15-06:00`, `11/23/2026 7:15 AM`, a day and an hour apart."""
    text = " ".join(f"{day_text} {hour_text}".replace("\u202f", " ").split())
    try:
        whole = datetime.fromisoformat(text)
        if len(text) > 10 and whole.tzinfo is not None:
            return whole.astimezone(UTC), True
        if len(text) > 10 and any(c in text for c in ":T"):
            return at_local(whole.date(), whole.time(), tz), True
    except (ValueError, OverflowError):
        pass
    on, rest = _day(text)
    if on is None or not 1900 <= on.year <= 2200:
        return None
    if not rest:
        return datetime.combine(on, time(12), tzinfo=UTC), False
    clock = _hour(rest)
    return (at_local(on, clock, tz), True) if clock is not None else None


def _day(text: str) -> tuple[date | None, str]:
    words = text.split(" ")
    for count in (1, 3):
        head, rest = " ".join(words[:count]), " ".join(words[count:])
        for form in DAYS:
            try:
                return datetime.strptime(head, form).date(), rest  # noqa: DTZ007  # a day has no zone
            except ValueError:
                continue
    return None, ""


def _hour(text: str) -> time | None:
    said = (
        text.upper().replace("A.M.", "AM").replace("P.M.", "PM").replace("A. M.", "AM").replace("P. M.", "PM")
    )
    for form in HOURS:
        try:
            return datetime.strptime(said.strip(), form).time()  # noqa: DTZ007  # an hour has no zone
        except ValueError:
            continue
    return None
