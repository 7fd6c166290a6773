"""The unit of work: everything that reads or writes the record goes through one, and commits or fails as a whole.

Opened with a Scope, which has no default. How it ends is in `commit.py`, what it may see in `sight.py`; here is what
it may write: judged by the policy on the version before and, once the projectors have written the new facts, on the one
after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from careloop.access import Scope
from careloop.fhir import validate
from careloop.fhir.elements import Resource, fhir_instant
from careloop.fhir.index import extract
from careloop.fhir.search import parse
from careloop.kernel.errors import Gone, NotFound, StaleVersion
from careloop.kernel.ids import new_id
from careloop.store import bodies, keys, labeled, wall, writing
from careloop.store.errors import AlreadyExists, JoinedRecord, ManyMatches
from careloop.store.homes import belonging
from careloop.store.keys import number_of
from careloop.store.sight import Pairs, Sight
from careloop.store.stored import OP_NUMBER, Change, Op, Projector, Stored


def open(scope: Scope, *, now: datetime, projectors: Iterable[Projector] = ()) -> Unit:
    """A unit of work as a context manager: commits at its end, rolls back on an exception."""
    return Unit(scope, now, tuple(projectors))


class Unit(Sight):
    """What the record opens with."""

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
        old = before.again().resource
        kept = self._labeled(resource, old)
        if before.is_deleted:
            return self._stage(kept, before, "update")
        if bodies.is_same(_bare(kept.resource, id), _bare(old, id)):
            return before.again()
        if type == "Patient" and _joined_into(resource) != _joined_into(old):
            raise JoinedRecord
        return self._stage(kept, before, "update", old)

    def carry(self, before: Stored, resource: Resource, *, is_indexed: bool = True) -> Stored:
        """Writes the next version of what was read under lock, also when it says the same: of a merge, which moves what
        it does not change. is_indexed: whether its index rows are of our version."""
        self.condition(before.type, "update")
        if not is_indexed:
            self._stale_index.add(before.rid)
        old = before.again().resource
        return self._stage(self._labeled(resource, old), before, "update", old)

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
        return self._stage(self._labeled(old, old), before, "delete", old)

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
        return self._stage(self._labeled({**resource, "id": id}, None), None, "create")

    def _labeled(self, resource: Resource, old: Resource | None) -> labeled.Labeled:
        may_lift = self.scope.door in ("page", "command")
        return self._labels.of(self._keeper.cursor(), resource, old, may_lift=may_lift)

    def _stage(
        self, kept: labeled.Labeled, before: Stored | None, op: Op, old: Resource | None = None
    ) -> Stored:
        """old: the version before, when that was live."""
        resource, bits = kept
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
                before=before,
                after=after,
                rows=rows,
                old_rows=extract(old) if old is not None else None,
                was_person=was_person,
                others=[] if op == "delete" else others,
                was_indexed=is_current,
                labels=bits,
            )
        )
        self._labels.wrote(after, bits, old, is_new_key=(type, id) in self._new_keys)
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

    def _project(self) -> None:
        """A projector may cause no further changes of resources; it writes its own tables."""
        if not self.changes:
            return
        self.flush()
        with wall.lowered(self._keeper):
            self._labels.settle(self)
            if self._projectors:
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


def _with_meta(resource: Resource, id: str, version: int, now: datetime) -> Resource:
    meta = {**(resource.get("meta") or {}), "versionId": str(version), "lastUpdated": fhir_instant(now)}
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": resource["resourceType"], "id": id, "meta": meta, **rest}


def _joined_into(patient: Resource) -> list[Resource]:
    return [each for each in patient.get("link", ()) if each.get("type") == "replaced-by"]


def _bare(resource: Resource, id: str) -> Resource:
    """Without what the record sets itself."""
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k not in ("versionId", "lastUpdated")}
    bare = {name: value for name, value in resource.items() if name != "meta"}
    return {**bare, "id": id, **({"meta": meta} if meta else {})}
