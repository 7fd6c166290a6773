"""Raw messages as they were received, before anything is made of them. The raw text is never lost or changed.

States: new, done, held (a task asks a person something first), review (a person looks), refused (answered with an
error), quarantined (not even a message).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from careloop.store.connection import keeper

if TYPE_CHECKING:
    from careloop.store.unit import Unit

CHANNEL: Final = "careloop_inbox"
State = Literal["new", "done", "held", "review", "refused", "quarantined"]
_COLUMNS: Final = "id, source, control, kind, at, raw, state, is_repeat_id, ack, tries, error, person"
_WITHOUT_RAW: Final = _COLUMNS.replace("raw", "''::bytea")


class Received(NamedTuple):
    """state: of the row, the earlier one's when is_duplicate (same source, control id and content).
    is_repeat_id: the control id was used before with other content; processed, and listed."""

    id: int
    state: State
    is_duplicate: bool
    is_repeat_id: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """raw is patient data: kept out of repr."""

    id: int
    source: str
    control: str
    kind: str
    at: datetime
    raw: bytes = field(repr=False)
    state: State = "new"
    is_repeat_id: bool = False
    ack: str | None = None
    tries: int = 0
    error: str | None = None
    person: int | None = None


class Repeat(NamedTuple):
    """A message with the number of an earlier one and other content. earlier: the last one before it."""

    message: Message
    earlier: Message | None


def receive(
    unit: Unit,
    source: str,
    control: str,
    raw: bytes,
    kind: str,
    *,
    state: State = "new",
    error: str | None = None,
    ack: str | None = None,
) -> Received:
    """Stores a raw message at unit.now. Acknowledge only after the unit has committed."""
    sha = bytes.fromhex(digest_of(raw))
    cursor = unit.cursor()
    cursor.execute(
        "insert into inbox(source, control, sha, kind, at, raw, state, error, ack, is_repeat_id) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
        "exists (select from inbox where source = %s and control = %s and control <> '')) "
        "on conflict (source, control, sha) do nothing returning id, state, is_repeat_id",
        [source, control, sha, kind, unit.now, raw, state, error, ack, source, control],
    )
    if row := cursor.fetchone():
        unit.notify(CHANNEL)
        return Received(row[0], row[1], False, row[2])
    cursor.execute(
        "select id, state, is_repeat_id from inbox where source = %s and control = %s and sha = %s",
        [source, control, sha],
    )
    found = cursor.fetchone()
    assert found is not None
    return Received(found[0], found[1], True, found[2])


def digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def is_waiting() -> bool:
    """Without a unit: looking whether there is anything to do leaves no audit row."""
    cursor = keeper().cursor().execute("select exists (select from inbox where state = 'new')")
    return cursor.fetchone() == (True,)


def waiting(unit: Unit, limit: int = 1) -> list[Message]:
    """New ones, in the order they came, locked until the commit."""
    cursor = unit.cursor()
    cursor.execute(
        f"select {_COLUMNS} from inbox where state = 'new' order by id limit %s for update skip locked",
        [limit],
    )
    return [Message(*row) for row in cursor.fetchall()]


def finish(
    unit: Unit, message_id: int, state: State, *, error: str | None = None, person: int | None = None
) -> None:
    """error: the sentence a person reads in the list; no patient data beyond what the page may show."""
    unit.cursor().execute(
        "update inbox set state = %s, error = %s, person = coalesce(%s, person), tries = tries + 1, done_at = %s "
        "where id = %s",
        [state, error, person, unit.now, message_id],
    )


def again(unit: Unit, message_id: int) -> None:
    """Back into the queue, after a person put right what was in the way."""
    unit.cursor().execute("update inbox set state = 'new', error = null where id = %s", [message_id])
    unit.notify(CHANNEL)


def get(unit: Unit, message_id: int) -> Message | None:
    cursor = unit.cursor()
    cursor.execute(f"select {_COLUMNS} from inbox where id = %s", [message_id])
    row = cursor.fetchone()
    if row is None:
        return None
    unit.saw([row[11] or 0], f"inbox {message_id}")
    return Message(*row)


def listed(
    unit: Unit,
    states: Sequence[State] = ("review", "refused", "quarantined"),
    limit: int = 100,
    before: int | None = None,
    *,
    sources: Sequence[str] | None = None,
) -> list[Message]:
    """Newest first; those whose control id repeats with other content are listed with `done` too. sources: only what
    came from these; None for all."""
    cursor = unit.cursor()
    named = None if sources is None else list(sources)
    cursor.execute(
        f"select {_COLUMNS} from inbox where state = any(%s) and id < %s and (%s::text[] is null or source = any(%s))"
        " order by id desc limit %s",
        [list(states), before if before is not None else 2**62, named, named, limit],
    )
    found = [Message(*row) for row in cursor.fetchall()]
    if found:
        unit.saw({message.person or 0 for message in found}, "inbox")
    return found


def troubled(sources: Sequence[str], most: int = 101) -> int:
    """How many of these wait for a person to look. Without a unit: a number about nobody leaves no audit row."""
    row = (
        keeper()
        .cursor()
        .execute(
            "select count(*) from (select 1 from inbox where state = any(%s) and source = any(%s) limit %s) t",
            [["review", "refused", "quarantined"], list(sources), most],
        )
        .fetchone()
    )
    return int(row[0]) if row else 0


def sources(unit: Unit | None = None) -> list[str]:
    """Every source that ever sent something, from one to the next in the index. Says nothing of a person: it may be
    asked without a unit."""
    rows = (unit.cursor() if unit else keeper().cursor()).execute(
        "with recursive each(source) as (select min(source) from inbox union all"
        " select (select min(i.source) from inbox i where i.source > each.source) from each where source is not null)"
        " select source from each where source is not null"
    )
    return [row[0] for row in rows.fetchall()]


def how_many(unit: Unit, sources: Sequence[str]) -> tuple[int, int]:
    """Of these sources: how many wait for a person to look, and how many repeat a control id."""
    row = (
        unit.cursor()
        .execute(
            "select (select count(*) from inbox where state = any(%s) and source = any(%s)),"
            " (select count(*) from inbox where is_repeat_id and source = any(%s))",
            [["review", "refused", "quarantined"], list(sources), list(sources)],
        )
        .fetchone()
    )
    assert row is not None
    return int(row[0]), int(row[1])


def repeats(
    unit: Unit, limit: int = 100, before: int | None = None, *, sources: Sequence[str] | None = None
) -> list[Repeat]:
    """Newest first: those whose control id had been used with other content, each with the one before it. Processed
    like any other. Without the raw text. sources: only what came from these; None for all."""
    cursor = unit.cursor()
    named = None if sources is None else list(sources)
    cursor.execute(
        f"select {_WITHOUT_RAW} from inbox"
        " where is_repeat_id and id < %s and (%s::text[] is null or source = any(%s)) order by id desc limit %s",
        [before if before is not None else 2**62, named, named, limit],
    )
    found = [Message(*row) for row in cursor.fetchall()]
    cursor.execute(
        "select r.id, e.* from unnest(%s::bigint[]) r(id), inbox m, lateral"
        f" (select {_WITHOUT_RAW} from inbox where source = m.source and control = m.control and id < m.id"
        " order by id desc limit 1) e where m.id = r.id",
        [[message.id for message in found]],
    )
    earlier = {row[0]: Message(*row[1:]) for row in cursor.fetchall()}
    if found:
        unit.saw({message.person or 0 for message in (*found, *earlier.values())}, "inbox")
    return [Repeat(message, earlier.get(message.id)) for message in found]


def counts(unit: Unit, source: str | None = None) -> dict[str, int]:
    """How many by state; of one source, or of all."""
    query = "select state, count(*) from inbox where %s::text is null or source = %s group by state"
    rows = unit.cursor().execute(query, [source, source]).fetchall()
    return {row[0]: row[1] for row in rows}
