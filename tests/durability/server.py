"""A database of its own on the server that tests run on: a house's own PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.conftest import server_url


def url_of(name: str) -> str:
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))


def _drop_left_behind(server: psycopg.Connection[Any]) -> None:
    """Of a run that was killed."""
    rows = server.execute(r"select datname, substring(datname from '^house_[a-z]+_(\d+)') from pg_database")
    for name, pid in rows.fetchall():
        if pid and Path("/proc").exists() and not Path(f"/proc/{pid}").exists():
            server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def database(word: str, how: LiteralString = "") -> Iterator[str]:
    """Its url; it and what a restore put beside it are gone at the end. how: what follows `create database`."""
    name = f"house_{word}_{os.getpid()}"
    with psycopg.connect(server_url(), autocommit=True) as server:
        _drop_left_behind(server)
        server.execute(sql.SQL("create database {} " + how).format(sql.Identifier(name)))
        try:
            yield url_of(name)
        finally:
            rows = server.execute("select datname from pg_database where datname like %s", [f"{name}%"])
            for (found,) in rows.fetchall():
                server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(found)))
