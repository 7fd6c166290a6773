"""A panel as it comes out of a spreadsheet: which letters, which separator, which column is what. Pure."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from careloop.care.register import LANGUAGES, Told, problems
from careloop.kernel.errors import CareError
from careloop.kernel.sniffing import kind_of

MOST_BYTES: Final = 10 * 1024 * 1024
MOST_ROWS: Final = 50_000
DELIMITERS: Final = (",", ";", "\t", "|")
NAMES_OF_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
FULL_NAME: Final = "full_name"
FIELDS: Final = (
    *("given", "family", FULL_NAME, "birth_date", "gender", "mrn", "phone", "other_phone", "email", "street"),
    *("city", "state", "postal_code", "language", "interpreter", "pronouns", "reach"),
)
# What columns are called out there: plain words, without blanks and marks.
CALLED: Final[Mapping[str, str]] = {
    "given": "given givenname first firstname fname patientfirstname nombre nombres primernombre",
    "family": "family familyname last lastname lname surname patientlastname apellido apellidos",
    FULL_NAME: "name fullname patientname patient membername nombrecompleto paciente",
    "birth_date": "birthdate birthday dob dateofbirth patientdob born fechadenacimiento nacimiento",
    "gender": "gender sex genero sexo",
    "mrn": "mrn medicalrecordnumber recordnumber patientid chart chartnumber memberid numerodeexpediente expediente",
    "phone": "phone phonenumber mobile cell cellphone mobilephone primaryphone telephone telefono celular movil",
    "other_phone": "otherphone homephone phone2 secondaryphone alternatephone otrotelefono telefonodecasa",
    "email": "email emailaddress mail correo correoelectronico",
    "street": "street address address1 streetaddress addressline1 homeaddress direccion calle domicilio",
    "city": "city town ciudad",
    "state": "state province estado",
    "postal_code": "zip zipcode postalcode postal codigopostal",
    "language": "language preferredlanguage primarylanguage idioma lengua",
    "interpreter": "interpreter interpreterneeded needsinterpreter interprete necesitainterprete",
    "pronouns": "pronouns pronombres",
    "reach": "reach besttime besttimetocall contactnotes mejorhora",
}
GENDER_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("f", "female", "woman", "mujer", "femenino"), "female"),
    **dict.fromkeys(("m", "male", "man", "hombre", "masculino"), "male"),
    **dict.fromkeys(("o", "other", "x", "nonbinary", "otro", "otra"), "other"),
    **dict.fromkeys(("u", "unknown", "desconocido"), "unknown"),
}
LANGUAGE_WORDS: Final[Mapping[str, str]] = {
    **{name.lower(): code for code, name in LANGUAGES.items()},
    **{"eng": "en", "spa": "es", "espanol": "es", "ingles": "en", "vie": "vi", "chi": "zh", "mandarin": "zh"},
    **{"cantonese": "zh", "creole": "ht", "farsi": "fa", "asl": "ase", "vietnamita": "vi", "chino": "zh"},
}


_NO_TABLES: Final[Mapping[str, str]] = {
    "zip": "It is a workbook or a ZIP file: open it and save the sheet as CSV.",
    "html": "It is a web page, whatever it is called: save the sheet as CSV.",
    **dict.fromkeys(
        ("pdf", "png", "jpeg", "gif", "webp"), "It is a document or a picture: save the sheet as CSV."
    ),
    **dict.fromkeys(("gzip", "program"), "It is no table: save the sheet as CSV."),
}


class BadPanel(CareError):
    """This file can’t be read as a table. Nothing was taken from it."""

    code, status, issue_type = "bad-panel", 422, "invalid"


@dataclass(frozen=True, repr=False)
class Panel:
    """columns: the header as written. rows: (line in the file, cells)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str
    delimiter: str

    @property
    def delimiter_name(self) -> str:
        return NAMES_OF_DELIMITERS[self.delimiter]

    def column(self, name: str) -> int:
        """The number of the column with that name. Raises BadPanel."""
        if name not in self.columns:
            raise BadPanel(f"There is no column “{name}”. There are: {', '.join(self.columns)}.")
        return self.columns.index(name)

    def __repr__(self) -> str:
        return f"Panel({len(self.rows)} rows)"


# Field of Told (or full_name) to the number of its column.
Mapped = Mapping[str, int]


@dataclass(frozen=True, repr=False)
class Line:
    """One row. problems: by field, the sentence that says what to do about it."""

    number: int
    told: Told
    problems: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Line({self.number})"


