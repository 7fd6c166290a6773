"""A record that many tests begin with is written once a process, kept beside the tables, and put back for each test:
`kept_record.once("community", now, build)`. What is put back is what was committed, row by row, and the audit trail's
heads; keys and numbers are those of the first time. It begins with an empty record (the `record` fixture)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from careloop.store import connection, lane_heads

Made = TypeVar("Made")

# Those that others refer to stand first, as they must while nothing is deferred.
FILLED = """
select format('%I', c.relname),
  (select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_attribute a
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname not in ('django_migrations', 'django_content_type', 'auth_permission', 'generations')
order by not exists (select from pg_constraint f where f.confrelid = c.oid and not f.condeferrable), c.relname
"""


class Kept:
    """One record, in temporary tables of the owner's connection. rest: what build returned."""

    def __init__(self, owner: psycopg.Connection[Any], name: str, rest: object) -> None:
        self.owner, self.rest = owner, rest
        self.heads = {path: path.read_bytes() for path in lane_heads.files()}
        back = []
        for table, columns in owner.execute(FILLED).fetchall():
            kept = f'pg_temp."{name}:{len(back)}"'
            owner.execute(
                f"create temp table {kept.removeprefix('pg_temp.')} as select {columns} from {table}"
            )
            if owner.execute(f"select exists (select from {kept})").fetchone() == (True,):
                back.append(
                    f"insert into {table} ({columns}) overriding system value select {columns} from {kept};"
                )
            else:
                owner.execute(f"drop table {kept}")
        self.back = f"begin; {' '.join(back)} commit"

    def put_back(self) -> None:
        self.owner.execute(self.back)
        for path, lines in self.heads.items():
            _write(path, lines)
        connection.forget()


def _write(path: Path, lines: bytes) -> None:
    path.write_bytes(lines)
    path.chmod(0o600)


_kept: dict[tuple[str, str], Kept] = {}


def once(name: str, of: object, build: Callable[[], Made]) -> Made:
    """What build returns; written by it the first time. of: what else it depends on. What it returns is shared: nobody
    may change it."""
    from tests.conftest import owner_of_the_record

    key = (name, str(of))
    owner = owner_of_the_record()
    found = _kept.get(key)
    if found is None or found.owner is not owner:
        made = build()
        _kept[key] = Kept(owner, f"{name}:{len(_kept)}", made)
        return made
    found.put_back()
    return found.rest  # type: ignore[return-value]  # of the same build
