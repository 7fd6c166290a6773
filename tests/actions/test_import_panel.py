"""Panels as they come out of spreadsheets, and what a second run leaves alone."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from careloop import library, store
from careloop.access import Scope, system_actor
from careloop.actions.import_panel import Report, import_panel
from careloop.actions.panel_file import BadPanel, guess, lines_of, read_panel
from careloop.care.enroll import program_of
from tests.projections.ward import HOUSE, Ward

IMPORT = Scope(system_actor("import"), "file", "operations")
PANEL = """First name,Last name,DOB,MRN,Phone,ZIP,Language,Notes
Rosa,Gutiérrez,5/2/1971,80317,(713) 555-0199,77011,Spanish,likes tea
Tom,Okafor,1990-01-31,80318,713-555-0198,77011,English,
Ada,Broken,31/12/1950,80319,713-555-0197,77011,,
Maria,Duarte,3/2/1959,,713-555-0142,77011,,
rosa,GUTIERREZ,05/02/1971,80317,,,,
"""


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    return Ward(now)


def run(ward: Ward, text: str = PANEL, *, apply: bool = False, **more: object) -> Report:
    return import_panel(IMPORT, text.encode(), site="bayview", now=ward.now, dry_run=not apply, **more)  # type: ignore[arg-type]


def count(ward: Ward) -> int:
    with store.open(HOUSE, now=ward.now) as unit:
        return len(unit.search("Patient", {"_count": "100"}).entries)


def test_a_dry_run_says_all_and_writes_nothing(ward: Ward) -> None:
    before = count(ward)
    report = run(ward)
    assert dict(report.counts) == {"new": 2, "error": 1, "unsure": 1, "twice": 1}
    assert [(each.row, each.outcome) for each in report.findings] == [
        (4, "error"),
        (5, "unsure"),
        (6, "twice"),
    ]
    assert report.findings[0].field == "birth_date"
    assert count(ward) == before
    assert "nothing was written" in report.text()
    assert "Gutiérrez" not in report.text()


def test_applied_twice_it_doubles_nothing(ward: Ward) -> None:
    before = count(ward)
    assert dict(run(ward, apply=True).counts)["new"] == 2
    second = run(ward, apply=True)
    assert dict(second.counts) == {"known": 2, "error": 1, "unsure": 1, "twice": 1}
    assert count(ward) == before + 2


def test_a_person_without_number_or_phone_is_known_again_by_her_row(ward: Ward) -> None:
    text = "name;birth date\nNguyen, Kim;1/2/1980\nLee Kim;1/3/1980\n"
    assert dict(run(ward, text, apply=True).counts) == {"new": 2}
    assert dict(run(ward, text, apply=True).counts) == {"known": 2}


def test_they_may_all_go_to_the_front_door_of_a_program(ward: Ward) -> None:
    for _ in range(2):
        run(ward, apply=True, program="community-support", library=library.load())
    with store.open(HOUSE, now=ward.now) as unit:
        planned = unit.search("EpisodeOfCare", {"status": "planned", "_count": "50"}).entries
    assert [program_of(each.resource) for each in planned] == ["community-support"] * 2


def test_two_rows_that_look_alike_are_seen_before_anything_is_written(ward: Ward) -> None:
    text = "First name,Last name,DOB,MRN\nLinda,Haddad,2/28/1940,901\nLinda,Hadad,2/28/1940,902\n"
    dry = run(ward, text)
    assert [(each.row, each.outcome, each.other_row) for each in dry.findings] == [(3, "unsure", 2)]
    for _ in range(2):
        assert dict(run(ward, text, apply=True).counts)["unsure"] == 1


def test_in_parts_it_comes_to_the_same(ward: Ward) -> None:
    first = run(ward, apply=True, first=0, most=2)
    rest = run(ward, apply=True, first=first.done, most=100)
    assert (first.done, rest.done) == (2, 5)
    assert (dict(first.counts), dict(rest.counts)) == ({"new": 2}, {"error": 1, "unsure": 1, "twice": 1})


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter"),
    [
        ("nombre,apellido,dob\nJosé,Peña,1/2/1980".encode(), "utf-8", "comma"),
        ("nombre;apellido;dob\nJosé;Peña;1/2/1980".encode("utf-8-sig"), "utf-8-sig", "semicolon"),
        ("nombre\tapellido\tdob\nJosé\tPeña\t1/2/1980".encode("latin-1"), "latin-1", "tab"),
        ("nombre|apellido|dob\r\nJosé|Peña|1/2/1980".encode("utf-16"), "utf-16", "bar"),
    ],
)
def test_whatever_the_spreadsheet_wrote(data: bytes, encoding: str, delimiter: str) -> None:
    panel = read_panel(data)
    assert (panel.encoding, panel.delimiter_name) == (encoding, delimiter)
    (line,) = lines_of(panel, guess(panel.columns), date(2026, 11, 23))
    assert (line.told.given, line.told.family, line.told.birth_date, line.problems) == (
        "José",
        "Peña",
        "1980-01-02",
        {},
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "first line has no columns"),
        (b"First name,Last name,DOB\n", "nobody in it"),
        (b"PK\x03\x04\x00\x00", "save the sheet as CSV"),
        (b'First name,Last name,DOB\n"Rosa,Gu,1/2/1980\n', "quotation mark"),
        (b"a,b\n1,2\n", "first name and the last name"),
        (b"First name,Last name,City\nRosa,Gu,Houston\n", "a name alone"),
    ],
)
def test_what_is_no_panel_is_refused_in_words(ward: Ward, data: bytes, sentence: str) -> None:
    with pytest.raises(BadPanel, match=sentence):
        import_panel(IMPORT, data, site="bayview", now=ward.now)


def test_a_column_can_be_put_right(ward: Ward) -> None:
    text = "Called,Clan,Day\nRosa,Gutiérrez,5/2/1971\n"
    report = run(ward, text, mapped={"given": 0, "family": 1, "birth_date": 2})
    assert dict(report.counts) == {"new": 1}


def test_two_digits_of_a_year_are_not_guessed() -> None:
    panel = read_panel(b"First name,Last name,DOB,ZIP\nRosa,Gu,5/2/71,2134\n")
    (line,) = lines_of(panel, guess(panel.columns), date(2026, 11, 23))
    assert line.problems == {"birth_date": "Write the year with four digits."}
    assert line.told.postal_code == "02134"
