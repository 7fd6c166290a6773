"""Find a person by what somebody remembers of her: parts of a name, misspelled; a birth date; a phone; a number.

Who may not be seen is left out in SQL, before the limit. Each answer says why it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from careloop.fhir.elements import Resource, identifiers
from careloop.projections import facts
from careloop.projections.finder_words import Asked, asked, digits_in, number_in, words_in
from careloop.store import Change, Stored, Unit
from careloop.store.keys import number_of
from careloop.store.stored import COLUMNS

# How alike a word and a name must be (pg_trgm word similarity). “duerte” and “duarte” are 0.40; lower lets strangers
# in, higher loses one wrong letter in a name of six.
ALIKE = 0.39
FIELDS = ("person", "id", "name", "birth_date", "mrn", "phone", "words", "phones", "numbers", "postal")
MOST_CANDIDATES = 50
# Fewer answers than this, and names that are only spelled alike are looked at too.
FEW = 5
# One letter asks for everybody.
SHORTEST = 2
PHONES = ("phone", "sms")


class Because(StrEnum):
    """Why somebody was found, best reason first."""

    MRN = "record number matches"
    BIRTH_DATE = "birth date matches"
    PHONE = "phone matches"
    NAME = "name matches"
    ALIKE = "name is spelled alike"


@dataclass(frozen=True, repr=False)
class Found:
    person: int
    id: str
    name: str
    birth_date: date | None
    mrn: str | None
    phone: str | None
    because: tuple[Because, ...]

    def __repr__(self) -> str:
        return f"Found({self.person})"


def find(unit: Unit, text: str, limit: int = 20) -> list[Found]:
    """Best first; nothing for an empty question. All that was said should fit; a number that fits is enough."""
    question = asked(text, unit.now.date())
    if question.is_empty or len(text.strip()) < SHORTEST:
        return []
    rows = _rows(unit, question, limit)
    if question.words and len(rows) < min(FEW, limit):
        rows = _rows(unit, question, limit, with_alike=True)
    found = [_found(row, question) for row in rows]
    unit.saw((one.person for one in found), "find")
    return found


Sql = tuple[str, list[Any]]
# Not part of another record: whoever looks for the old one finds the one that stayed, which has its names and numbers.
STANDS: Final = (
    "not exists (select from people joined where joined.person = f.person and joined.merged_into is not null)"
)


def _rows(unit: Unit, question: Asked, limit: int, *, with_alike: bool = False) -> list[tuple[Any, ...]]:
    may, allowed = unit.people_sql(unit.condition("Patient", "search"), "f.person")
    fits, wanted = _fits(question, with_alike)
    score, weighed = _score(question)
    return _ask(
        unit,
        f"select f.person, f.id, f.name, f.birth_date, f.mrn, f.phone, f.words, f.phones, f.numbers from finder f"
        f" where {may} and ({fits}) and {STANDS}"
        f" order by {score} desc, f.name, f.birth_date, f.person limit %s",
        [*allowed, *wanted, *weighed, limit],
    )


def _ask(unit: Unit, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    cursor = unit.cursor()
    cursor.execute("select set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(ALIKE)])
    cursor.execute(query, parameters)
    return cursor.fetchall()


def _fits(question: Asked, with_alike: bool) -> Sql:
    """Names and birth date narrow each other; a phone or a number is enough by itself."""
    narrow: list[str] = []
    given: list[Any] = []
    for word in question.words:
        part, values = _word(word, with_alike)
        narrow.append(part)
        given += values
    if question.dates:
        narrow.append("f.birth_date = any(%s::date[])")
        given.append(list(question.dates))
    enough = [f"({' and '.join(narrow)})"] if narrow else []
    if question.phones:
        enough.append("f.phones && %s::text[]")
        given.append(list(question.phones))
    if question.numbers:
        enough.append("f.numbers && %s::text[]")
        given.append(list(question.numbers))
    return " or ".join(enough), given


def _word(word: str, with_alike: bool) -> Sql:
    """Begins so; from four letters on, when asked, also spelled alike."""
    if len(word) < 4 or not with_alike:
        return "f.words like %s", [f"% {word}%"]
    return "(f.words like %s or %s <%% f.words)", [f"% {word}%", word]


def _score(question: Asked) -> Sql:
    """A number over a birth date over a phone over names, whole words over beginnings over likeness."""
    parts: list[str] = ["0"]
    given: list[Any] = []
    if question.numbers:
        parts.append("case when f.numbers && %s::text[] then 8 else 0 end")
        given.append(list(question.numbers))
    if question.dates:
        parts.append("case when f.birth_date = any(%s::date[]) then 4 else 0 end")
        given.append(list(question.dates))
    if question.phones:
        parts.append("case when f.phones && %s::text[] then 3 else 0 end")
        given.append(list(question.phones))
    for word in question.words:
        parts.append(
            "case when f.words || ' ' like %s then 1.2 when f.words like %s then 1.0"
            " else word_similarity(%s, f.words) end"
        )
        given += [f"% {word} %", f"% {word}%", word]
    return "(" + " + ".join(parts) + ")", given


def _found(row: tuple[Any, ...], question: Asked) -> Found:
    person, id, name, birth_date, mrn, phone, words, phones, numbers = row
    because = []
    if set(numbers) & set(question.numbers):
        because.append(Because.MRN)
    if birth_date in question.dates:
        because.append(Because.BIRTH_DATE)
    if set(phones) & set(question.phones):
        because.append(Because.PHONE)
    if question.words:
        begins = all(f" {word}" in words for word in question.words)
        is_alike = begins or not because
        because += [Because.NAME if begins else Because.ALIKE] if is_alike else []
    return Found(person, id, name, birth_date, mrn, phone, tuple(because))


def candidates(
    unit: Unit,
    *,
    names: Iterable[str] = (),
    birth_date: date | None = None,
    phones: Iterable[str] = (),
    mrns: Iterable[str] = (),
    postal: str | None = None,
) -> list[Found]:
    """Who could be the person that a message tells of, for a scored decision elsewhere: the same number, birth
    date or phone, or a name spelled alike in the same ZIP code. names: family and given. At most 50."""
    question = Asked(
        words=tuple(word for name in names for word in words_in(name))[:6],
        dates=(birth_date,) if birth_date else (),
        phones=tuple(digits for phone in phones if len(digits := digits_in(phone)) == 10),
        numbers=tuple(number for mrn in mrns if (number := number_in(mrn))),
    )
    may, allowed = unit.people_sql(unit.condition("Patient", "search"), "f.person")
    fits = ["f.numbers && %s::text[]", "f.phones && %s::text[]", "f.birth_date = any(%s::date[])"]
    wanted: list[Any] = [list(question.numbers), list(question.phones), list(question.dates)]
    long_words = [word for word in question.words if len(word) > 2]
    if long_words and postal:
        fits.append(f"(f.postal = %s and ({' or '.join(['%s <%% f.words'] * len(long_words))}))")
        wanted += [postal[:5], *long_words]
    score, weighed = _score(question)
    rows = _ask(
        unit,
        f"select f.person, f.id, f.name, f.birth_date, f.mrn, f.phone, f.words, f.phones, f.numbers from finder f"
        f" where {may} and ({' or '.join(fits)}) order by {score} desc, f.person limit %s",
        [*allowed, *wanted, *weighed, MOST_CANDIDATES],
    )
    found = [_found(row, question) for row in rows]
    unit.saw((one.person for one in found), "match")
    return found


def sharing(
    unit: Unit, *, numbers: Iterable[str], phones: Iterable[str], births: Iterable[date]
) -> list[tuple[Any, ...]]:
    """For a whole panel at once: (person, id, birth date, words, phones, numbers) of whoever shares a record number, a
    phone or a birth date with one of its rows."""
    may, allowed = unit.people_sql(unit.condition("Patient", "search"), "f.person")
    rows = _ask(
        unit,
        f"select f.person, f.id, f.birth_date, f.words, f.phones, f.numbers from finder f where {may} and {STANDS} and"
        " (f.numbers && %s::text[] or f.phones && %s::text[] or f.birth_date = any(%s::date[]))",
        [*allowed, sorted(numbers), sorted(phones), sorted(births)],
    )
    unit.saw((row[0] for row in rows), "panel")
    return rows


def namesakes(unit: Unit, person: int) -> list[Found]:
    """Other people who are called exactly the same: the page must say that there are some."""
    may, allowed = unit.people_sql(unit.condition("Patient", "search"), "f.person")
    rows = _ask(
        unit,
        f"select f.person, f.id, f.name, f.birth_date, f.mrn, f.phone, f.words, f.phones, f.numbers"
        f" from finder me join finder f on f.name = me.name and f.person <> me.person"
        f" where me.person = %s and {may} and {STANDS} order by f.birth_date, f.person limit 5",
        [person, *allowed],
    )
    found = [_found(row, Asked()) for row in rows]
    unit.saw((one.person for one in found), "namesakes")
    return found


class Finder:
    """The projector: one row a Patient, gone when she is deleted."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        for change in changes:
            one = change.after or change.before
            if one is None or one.type != "Patient":
                continue
            is_gone = change.after is None or change.after.op == "delete"
            if is_gone:
                unit.cursor().execute("delete from finder where person = %s", [one.rid])
            else:
                _keep(unit, [one])

    def rebuild(self, unit: Unit) -> None:
        unit.cursor().execute("delete from finder")
        cursor = unit.cursor()
        cursor.execute(
            f"select {COLUMNS} from heads h join ids i on i.rid = h.rid"  # constant columns
            " join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version"
            " where h.type = %s and h.state = 1",
            [number_of("Patient")],
        )
        everyone = [Stored.of_row(row) for row in cursor.fetchall()]
        for start in range(0, len(everyone), 1_000):
            _keep(unit, everyone[start : start + 1_000])


