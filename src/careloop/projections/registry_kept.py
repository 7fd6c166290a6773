"""What the registry remembers: problems and needs that hold, the newest contact, and each measure from where treatment
began to now. `registry.py` reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, text_of
from careloop.projections import sources
from careloop.projections.moments import NEEDS
from careloop.store import Change, Stored, Unit

NO_LONGER: Final = frozenset({"inactive", "remission", "resolved"})
NOT_SO: Final = frozenset({"refuted", "entered-in-error", "provisional", "unconfirmed", "differential"})
MEASURED: Final = ("Observation", "QuestionnaireResponse", "EpisodeOfCare")

HEARD: Final = """
insert into heard(person, rid, at) select distinct on (s.person) s.person, s.rid, s.at from story s
where s.kind = 'contact' and s.person = any(%s::bigint[]) order by s.person, s.at desc, s.rid desc
"""
# A value from up to 30 days before an enrollment is where its treatment began: people are measured, then enrolled.
COURSES: Final = """
with measured(person, measure, at, value, second, rid) as (
  select s.person, 'score:' || s.instrument, s.at, s.value, null::numeric, s.response from scores s
  where s.person = any(%s::bigint[]) and s.scale = '' and s.value is not null
  union all
  select r.person, 'reading:' || r.kind, r.at, r.value, r.second, r.observation from readings r
  where r.person = any(%s::bigint[]) and r.state = 'ok'),
since(person, at) as (
  select e.person, min(e.since) - interval '30 days' from enrolled e
  where e.person = any(%s::bigint[]) and e.until is null group by e.person),
began as (
  select distinct on (m.person, m.measure) m.* from measured m left join since s on s.person = m.person
  order by m.person, m.measure, (m.at >= coalesce(s.at, m.at)) desc, m.at, m.rid),
newest as (
  select distinct on (m.person, m.measure) m.* from measured m order by m.person, m.measure, m.at desc, m.rid desc)
insert into courses(person, measure, began_at, began, began_second, began_rid, at, value, second, rid)
select n.person, n.measure,
  least(b.at, n.at), case when b.at <= n.at then b.value else n.value end,
  case when b.at <= n.at then b.second else n.second end, case when b.at <= n.at then b.rid else n.rid end,
  n.at, n.value, n.second, n.rid
from newest n join began b on b.person = n.person and b.measure = n.measure
"""


class Registry:
    """The projector; it comes after those of people, the story, readings and scores, whose rows it reads."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        cursor = unit.cursor()
        if told := sources.latest(changes, ("Condition",)):
            cursor.execute("delete from held where rid = any(%s::bigint[])", [list(told)])
            _keep_held(cursor, [change.after for change in told.values() if change.after])
        if talked := sources.homes(changes, ("Encounter",)):
            _keep_heard(cursor, talked)
        if measured := sources.homes(changes, MEASURED):
            _keep_courses(cursor, measured)

    def rebuild(self, unit: Unit) -> None:
        cursor = unit.cursor()
        for table in ("held", "heard", "courses"):
            cursor.execute(f"delete from {table}")
        fill(cursor, sources.every(unit, ("Condition",)))


def fill(cursor: Any, conditions: Iterable[Sequence[Stored]]) -> None:
    """Into empty tables. conditions: every live one, in batches."""
    for batch in conditions:
        _keep_held(cursor, batch)
    for people in _everybody(cursor):
        _keep_heard(cursor, people)
        _keep_courses(cursor, people)


EVERYBODY: Final = """
select person from heads where state = 1 and person > %s group by person order by person limit 2000"""


def _everybody(cursor: Any) -> Iterator[list[int]]:
    """Whoever has anything at her home; there may be no Patient in it (yet)."""
    last = 0
    while True:
        cursor.execute(EVERYBODY, [last])
        found = [row[0] for row in cursor.fetchall()]
        if not found:
            return
        yield found
        last = found[-1]


def _keep_heard(cursor: Any, people: Collection[int]) -> None:
    whose = sorted(people)
    cursor.execute("delete from heard where person = any(%s::bigint[])", [whose])
    cursor.execute(HEARD, [whose])


def _keep_courses(cursor: Any, people: Collection[int]) -> None:
    whose = sorted(people)
    cursor.execute("delete from courses where person = any(%s::bigint[])", [whose])
    cursor.execute(COURSES, [whose, whose, whose])


def _keep_held(cursor: Any, conditions: Iterable[Stored]) -> None:
    rows = [
        (stored.person, stored.rid, is_need, icd, words)
        for stored in conditions
        if stored.person and (found := held_of(stored.resource))
        for is_need, icd, words in [found]
    ]
    if rows:
        cursor.executemany(
            "insert into held(person, rid, is_need, icd, words) values (%s, %s, %s, %s, %s)", rows
        )


def held_of(condition: Resource) -> tuple[bool, str | None, str] | None:
    """(whether it is a need of the plan, its ICD-10-CM code, its words); None when it does not hold now. A barrier is
    met within the plan and is neither."""
    said = {code for _, code in codings(condition.get("clinicalStatus"))}
    doubt = {code for _, code in codings(condition.get("verificationStatus"))}
    kinds = {code for concept in condition.get("category", ()) for _, code in codings(concept)}
    words = text_of(condition.get("code"))
    is_need = bool(kinds & NEEDS)
    if said & NO_LONGER or doubt & NOT_SO or "barrier" in kinds or not words:
        return None
    if is_need and "confirmed" not in doubt:
        return None
    return is_need, code_in(condition.get("code"), uris.ICD10CM), words
