"""Labels computed from one version are not set on the next one, which was written meanwhile and has its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from careloop import store
from careloop.access import Scope, labels
from careloop.store import labeled, relabel
from tests.conftest import owner_connection
from tests.store.test_labels import condition, patient, task

pytestmark = pytest.mark.usefixtures("record")
PART2 = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]}


def before_the_first(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """do is committed by somebody else after labels were computed and before they are set."""
    real, waiting = labeled.set_labels, [do]

    def alone(do: Callable[[], object]) -> None:
        try:
            do()
        finally:
            connection.close()

    def late(*given: Any) -> bool:
        if waiting:
            with ThreadPoolExecutor(1) as other:
                other.submit(alone, waiting.pop()).result()
        return real(*given)

    monkeypatch.setattr(labeled, "set_labels", late)
    monkeypatch.setattr(relabel, "set_labels", late)


def bits_of(id: str) -> int:
    with owner_connection() as owner:
        row = owner.execute(
            "select h.labels from heads h join ids i on i.rid = h.rid where i.id = %s", [id]
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_relabeling_leaves_the_labels_of_a_newer_version(
    scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(patient(), id="maria")
        unit.create({**condition(), "id": "told"}, id="told")
    with owner_connection() as owner:  # a label too many, so that there is something to set
        owner.execute("update heads set labels = %s where version = 1", [labels.HIV])

    def newer() -> None:
        with store.open(scope, now=now) as unit:
            unit.update({**condition(), "id": "told", "meta": PART2})

    before_the_first(monkeypatch, newer)
    relabel.relabel(scope, now=now)
    assert bits_of("told") & labels.PART2
    assert not bits_of("told") & labels.HIV
    assert not bits_of("maria")


def test_what_follows_a_label_does_not_undo_a_newer_version(
    scope: Scope, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open(scope, now=now) as unit:
        unit.create(patient(), id="maria")
        unit.create({**condition(), "id": "cited"}, id="cited")
        unit.create({**task("Condition/cited"), "id": "call"}, id="call")

    def newer() -> None:
        with store.open(scope, now=now) as unit:
            unit.update({**task("Condition/cited"), "id": "call", "meta": PART2})

    before_the_first(monkeypatch, newer)
    with store.open(scope, now=now) as unit:
        unit.update({**condition("B20"), "id": "cited"})
    assert bits_of("call") & labels.PART2
    assert bits_of("call") & labels.HIV
