"""Records that became part of another: whoever may not see the person, may not see her old record either. Its facts for
access and what Consents say of it are those of the record that stayed, at the end of a chain of merges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from careloop.access import decide
from careloop.projections import sources
from careloop.store import Change, Unit
from careloop.store.keys import number_of

TELLING: Final = ("Patient", "CareTeam", "EpisodeOfCare", "Consent")

_TOPS: Final = """
with recursive below(person) as (
  select unnest(%s::bigint[]) union select p.person from below b join people p on p.merged_into = b.person),
up(person, at, steps) as (
  select p.person, p.merged_into, 1 from below b join people p on p.person = b.person where p.merged_into is not null
  union all
  select u.person, p.merged_into, u.steps + 1 from up u join people p on p.person = u.at
  where p.merged_into is not null and u.steps < 50),
top as (select distinct on (person) person, at from up order by person, steps desc)
"""
FACTS: Final = f"""{_TOPS}
update people m set site = s.site, team = s.team, lead = s.lead, labels = s.labels
from top join people s on s.person = top.at where m.person = top.person
  and (m.site, m.team, m.lead, m.labels) is distinct from (s.site, s.team, s.lead, s.labels)
"""
# What came from the record that stayed goes, of those that are taken apart as well; what is her own is not touched.
FORGET: Final = f"""{_TOPS}
delete from consented c using below b where c.person = b.person
  and not exists (select from heads h where h.person = c.person and h.rid = c.consent)
"""
CONSENTS: Final = f"""{_TOPS}
insert into consented(person, consent, grantee, n, permits, denies, purposes, since, until)
select top.person, s.consent, s.grantee, s.n, s.permits, s.denies, s.purposes, s.since, s.until
from top join consented s on s.person = top.at on conflict do nothing
"""


class Joined:
    """The projector; it comes after all that write `people` and `consented`."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        touched = sources.moved(changes, TELLING)
        sites = [c.stored.rid for c in sources.latest(changes, ("Organization",)).values()]
        if sites:
            found = unit.cursor().execute(
                "select person from people where merged_into is not null and site = any(%s::bigint[])",
                [sites],
            )
            touched |= {row[0] for row in found.fetchall()}
        if touched:
            _keep(unit, sorted(touched))

    def rebuild(self, unit: Unit) -> None:
        rows = unit.cursor().execute("select person from people where merged_into is not null").fetchall()
        _keep(unit, [row[0] for row in rows])


def _keep(unit: Unit, people: list[int]) -> None:
    for statement in (FACTS, FORGET, CONSENTS):
        unit.cursor().execute(statement, [people])


# --- before two records are joined: what is in them

COUNTED: Final = (
    *("Encounter", "Task", "CarePlan", "Goal", "Condition", "QuestionnaireResponse", "Observation"),
    *("MedicationRequest", "AllergyIntolerance", "ServiceRequest", "DocumentReference", "Communication"),
    *("EpisodeOfCare", "Consent", "Coverage", "RelatedPerson", "CareTeam", "Flag"),
)


def counts(unit: Unit, person: int) -> dict[str, int]:
    """How many live resources of each type the reader may see at this person's home; types without any are left out."""
    found: dict[str, int] = {}
    for kind in COUNTED:
        if not decide(unit.scope.actor, "search", kind).allowed:
            continue
        said, given = unit.heads_sql(unit.condition(kind, "search"), kind)
        row = unit.cursor().execute(
            f"select count(*) from heads h where h.person = %s and h.type = %s and h.state = 1 and {said}",
            [person, number_of(kind), *given],
        )
        ((count,),) = row.fetchall()
        if count:
            found[kind] = count
    unit.saw([person], "counts")
    return found
