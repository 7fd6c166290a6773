from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.family.front import Front, at_the_door


@pytest.fixture
def front(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    with at_the_door(now, monkeypatch) as found:
        yield found
