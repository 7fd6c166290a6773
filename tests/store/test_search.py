"""Searches on real tables, against an evaluation by brute force; paging; totals; which side a search starts from."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from careloop import store
from careloop.access import Scope
from careloop.fhir.ranges import date_range
from careloop.fhir.search import BadSearch
from careloop.store import search as searching
from tests.store.people import maria, reading

DATES = ("2026", "2026-02", "2026-02-28", "2026-02-28T10:00:00Z", "2025-12-31", "2026-03-01T00:00:00+02:00")
ORACLE = {
    "eq": lambda low, high, start, end: low >= start and high <= end,
    "ne": lambda low, high, start, end: not (low >= start and high <= end),
    "gt": lambda low, high, start, end: high > end,
    "lt": lambda low, high, start, end: low < start,
    "ge": lambda low, high, start, end: high > end or (low >= start and high <= end),
    "le": lambda low, high, start, end: low < start or (low >= start and high <= end),
    "sa": lambda low, high, start, end: low >= end,
    "eb": lambda low, high, start, end: high <= start,
}  # fmt: skip


def found(scope: Scope, now: datetime, kind: str, pairs: dict[str, str]) -> list[str]:
    with store.open(scope, now=now) as unit:
        return [entry.reference for entry in unit.search(kind, pairs).entries]


def filled(scope: Scope, now: datetime, changes: list[dict[str, Any]]) -> list[str]:
    with store.open(scope, now=now) as unit:
        home = unit.create(maria()).reference
        return [unit.create({**reading(home), **change}).reference for change in changes]


@pytest.mark.parametrize("prefix", sorted(ORACLE))
def test_dates_answer_as_the_standard_says(record: None, scope: Scope, now: datetime, prefix: str) -> None:
    made = filled(scope, now, [{"effectiveDateTime": date} for date in DATES])
    for asked in DATES:
        expected = {
            at
            for at, date in zip(made, DATES, strict=True)
            if ORACLE[prefix](*date_range(date), *date_range(asked))
        }
        assert set(found(scope, now, "Observation", {"date": prefix + asked})) == expected, (prefix, asked)


@pytest.mark.parametrize(
    "sort", ["", "_lastUpdated", "-_lastUpdated", "date", "-date", "value-quantity,-_id", "-code"]
)
@pytest.mark.parametrize("few", [0, 5000])
def test_pages_neither_skip_nor_repeat_while_others_write(
    record: None, scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch, sort: str, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW_ROWS", few)
    changes: list[dict[str, Any]] = [{"effectiveDateTime": f"2026-01-{1 + n % 5:02}"} for n in range(9)]
    made = filled(scope, now, changes)
    asked = {"status": "final", "_count": "2", **({"_sort": sort} if sort else {})}
    seen: list[str] = []
    with store.open(scope, now=now) as unit:
        page = unit.search("Observation", asked)
    while True:
        seen += [entry.reference for entry in page.entries]
        if page.next is None:
            break
        filled(scope, now, [{"effectiveDateTime": "2026-01-03"}])
        with store.open(scope, now=now) as unit:
            page = unit.search("Observation", {**asked, "_cursor": page.next})
        if len(seen) > 60:
            break
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


def test_values_decide_and_parts_of_a_composite_belong_together(
    record: None, scope: Scope, now: datetime
) -> None:
    six, nine = filled(scope, now, [{}, {"valueQuantity": {"value": Decimal("9.0"), "unit": "y"}}])
    ask = {"value-quantity": "6.3||%", "code": "http://loinc.org|4548-4"}
    assert found(scope, now, "Observation", ask) == [six]
    assert found(scope, now, "Observation", {"value-quantity": "gt7"}) == [nine]
    assert found(scope, now, "Observation", {"code-value-quantity": "4548-4$gt7"}) == [nine]
    assert found(scope, now, "Observation", {"code-value-quantity": "other$gt7"}) == []
    assert len(found(scope, now, "Patient", {"family": "dua", "birthdate": "1958-03"})) == 1
    assert found(scope, now, "Patient", {"family": "uarte"}) == []


def test_totals_and_bad_cursors(record: None, scope: Scope, now: datetime) -> None:
    filled(scope, now, [{}, {}, {}])
    with store.open(scope, now=now) as unit:
        page = unit.search("Observation", {"_count": "1", "_total": "accurate"})
        assert (page.total, len(page.entries)) == (3, 1)
        assert unit.search("Observation", {"_summary": "count"}).total == 3
        assert page.next is not None
        for pairs in (
            {"_cursor": ("B" if page.next[0] == "A" else "A") + page.next[1:]},
            {"_cursor": page.next, "status": "final"},
            {"_cursor": "é"},
        ):
            with pytest.raises(BadSearch):
                unit.search("Observation", pairs)