def read_panel(data: bytes) -> Panel:
    """Raises BadPanel with what is wrong with the file."""
    if len(data) > MOST_BYTES:
        raise BadPanel("It is larger than 10 MB: send it in parts.")
    if (kind := kind_of(data)) in _NO_TABLES:
        raise BadPanel(_NO_TABLES[kind])
    text, encoding = _text(data)
    if "\0" in text:
        raise BadPanel("It is no text: save the sheet as CSV first.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    if not first.count(delimiter):
        raise BadPanel("The first line has no columns: save it as CSV, with a line of column names.")
    try:
        found = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as broken:
        raise BadPanel("A quotation mark is not closed, or stands where it can’t.") from broken
    filled = [
        (number, tuple(cell.strip() for cell in cells))
        for number, cells in enumerate(found, 1)
        if any(cell.strip() for cell in cells)
    ]
    if len(filled) < 2:
        raise BadPanel("There is nobody in it: only a line of column names, or nothing.")
    if len(filled) > MOST_ROWS:
        raise BadPanel(f"It has more than {MOST_ROWS:,} rows: send it in parts.")
    return Panel(filled[0][1], tuple(filled[1:]), encoding, delimiter)


def _text(data: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _decoded(data, encoding), encoding
    if b"\0" in data:
        raise BadPanel("It is no text: save the sheet as CSV first.")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        # Windows’ own superset of Latin-1; five bytes mean nothing there.
        return data.decode("cp1252", errors="replace"), "latin-1"


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as broken:
        raise BadPanel("Its letters are broken: save it again as CSV UTF-8.") from broken


def _plain(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]", "", bare.lower())


def guess(columns: tuple[str, ...]) -> dict[str, int]:
    """Which column is what, by what it is called; a column serves once."""
    plain = [_plain(column) for column in columns]
    found: dict[str, int] = {}
    for name in FIELDS:
        words = CALLED[name].split()
        place = next(
            (n for n, called in enumerate(plain) if called in words and n not in found.values()), None
        )
        if place is not None:
            found[name] = place
    return found


def mapping_problem(mapped: Mapped) -> str:
    """What must be known of everybody, or a sentence."""
    if FULL_NAME not in mapped and not {"given", "family"} <= mapped.keys():
        return "Say which columns are the first name and the last name."
    if not {"birth_date", "mrn", "phone"} & mapped.keys():
        return "Say which column is the birth date, the record number or the phone: a name alone tells nobody apart."
    return ""


def lines_of(panel: Panel, mapped: Mapped, today: date) -> list[Line]:
    return [_line(number, cells, mapped, today) for number, cells in panel.rows]


def _line(number: int, cells: tuple[str, ...], mapped: Mapped, today: date) -> Line:
    said = {name: cells[place] for name, place in mapped.items() if place < len(cells)}
    if full := said.pop(FULL_NAME, ""):
        given, family = _split_name(full)
        said = {**said, "given": said.get("given") or given, "family": said.get("family") or family}
    own: dict[str, str] = {}
    if born := said.get("birth_date", ""):
        said["birth_date"], own_problem = _iso(born)
        own |= {"birth_date": own_problem} if own_problem else {}
    if gender := said.get("gender", ""):
        said["gender"] = GENDER_WORDS.get(_plain(gender), gender)
    if language := said.get("language", ""):
        said["language"] = LANGUAGE_WORDS.get(
            _plain(language), LANGUAGE_WORDS.get(language.lower(), language)
        )
    postal = said.get("postal_code", "")
    if postal.isascii() and postal.isdecimal() and len(postal) in (3, 4):
        said["postal_code"] = postal.zfill(5)  # a spreadsheet takes the zeros of New England away
    told = Told.of(said)
    if not told.birth_date and not told.mrn and not told.phone and not own:
        own["birth_date"] = "There is no birth date, record number or phone: a name alone tells nobody apart."
    return Line(number, told, {**problems(told, today), **own})


def _split_name(full: str) -> tuple[str, str]:
    """“Duarte, Maria” or “Maria Duarte”: the last word is the last name."""
    family, comma, given = full.partition(",")
    if comma:
        return given.strip(), family.strip()
    first, _, last = full.strip().rpartition(" ")
    return first, last


def _iso(text: str) -> tuple[str, str]:
    """(ISO, "") or (as written, why not). American order; two digits of a year are never guessed."""
    said = text.split(" ")[0].split("T")[0].strip()
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d"):
        try:
            return datetime.strptime(said, form).date().isoformat(), ""  # noqa: DTZ007  # a day has no zone
        except ValueError:
            continue
    if re.fullmatch(r"\d{1,2}[/-]\d{1,2}[/-]\d{2}", said):
        return text, "Write the year with four digits."
    return text, "Write the birth date as month/day/year, like 3/2/1959."
