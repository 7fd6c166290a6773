"""The first requests of a process come all at once: what is compiled on first use is whole before anybody uses it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from careloop.fhir import plans
from careloop.fhir.validate import problems

RACERS = 8
RIGHT = {
    "resourceType": "Patient",
    "name": [{"family": "Duarte", "given": ["Maria"]}],
    "contact": [{"name": {"family": "Duarte"}, "telecom": [{"system": "phone", "value": "1"}]}],
}
WRONG = {"resourceType": "Observation", "status": "final"}


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize(("resource", "found"), [(RIGHT, 0), (WRONG, 1)])
def test_a_validator_that_is_still_being_made_judges_nothing(
    often: None, monkeypatch: pytest.MonkeyPatch, resource: dict[str, object], found: int
) -> None:
    for _ in range(15):
        monkeypatch.setattr(plans, "_PLANS", {})
        start = Barrier(RACERS)

        def judge(number: int, start: Barrier = start) -> int:
            start.wait()
            return len(problems(resource))

        with ThreadPoolExecutor(RACERS) as racers:
            assert list(racers.map(judge, range(RACERS))) == [found] * RACERS


def test_a_type_that_is_unknown_leaves_nothing_half_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_PLANS", {})
    with pytest.raises(KeyError):
        plans.plan("Pacient")
    assert plans._MAKING == {}
    assert problems(RIGHT) == []
