"""What the stories tell as following from a stay is what the decisions make of it: reactions change not a word."""

from __future__ import annotations

from datetime import datetime

from careloop import projections, reactions, store
from careloop.access import Scope, system_actor
from careloop.library import load as library
from careloop.server.demo.load import load
from tests.store.rows import rows
from tests.stories.ward import settle

WORK = "select task_id, is_open, version, title, because, due, aim, owner, rule from work order by task_id"
STORIES = 24


def test_reactions_agree_with_the_stories(record: None, now: datetime) -> None:
    demo = Scope(system_actor("demo"), "command", "maintenance")

    def open_unit() -> store.Unit:
        return store.open(demo, now=now, projectors=projections.ALL)

    load(open_unit, STORIES, 7, today=now.date(), now=now, is_quiet=True)
    told = rows(WORK)
    assert [row for row in told if row[3] == "Call after discharge"]
    settle()
    while reactions.run(now, library()):
        settle()
    after = {row[0]: row for row in rows(WORK)}
    assert [row for row in told if after[row[0]] != row] == []
