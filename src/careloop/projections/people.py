"""People: the facts that access asks for, everybody in one line, and the card that stands beside all work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from careloop.projections import sources
from careloop.projections.facts import Brief, Facts, brief_of, facts_of
from careloop.projections.languages import language_name
from careloop.store import Change, Stored, Unit, turns

TELLING = ("Patient", "CareTeam", "EpisodeOfCare")
NAMED = (
    "Practitioner",
    "Organization",
    "CareTeam",
    "PractitionerRole",
    "RelatedPerson",
    "Location",
    "HealthcareService",
)


@dataclass(frozen=True, repr=False)
class PersonBrief:
    """Enough to tell two people of the same name apart. language: its name in the reader's language."""

    id: str
    rid: int
    name: str
    birth_date: date | None
    age: int | None
    mrn: str | None
    language_code: str | None
    needs_interpreter: bool
    pronouns: str | None
    gender: str | None
    phone: str | None
    is_deceased: bool

    @property
    def language(self) -> str:
        return language_name(self.language_code) if self.language_code else ""

    def __repr__(self) -> str:
        return f"PersonBrief(Patient/{self.id})"


BRIEF = (
    "b.id, b.person, b.name, b.birth_date, b.mrn, b.language, b.needs_interpreter, b.pronouns, b.gender, b.phone,"
    " b.is_deceased"
)


def brief_of_row(row: Sequence[Any], today: date) -> PersonBrief:
    """row: the columns of BRIEF."""
    id, rid, name, birth_date, mrn, language, interpreter, pronouns, gender, phone, is_deceased = row
    return PersonBrief(
        id=id,
        rid=rid,
        name=name,
        birth_date=birth_date,
        age=age_on(birth_date, today) if birth_date else None,
        mrn=mrn,
        language_code=language,
        needs_interpreter=interpreter,
        pronouns=pronouns,
        gender=gender,
        phone=phone,
        is_deceased=is_deceased,
    )


