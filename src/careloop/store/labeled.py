"""Security labels inside a unit of work: computed for each version that is written, from its words and from what it
cites; and brought along when what a resource cites changes.

A version says its labels in meta.security. `heads.labels` is what counts for access, and may know more: what a resource
cites may get a label later, without a new version of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from careloop.access import labels
from careloop.fhir.definitions import search_params
from careloop.fhir.elements import Resource
from careloop.fhir.terms import key_of
from careloop.library.carried import carrying, received
from careloop.library.labeling import MAKES_PART2, cited, labels_of
from careloop.library.labels import rules
from careloop.store import bodies, keys
from careloop.store.arrays import numbers

if TYPE_CHECKING:
    from careloop.store.stored import Stored
    from careloop.store.unit import Unit

# What is known of the things cited, by address. makes: whether it is an Organization whose records are Part 2, or the
# role of somebody there.
LOOK_UP: Final = """
select i.type, i.id, h.labels, {makes} from unnest(%s::integer[], %s::text[]) as wanted(type, id)
join ids i on i.type = wanted.type and i.id = wanted.id join heads h on h.person = i.person and h.rid = i.rid
"""
_IS_MAKER: Final = """exists (select from index_token t where t.person = 0 and t.rid = {rid} and t.param = {type}
  and (t.system, t.code) in ({makers}))"""
# Whoever cites something of hers is hers too; what she has is little enough to be read whole.
OF_PERSON: Final = """
select i.type, i.id, h.rid, h.labels, v.codec, v.body, h.version from heads h join ids i on i.rid = h.rid
join versions v on v.person = h.person and v.rid = h.rid and v.version = h.version
where h.person = %s and h.state = 1
"""
SET_LABELS: Final = f"""
update heads h set labels = (h.labels & {labels.RESTRICTED}) | u.labels
from unnest(%s::bigint[], %s::integer[], %s::integer[]) as u(rid, labels, version)
where h.person = %s and h.rid = u.rid and h.version = u.version returning h.rid
"""
_INHERITED: Final = labels.SENSITIVE | MAKES_PART2
# Labels that lead to labels: this often, and then it is a circle.
_ROUNDS: Final = 25


class Labeled(NamedTuple):
    resource: Resource
    bits: int


class Labels:
    """known: bits of what was cited or written in this unit, by reference. changed: what others may have read
    otherwise. followed: rids whose labels changed without a version, for the projectors."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.changed: set[str] = set()
        self.followed: set[int] = set()

    def of(self, cursor: Any, resource: Resource, old: Resource | None, *, may_lift: bool) -> Labeled:
        """The resource with its labels. old: the version before. may_lift: whether a person at a page writes."""
        came = received(resource, old, may_lift=may_lift)
        found = cited(came)
        self.look_up(cursor, found.all)
        kept = carrying(came, old, 0)
        bits = labels_of(kept, self.known, found=found)
        return Labeled(carrying(kept, None, bits) if bits else kept, bits)

    def look_up(self, cursor: Any, references: Iterable[str]) -> None:
        wanted = {r: parts for r in references if r not in self.known and (parts := keys.parts_of(r))}
        if not wanted:
            return
        types, ids = zip(*wanted.values(), strict=True)
        rows = cursor.execute(_look_up(), [[keys.number_of(t) for t in types], list(ids)]).fetchall()
        found = {(keys.name_of(row[0]), row[1]): row[2] | (MAKES_PART2 if row[3] else 0) for row in rows}
        self.known.update({reference: found.get(parts, 0) for reference, parts in wanted.items()})

    def is_maker(self, reference: str) -> bool:
        return bool(self.known.get(reference, 0) & MAKES_PART2)

    def wrote(self, after: Stored, bits: int, before: Resource | None, *, is_new_key: bool) -> None:
        """before: the body of the version before. is_new_key: nobody outside of this unit can have cited it. Whoever
        cites it is looked at when its labels differ from what they could read of it."""
        whole = bits | _makes(after)
        was = self.known.get(after.reference)
        if was is None and before is not None:
            was = labels_of(before, self.known)
        is_read = was is not None or not is_new_key
        if is_read and (was or 0) & _INHERITED != whole & _INHERITED:
            self.changed.add(after.reference)
        self.known[after.reference] = whole

    def settle(self, unit: Unit) -> None:
        """Brings along what cites something whose labels changed in this unit. After `flush`."""
        if not self.changed:
            return
        latest = {change.stored.rid: change.stored for change in unit.changes}
        named = {stored.reference: stored for stored in latest.values()}
        for person in sorted({named[r].person for r in self.changed if r in named} - {0}):
            changed = set(self.changed)
            while missed := self._follow(unit, person, changed):
                changed |= missed

    def _follow(self, unit: Unit, person: int, changed: set[str]) -> set[str]:
        """Whose labels it computed, when one of them had a newer version meanwhile and must be computed again."""
        rows = unit.cursor().execute(OF_PERSON.encode(), [person]).fetchall()
        bodies_of = {f"{keys.name_of(r[0])}/{r[1]}": (r[2], bodies.unpack(r[4], r[5])) for r in rows}
        has = {f"{keys.name_of(r[0])}/{r[1]}": r[3] & ~labels.RESTRICTED for r in rows}
        citing = {reference: cited(body) for reference, (_, body) in bodies_of.items()}
        self.look_up(unit.cursor(), {r for each in citing.values() for r in each.all} - has.keys())
        looked_up = {**self.known, **has}
        found: dict[str, int] = {}
        for _ in range(_ROUNDS):
            touched = [r for r, each in citing.items() if each.all & changed]
            changed = set()
            for reference in touched:
                bits = labels_of(bodies_of[reference][1], looked_up)
                if bits != looked_up[reference] & ~MAKES_PART2:
                    looked_up[reference] = found[reference] = bits
                    changed.add(reference)
            if not changed:
                break
        self.known.update(found)
        versions = {r[2]: r[6] for r in rows}
        rids = {bodies_of[reference][0]: bits for reference, bits in found.items()}
        self.followed |= rids.keys()
        return set() if set_labels(unit.cursor(), person, rids, versions) else set(found)


