"""What joins members of the staff to people: leads her, is on her team, has work for her, wrote in her record, covers,
opened it in an emergency, works at her site, or nothing. For alerts and for the words of the audit viewer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careloop.accounts.models import User
from careloop.care.odd_access import Relation
from careloop.store import Unit

Pair = tuple[int, int]  # principal, person

RECENT: Final = timedelta(days=30)
_PERSON, _LEAD, _EMERGENCIES = 1, 4, (6, 7)  # kinds of grants


@dataclass(frozen=True)
class Staff:
    """An account as numbers of the record."""

    principal: int
    practitioner: int | None
    sites: frozenset[int]
    teams: frozenset[int]


def staff_of(unit: Unit, principals: Collection[int]) -> dict[int, Staff]:
    users = User.objects.filter(principal_id__in=list(principals))
    return {user.principal_id: _staff(unit, user) for user in users}


def _staff(unit: Unit, user: User) -> Staff:
    def rids(kind: str, ids: Iterable[str]) -> frozenset[int]:
        return frozenset(rid for id in ids if (rid := unit.rid_of(f"{kind}/{id}")) is not None)

    practitioner = unit.rid_of(f"Practitioner/{user.practitioner}") if user.practitioner else None
    return Staff(
        user.principal_id, practitioner, rids("Organization", user.sites), rids("CareTeam", user.teams)
    )


def relations(
    unit: Unit, pairs: Collection[Pair], at: datetime, recent: timedelta = RECENT
) -> dict[Pair, Relation]:
    """The strongest of each pair. Pairs of principals who are no staff are left out."""
    staff = staff_of(unit, {principal for principal, _ in pairs})
    known = [pair for pair in pairs if pair[0] in staff]
    if not known:
        return {}
    found = _by_facts(unit, known, staff)
    for pair, relation in _by_deeds(unit, known, staff, at, at - recent):
        if pair in found:
            found[pair] = max(found[pair], relation)
    return found


def _by_facts(unit: Unit, pairs: Collection[Pair], staff: dict[int, Staff]) -> dict[Pair, Relation]:
    rows = unit.cursor().execute(
        "select person, site, team, lead from people where person = any(%s::bigint[])",
        [sorted({person for _, person in pairs})],
    )
    facts = {row[0]: row[1:] for row in rows.fetchall()}
    found = {}
    for principal, person in pairs:
        one = staff[principal]
        site, team, lead = facts.get(person, (None, None, None))
        if lead is not None and lead == one.practitioner:
            found[principal, person] = Relation.LEAD
        elif team in one.teams:
            found[principal, person] = Relation.TEAM
        else:
            found[principal, person] = Relation.SITE if site in one.sites else Relation.NONE
    return found


def _by_deeds(
    unit: Unit, pairs: Collection[Pair], staff: dict[int, Staff], at: datetime, since: datetime
) -> Iterable[tuple[Pair, Relation]]:
    principals, people = [sorted({pair[side] for pair in pairs}) for side in (0, 1)]
    cursor = unit.cursor()
    owners = {one.practitioner: one.principal for one in staff.values() if one.practitioner}
    rows = cursor.execute(
        "select distinct owner, person from work where person = any(%s::bigint[]) and owner = any(%s::bigint[]) "
        "and (is_open or since >= %s)",
        [people, sorted(owners), since],
    )
    yield from (((owners[owner], person), Relation.WORK) for owner, person in rows.fetchall())
    rows = cursor.execute(
        "select distinct actor, person from audit_person where person = any(%s::bigint[]) and day >= %s "
        "and actor = any(%s::integer[]) and action in ('C', 'U')",
        [people, since.date(), principals],
    )
    yield from (((actor, person), Relation.WROTE) for actor, person in rows.fetchall())
    yield from _by_grants(unit, principals, people, at)


def _by_grants(
    unit: Unit, principals: list[int], people: list[int], at: datetime
) -> Iterable[tuple[Pair, Relation]]:
    rows = unit.cursor().execute(
        "select g.principal, p.person, g.kind from grants g join people p on p.person = any(%s::bigint[]) "
        "and ((g.kind = any(%s::smallint[]) and g.value = p.person) or (g.kind = %s and g.value = p.lead)) "
        "where g.principal = any(%s::integer[]) and g.since <= %s and (g.until is null or g.until > %s)",
        [people, [_PERSON, *_EMERGENCIES], _LEAD, principals, at, at],
    )
    for principal, person, kind in rows.fetchall():
        yield (principal, person), Relation.EMERGENCY if kind in _EMERGENCIES else Relation.COVER
