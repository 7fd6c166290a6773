"""Tables go forward and back with what is in them; ended in the middle, they go on; a newer database is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.durability.house import REPO, House
from tests.durability.server import database

FIRST = {"projections": "0001", "accounts": "0001", "store": "0001"}
# Where they stood before readings, scores, risks, the registry and the switches of protocols; what these added: made
# anew from the record on the way forward, and what somebody said, which a step back takes away.
BEFORE_MEASURES = {"projections": "0011", "store": "0009"}
MEASURES = ("readings", "reading_limits", "scores", "risks", "held", "heard", "courses")
SAID_SINCE = ("saved_views", "protocol_switches")
# Derived by `careloop rebuild` or by the work loop, or Django's own: not what somebody said.
NOT_SAID = {"django_migrations", "django_content_type", "auth_permission", "audit_digested", "audit_person"}
DERIVED = {"work", "story", "briefs", "names", "finder", "looked", "people", "enrolled"}
# A step forward may work these out anew from the resource.
WORKED_OUT = {("heads", "labels")}


# One house for the whole file: its tests stay with one worker.
pytestmark = pytest.mark.xdist_group("migrations")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with database("migrations") as url:
        found = House(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("backups"), url)
        found.settle_in()
        found.lives("everything")
        yield found


# By which rules labels and Consents were worked out: of the version, not of anybody.
MARKS = ("label-rules", "consents-read")
Tables = dict[str, list[dict[str, Any]]]


def tables(house: House) -> Tables:
    """Every row that somebody said, column by column. That labels were worked out by some rules is a mark of ours."""
    found: Tables = {}
    with psycopg.connect(house.url) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (name,) in names:
            if name not in NOT_SAID | DERIVED and not name.startswith("audit_now"):
                rows = connection.execute(
                    sql.SQL("select to_jsonb(t) from {} t").format(sql.Identifier(name))
                )
                found[name] = [row for (row,) in rows.fetchall() if row.get("kind") not in MARKS]
    return found


def known_to_both(a: Tables, b: Tables) -> tuple[Tables, Tables]:
    """Only tables and columns that stand in both."""

    def cut(mine: Tables, other: Tables) -> Tables:
        found = {}
        for name in mine.keys() & other.keys():
            if mine[name] and other[name]:
                columns = {
                    column
                    for column in mine[name][0].keys() & other[name][0].keys()
                    if (name, column) not in WORKED_OUT
                }
                found[name] = sorted(
                    ({column: row[column] for column in columns} for row in mine[name]),
                    key=lambda row: json.dumps(row, sort_keys=True),
                )
            else:
                found[name] = [{} for _ in mine[name]]
        return found

    return cut(a, b), cut(b, a)


def at(house: House) -> dict[str, int]:
    with psycopg.connect(house.url) as connection:
        return dict(connection.execute("select app, count(*) from django_migrations group by app").fetchall())


def test_back_to_the_beginning_and_forward_again_with_everything(house: House) -> None:
    newest, steps = tables(house), at(house)
    for app, number in FIRST.items():
        house.say("migrate", "--to", app, number, "--no-backup")
    oldest = tables(house)
    assert {app: at(house)[app] for app in FIRST} == dict.fromkeys(FIRST, 1)
    mine, theirs = known_to_both(newest, oldest)
    assert mine == theirs
    assert {"versions", "heads", "audit", "feed", "inbox", "outbox", "timers", "accounts_user"} <= mine.keys()
    assert len(mine["versions"]) >= 7
    _killed_half_way(house, sum(steps.values()))
    house.say("migrate")
    assert at(house) == steps
    known = {name: rows for name, rows in newest.items() if name in oldest}
    mine, theirs = known_to_both(known, tables(house))
    gone = {name: [row for row in mine[name] if row not in theirs[name]] for name in mine.keys() - {"lanes"}}
    assert {name: rows for name, rows in gone.items() if rows} == {}  # the trail may have grown
    house.say("rebuild")
    assert house.run("rebuild", "--check").returncode == 0
    assert "whole." in house.say("verify")


def _killed_half_way(house: House, steps: int) -> None:
    command = [sys.executable, "-m", "careloop.server", "migrate"]
    process = subprocess.Popen(command, env=house.environment, cwd=REPO)
    deadline = time.monotonic() + 60
    begun = sum(at(house).values())
    while sum(at(house).values()) <= begun + 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert begun < sum(at(house).values()) < steps, "it was not ended in the middle"


def test_what_is_measured_goes_back_and_stands_there_again_without_a_rebuild(house: House) -> None:
    house.lives("measures")
    newest, steps = tables(house), at(house)
    assert {name for name in (*MEASURES, *SAID_SINCE) if not newest[name]} == set(), "nothing to lose"
    for app, number in BEFORE_MEASURES.items():
        house.say("migrate", "--to", app, number, "--no-backup")
    oldest = tables(house)
    assert not {*MEASURES, *SAID_SINCE} & oldest.keys()
    house.say("migrate")
    assert at(house) == steps
    again = tables(house)
    for name in MEASURES:
        assert sorted(map(str, again[name])) == sorted(map(str, newest[name])), name
    assert not any(again[name] for name in SAID_SINCE)
    mine, theirs = known_to_both({n: r for n, r in newest.items() if n in oldest}, again)
    assert [row for row in mine["versions"] if row not in theirs["versions"]] == []
    assert house.run("rebuild", "--check").returncode == 0
    assert "whole." in house.say("verify")


def test_an_empty_house_goes_back_and_forward_too(tmp_path: Path) -> None:
    with database("empty") as url:
        house = House(tmp_path / "home", tmp_path / "backups", url)
        house.settle_in()
        steps = at(house)
        for app, number in FIRST.items():
            house.say("migrate", "--to", app, number, "--no-backup")
        assert {app: at(house)[app] for app in FIRST} == dict.fromkeys(FIRST, 1)
        house.say("migrate")
        assert at(house) == steps
        house.lives("everything")
        assert house.run("rebuild", "--check").returncode == 0


def test_a_step_back_takes_a_backup_first(house: House) -> None:
    done = house.run("migrate", "--to", "store", "0003")
    assert done.returncode == 2
    assert "needs a backup first" in done.stderr
    house.say("migrate")
    steps = at(house)
    said = house.say("migrate", "--to", "store", "0003", "--backup", str(house.target))
    assert "Backed up to" in said
    assert list(house.target.glob("*/manifest.json"))
    assert at(house)["store"] == 3
    house.say("migrate")
    assert at(house) == steps
    assert "no such step" in house.refuses("migrate", "--to", "store", "7777", "--no-backup")


def test_a_database_that_a_newer_careloop_changed_is_left_alone(house: House) -> None:
    with psycopg.connect(house.url, autocommit=True) as connection:
        connection.execute(
            "insert into django_migrations(app, name, applied) values ('store', '9999_of_the_future', now())"
        )
        before = tables(house)
        said = house.refuses("migrate")
        assert "newer Careloop" in said
        assert "9999_of_the_future" in said
        assert tables(house) == before
        connection.execute("delete from django_migrations where name = '9999_of_the_future'")
