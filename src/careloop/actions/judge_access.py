"""Follows the audit trail and raises alerts about odd access, for the privacy officer. `careloop work` calls `run` each
minute; what was judged once is not judged again, and nobody who was flagged is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from careloop.access import Scope, labels, system_actor
from careloop.accounts.models import User
from careloop.actions import record
from careloop.care import odd_access
from careloop.care.odd_access import Day, Known, Look
from careloop.fhir.elements import Resource
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import Library, Rule
from careloop.projections import looks, sources
from careloop.projections.alerts import raise_alert
from careloop.projections.looks import Row
from careloop.projections.relations import Pair, relations
from careloop.store import Unit
from careloop.store.audit import DENIED

RULE: Final = "odd-access"
KIND: Final = "odd-access"
_SEARCHES: Final = ("find", "search", "emergency search")


def scope() -> Scope:
    return Scope(system_actor("reactions"), "work", "operations")


def run(now: datetime, content: Library, limit: int = 2_000) -> int:
    """How many rows were judged. Repeated after a failure it raises nothing twice."""
    ends = looks.ends()  # first: what comes while we look is judged the next time
    rows = looks.unjudged(limit)
    reached = _reached(rows) if len(rows) == limit else {**_reached(rows), **_later(ends, _reached(rows))}
    rule = content.rule(RULE, now.date())
    users = User.objects.in_bulk({row.actor for row in rows}, field_name="principal_id") if rows else {}
    own = [row for row in rows if row.actor in users]
    if own and rule.is_on:
        with record.begin(scope(), now) as unit:
            judge = _Judge(unit, users, rule)
            judge.each_look(own)
            judge.each_day(own)
    looks.judged(reached)
    return len(rows)


def _later(ends: Mapping[int, int], reached: Mapping[int, int]) -> dict[int, int]:
    return {lane: max(seq, reached.get(lane, 0)) for lane, seq in ends.items()}


def _reached(rows: Sequence[Row]) -> dict[int, int]:
    """Rows come lane by lane: the last lane may have more."""
    return {row.lane: row.seq for row in rows}


@dataclass
class _Judge:
    unit: Unit
    users: Mapping[int, User]
    rule: Rule

    def each_look(self, rows: Iterable[Row]) -> None:
        """One alert a day for somebody of the staff and a person, whatever the reasons."""
        looked: dict[Pair, list[Row]] = defaultdict(list)
        for row in rows:
            for person in row.opened:
                looked[row.actor, person].append(row)
        joined = relations(
            self.unit, looked, self.unit.now, timedelta(days=self.rule.integer("related_days"))
        )
        barred, whom = self._barred(looked), self._people({person for _, person in looked})
        who = self._staff({principal for principal, _ in looked})
        for (principal, person), theirs in looked.items():
            look = Look(
                joined[principal, person],
                was_refused=all(row.outcome == DENIED for row in theirs),
                is_barred=(principal, person) in barred,
            )
            today = theirs[0].at.date()
            reasons = odd_access.odd(
                look, who.get(principal, Known()), whom.get(person, Known()), self.rule, today
            )
            if reasons:
                self._raise(principal, person, theirs[0], reasons)

    def each_day(self, rows: Sequence[Row]) -> None:
        for principal in sorted({row.actor for row in rows}):
            theirs = [row for row in rows if row.actor == principal]
            tz = _zone(self.users[principal])
            for day in sorted({row.at.astimezone(tz).date() for row in theirs}):
                begin = datetime.combine(day, time(), tz)
                found = self._day(principal, begin, tz, theirs)
                if reasons := odd_access.odd_day(found, self.rule):
                    self._raise(principal, 0, theirs[-1], reasons)

    def _day(self, principal: int, begin: datetime, tz: ZoneInfo, rows: Sequence[Row]) -> Day:
        """Nights and searches are only counted when these rows show some."""
        usual = looks.people_by_day(
            self.unit, principal, begin - timedelta(days=self.rule.integer("usual_days"))
        )
        today = usual.pop(begin.date(), 0)
        is_worth_it = any(self._is_night(row, tz) or _is_search(row) for row in rows)
        all_day = (
            list(looks.of_actor(self.unit, principal, begin, begin + timedelta(days=1)))
            if is_worth_it
            else []
        )
        at_night = {person for row in all_day if self._is_night(row, tz) for person in row.opened}
        return Day(
            people=today,
            night_people=len(at_night),
            unrelated=len(self._unrelated(principal, all_day)),
            usual=tuple(usual.values()),
            nights=self._nights(principal, begin, tz) if at_night else 0,
            is_on_call=self.users[principal].on_call_rank > 0,
        )

    def _unrelated(self, principal: int, rows: Sequence[Row]) -> set[int]:
        """Opened after a search had shown them, by somebody of the same site who did nothing for them."""
        searched: set[int] = set()
        opened: set[int] = set()
        done: set[int] = set()
        for row in rows:
            searched |= set(row.people) if _is_search(row) else set()
            opened |= row.opened & searched
            done |= set(row.people) if row.action in "CUD" else set()
        found = opened - done
        joined = relations(self.unit, [(principal, person) for person in found], self.unit.now)
        return {person for person in found if not joined[principal, person].is_care}

    def _nights(self, principal: int, begin: datetime, tz: ZoneInfo) -> int:
        since = begin - timedelta(days=self.rule.integer("usual_days"))
        before = looks.of_actor(self.unit, principal, since, begin)
        return len({row.at.astimezone(tz).date() for row in before if self._is_night(row, tz) and row.opened})

    def _is_night(self, row: Row, tz: ZoneInfo) -> bool:
        return odd_access.is_night(row.at.astimezone(tz).hour, self.rule)

    def _raise(self, principal: int, person: int, row: Row, reasons: Sequence[odd_access.Because]) -> None:
        kinds = "+".join(reason.code for reason in reasons) if not person else "look"
        raise_alert(
            self.unit,
            KIND,
            person,
            principal,
            [reason.told() for reason in reasons],
            key=f"{KIND}:{kinds}:{person}:{principal}:{row.at:%Y-%m-%d}",
            row=(row.lane, row.seq),
            at=row.at,
        )

    # --- what is known of both sides

    def _staff(self, principals: Collection[int]) -> dict[int, Known]:
        """From her Practitioner; her family name from the account when the record has none."""
        named = {p: f"Practitioner/{self.users[p].practitioner}" for p in principals}
        found = self.unit.get([reference for reference in named.values() if len(reference) > 13])
        known = {}
        for principal, reference in named.items():
            resource: Resource = found[reference].resource if reference in found else {}
            words = self.users[principal].name.split(",")[0].split()
            spoken: Resource = {"name": [{"family": words[-1], "given": words[:1]}]} if words else {}
            known[principal] = odd_access.known_of(
                resource if resource.get("name") else {**resource, **spoken}
            )
        return known

    def _people(self, people: Collection[int]) -> dict[int, Known]:
        if not people:
            return {}
        rows = self.unit.cursor().execute(
            "select person, labels from people where person = any(%s::bigint[])", [sorted(people)]
        )
        bits: dict[int, int] = dict(rows.fetchall())
        return {
            stored.person: odd_access.known_of(
                stored.resource, is_vip=bool(bits.get(stored.person, 0) & labels.VIP)
            )
            for stored in sources.of_people(self.unit, people, ("Patient",))
        }

    def _barred(self, pairs: Collection[Pair]) -> set[Pair]:
        rows = self.unit.cursor().execute(
            "select principal, person from denies where principal = any(%s::integer[])",
            [sorted({principal for principal, _ in pairs})],
        )
        return set(rows.fetchall()) & set(pairs)


def _is_search(row: Row) -> bool:
    return any(said[1] in _SEARCHES for said in row.said if len(said) > 1)


def _zone(user: User) -> ZoneInfo:
    try:
        return zone(user.zone or "UTC")
    except UnknownZone:
        return ZoneInfo("UTC")