def row_of(rid: int, patient: Resource) -> tuple[Any, ...]:
    """The finder's row of a Patient, in the order of FIELDS."""
    brief = facts.brief_of(patient)
    phones = {
        digits_in(str(t.get("value", ""))) for t in patient.get("telecom", ()) if t.get("system") in PHONES
    }
    numbers = {number_in(str(i.get("value", ""))) for i in identifiers(patient)}
    return (
        rid,
        patient["id"],
        brief.name,
        brief.birth_date,
        brief.mrn,
        brief.phone,
        "".join(f" {word}" for word in dict.fromkeys(_words(patient))),
        sorted({part for phone in phones if len(phone) > 6 for part in (phone, phone[-7:])}),
        sorted(number for number in numbers if number),
        _postal(patient),
    )


def _words(patient: Resource) -> Iterator[str]:
    for name in patient.get("name", ()):
        for part in (*name.get("given", ()), name.get("family", ""), name.get("text", "")):
            yield from words_in(part)


def _postal(patient: Resource) -> str | None:
    """The five digits of the first address that is not an old one."""
    found = (a for a in patient.get("address", ()) if a.get("postalCode") and a.get("use") != "old")
    return next((str(address["postalCode"])[:5] for address in found), None)


def _keep(unit: Unit, patients: Sequence[Stored]) -> None:
    """Writes the rows anew in one statement each thousand."""
    values = ", ".join(f"excluded.{field}" for field in FIELDS[1:])
    unit.cursor().executemany(
        f"insert into finder ({', '.join(FIELDS)}) values ({', '.join(['%s'] * len(FIELDS))})"  # constant fields
        f" on conflict (person) do update set ({', '.join(FIELDS[1:])}) = ({values})",
        [row_of(one.rid, one.resource) for one in patients],
    )
