"""“Changed since you last looked”: what others wrote into a person's record, by section of her page, for one reader.

What somebody wrote herself is no news to her. Looks lie within one visit while less than VISIT passes between them, so
that a page read twice in a row keeps its marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careloop import library
from careloop.care.readings import readings_in
from careloop.fhir import uris
from careloop.fhir.elements import Resource, codings, extension
from careloop.projections.by_type import seen_heads
from careloop.projections.moments import TELLERS, moments
from careloop.store import Stored, Unit
from careloop.store.stored import COLUMNS

SECTIONS: Final = ("story", "plan", "work", "assessments", "readings", "health", "risk", "about")
VISIT: Final = timedelta(minutes=30)
# More changes than this are not counted one by one.
MOST: Final = 200
ABOUT: Final = frozenset({"Patient", "RelatedPerson", "Consent", "EpisodeOfCare", "Flag", "CareTeam"})
HEALTH: Final = frozenset(
    {
        "AllergyIntolerance",
        "Coverage",
        "Immunization",
        "MedicationRequest",
        "MedicationStatement",
        "Procedure",
    }
)
# All that sections_of knows a place for.
SHOWN: Final = ABOUT | HEALTH | {"RiskAssessment"} | TELLERS.keys() | {"Device"}
NEEDS: Final = frozenset({"health-concern", "sdoh", "barrier"})


@dataclass(frozen=True)
class News:
    """counts: changed and not yet looked at, by section. new: references changed since before this visit, by
    section. since: when this section was last looked at before this visit; None at the first."""

    counts: Mapping[str, int]
    new: Mapping[str, frozenset[str]]
    since: Mapping[str, datetime | None]

    def marks(self, section: str) -> frozenset[str]:
        return self.new.get(section, frozenset())


def look(unit: Unit, person: int, section: str) -> News:
    """The news of everything, and a note that this section is looked at now. The caller has read the person."""
    seen = _looks(unit, person)
    begun = [when for at, before in seen.values() if (when := _begun(unit.now, at, before))]
    changed = _changed(unit, person, min(begun)) if begun else []
    _note(unit, person, section)
    counts = {name: _count(changed, name, seen) for name in SECTIONS if name != section}
    since = {name: _begun(unit.now, *seen[name]) if name in seen else None for name in SECTIONS}
    return News(counts, {name: _marked(changed, name, since[name]) for name in SECTIONS}, since)


def _begun(now: datetime, at: datetime, before: datetime | None) -> datetime | None:
    """Since when things are news within the visit that goes on now."""
    return at if now - at > VISIT else before


Look = tuple[datetime, datetime | None]
Changed = tuple[Stored, frozenset[str]]


def _looks(unit: Unit, person: int) -> dict[str, Look]:
    rows = unit.cursor().execute(
        "select section, at, before from looked where principal = %s and person = %s",
        [unit.scope.actor.principal, person],
    )
    return {section: (at, before) for section, at, before in rows.fetchall()}


NOTE = f"""
insert into looked(principal, person, section, at) values (%s, %s, %s, %s)
on conflict (principal, person, section) do update set at = greatest(looked.at, excluded.at),
  before = case when excluded.at - looked.at > interval '{VISIT.seconds} seconds' then looked.at else looked.before end
"""


def _note(unit: Unit, person: int, section: str) -> None:
    unit.cursor().execute(NOTE, [unit.scope.actor.principal, person, section, unit.now])


# The newest version that somebody else wrote of each live resource at this person's home. tx names the audit row.
CHANGED = f"""
select {COLUMNS} from heads h join ids i on i.rid = h.rid
join lateral (
  select v.* from versions v join audit a on a.lane = v.tx >> 48 and a.seq = v.tx & 281474976710655
  where v.person = h.person and v.rid = h.rid and v.at > %s and a.actor <> %s order by v.version desc limit 1
) v on true
where h.person = %s and h.state = 1 and h.at > %s and {{may}} order by h.at desc limit %s
"""


def _changed(unit: Unit, person: int, since: datetime) -> list[Changed]:
    me = unit.scope.actor.principal
    may, allowed = seen_heads(unit, SHOWN)
    query = CHANGED.format(may=may).encode()
    rows = unit.cursor().execute(query, [since, me, person, since, *allowed, MOST]).fetchall()
    found = [Stored.of_row(row) for row in rows]
    return [(stored, frozenset(sections_of(stored))) for stored in found]


def _count(changed: Iterable[Changed], section: str, seen: Mapping[str, Look]) -> int:
    if section not in seen:
        return 0
    at = seen[section][0]
    return sum(section in sections and stored.at > at for stored, sections in changed)


def _marked(changed: Iterable[Changed], section: str, since: datetime | None) -> frozenset[str]:
    if since is None:
        return frozenset()
    return frozenset(
        stored.reference for stored, sections in changed if section in sections and stored.at > since
    )


def sections_of(stored: Stored) -> Iterable[str]:
    """Where on the page this resource shows. Lines that are only proposed show nowhere."""
    resource = stored.resource
    if is_proposed(resource):
        return
    if moments(resource, stored.at):
        yield "story"
    match stored.type:
        case "CarePlan" | "Goal":
            yield "plan"
        case "Task":
            yield "work"
            if resource.get("intent") == "plan":
                yield "plan"
        case "QuestionnaireResponse":
            yield "assessments"
        case "RiskAssessment":
            yield "risk"
        case "Condition":
            yield "plan" if is_need(resource) else "health"
        case "Observation":
            yield from _of_observation(stored)
        case "Device":
            yield "readings"
        case "Encounter" if extension(resource, uris.OUTCOME) is None:
            yield "health"
        case kind if kind in ABOUT:
            yield "about"
        case kind if kind in HEALTH:
            yield "health"


def _of_observation(stored: Stored) -> Iterable[str]:
    resource = stored.resource
    if readings_in(resource, stored.at, library.load().readings):
        yield "readings"
        return
    categories = {code for concept in resource.get("category", ()) for _, code in codings(concept)}
    if "social-history" in categories:
        yield "plan"
    elif not resource.get("derivedFrom"):
        yield "health"


def is_need(condition: Resource) -> bool:
    """A line of the plan (need or barrier), not a diagnosis."""
    return any(code in NEEDS for concept in condition.get("category", ()) for _, code in codings(concept))


def is_proposed(resource: Resource) -> bool:
    """A line that nobody has made part of the plan yet, or that was turned away."""
    match resource["resourceType"]:
        case "Condition":
            doubt = {code for _, code in codings(resource.get("verificationStatus"))}
            return is_need(resource) and bool(doubt & {"provisional", "refuted", "entered-in-error"})
        case "Goal":
            return resource.get("lifecycleStatus") in ("proposed", "rejected", "entered-in-error")
        case "Task":
            return resource.get("intent") == "proposal" or resource.get("status") == "draft"
    return False
