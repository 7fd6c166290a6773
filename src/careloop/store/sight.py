"""What a unit of work may see: the rule for the type first, then the condition over people in SQL, before any LIMIT.
And the integer keys of references, which say nothing about anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from careloop.access import (
    PERSONAL,
    Condition,
    Decision,
    Everyone,
    Interaction,
    NotLabeled,
    Scope,
    decide,
    is_of_anybody,
    labels,
    without_labels,
)
from careloop.access.conditions import all_of
from careloop.fhir.definitions import RESOURCE_TYPES
from careloop.fhir.index import VERSION as INDEX_VERSION
from careloop.fhir.search import parse
from careloop.kernel.errors import Forbidden, Gone, NotFound
from careloop.kernel.ids import is_fhir_id
from careloop.store import conditions, keys, labeled, reading, search, wall
from careloop.store.arrays import numbers, texts
from careloop.store.commit import Commit
from careloop.store.keys import number_of
from careloop.store.stored import Page, Projector, Stored

Pairs = Sequence[tuple[str, str]] | Mapping[str, str]


class Sight(Commit):
    """Reads, searches and keys."""

    def __init__(self, scope: Scope, now: datetime, projectors: tuple[Projector, ...]) -> None:
        super().__init__(scope, now, projectors)
        self._latest: dict[tuple[str, str], Stored] = {}
        self._stale_index: set[int] = set()
        self._labels = labeled.Labels()
        self._kept_out = 0
        self._decided: dict[tuple[Interaction, str], Decision] = {}

    # --- access

    def condition(self, type: str = "Patient", interaction: Interaction = "read") -> Condition:
        """Whose rows of this type the actor may see. Raises Forbidden when no rule speaks for it."""
        decision = self._decide(interaction, type)
        if not decision.allowed:
            self._deny(interaction, type, None, ())
            raise Forbidden(decision.reason)
        found = decision.condition
        return all_of(found, NotLabeled(self._kept_out)) if self._kept_out else found

    def _decide(self, interaction: Interaction, type: str) -> Decision:
        """The policy's answer, asked once a unit: its actor does not change, and a page asks a hundred times."""
        found = self._decided.get((interaction, type))
        if found is None:
            found = self._decided[interaction, type] = decide(self.scope.actor, interaction, type)
        return found

    def keep_out(self, bits: int) -> None:
        """From here on this unit shows nothing that carries one of these labels: for what is handed on paper to
        somebody whose reading we do not know."""
        self._kept_out |= bits

    def people_sql(
        self, condition: Condition, alias: str, *, labels: str | None = None
    ) -> tuple[str, list[Any]]:
        """A boolean SQL expression over the column `alias`, and its parameters. labels: the column of the row's own
        label bits; left out only where a row stands for a whole person."""
        return conditions.compile_condition(condition, alias, now=self.now, labels_column=labels)

    def rows_sql(
        self, condition: Condition, alias: str, *, labels: str | None = None
    ) -> tuple[str, list[Any]]:
        """As people_sql, of rows that tell of one resource: with its person, its rid, and its labels. labels: where
        those stand, when not in the row alone."""
        return conditions.compile_condition(
            condition,
            f"{alias}.person",
            now=self.now,
            labels_column=labels or f"{alias}.labels",
            rid_column=f"{alias}.rid",
            nobodys=False,
        )

    def makes_part2(self, reference: str) -> bool:
        """Whether records of this Organization are 42 CFR Part 2."""
        self._labels.look_up(self._keeper.cursor(), [reference])
        return self._labels.is_maker(reference)

    def is_sensitive(self, references: Iterable[str]) -> bool:
        """Whether one of these carries a label that not everybody who sees the person may see; also of what this unit
        wrote."""
        wanted = sorted(set(references))
        self._labels.look_up(self._keeper.cursor(), wanted)
        return any(self._labels.known.get(each, 0) & labels.SENSITIVE for each in wanted)

    def may_search(self, type: str) -> bool:
        """Whether any rule lets the actor look for such things at all."""
        return self._decide("search", type).allowed

    def may_look_back(self, type: str) -> bool:
        """Whether older versions of such things are open to the actor: to an app that was given some of them, none."""
        return self._decide("history", type).allowed

    def may_see(self, person: int) -> bool:
        """Whether the actor may read this person's own record."""
        if not self._decide("read", "Patient").allowed:
            return False
        return person not in self._not_allowed(self.condition(), [person])

    @property
    def relabeled(self) -> frozenset[int]:
        """Keys of what got other labels in this unit without a version of its own: for the projectors."""
        return frozenset(self._labels.followed)

    def saw(self, people: Iterable[int], what: str) -> None:
        """Writes into the audit row what was read through projections."""
        self._trail.note("E", [what], people)

    def _allowed(self, interaction: Interaction, type: str) -> tuple[str, list[Any]]:
        """Whether a row `h` of heads may be seen; of a history, also the version `v`, which may lie at the home
        of somebody else: there the resource was before it moved."""
        condition = self.condition(type, interaction)
        if interaction != "history":
            return self.heads_sql(condition, type)
        # What a later version does not say any more, this one still says.
        said, given = self.heads_sql(condition, type, labels="(h.labels | v.labels)")
        if is_of_anybody(condition):
            return said, given
        before, told = conditions.compile_condition(without_labels(condition), "v.person", now=self.now)
        return f"{said} and (v.person = h.person or {before})", [*given, *told]

    def heads_sql(
        self, condition: Condition, type: str, *, labels: str = "h.labels"
    ) -> tuple[str, list[Any]]:
        """Over a row `h` of heads of this type."""
        nobodys = type == "Task" or type not in PERSONAL or is_of_anybody(condition)
        return conditions.compile_condition(
            condition,
            "h.person",
            now=self.now,
            labels_column=labels,
            rid_column="h.rid",
            nobodys=nobodys,
        )

    def withholds(self, people: int | Collection[int], type: str = "Patient") -> bool:
        """Whether something in their records is not shown to this actor for what it is about: what is shown may be
        incomplete. Why, is said to nobody; so it looks at whole records, never at what was asked for."""
        wanted = sorted({people} if isinstance(people, int) else people)
        if not wanted:
            return False
        condition = self.condition(type, "search")
        said, given = self.heads_sql(condition, type)
        if said == "true":
            return False
        hers, known = self.heads_sql(without_labels(condition), type)
        self.flush()
        labeled = (
            "select from heads h where h.person = any(%s::bigint[]) and h.person <> 0 and h.state = 1"
            f" and h.labels <> 0 and {hers} and not {said}"
        )
        found = self._run(f"select exists ({labeled})", [wanted, *known, *given]).fetchone()
        return bool(found and found[0])

    def _not_allowed(self, condition: Condition, people: Collection[int]) -> set[int]:
        wanted = {person for person in people if person}
        if isinstance(condition, Everyone) or not wanted:
            return set()
        self.flush()
        said, parameters = conditions.compile_condition(condition, "u.person", now=self.now)
        query = f"select u.person from unnest(%s::bigint[]) as u(person) where ({said})"
        rows = self._keeper.cursor().execute(query, [list(wanted), *parameters]).fetchall()
        return wanted - {row[0] for row in rows}

    def _deny(self, what: str, type: str, rid: int | None, people: Iterable[int]) -> None:
        self._denied = True
        number = number_of(type) if type in RESOURCE_TYPES else None
        self._trail.note("E", ["denied", what, type], people, (number, rid) if number else None)

    def _check_after(self) -> None:
        """Writes are judged by what they lead to as well: once the projectors have written the new facts."""
        by_rule: dict[tuple[Condition, str], dict[int, int]] = {}
        for change in self.changes:
            stored = change.stored
            condition = without_labels(self.condition(stored.type, change.op))
            if not isinstance(condition, Everyone):
                by_rule.setdefault((condition, stored.type), {})[stored.rid] = stored.person
        for (condition, type), written in by_rule.items():
            said, given = self.heads_sql(condition, type)
            self.flush()
            ours = "select h.person from heads h where h.person = any(%s::bigint[]) and h.rid = any(%s::bigint[])"
            homes = sorted(set(written.values()))
            query = f"{ours} and not {said}"
            rows = self._keeper.cursor().execute(query.encode(), [homes, list(written), *given])
            if refused := {row[0] for row in rows.fetchall()}:
                self._deny("write", type, None, refused)
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
        try:
            found = self._current(type, id, "read")
        except NotFound:  # hidden; the denial is noted
            return None
        return None if found is None or found.is_deleted else found.again()

    def read_version(self, type: str, id: str, version: int) -> Stored:
        rows = self._visible(reading.READ_VERSION, "history", type, [version, *_address(type, id)])
        if not rows:
            self._deny_behind_the_wall("history", type, [id])
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
            if self._decide("read", kind).allowed:
                by_type.setdefault(kind, []).append(id)
        found: dict[tuple[str, str], Stored] = {}
        for kind, ids in by_type.items():
            parameters = [[number_of(kind)] * len(ids), ids]
            seen = {(s.type, s.id): s for s in self._visible(reading.READ_MANY, "read", kind, parameters)}
            self._deny_behind_the_wall("read", kind, [id for id in ids if (kind, id) not in seen])
            found.update(seen)
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
            if self._deny_behind_the_wall(interaction, type, [id]):
                raise NotFound(f"{type}/{id}")
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

    def _deny_behind_the_wall(self, interaction: Interaction, type: str, ids: Sequence[str]) -> bool:
        """What the second wall hides looks as if it were not there; that somebody tried is a row of the trail all the
        same. Whether there was such a thing."""
        if not ids or self._keeper.wall == wall.DOWN:
            return False
        rows = self._run(reading.WALLED, [number_of(type), list(ids)]).fetchall()
        if rows:
            self._deny(interaction, type, rows[0][0], {row[1] for row in rows})
        return bool(rows)

    def _note_read(self, stored: Stored) -> None:
        people = [stored.person]
        self._trail.note(
            "R", [stored.reference, stored.version], people, (number_of(stored.type), stored.rid)
        )


def _address(type: str, id: str) -> list[Any]:
    """As the tables know it. What can't be an id of FHIR can't be there, and is not asked for."""
    if type not in RESOURCE_TYPES or not is_fhir_id(id):
        raise NotFound(f"{type[:64]}/{id[:64]}")
    return [number_of(type), id]
