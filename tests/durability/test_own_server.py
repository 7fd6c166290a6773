"""A house with a PostgreSQL of its own: its backup is a dump, restored beside the database in use, then renamed."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from careloop.kernel.clock import system_clock
from careloop.server.restore_foreign import NotRecovered, refuse_unless_recovered
from careloop.store import embedded
from tests.durability.house import House
from tests.durability.server import database


def test_backed_up_lost_and_restored(tmp_path: Path) -> None:
    with database("own") as url:
        house = House(tmp_path / "home", tmp_path / "backups", url)
        house.settle_in()
        house.lives("everything")
        house.say("backup", str(house.target))
        before = house.say("verify", "--digest")
        house.lives("people", "after-the-backup")
        new = House(tmp_path / "new", house.target, url, house.recovery)
        said = new.refuses("restore", str(house.target))
        assert "has tables" in said
        assert "after-the-backup" in house.lives("look")["people"]
        said = new.say("restore", str(house.target), "--replace")
        assert before.strip() in said
        found = new.lives("look")
        assert "maria" in found["people"]
        assert "after-the-backup" not in found["people"]
        assert found["letters"] == ["sending dead", "sent sent", "waiting dead"]
        with psycopg.connect(url) as connection:
            names = connection.execute(
                "select count(*) from pg_database where datname like '%_own_%before_%'"
            ).fetchone()
        assert names == (1,)
        # The feed goes on, though this database counts its transactions anew.
        new.say("work", "--once")
        # The same backup also makes an embedded database.
        own = House(tmp_path / "embedded", house.target, recovery=house.recovery)
        own.home.parent.chmod(0o755)
        try:
            said = own.say("restore", str(house.target))
            assert before.strip() in said
            assert "whole." in own.say("verify")
        finally:
            embedded.stop(own.home / "postgres")


def test_what_was_not_recovered_to_a_moment_is_not_begun_again() -> None:
    now = system_clock()
    with database("own") as url:
        for where, until in (("", now), (url, None)):
            with pytest.raises(NotRecovered, match="DATABASE_URL"):
                refuse_unless_recovered(where, until)
        with pytest.raises(NotRecovered, match="no record"):
            refuse_unless_recovered(url, now)
