"""The unit of work: everything that reads or writes the record goes through one, and commits or fails as a whole.

Opened with a Scope, which has no default. The policy is asked inside: the rule for the type first, the condition
over people in SQL, and for writes again over the image after the projectors ran. One audit row a unit commits with it;
after a failure, what was seen or denied is written down by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any

import psycopg
from django.db import DatabaseError, transaction

from careloop.access import Condition, Everyone, Interaction, Scope, decide
from careloop.fhir import validate
from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.elements import Resource, fhir_instant
from careloop.fhir.index import VERSION as INDEX_VERSION
from careloop.fhir.index import Rows, extract
from careloop.fhir.search import parse
from careloop.kernel.errors import CareError, Conflict, Forbidden, Gone, NotFound, StaleVersion
from careloop.kernel.ids import is_fhir_id, new_id
from careloop.store import audit, bodies, conditions, keys, lane_heads, reading, search, writing
from careloop.store.arrays import numbers, texts
from careloop.store.connection import Keeper, drop, keeper
from careloop.store.errors import (
    AlreadyExists,
    AuditUnavailable,
    ManyMatches,
    RecordUnavailable,
    TooCostly,
)
from careloop.store.homes import belonging
from careloop.store.keys import number_of
from careloop.store.stored import OP_NUMBER, Change, Op, Page, Projector, Stored

Pairs = Sequence[tuple[str, str]] | Mapping[str, str]


def open(scope: Scope, *, now: datetime, projectors: Iterable[Projector] = ()) -> Unit:
    """A unit of work as a context manager: commits at its end, rolls back on an exception."""
    return Unit(scope, now, tuple(projectors))


class Unit:
    """changes: what was written so far, in order."""

    def __init__(self, scope: Scope, now: datetime, projectors: tuple[Projector, ...]) -> None:
        self.scope, self.now = scope, now
        self.changes: list[Change] = []
        self._projectors = projectors
        self._projected = 0
        self._pending = writing.Pending()
        self._latest: dict[tuple[str, str], Stored] = {}
        self._new_keys: dict[tuple[str, str], int] = {}
        self._trail = audit.Trail()
        self._denied = False
        self._atomic: transaction.Atomic | None = None
        self._notices: set[str] = set()
        self._stale_index: set[int] = set()
        self._keeper: Keeper
        self._conditions: dict[tuple[Interaction, str], Condition] = {}

    # --- opening and closing

    def __enter__(self) -> Unit:
        self._keeper = keeper()
        if self._keeper.unit_is_open or transaction.get_connection().in_atomic_block:
            raise RuntimeError("a unit of work opens outside of any other transaction, and units do not nest")
        self._keeper.unit_is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with self._failures():
                    self._commit()
            else:
                self._abandon(error)
        except BaseException as failed:
            if failed is not error:
                self._abandon(failed)
            raise
        finally:
            self._keeper.unit_is_open = False
        if isinstance(error, psycopg.Error | DatabaseError):
            raise _in_our_words(error) from error

    def _commit(self) -> None:
        self._project()
        self._check_after()
        if self._atomic is None and not self._trail.has_begun:
            return
        lane_heads.descriptor(self.now)
        row = audit.row_of(self._keeper, self.scope, self.now, self._trail, audit.DONE)
        if self._atomic is None:
            self._keeper.cursor().execute(audit.INSERT, row)
        else:
            with self._keeper.pg.pipeline():
                self._send_pending()
                self._keeper.cursor().execute(audit.INSERT, row)
                atomic, self._atomic = self._atomic, None
                atomic.__exit__(None, None, None)
        self._committed(row)
        self._notify()

    def _committed(self, row: tuple[Any, ...]) -> None:
        self._keeper.seq, self._keeper.digest = row[1], row[-1]
        lane_heads.append(self._keeper, self.now)
        if self._new_keys:
            keys.remember(self._new_keys)

    def _notify(self) -> None:
        # After the commit, by itself: a NOTIFY inside would hold a lock of the whole database across fsync.
        if self.changes:
            self._notices.add("careloop_feed")
        for channel in sorted(self._notices):
            self._keeper.cursor().execute("select pg_notify(%s, '')", [channel])

    def _abandon(self, error: BaseException) -> None:
        """Rolls back; then says in the audit trail what was seen or refused before it failed."""
        if self._atomic is not None:
            atomic, self._atomic = self._atomic, None
            try:
                atomic.__exit__(type(error), error, None)
            except (psycopg.Error, DatabaseError):
                drop()
                return
        if self._keeper.pg.closed or self._keeper.pg.broken:
            drop()
            return
        self._keeper.reload()
        if not (self._denied or self._trail.has_begun):
            return
        self._trail.written.clear()
        outcome = audit.DENIED if self._denied else audit.FAILED
        with self._failures():
            row = audit.row_of(self._keeper, self.scope, self.now, self._trail, outcome)
            self._keeper.cursor().execute(audit.INSERT, row)
            self._keeper.seq, self._keeper.digest = row[1], row[-1]
            lane_heads.append(self._keeper, self.now)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, DatabaseError) as failed:
            raise _in_our_words(failed) from failed

    def _begin(self) -> None:
        if self._atomic is None:
            self._atomic = transaction.atomic(durable=True)
            self._atomic.__enter__()

    def cursor(self) -> psycopg.Cursor[Any]:
        """A cursor of the same transaction, parameters bound by the server. Earlier writes are there."""
        self.flush()
        self._begin()
        return self._keeper.cursor()

    def glance(self) -> psycopg.Cursor[Any]:
        """A cursor for a question alone. It opens no transaction, so a unit that hands nothing out commits nothing,
        and asking every second whether anything changed costs no fsync. Nothing is written through it."""
        self.flush()
        return self._keeper.cursor()

    def looking(self) -> psycopg.Cursor[Any]:
        """A cursor to read with, and nothing else: as long as nothing was written it needs no transaction."""
        self.flush()
        return self._keeper.cursor()

    # --- access

    def condition(self, type: str = "Patient", interaction: Interaction = "read") -> Condition:
        """Whose rows of this type the actor may see. Raises Forbidden when no rule speaks for it."""
        found = self._conditions.get((interaction, type))
        if found is None:
            decision = decide(self.scope.actor, interaction, type)
            if not decision.allowed:
                self._deny(interaction, type, None, ())
                raise Forbidden(decision.reason)
            found = self._conditions[interaction, type] = decision.condition
        return found

    def people_sql(self, condition: Condition, alias: str) -> tuple[str, list[Any]]:
        """A boolean SQL expression over the column `alias`, and its parameters."""
        return conditions.compile_condition(condition, alias)

    def may_see(self, person: int) -> bool:
        """Whether the actor may read this person's own record."""
        if not decide(self.scope.actor, "read", "Patient").allowed:
            return False
        return person not in self._not_allowed(self.condition(), [person])

    def saw(self, people: Iterable[int], what: str) -> None:
        """Writes into the audit row what was read through projections."""
        self._trail.note("E", [what], people)

    def _allowed(self, interaction: Interaction, type: str) -> tuple[str, list[Any]]:
        """Whether a row `h` of heads may be seen; of a history, also the version `v`, which may lie at the home
        of somebody else: there the resource was before it moved."""
        condition = self.condition(type, interaction)
        said, given = conditions.compile_condition(condition, "h.person", labels_column="h.labels")
        if interaction != "history" or isinstance(condition, Everyone):
            return said, given
        before, told = conditions.compile_condition(condition, "v.person")
        return f"{said} and (v.person = h.person or {before})", [*given, *told]

    def _not_allowed(self, condition: Condition, people: Collection[int]) -> set[int]:
        wanted = {person for person in people if person}
        if isinstance(condition, Everyone) or not wanted:
            return set()
        self.flush()
        said, parameters = conditions.compile_condition(condition, "u.person")
        query = f"select u.person from unnest(%s::bigint[]) as u(person) where ({said})"
        rows = self._keeper.cursor().execute(query, [list(wanted), *parameters]).fetchall()
        return wanted - {row[0] for row in rows}

    def _deny(self, what: str, type: str, rid: int | None, people: Iterable[int]) -> None:
        self._denied = True
        number = number_of(type) if type in RESOURCE_TYPES else None
        self._trail.note("E", ["denied", what, type], people, (number, rid) if number else None)

    def _check_after(self) -> None:
        """Writes are judged by what they lead to as well: once the projectors have written the new facts."""
        by_rule: dict[Condition, set[int]] = {}
        for change in self.changes:
            stored = change.stored
            interaction = change.op
            by_rule.setdefault(self.condition(stored.type, interaction), set()).add(stored.person)
        for condition, people in by_rule.items():
            if refused := self._not_allowed(condition, people):
                self._deny("write", "Patient", None, refused)
                raise Forbidden("This would write into the record of somebody whom you do not care for.")

    # --- keys

    def rid_of(self, reference: str) -> int | None:
        parts = keys.parts_of(reference)
        return self._keys([parts]).get(parts) if parts else None

    def mention(self, reference: str) -> int:
        """The integer key of a reference, made when there is none. Raises ValueError for no address of ours."""
        return self.mention_many([reference])[reference]

    def mention_many(self, references: Collection[str]) -> dict[str, int]:
        """For many at once, in two round trips at most. Leaves out what is no address of ours."""
        parts = {reference: found for reference in references if (found := keys.parts_of(reference))}
        known = self._keys(set(parts.values()))
        missing = sorted(set(parts.values()) - known.keys())
        if missing:
            known.update(self._make_keys(missing))
        return {reference: known[found] for reference, found in parts.items()}

    def reference_of(self, rid: int) -> str:
        self.flush()
        row = self._run("select type, id from ids where rid = %s", [rid]).fetchone()
        if row is None:
            raise NotFound
        return f"{keys.name_of(row[0])}/{row[1]}"

    def _keys(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        own = {parts: self._new_keys[parts] for parts in wanted if parts in self._new_keys}
        rest = [parts for parts in wanted if parts not in own]
        found = keys.look_up(self._keeper.cursor(), rest) if rest else {}
        keys.remember(found)
        return found | own

    def _make_keys(self, missing: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """In order of address, so that two units that mention the same things do not wait in a circle."""
        self._begin()
        rids = self._keeper.new_keys(len(missing))
        people = [rid if kind == "Patient" else 0 for (kind, _), rid in zip(missing, rids, strict=True)]
        cursor = self._keeper.cursor()
        cursor.execute(
            keys.INSERT_KEYS,
            [
                *(numbers(number_of(kind) for kind, _ in missing), texts(id for _, id in missing)),
                *(numbers(rids), numbers(people)),
            ],
        )
        made = {(keys.name_of(row[0]), row[1]): row[2] for row in cursor.fetchall()}
        self._new_keys.update(made)
        lost = [parts for parts in missing if parts not in made]
        return made | (keys.look_up(self._keeper.cursor(), lost) if lost else {})

    # --- reading

    def read(self, type: str, id: str) -> Stored:
        """The current version. Raises NotFound (a foreign one looks the same) and Gone."""
        found = self._current(type, id, "read")
        if found is None:
            raise NotFound(f"{type}/{id}")
        if found.is_deleted:
            raise Gone(f"{type}/{id}")
        return found.again()

    def find(self, type: str, id: str) -> Stored | None:
        """The current version; None when there is none, it was deleted, or it may not be seen."""
        found = self._current(type, id, "read")
        return None if found is None or found.is_deleted else found.again()

    def read_version(self, type: str, id: str, version: int) -> Stored:
        rows = self._visible(reading.READ_VERSION, "history", type, [version, *_address(type, id)])
        if not rows:
            raise NotFound(f"{type}/{id} version {version}")
        if rows[0].is_deleted:
            raise Gone(f"{type}/{id} version {version}")
        return rows[0]

    def history(self, type: str, id: str, count: int = 50, before: int | None = None) -> list[Stored]:
        """Newest first, deleted versions included. before: only versions older than this one."""
        last = before if before is not None else 2**31 - 1
        rows = self._visible(reading.HISTORY, "history", type, [*_address(type, id), last, count])
        if not rows and (before is None or self._current(type, id, "history") is None):
            raise NotFound(f"{type}/{id}")
        return rows

    def get(self, references: Iterable[str]) -> dict[str, Stored]:
        """Those that exist and may be seen, by the reference as given."""
        wanted = {reference: parts for reference in references if (parts := keys.parts_of(reference))}
        by_type: dict[str, list[str]] = {}
        for kind, id in set(wanted.values()):
            if decide(self.scope.actor, "read", kind).allowed:
                by_type.setdefault(kind, []).append(id)
        found: dict[tuple[str, str], Stored] = {}
        for kind, ids in by_type.items():
            parameters = [[number_of(kind)] * len(ids), ids]
            found.update(
                {(s.type, s.id): s for s in self._visible(reading.READ_MANY, "read", kind, parameters)}
            )
        return {reference: found[parts] for reference, parts in wanted.items() if parts in found}

    def of_person(self, person_rid: int, types: Sequence[str]) -> list[Stored]:
        """All live resources of these types at this person's home, newest first."""
        found: list[Stored] = []
        by_condition: dict[Condition, list[str]] = {}
        for kind in types:
            by_condition.setdefault(self.condition(kind, "search"), []).append(kind)
        for kinds in by_condition.values():
            numbers = [number_of(kind) for kind in kinds]
            found += self._visible(reading.OF_PERSON, "search", kinds[0], [person_rid, numbers])
        return sorted(found, key=lambda s: (s.at, s.rid), reverse=True)

    def search(self, type: str, pairs: Pairs = ()) -> Page:
        """Raises BadSearch (400), Forbidden, TooCostly."""
        given = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs)
        query = parse(type, given)
        self.condition(type, "search")
        with self._failures():
            page: Page = search.run(self, query)
        said = "&".join(f"{name}={value}" for name, value in given)
        people = [entry.person for entry in page.entries]
        self._trail.note("E", ["search", type, said, len(page.entries)], people, (number_of(type), None))
        return page

    def _run(self, query: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        """A read of our own: without a transaction as long as nothing was written."""
        with self._failures():
            return self._keeper.cursor().execute(query.encode(), parameters)

    def _visible(
        self, query: str, interaction: Interaction, type: str, parameters: list[Any]
    ) -> list[Stored]:
        said, allowed_parameters = self._allowed(interaction, type)
        self.flush()
        rows = self._run(query.format(allowed=said), [*allowed_parameters, *parameters]).fetchall()
        found = [Stored.of_row(row) for row in rows if row[10]]
        if hidden := [row for row in rows if not row[10]]:
            self._deny(interaction, type, hidden[0][2], {row[3] for row in hidden})
        for stored in found[: 1 if interaction == "history" else None]:
            self._note_read(stored)
        return found

    def _current(self, type: str, id: str, interaction: Interaction, *, lock: bool = False) -> Stored | None:
        self.condition(type, interaction)
        latest = self._latest.get((type, id))
        if latest is not None:
            return latest
        said, parameters = self._allowed(interaction, type)
        address = _address(type, id)
        if lock:
            self._begin()
            self._run(reading.LOCK, address)
        row = self._run(reading.READ.format(allowed=said), [*parameters, *address]).fetchone()
        if row is None:
            return None
        if not row[10]:
            self._deny(interaction, type, row[2], [row[3]])
            raise NotFound(f"{type}/{id}")
        stored = Stored.of_row(row)
        keys.remember({(type, id): stored.rid})
        if row[9] != INDEX_VERSION:
            self._stale_index.add(stored.rid)
        if not lock:
            self._note_read(stored)
        return stored

    def _note_read(self, stored: Stored) -> None:
        people = [stored.person]
        self._trail.note(
            "R", [stored.reference, stored.version], people, (number_of(stored.type), stored.rid)
        )

    # --- writing

    def create(
        self, resource: Resource, *, id: str | None = None, if_none_exist: Pairs | None = None
    ) -> Stored:
        """Validates, gives it an id unless one is given, and writes version 1.

        if_none_exist: a search; one match is returned (is_new False), several are refused (ManyMatches).
        Raises InvalidResource, Forbidden, AlreadyExists, ManyMatches.
        """
        type = resource.get("resourceType", "")
        self.condition(type, "create")
        validate.check(resource)
        if if_none_exist is not None and (found := self.match_one(type, if_none_exist)):
            return found
        if id is None:
            return self._stage_unknown(resource, new_id())
        if self._current(type, id, "create", lock=True) is not None:
            raise AlreadyExists(f"{type}/{id}")
        return self._stage_first(resource, id)

    def create_named(self, resource: Resource) -> Stored:
        """Like create, with an id that was just made and that nobody else can know."""
        self.condition(resource["resourceType"], "create")
        validate.check(resource)
        return self._stage_first(resource, resource["id"])

    def _stage_unknown(self, resource: Resource, id: str) -> Stored:
        """With an id made just now: nobody can have mentioned it, so its key needs no round trip."""
        parts = (resource["resourceType"], id)
        (rid,) = self._keeper.new_keys(1)
        self._new_keys[parts] = rid
        self._pending.new_keys[parts] = rid
        return self._stage_first(resource, id)

    def match_one(self, type: str, pairs: Pairs) -> Stored | None:
        """The one match of a condition, under a lock on its words: 32 that ask at once make one.
        Raises ManyMatches."""
        given = sorted(pairs.items() if isinstance(pairs, Mapping) else pairs)
        parse(type, given)  # refused before anything is locked
        words = type + "?" + "&".join(f"{name}={value}" for name, value in given)
        self._begin()
        self._run("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [words])
        entries = self.search(type, [*given, ("_count", "2")]).entries
        if len(entries) > 1:
            raise ManyMatches(f"There are several {type} that fit.")
        return entries[0] if entries else None

    def update(self, resource: Resource, *, if_match: int | None = None, create: bool = False) -> Stored:
        """Writes the next version; the same content again writes nothing. create: makes one that is not there.

        Raises InvalidResource, NotFound, Gone, StaleVersion, Forbidden.
        """
        type, id = resource.get("resourceType", ""), resource.get("id", "")
        self.condition(type, "update")
        validate.check(resource)
        if create:
            self.mention(f"{type}/{id}")
        before = self._current(type, id, "update", lock=True)
        if before is None and create:
            if if_match is not None:
                raise StaleVersion(f"{type}/{id} is not there.")
            self.condition(type, "create")
            return self._stage_first(resource, id)
        self._check_present(before, type, id, is_deleted_fine=create)
        assert before is not None
        if if_match is not None and if_match != before.version:
            raise StaleVersion(f"{type}/{id} is at version {before.version}.")
        if before.is_deleted:
            return self._stage(resource, before, "update")
        old = before.again().resource
        if bodies.is_same(_bare(resource, id), _bare(old, id)):
            return before.again()
        return self._stage(resource, before, "update", extract(old))

    def delete(self, type: str, id: str, *, if_match: int | None = None) -> Stored:
        """A version that says it was deleted; the history stays. Deleting twice changes nothing."""
        self.condition(type, "delete")
        before = self._current(type, id, "delete", lock=True)
        if before is None:
            raise NotFound(f"{type}/{id}")
        if if_match is not None and if_match != before.version:
            raise StaleVersion(f"{type}/{id} is at version {before.version}.")
        if before.is_deleted:
            return before
        old = before.again().resource
        return self._stage(old, before, "delete", extract(old))

    def transaction(self, bundle: Resource) -> Resource:
        """All entries or none; answers with the transaction-response Bundle. Raises BadBundle and what its
        entries raise."""
        from careloop.store.transactions import carry_out

        return carry_out(self, bundle)

    def _check_present(self, before: Stored | None, type: str, id: str, *, is_deleted_fine: bool) -> None:
        if before is None:
            raise NotFound(f"{type}/{id}")
        if before.is_deleted and not is_deleted_fine:
            raise Gone(f"{type}/{id}")

    def _stage_first(self, resource: Resource, id: str) -> Stored:
        return self._stage({**resource, "id": id}, None, "create")

    def _stage(
        self, resource: Resource, before: Stored | None, op: Op, old_rows: Rows | None = None
    ) -> Stored:
        """old_rows: of the index, of the version before, when that was live."""
        type, id = resource["resourceType"], resource["id"]
        rows = extract(resource)
        place = belonging(resource, rows)
        known = self.mention_many([f"{type}/{id}", *writing.resolve(place)])
        rid = known[f"{type}/{id}"]
        if rid in self._pending.touched:
            self.flush()
        person = self._home(known, place.home, place.targets)
        others = [(known[reference], why) for reference, why in place.others if reference in known]
        version = before.version + 1 if before else 1
        codec, body = bodies.pack(_with_meta(resource, id, version, self.now))
        after = Stored(
            type=type,
            id=id,
            rid=rid,
            person=person,
            version=version,
            at=self.now,
            op=op,
            codec=codec,
            body=body,
            is_new=before is None,
        )
        was_person = before.person if before is not None and before.person != person else None
        is_current = rid not in self._stale_index
        self._begin()
        self._pending.add(
            writing.Staged(
                before, after, rows, old_rows, was_person, [] if op == "delete" else others, is_current
            )
        )
        self._record(op, before, after, was_person)
        return after

    def _record(self, op: Op, before: Stored | None, after: Stored, was_person: int | None) -> None:
        self._latest[after.type, after.id] = after
        live_before = before if before is not None and not before.is_deleted else None
        self.changes.append(Change(op, live_before, None if op == "delete" else after))
        _, body = after.packed
        self._trail.wrote(after.rid, after.version, OP_NUMBER[op], body)
        people = {after.person, was_person or 0}
        self._trail.note(
            op[0].upper(), [after.reference, after.version], people, (number_of(after.type), after.rid)
        )

    def _home(self, known: Mapping[str, int], home: str | None, targets: Sequence[str]) -> int:
        if home is not None:
            return known[home]
        for reference in targets:
            parts = keys.parts_of(reference)
            if parts in self._latest:
                return self._latest[parts].person
            if reference in known:
                row = self._run("select person from ids where rid = %s", [known[reference]]).fetchone()
                if row and row[0]:
                    return int(row[0])
        return 0

    def flush(self) -> None:
        """Sends waiting writes to the database, so that searches and projectors see them."""
        if self._pending.staged:
            with self._failures(), self._keeper.pg.pipeline():
                self._send_pending()

    def _send_pending(self) -> None:
        pending, self._pending = self._pending, writing.Pending()
        if pending.staged:
            writing.flush(self._keeper.cursor(), pending, self._keeper.tx(), self.mention_many)

    def _project(self) -> None:
        """A projector may cause no further changes of resources; it writes its own tables."""
        if self.changes and self._projectors:
            self.flush()
            # Statements whose answers nobody waits for go out together.
            with self._keeper.pg.pipeline():
                for projector in self._projectors:
                    projector.project(self, self.changes)

    # --- what else belongs to a commit

    def claim(self, kind: str, key: str, person: int = 0) -> bool:
        """True the first time anybody claims this key; the others wait for the first one's commit, then lose."""
        self._begin()
        return (
            self._run(
                "insert into once(kind, key, person, at) values (%s, %s, %s, %s) on conflict do nothing returning 1",
                [kind, key, person, self.now],
            ).fetchone()
            is not None
        )

    def set_timer(self, person: int, kind: str, key: str, due: datetime) -> None:
        self._begin()
        self._run(
            "insert into timers(person, kind, key, due) values (%s, %s, %s, %s) on conflict (person, kind, key) "
            "do update set due = excluded.due, done = null, tries = 0, error = null",
            [person, kind, key, due],
        )

    def clear_timer(self, person: int, kind: str, key: str) -> None:
        self._begin()
        self._run("delete from timers where person = %s and kind = %s and key = %s", [person, kind, key])

    def send(
        self, key: str, kind: str, dest: str, payload: Resource, person: int = 0, due: datetime | None = None
    ) -> bool:
        """Puts something that leaves the house into the outbox, once a key. True when it is new."""
        self._begin()
        self._notices.add("careloop_outbox")
        return (
            self._run(
                "insert into outbox(key, person, kind, dest, due, payload, at) values (%s, %s, %s, %s, %s, %s, %s) "
                "on conflict (key) do nothing returning 1",
                [key, person, kind, dest, due or self.now, bodies.encode(payload), self.now],
            ).fetchone()
            is not None
        )

    def notify(self, channel: str) -> None:
        """After the commit."""
        self._notices.add(channel)


def _address(type: str, id: str) -> list[Any]:
    """As the tables know it. What can't be an id of FHIR can't be there, and is not asked for."""
    if type not in RESOURCE_TYPES or not is_fhir_id(id):
        raise NotFound(f"{type[:64]}/{id[:64]}")
    return [number_of(type), id]


def _with_meta(resource: Resource, id: str, version: int, now: datetime) -> Resource:
    meta = {**(resource.get("meta") or {}), "versionId": str(version), "lastUpdated": fhir_instant(now)}
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": resource["resourceType"], "id": id, "meta": meta, **rest}


def _bare(resource: Resource, id: str) -> Resource:
    """Without what the record sets itself."""
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k not in ("versionId", "lastUpdated")}
    bare = {name: value for name, value in resource.items() if name != "meta"}
    return {**bare, "id": id, **({"meta": meta} if meta else {})}


def _in_our_words(failed: BaseException) -> CareError:
    """The database's errors as ours. Nothing of their text is passed on: it may quote values."""
    cause = failed.__cause__ if isinstance(failed, DatabaseError) and failed.__cause__ else failed
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return TooCostly()
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return AlreadyExists() if cause.diag.table_name == "heads" else Conflict()
    if isinstance(cause, psycopg.Error) and "audit" in (cause.diag.message_primary or ""):
        return AuditUnavailable()
    return RecordUnavailable()
