from __future__ import annotations

from datetime import datetime

import pytest

from tests.connect.hl7v2.messages import Hospital


@pytest.fixture
def hospital(record: None, now: datetime) -> Hospital:
    return Hospital(now)
