"""A ward in Houston, told from the hospital's side and read from the coordinator's."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.stories.ward import StoryWard


@pytest.fixture
def ward(record: None, now: datetime) -> StoryWard:
    return StoryWard(now)
