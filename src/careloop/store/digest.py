"""Two figures: two installations with the same ones hold the same.

The record: everything said (versions), what is current (heads), keys, homes, claims, the feed, messages that came in
and letters that go out. The trail: the audit chains. Not in them: what is derived (`careloop rebuild --check` compares
it), sessions, timers and cursors, which move by themselves.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

# Table: (columns, order). Bytes go in by their own digest, so that a row is short. Times as microseconds in UTC.
TABLES: Final = {
    "ids": ("type, id, rid, person", "type, id"),
    "versions": (
        "person, rid, version, (extract(epoch from at) * 1000000)::bigint, op, tx, codec, sha256(coalesce(body, ''))",
        "person, rid, version",
    ),
    "heads": ("person, rid, type, version, state, labels", "person, rid"),
    "moves": ("rid, version, person", "rid, version"),
    "members": ("person, rid, home, why", "person, rid, why"),
    "once": ("kind, key, person, rid", "kind, key"),
    "feed": ("generation, xid::text, pos, person, rid, version, op", "generation, xid, pos"),
    "inbox": ("id, source, control, sha, kind, state", "id"),
    "outbox": ("id, key, person, kind, sha256(payload)", "id"),
    "drafts": ("id, person, actor, form, sha256(answers)", "id"),
    "audit": ("lane, seq, hash", "lane, seq"),
}
TRAIL: Final = ("audit",)


def digests(cursor: Any) -> tuple[str, str]:
    """(of the record, of the trail). cursor: of a plain psycopg connection; one snapshot, so that a busy record has one
    figure too."""
    record, trail = sha256(), ""
    with cursor.connection.transaction():
        cursor.execute("set transaction isolation level repeatable read, read only")
        cursor.execute("set local statement_timeout = 0")
        # Row-level security hides bodies from a session that did not say who asks: nothing of them is shown here.
        cursor.execute("select set_config('careloop.wall', 'all', true)")
        for table in TABLES:
            found = of_table(cursor, table)
            if table in TRAIL:
                trail = found
            else:
                record.update(f"{table}:{found}\n".encode())
    return record.hexdigest(), trail


def of_table(cursor: Any, table: str) -> str:
    columns, order = TABLES[table]
    found = sha256()
    with cursor.copy(f"copy (select {columns} from {table} order by {order}) to stdout") as rows:
        for block in rows:
            found.update(block)
    return found.hexdigest()
