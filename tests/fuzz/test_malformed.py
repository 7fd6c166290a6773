"""Malformed input through the doors: no failure of ours, none slow, each refusal in words (TRUST 15).

2,000 cases here, seeded; benchmarks/trust_malformed.py runs 20,000 and more. C-CDA and X12 join when there are doors.
"""

from __future__ import annotations

import os
import random
from datetime import datetime

import pytest
from django.db import connection

from tests.api.conftest import Door
from tests.connect.hl7v2.messages import Hospital
from tests.fuzz import cases, hl7_cases, running

SEED = int(os.environ.get("CARELOOP_FUZZ_SEED", "20261123"))
CASES = 1_000


@pytest.fixture
def door(record: None, now: datetime) -> Door:
    from careloop.accounts.models import ApiClient
    from careloop.api.exchange import tokens

    tokens.forget()
    return Door(ApiClient.issue("fuzz", "system/*.cruds", now)[1])  # type: ignore[no-untyped-call]


def test_malformed_fhir_is_answered_in_words(door: Door) -> None:
    tally = running.fhir(door, cases.fhir(SEED, CASES))
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert not tally.slow, "\n".join(tally.slow[:3])
    assert tally.cases == CASES
    assert len(tally.kinds) >= 6
    refused = sum(count for answer, count in tally.answers.items() if answer.startswith("4"))
    assert refused > CASES / 3, "these cases are too kind to prove anything"
    assert tally.answers["201"] + tally.answers["200"] > CASES / 50, (
        "and some of them must get past the first check"
    )


def test_malformed_hl7_is_answered_and_never_stops_the_queue(record: None, now: datetime) -> None:
    hospital = Hospital(now)
    tally = running.hl7(hl7_cases.hl7(SEED, CASES, running.good_message), now)
    assert not tally.broken, "\n".join(tally.broken[:10])
    assert not tally.slow, "\n".join(tally.slow[:3])
    assert {"AA", "AE"} <= set(tally.answers)
    (good,) = hospital.send(running.good_message(random.Random(1)))
    assert good.code == "AA"
    with connection.cursor() as cursor:
        cursor.execute("select error from inbox where error like '%%stumbled%%'")
        stumbled = cursor.fetchall()
    assert not stumbled, "a message that Careloop itself tripped over"


def test_the_same_seed_makes_the_same_cases() -> None:
    first, again = list(cases.fhir(5, 200)), list(cases.fhir(5, 200))
    assert [repr(one) for one in first] == [repr(one) for one in again]
    assert [repr(one) for one in cases.fhir(6, 200)] != [repr(one) for one in first]
