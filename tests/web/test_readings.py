"""The readings section: what is drawn, what is asked about, and every sheet without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from tests.projections.test_readings import pressure, told, weight
from tests.store.rows import rows
from tests.web.desk import Desk, at_the_desk

HERE = "/people/maria/readings"


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as found:
        yield found


def test_nothing_measured_yet_says_what_will_come(desk: Desk) -> None:
    assert "No readings yet" in desk.page(HERE)


def test_a_chart_has_its_last_value_range_limits_and_a_table(desk: Desk, now: datetime) -> None:
    desk.ward.has(*(pressure(f"p{n}", now - timedelta(days=n), 128 + n, 82) for n in range(5)))
    page = desk.page(HERE)
    assert "Blood pressure" in page
    assert "128/82 mmHg" in page
    assert "Range to be in: up to 130, lower number up to 80 mmHg" in page
    assert "ACC/AHA" in page
    assert "Look when below 90 or above 180, lower number above 120 mmHg" in page
    assert page.count('class="point') == 2 * 5 + 5  # two lines, and the pulse
    assert "All values" in page


def test_a_doubtful_value_is_asked_about_and_settled_by_a_button(desk: Desk, now: datetime) -> None:
    desk.ward.has(weight("w1", now - timedelta(days=1), "82.1"), weight("w2", now, "182"))
    page = desk.page(HERE)
    assert "Weight: 182 kg, and 82.1 kg yesterday. Ask." in page
    desk.post(f"{HERE}/w2/review", {"decision": "refuted"})
    assert told(desk.ward, "weight")[-1] == ("182", "refuted", "refuted")
    assert "To be asked about" not in desk.page(HERE)


def test_what_it_really_was(desk: Desk, now: datetime) -> None:
    desk.ward.has(weight("w2", now, "180", "st"))
    assert "unit not known" in desk.page(HERE)
    assert "What it really was" in desk.page(f"{HERE}/w2/correct?kind=weight")
    desk.post(f"{HERE}/w2/correct", {"kind": "weight", "line": "180"}, status=422)
    desk.post(f"{HERE}/w2/correct", {"kind": "weight", "line": "180 lb", "version": "1"})
    assert told(desk.ward, "weight") == [("81.6466266", "ok", "confirmed")]


def test_a_reading_is_typed_in_one_line(desk: Desk) -> None:
    assert "What was measured" in desk.page(f"{HERE}/new")
    desk.post(f"{HERE}/new", {"line": "142/88", "by": "person", "key": "k1"})
    desk.post(f"{HERE}/new", {"line": "142/88", "by": "person", "key": "k1"})
    assert told(desk.ward, "blood-pressure") == [("142", "ok", None)]
    ((source,),) = rows("select source from readings")
    assert source == "person"


def test_what_is_unclear_is_asked_at_the_field_and_nothing_is_lost(desk: Desk) -> None:
    page = desk.post(f"{HERE}/new", {"line": "82", "note": "after breakfast"}, status=422)
    assert "Say what it is" in page
    assert "after breakfast" in page
    assert "Write the unit: lb, kg." in desk.post(f"{HERE}/new", {"line": "weight 82"}, status=422)


def test_what_is_far_off_is_asked_before_it_is_kept(desk: Desk, now: datetime) -> None:
    desk.ward.has(weight("w1", now - timedelta(days=1), "82.1"))
    page = desk.post(f"{HERE}/new", {"line": "182 kg"}, status=412)
    assert "The last one was 82.1 kg. Is this right?" in page
    assert "Yes, it is right: keep it" in page
    desk.post(f"{HERE}/new", {"line": "182 kg", "sure": "1"})
    assert told(desk.ward, "weight")[-1] == ("182", "ok", "confirmed")


def test_limits_say_who_set_them_why_and_until_when(desk: Desk, now: datetime) -> None:
    desk.ward.has(weight("w1", now - timedelta(days=1), "82.1"), weight("w2", now, "85"))
    assert "No limits" in desk.page(HERE)
    assert "Write at least one number" in desk.post(f"{HERE}/limits/weight", {"why": "x"}, status=422)
    desk.post(
        f"{HERE}/limits/weight", {"high": "84", "until": "2026-12-31", "why": "Dr. Chen asked", "unit": "kg"}
    )
    page = desk.page(HERE)
    assert "Look when above 84 kg" in page
    assert "set by Ana Reyes" in page
    assert "until Dec 31, 2026" in page
    assert "Dr. Chen asked" in page
    assert "past the limit" in page
    assert "Limits set" in desk.page("/people/maria/story")
    desk.post(f"{HERE}/limits/weight", {"end": "1"})
    assert "past the limit" not in desk.page(HERE)
    desk.page(f"{HERE}/limits/height", status=404)


def test_a_device_is_given_and_no_longer_used(desk: Desk, now: datetime) -> None:
    desk.post(f"{HERE}/devices/new", {"name": ""}, status=422)
    desk.post(f"{HERE}/devices/new", {"name": "Bathroom scale", "measures": ["weight"], "serial": "7"})
    page = desk.page(HERE)
    assert "Bathroom scale" in page
    assert "asked about after 3 silent days" in page
    found = re.search(r"readings/devices/([^/]+)/retire", page)
    assert found
    desk.post(f"{HERE}/devices/{found[1]}/retire")
    assert "Bathroom scale" not in desk.page(HERE)


def test_days_of_device_readings_are_a_number_with_its_rule(desk: Desk, now: datetime) -> None:
    scale = {"device": {"display": "home scale"}}
    desk.ward.has(*(weight(f"w{n}", now - timedelta(days=n), "82", **scale) for n in range(1, 18)))
    page = desk.page(HERE)
    assert "Readings from a device on 17 of the last 30 days: 16 to 30 days, 99454" in page
    assert "from a secondary source" in page


def test_a_file_is_looked_through_then_taken(desk: Desk) -> None:
    table = "Date,Weight (lb)\n11/20/2026,181\n11/21/2026,heavy\n=cmd,1\n"
    sent = {"file": SimpleUploadedFile("scale.csv", table.encode())}
    answer = desk.client.post(f"{HERE}/file", sent)
    assert answer.status_code == 302
    address = answer["Location"]
    page = desk.page(address)
    assert "Nothing is written yet" in page
    assert "Take 1 reading" in page
    desk.post(f"{address}/apply")
    page = desk.page(address)
    assert "The file is taken." in page
    assert "This is no day" in page
    left = desk.page(f"{address}/not-taken.csv")
    assert "heavy" in left
    assert "'=cmd" in left
    assert told(desk.ward, "weight") == [("82.10021897", "ok", None)]
    desk.post(f"{address}/drop")
    desk.page(address, status=404)


def test_a_file_that_is_none_is_refused(desk: Desk) -> None:
    desk.post(f"{HERE}/file", {}, status=422)
    sent = {"file": SimpleUploadedFile("x.xlsx", b"PK\x03\x04" + b"0" * 50)}
    answer = desk.client.post(f"{HERE}/file", sent)
    assert answer.status_code == 422


def test_the_library_says_every_number_with_its_source(desk: Desk) -> None:
    assert "/library/readings/weight" in desk.page("/library")
    page = desk.page("/library/readings/weight")
    assert "1 lb = 0.45359237 kg" in page
    assert "more than 8 kg within 7 days" in page
    assert "our own rule, not a regulation" in page
    assert "85354-9" in desk.page("/library/readings/blood-pressure")
    desk.page("/library/readings/height", status=404)


def test_walter_is_nobody_here(desk: Desk) -> None:
    for address in ("", "/new", "/limits/weight", "/devices/new", "/file"):
        desk.page(f"/people/walter/readings{address}", status=404)


def test_the_section_speaks_spanish(desk: Desk, now: datetime) -> None:
    desk.ward.has(weight("w1", now - timedelta(days=1), "82.1"), weight("w2", now, "182"))
    with translation.override("es"):
        page = desk.page(HERE, **{"Accept-Language": "es"})
    assert "Peso: 182 kg, y 82.1 kg ayer. Pregunte." in page