def age_on(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def briefs(unit: Unit, people: Collection[int]) -> dict[int, PersonBrief]:
    """Of those whom the actor may see; written into the audit trail."""
    if not people:
        return {}
    may, allowed = unit.people_sql(unit.condition("Patient"), "b.person")
    rows = unit.cursor().execute(
        f"select {BRIEF} from briefs b where b.person = any(%s::bigint[]) and {may}",
        [sorted(people), *allowed],
    )
    found = {row[1]: brief_of_row(row, unit.now.date()) for row in rows.fetchall()}
    unit.saw(found, "briefs")
    return found


def zone_of(unit: Unit, person: int) -> str | None:
    """Her zone, else her site's; None when neither is known."""
    row = unit.cursor().execute("select zone from people where person = %s", [person]).fetchone()
    return str(row[0]) if row and row[0] else None


def lead_of(unit: Unit, person: int) -> str | None:
    """The reference of who leads her care; None when nobody does."""
    row = unit.cursor().execute("select lead from people where person = %s", [person]).fetchone()
    return unit.reference_of(row[0]) if row and row[0] else None


class People:
    """The projector of people, enrolled, briefs and names."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None:
        _rename(unit, list(sources.latest(changes, NAMED).values()))
        moved = sources.moved(changes, TELLING)
        sites = [c.stored.rid for c in sources.latest(changes, ("Organization",)).values()]
        if sites:  # a site's address tells the zone of those who have none of their own
            found = unit.cursor().execute("select person from people where site = any(%s::bigint[])", [sites])
            here = {row[0] for row in found.fetchall()}
            turns.take(unit.cursor(), here)
            moved |= here
        if moved:
            keep(unit, moved)
        if described := _described(changes, moved):
            _keep_briefs(unit, described, described)

    def rebuild(self, unit: Unit) -> None:
        for table in ("people", "enrolled", "briefs", "names"):
            unit.cursor().execute(f"delete from {table}")
        for batch in sources.every(unit, NAMED):
            _keep_names(unit, batch)
        for batch in sources.every(unit, ("Patient",)):
            keep(unit, {stored.rid for stored in batch})


def _described(changes: Sequence[Change], moved: Collection[int]) -> dict[int, Brief]:
    """Of those who stay where they are: whose line on lists reads otherwise now."""
    found = {}
    for change in changes:
        before, after = change.before, change.after
        if before and after and after.type == "Patient" and after.rid not in moved:
            brief = brief_of(after.resource)
            if brief != brief_of(before.resource):
                found[after.rid] = brief
    return found


def keep(unit: Unit, people: Collection[int]) -> None:
    """Writes what is known of these people anew; who is gone, goes."""
    found: dict[int, dict[str, list[Stored]]] = {person: {} for person in people}
    for stored in sources.of_people(unit, people, TELLING):
        found[stored.person].setdefault(stored.type, []).append(stored)
    here = {person: kinds for person, kinds in found.items() if "Patient" in kinds}
    sites = _sites(unit, [kinds["Patient"][0] for kinds in here.values()])
    told = {person: _facts(kinds, sites) for person, kinds in here.items()}
    _keep_facts(unit, people, told)
    _keep_briefs(
        unit, people, {person: brief_of(kinds["Patient"][0].resource) for person, kinds in here.items()}
    )


def _facts(kinds: dict[str, list[Stored]], sites: dict[str, Stored]) -> Facts:
    patient = kinds["Patient"][0].resource
    site = sites.get((patient.get("managingOrganization") or {}).get("reference", ""))
    return facts_of(
        patient,
        [s.resource for s in kinds.get("CareTeam", ())],
        [s.resource for s in kinds.get("EpisodeOfCare", ())],
        site.resource if site else None,
    )


def _sites(unit: Unit, patients: Iterable[Stored]) -> dict[str, Stored]:
    named = {(p.resource.get("managingOrganization") or {}).get("reference", "") for p in patients} - {""}
    keys = unit.mention_many(named)
    found = sources.by_rid(unit, set(keys.values()), ("Organization",))
    return {reference: found[rid] for reference, rid in keys.items() if rid in found}


def _keep_facts(unit: Unit, people: Collection[int], told: dict[int, Facts]) -> None:
    named = {r for f in told.values() for r in (f.site, f.team, f.lead, f.merged_into) if r}
    episodes = {e.episode for f in told.values() for e in f.enrolled}
    keys: dict[str | None, int] = dict(unit.mention_many(named | episodes).items())
    cursor = unit.cursor()
    everybody = sorted(people)
    cursor.execute("delete from people where person = any(%s::bigint[])", [everybody])
    cursor.execute("delete from enrolled where person = any(%s::bigint[])", [everybody])
    if not told:
        return
    cursor.executemany(
        "insert into people(person, site, team, lead, labels, zone, merged_into) values (%s, %s, %s, %s,"
        " coalesce((select h.labels from heads h where h.person = %s and h.rid = %s), 0), %s, %s)",
        [
            (
                p,
                keys.get(f.site),
                keys.get(f.team),
                keys.get(f.lead),
                p,
                p,
                f.zone,
                keys.get(f.merged_into),
            )
            for p, f in told.items()
        ],
    )
    enrolled = [
        (p, e.program, e.since, e.until, keys.get(e.episode)) for p, f in told.items() for e in f.enrolled
    ]
    if enrolled:
        cursor.executemany(
            "insert into enrolled(person, program, since, until, rid) values (%s, %s, %s, %s, %s) "
            "on conflict (person, program, since) do update set until = excluded.until, rid = excluded.rid",
            enrolled,
        )


def _keep_briefs(unit: Unit, people: Collection[int], told: dict[int, Brief]) -> None:
    cursor = unit.cursor()
    cursor.execute("delete from briefs where person = any(%s::bigint[])", [sorted(people)])
    if told:
        cursor.executemany(
            "insert into briefs(person, id, name, birth_date, mrn, language, needs_interpreter, pronouns, gender,"
            " phone, is_deceased) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    p,
                    b.id,
                    b.name,
                    b.birth_date,
                    b.mrn,
                    b.language,
                    b.needs_interpreter,
                    b.pronouns,
                    b.gender,
                    b.phone,
                    b.is_deceased,
                )
                for p, b in told.items()
            ],
        )


def _rename(unit: Unit, changes: Sequence[Change]) -> None:
    if changes:
        unit.cursor().execute(
            "delete from names where rid = any(%s::bigint[])", [[c.stored.rid for c in changes]]
        )
        _keep_names(unit, [c.after for c in changes if c.after])


def _keep_names(unit: Unit, found: Iterable[Stored]) -> None:
    from careloop.projections.naming import called

    rows = [(stored.rid, name) for stored in found if (name := called(stored.resource))]
    if rows:
        unit.cursor().executemany("insert into names(rid, name) values (%s, %s)", rows)


def names(unit: Unit, references: Iterable[str]) -> dict[str, str]:
    """What staff, sites and partners are called, by reference; unknown ones are left out."""
    keys = {r: rid for r in set(references) if (rid := unit.rid_of(r)) is not None}
    rows = unit.cursor().execute(
        "select rid, name from names where rid = any(%s::bigint[])", [sorted(keys.values())]
    )
    found = dict(rows.fetchall())
    return {reference: found[rid] for reference, rid in keys.items() if rid in found}
