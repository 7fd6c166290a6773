"""What tests begin with is put back as it was: the same rows, and a trail that is whole."""

from __future__ import annotations

from datetime import datetime

import pytest

from careloop import projections, store
from careloop.access import Scope
from careloop.store import verify
from tests import kept_record
from tests.conftest import empty_the_record, owner_connection
from tests.projections import builders as b
from tests.store.rows import rows

TABLES = """
select relname from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
"""


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as text."""
    return {name: rows(f"select t::text from {name} t order by 1") for (name,) in rows(TABLES)}


@pytest.fixture
def written(record: None, scope: Scope, now: datetime) -> list[str]:
    """Who was written, one entry for each time somebody really was."""
    return []


def problems() -> list[str]:
    with owner_connection() as owner:
        return verify.whole(owner.cursor()).problems


def begin(written: list[str], scope: Scope, now: datetime) -> list[str]:
    def build() -> list[str]:
        with store.open(scope, now=now, projectors=projections.ALL) as unit:
            unit.update(b.organization("bayview", "Bayview"), create=True)
            unit.update(b.patient("maria", "Maria", "Duarte"), create=True)
        written.append("maria")
        return ["maria"]

    return kept_record.once("a test of this", id(written), build)


def test_it_is_written_once_and_put_back_whole(written: list[str], scope: Scope, now: datetime) -> None:
    first, before = begin(written, scope, now), everything()
    empty_the_record()
    assert rows("select * from heads") == []
    assert begin(written, scope, now) == first == written == ["maria"]
    assert everything() == before
    assert problems() == []


def test_life_goes_on_from_there(written: list[str], scope: Scope, now: datetime) -> None:
    begin(written, scope, now)
    empty_the_record()
    begin(written, scope, now)
    with store.open(scope, now=now, projectors=projections.ALL) as unit:
        unit.update(b.patient("james", "James", "Otieno"), create=True)
    with store.open(scope, now=now) as unit:
        assert (
            unit.read("Patient", "maria").resource["name"] != unit.read("Patient", "james").resource["name"]
        )
    assert problems() == []