def set_labels(cursor: Any, person: int, found: Mapping[int, int], versions: Mapping[int, int]) -> bool:
    """By rid, on the versions that they were computed from. Whether all of them are still current: labels of a newer
    one, which says something else, stay as they are."""
    if not found:
        return True
    of = (versions[rid] for rid in found)
    given = [numbers(found.keys()), numbers(found.values()), numbers(of), person]
    return len(cursor.execute(SET_LABELS.encode(), given).fetchall()) == len(found)


def _makes(stored: Stored) -> int:
    if stored.type != "Organization":
        return 0
    makers = rules().makers
    said = (
        (coding.get("system", ""), coding.get("code", ""))
        for concept in stored.again().resource.get("type", ())
        for coding in concept.get("coding", ())
    )
    return MAKES_PART2 if any(coded in makers for coded in said) else 0


def _look_up() -> bytes:
    """Constants of our own only."""
    makers = ", ".join(f"({key_of(system)}, '{code}')" for system, code in rules().makers)
    by_type = search_params("Organization")["type"].id
    by_organization = search_params("PractitionerRole")["organization"].id
    itself = _IS_MAKER.format(rid="h.rid", type=by_type, makers=makers)
    through = (
        f"(h.type = {keys.number_of('PractitionerRole')} and exists (select from index_reference r"
        f" where r.person = 0 and r.rid = h.rid and r.param = {by_organization} and "
        + _IS_MAKER.format(rid="r.target", type=by_type, makers=makers)
        + "))"
    )
    return LOOK_UP.format(makes=f"({itself} or {through})").encode()
