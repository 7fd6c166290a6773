"""Work about somebody who is not known yet may carry what a hospital said of her: it is its own site's alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from careloop.kernel.errors import NotFound
from careloop.store import conditions
from tests.projections import builders as b
from tests.projections.ward import Ward


@pytest.fixture
def ward(record: None, now: datetime) -> Ward:
    found = Ward(now)
    found.has(
        b.task("who", None, now, title="Decide who this is", owner=None, site="Organization/queens"),
        b.task("tidy", None, now, title="Order leaflets", owner=None),
    )
    return found


def test_another_site_can_not_read_find_count_or_look_back_at_it(ward: Ward) -> None:
    with ward.open() as unit:
        assert unit.find("Task", "tidy") is not None
        with pytest.raises(NotFound):
            unit.read("Task", "who")
    with ward.open() as unit:
        found = unit.search("Task", {"_total": "accurate"})
        assert ([entry.id for entry in found.entries], found.total) == (["tidy"], 1)
        assert unit.get(["Task/who", "Task/tidy"]).keys() == {"Task/tidy"}
    with ward.open() as unit, pytest.raises(NotFound):
        unit.history("Task", "who")


def test_its_own_site_sees_it(ward: Ward) -> None:
    queens = replace(ward.actor, sites=frozenset({ward.queens}))
    with ward.open(queens) as unit:
        assert unit.read("Task", "who").resource["description"] == "Decide who this is"
        assert {entry.id for entry in unit.search("Task").entries} == {"who", "tidy"}


def test_without_the_rule_it_would_be_everybodys(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_of_own_site", lambda *asked: ("true", []))
    with ward.open() as unit:
        assert unit.find("Task", "who") is not None
