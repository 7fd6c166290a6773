"""An embedded PostgreSQL for each worker, found again by the next run, with a database from a migrated template.

Commits are real: the feed, the audit chain and the locks are what is tested, and none of them works inside a
transaction that is rolled back. The `record` fixture hands each test that asks for it an empty record.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from careloop.access import Actor, Scope, SmartScope, system_actor
from careloop.kernel.clock import MovableClock
from careloop.store import embedded
from tests import signed as signed  # sessions for force_login
from tests.emptying import Emptier
from tests.left_behind import nothing_left_behind as nothing_left_behind  # around every test
from tests.quick_hashes import quick_hashes as quick_hashes

REPO = Path(__file__).resolve().parent.parent
TEST_HOME = REPO / "var" / "test-home"
os.environ.setdefault("CARELOOP_HOME", str(TEST_HOME))
os.environ.setdefault("CARELOOP_SECRET_KEY", "only for tests; nothing real is kept under it")


# Long tests begin first, whatever the shuffle says, so that the workers end together.
LONG = (
    *("tests/durability/", "tests/trust/matrix/", "tests/crash/", "tests/corpora/", "tests/browser/"),
    *("tests/trust/test_audit_completeness", "tests/store/test_access", "tests/fuzz/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


# A fixed Monday morning in Chicago, the week of Thanksgiving 2026.
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("America/Chicago"))


def server_url() -> str:
    """The server that tests run on: DATABASE_URL_TEST (any PostgreSQL, as an owner who may create databases), else one
    embedded under var/, a worker's own: an open transaction of any database holds the feed of all others back."""
    return os.environ.get("DATABASE_URL_TEST") or embedded.ensure_running(_folder())


def _folder() -> Path:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return REPO / "var" / (f"test-postgres-{worker}" if worker else "test-postgres")


def migrations_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted((REPO / "src" / "careloop").glob("*/**/*")):
        if path.suffix == ".sql" or (path.suffix == ".py" and path.parent.name == "migrations"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def _server(lock: int | None = None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        if lock is not None:
            connection.execute("select pg_advisory_lock(%s)", [lock])
        yield connection


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """A database of this worker's own, from the template; dropped at the end."""
    from django.conf import settings
    from django.db import connections

    template = _template(django_db_blocker)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"careloop_{worker}_{os.getpid()}"
    with _server() as server:
        _drop_left_behind(server)
        make = sql.SQL("create database {} template {}")
        server.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
    home = TEST_HOME / name
    home.mkdir(parents=True, exist_ok=True)
    with django_db_blocker.unblock():
        _point_django_at(name)
        settings.HOME = home
        yield
        connections.close_all()
    with _server() as server:
        _drop(server, name)
    for path in sorted(home.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    home.rmdir()


def _point_django_at(name: str, role: str = "careloop_app") -> None:
    from django.db import connections

    from careloop.server.settings import database

    connections.close_all()
    entry = {**database(server_url()), "NAME": name}
    entry["OPTIONS"] = {"options": f"-c role={role} -c statement_timeout=5000"} if role else {}
    connections.databases["default"].update(entry)
    connections["default"].settings_dict.update(entry)


def _template(django_db_blocker: Any) -> str:
    """The migrated database that others are copied from; named by its migrations, so it is made once."""
    from django.core.management import call_command
    from django.db import connections

    name = f"careloop_template_{migrations_hash()}"
    with _server(lock=7_2026) as server:
        known = server.execute("select datallowconn from pg_database where datname = %s", [name]).fetchone()
        if known and not known[0]:
            return name
        _drop(server, name)
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with django_db_blocker.unblock():
            _point_django_at(name, role="")
            call_command("migrate", verbosity=0, interactive=False)
            connections.close_all()
        # No connections: a template in use can't be copied. It also says that the migration ran to its end.
        server.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
    return name


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    """With whoever is connected; the vacuum of the server itself can't be sent away and is waited for."""
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    for tries_left in reversed(range(50)):
        try:
            server.execute(drop)
            return
        except psycopg.errors.InsufficientPrivilege:
            if not tries_left:
                raise
            time.sleep(0.1)


def _drop_left_behind(server: psycopg.Connection[Any]) -> None:
    """Databases whose process is gone: a killed run never reached its end."""
    rows = server.execute(r"select datname from pg_database where datname ~ '^careloop_(main|gw\d+)_\d+$'")
    for (name,) in rows.fetchall():
        if not Path(f"/proc/{name.rsplit('_', 1)[1]}").exists() and Path("/proc").exists():
            with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.InvalidCatalogName):
                server.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


def owner_connection() -> psycopg.Connection[Any]:
    """This worker's database as its owner, who may do what the application may not."""
    from django.db import connections

    found = connections["default"].settings_dict
    return psycopg.connect(
        **{"host": found["HOST"], "port": found["PORT"] or 5432, "user": found["USER"]},
        **{"password": found["PASSWORD"], "dbname": found["NAME"], "autocommit": True},
    )


_emptier: dict[str, Emptier] = {}  # of this worker's database


def empty_the_record() -> None:
    """Empties every table that has rows, and the files of the audit trail's heads."""
    from careloop.store import connection, lane_heads

    connection.forget()
    lane_heads.forget()
    for path in lane_heads.files():
        path.unlink()
    _its_emptier().empty()


def owner_of_the_record() -> psycopg.Connection[Any]:
    """The owner's connection that stays open: for what is kept between tests."""
    return _its_emptier().owner


def _its_emptier() -> Emptier:
    from django.db import connections

    name = str(connections["default"].settings_dict["NAME"])
    known = _emptier.get(name)
    if known is None or known.owner.closed:
        known = _emptier[name] = Emptier(owner_connection())
    return known


@pytest.fixture
def record(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The record, empty before the test. Commits are real."""
    with django_db_blocker.unblock():
        empty_the_record()
        yield


@pytest.fixture
def now() -> datetime:
    """Monday, 23 November 2026, 9:00 in Chicago."""
    return MONDAY


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(MONDAY)


@pytest.fixture
def actor() -> Actor:
    """Somebody who may do everything that a program may: most tests are not about access."""
    return Actor(principal=1, kind="client", name="Test", scopes=(SmartScope.parse("system/*.cruds"),))


@pytest.fixture
def scope(actor: Actor) -> Scope:
    return Scope(actor=actor, door="fhir", purpose="treatment")


@pytest.fixture
def system_scope() -> Scope:
    return Scope(actor=system_actor("reactions"), door="work", purpose="operations")
