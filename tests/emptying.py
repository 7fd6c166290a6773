"""An empty record before each test, in about 2 ms: one call of a function that knows every table.

DELETE of what has rows, for few rows are written by a test; TRUNCATE makes new files of each table and of all its
indexes, and lets every session plan its statements anew: 45 to 240 ms. It is kept for tables that grew, by rows or
by what DELETE left in them. Sequences go on: no test may know the number of a row.
"""

from __future__ import annotations

from typing import Any

import psycopg

# Rows of migrations stay.
KEPT = ("django_migrations", "django_content_type", "auth_permission", "generations")
GROWN = 512 * 1024  # bytes; more than this is quicker with TRUNCATE

# What others are told of stands last, so that nothing that tells of it is left.
TABLES = """
select format('%%I', c.relname), c.relkind = 'p'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and not c.relname = any(%s)
order by exists (select from pg_constraint f where f.confrelid = c.oid and not f.condeferrable), c.relname
"""
KNOWN = """
select md5(string_agg(oid::text || relispartition, ',' order by oid))
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
"""

SIZE = "pg_relation_size('{0}')"
SIZE_OF_PARTS = "(select sum(pg_relation_size(relid)) from pg_partition_tree('{0}'))"
EMPTY_ONE = """
  if exists (select from {0}) then
    if {1} > {2} then truncate table {0} cascade; else delete from {0}; end if;
  end if;
"""
# Whoever is still writing is waited for, so that nothing arrives after the record was emptied.
FUNCTION = """
create or replace function pg_temp.empty_the_record() returns void language plpgsql as $empty$
begin
  lock table {tables} in share row exclusive mode;
  {each}
  delete from generations where generation > 1;
end $empty$
"""


class Emptier:
    """Keeps the owner's connection to one database. It ends with its process, or with the database."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self.owner = owner
        self.known = ""
        owner.execute("set lock_timeout = '60s'")
        owner.execute("set client_min_messages = warning")  # TRUNCATE names the tables it takes along

    def empty(self) -> None:
        (known,) = self.owner.execute(KNOWN).fetchone() or ("",)
        if known != self.known:  # a test, or a migration, made a table
            self._learn()
            self.known = known
        for tries_left in reversed(range(5)):
            try:
                self.owner.execute("select pg_temp.empty_the_record()")
                return
            except (
                psycopg.errors.DeadlockDetected
            ):  # a page of the test before is still writing: it comes first
                if not tries_left:
                    raise

    def _learn(self) -> None:
        found = self.owner.execute(TABLES, [list(KEPT)]).fetchall()
        each = [
            EMPTY_ONE.format(name, (SIZE_OF_PARTS if is_parted else SIZE).format(name), GROWN)
            for name, is_parted in found
        ]
        tables = ", ".join(name for name, _ in found)
        self.owner.execute(FUNCTION.format(tables=tables, each="".join(each)))
