"""What protocols read of people, gathered for many at once: a few statements a batch, only of what was asked for.

Everything is limited to what the reader may see, as everywhere: a dry run by somebody counts what she may know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from careloop.accounts.models import User
from careloop.care.assess import NOBODY, instrument_answered, score, who_is
from careloop.care.signals import Datum, Happened, Signals
from careloop.fhir.elements import Resource, instant, text_of
from careloop.fhir.responses import answers_of
from careloop.kernel.calendar import zone as zone_called
from careloop.kernel.errors import UnknownZone
from careloop.library import Library
from careloop.library.protocols import LONGEST
from careloop.projections import readings, scores, sources
from careloop.projections.by_type import seen_behind, seen_heads, seen_lines
from careloop.projections.signals_held import conditions_in, open_referrals, run_out
from careloop.store import Stored, Unit
from careloop.store.keys import name_of, number_of

HORIZON: Final = timedelta(days=LONGEST)
# A visit in the story, and one to which nobody came. The key stands in its index, the title does not.
VISIT: Final = "visit"
MISSED: Final = "Did not come to the visit"
# Work that is due later than in so many days says nothing yet.
FAR: Final = timedelta(days=60)

PEOPLE: Final = """
select p.person, b.id, p.zone, b.is_deceased, b.birth_date
from people p join briefs b on b.person = p.person where p.person = any(%s::bigint[]) and p.merged_into is null
"""
READINGS: Final = """
select r.person, r.kind, r.at, r.value, r.second, {id} from readings r {ids}
where r.person = any(%s::bigint[]) and r.kind = any(%s::text[]) and r.state = 'ok' and r.at >= %s and {may}
order by r.person, r.kind, r.at, r.observation
"""
SCORES: Final = """
select s.person, s.instrument, s.at, s.value, s.response, {id} from scores s {ids}
where s.person = any(%s::bigint[]) and s.instrument = any(%s::text[]) and s.scale = '' and {may}
order by s.person, s.instrument, s.at, s.response
"""
LIMITS: Final = """
select l.person, l.kind, l.low, l.high, l.second_low, l.second_high from reading_limits l
where l.person = any(%s::bigint[]) and l.kind = any(%s::text[]) and l.since <= %s and l.until > %s and {may}
order by l.since
"""
ENROLLED: Final = (
    "select e.person, e.program, e.since, e.until from enrolled e where e.person = any(%s::bigint[]) and {may}"
    " order by e.since"
)
STORY: Final = """
select s.person, s.kind, s.title, s.at, s.who, s.detail, s.reference from story s
where s.person = any(%s::bigint[]) and (s.kind = any(%s::text[]) or (s.key = any(%s::text[]) and s.title = %s))
  and s.at >= %s and {may}
order by s.at
"""
# Work that protocols asked for is not counted: none is to set another off, or itself.
WORK: Final = """
select w.person, w.kind, w.due, w.since, w.title, w.task_id, w.is_waiting, w.wake from work w
where w.person = any(%s::bigint[]) and w.is_open and coalesce(w.reason, '') not like 'DetectedIssue/%%' and {may}
order by w.due
"""
HEADS: Final = sources.CURRENT + " and h.person = any(%s::bigint[]) and {may} order by h.person, h.rid"


@dataclass(repr=False)
class _Told:
    """Of one person, as it comes together."""

    readings: dict[str, list[Datum]] = field(default_factory=dict)
    scores: dict[str, list[Datum]] = field(default_factory=dict)
    moments: dict[str, list[Happened]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    findings: dict[str, bool] = field(default_factory=dict)
    diagnosed: dict[str, str] = field(default_factory=dict)

    def happened(self, name: str, at: datetime, reference: str = "", what: str = "") -> None:
        self.moments.setdefault(name, []).append(Happened(at, reference, what))


def gather(
    unit: Unit,
    people: Collection[int],
    paths: Collection[str],
    library: Library,
    reach_days: int = LONGEST,
    *,
    with_evidence: bool = True,
) -> dict[int, Signals]:
    """people: rids of Patients. paths: what is read of them (Protocol.reads). Those that are not there, were joined
    into another, or may not be seen, are left out. reach_days: how far back readings are looked at.
    with_evidence: whether each value says which Observation it is; not where only the branch is asked for."""
    unit.flush()
    wanted = _Wanted(paths, with_evidence)
    found = _people(unit, people)
    told: dict[int, _Told] = {person: _Told() for person in found}
    everybody = sorted(found)
    if not everybody:
        return {}
    _readings(unit, everybody, wanted, unit.now - timedelta(days=reach_days + 2), told)
    _scores(unit, everybody, wanted, told, library)
    _enrolled(unit, everybody, told)
    _story(unit, everybody, wanted, told)
    _work(unit, everybody, wanted, told)
    _resources(unit, everybody, wanted, told)
    shown = {name: kind.shown for name, kind in library.readings.items()}
    called = [kind.units[0].called for kind in library.readings.values()]
    spanish = {words.en: words.es for words in called if words.es != words.en}
    today = unit.now.date()
    _sex(unit, everybody, paths, told, today)
    signals = {}
    for person, (reference, tz, is_deceased, born) in found.items():
        hers = told[person]
        hers.facts |= {"has_died": is_deceased, "age": _age(born, today)}
        for happened in hers.moments.values():
            if len(happened) > 1:
                happened.sort(key=lambda each: each.at)
        signals[person] = Signals(
            reference,
            tz,
            hers.readings,
            hers.scores,
            hers.moments,
            hers.facts,
            hers.findings,
            shown,
            spanish,
            is_deceased,
            hers.diagnosed,
        )
    return signals


def own_limits(
    unit: Unit, people: Collection[int], kinds: Collection[str]
) -> dict[int, dict[tuple[str, str], Decimal]]:
    """person -> (kind, edge) -> the limit that somebody set for her. The one set last counts."""
    found: dict[int, dict[tuple[str, str], Decimal]] = defaultdict(dict)
    if not kinds:
        return found
    may, told = seen_behind(unit, ("ServiceRequest",), "l.person", "l.request")
    query = LIMITS.format(may=may)
    rows = unit.cursor().execute(query, [sorted(people), sorted(kinds), unit.now, unit.now, *told]).fetchall()
    for person, kind, *edges in rows:
        for edge, value in zip(("low", "high", "second-low", "second-high"), edges, strict=True):
            if value is not None:
                found[person][kind, edge] = value
    return found


class _Wanted:
    """What the paths ask for, by where it lies."""

    def __init__(self, paths: Collection[str], with_evidence: bool) -> None:
        self.with_evidence = with_evidence
        split = [path.split("/") for path in paths]
        self.readings = sorted({each[1] for each in split if each[0] == "reading"})
        self.findings = sorted({each[1] for each in split if each[0] == "finding"})
        self.scores = sorted({each[1] for each in split if each[0] == "score"} | set(self.findings))
        self.moments = {each[1] for each in split if each[0] == "moment"}
        self.facts = {each[1] for each in split if each[0] == "fact"}

    def ids(self, rid: str) -> dict[str, str]:
        """What a query says for the address of what lies under this key."""
        if self.with_evidence:
            return {"id": "i.type, i.id", "ids": f"join ids i on i.rid = {rid}"}
        return {"id": "null, null", "ids": ""}

    @property
    def types(self) -> list[str]:
        found = ["Condition"] if self.facts & {"conditions", "lasting_conditions"} else []
        if "open-referral" in self.moments:
            found += ["ServiceRequest", "Task"]
        if "medicine-run-out" in self.moments:
            found += ["MedicationDispense", "MedicationRequest"]
        return found


def _people(unit: Unit, people: Collection[int]) -> dict[int, tuple[str, tzinfo, bool, date | None]]:
    said, given = unit.people_sql(unit.condition("Patient", "search"), "p.person", labels="p.labels")
    rows = unit.cursor().execute(f"{PEOPLE} and {said}", [sorted(people), *given]).fetchall()
    return {
        person: (f"Patient/{id}", _zone(zone), is_deceased, born)
        for person, id, zone, is_deceased, born in rows
    }


def _zone(name: str | None) -> tzinfo:
    try:
        return zone_called(name) if name else UTC
    except UnknownZone:
        return UTC


def _age(born: date | None, today: date) -> int | None:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else None


def _readings(
    unit: Unit, people: list[int], wanted: _Wanted, since: datetime, told: Mapping[int, _Told]
) -> None:
    if not wanted.readings:
        return
    may, given = readings.visible(unit)
    query = READINGS.format(may=may, **wanted.ids("r.observation"))
    rows = unit.cursor().execute(query, [people, wanted.readings, since, *given]).fetchall()
    for person, kind, at, value, second, type, id in rows:
        told[person].readings.setdefault(kind, []).append(Datum(at, value, second, _address(type, id)))


def _address(type: int | None, id: str | None) -> str:
    return f"{name_of(type)}/{id}" if type is not None else ""


def _scores(
    unit: Unit, people: list[int], wanted: _Wanted, told: Mapping[int, _Told], library: Library
) -> None:
    if not wanted.scores:
        return
    may, given = scores.visible(unit)
    query = SCORES.format(may=may, **wanted.ids("s.response"))
    rows = unit.cursor().execute(query, [people, wanted.scores, *given]).fetchall()
    newest: dict[tuple[int, str], int] = {}
    for person, instrument, at, value, response, type, id in rows:
        reference = _address(type, id)
        told[person].happened(f"answered/{instrument}", at, reference)
        if value is not None:
            told[person].scores.setdefault(instrument, []).append(Datum(at, value, None, reference))
        if instrument in wanted.findings:
            newest[person, instrument] = response
    if newest:
        _findings(unit, newest, told, library)


def _findings(
    unit: Unit, newest: Mapping[tuple[int, str], int], told: Mapping[int, _Told], library: Library
) -> None:
    """Of the newest answers to an instrument: each finding that it may have, true or false."""
    held = sources.by_rid(unit, set(newest.values()), ("QuestionnaireResponse",))
    patients = _patients(unit, newest, library)
    for (person, _), rid in newest.items():
        stored = held.get(rid)
        instrument = (
            instrument_answered(library, str(stored.resource.get("questionnaire", ""))) if stored else None
        )
        if stored is None or instrument is None:
            continue
        at = instant(stored.resource.get("authored")) or stored.at
        who = who_is(patients[person], at.date()) if person in patients else NOBODY
        result = score(instrument, answers_of(instrument.form, stored.resource)[0], who)
        true = {each.id for each in result.findings}
        for finding in instrument.scoring.findings:
            told[person].findings[f"{instrument.id}/{finding.id}"] = finding.id in true


def _sex(
    unit: Unit, people: list[int], paths: Collection[str], told: Mapping[int, _Told], today: date
) -> None:
    for stored in sources.of_people(unit, people, ("Patient",)) if "fact/sex" in paths else ():
        if stored.person in told:
            told[stored.person].facts["sex"] = who_is(stored.resource, today).sex


def _patients(unit: Unit, newest: Mapping[tuple[int, str], int], library: Library) -> dict[int, Resource]:
    """Of those whose band, and so perhaps a finding, hangs on sex or age."""
    asked = {person for person, name in newest if _differs(library, name)}
    found = sources.of_people(unit, asked, ("Patient",)) if asked else ()
    return {each.person: each.resource for each in found if each.person}


def _differs(library: Library, instrument: str) -> bool:
    found = library.instruments.get(instrument)
    return found is not None and any(path.startswith("fact/") for path in found.scoring.reads())


def _enrolled(unit: Unit, people: list[int], told: Mapping[int, _Told]) -> None:
    may, given = seen_behind(unit, ("EpisodeOfCare",), "e.person", "e.rid")
    query = ENROLLED.format(may=may)
    programs: dict[int, set[str]] = defaultdict(set)
    for person, program, since, until in unit.cursor().execute(query, [people, *given]).fetchall():
        if until is None or until > unit.now:
            programs[person].add(program)
            told[person].happened("enrolled", since, what=program)
            told[person].happened(f"enrolled/{program}", since, what=program)
    for person in people:
        told[person].facts["programs"] = frozenset(programs.get(person, ()))


def _story(unit: Unit, people: list[int], wanted: _Wanted, told: Mapping[int, _Told]) -> None:
    kinds = [name for name in ("contact", "attempt") if name in wanted.moments]
    if not kinds and "missed-visit" not in wanted.moments:
        return
    types = [
        *(["Encounter"] if kinds else []),
        *(["Appointment"] if "missed-visit" in wanted.moments else []),
    ]
    may, given = seen_lines(unit, types)
    visits = [VISIT] if "missed-visit" in wanted.moments else []
    query = STORY.format(may=may)
    rows = (
        unit.cursor().execute(query, [people, kinds, visits, MISSED, unit.now - HORIZON, *given]).fetchall()
    )
    roles = _roles({row[4] for row in rows if row[1] == "contact" and row[4]})
    for person, kind, title, at, who, detail, reference in rows:
        if title == MISSED:
            told[person].happened("missed-visit", at, reference, detail or "")
            continue
        told[person].happened(kind, at, reference, detail or "")
        for role in roles.get(who, ()) if kind == "contact" else ():
            told[person].happened(f"contact/{role}", at, reference, detail or "")


def _roles(practitioners: Collection[str]) -> dict[str, Sequence[str]]:
    ids = [each.rpartition("/")[2] for each in practitioners if each.startswith("Practitioner/")]
    if not ids:
        return {}
    found = User.objects.filter(practitioner__in=ids).values_list("practitioner", "roles")
    return {f"Practitioner/{id}": roles for id, roles in found}


def _work(unit: Unit, people: list[int], wanted: _Wanted, told: Mapping[int, _Told]) -> None:
    if not wanted.moments & {"late-work", "work"} or not unit.may_search("Task"):
        return
    may, given = unit.people_sql(unit.condition("Task", "search"), "w.person", labels="w.labels")
    rows = unit.cursor().execute(WORK.format(may=may), [people, *given]).fetchall()
    for person, kind, due, since, title, id, is_waiting, wake in rows:
        if not is_waiting and wake <= unit.now and due <= unit.now + FAR:
            told[person].happened("late-work", due, f"Task/{id}", title)
        told[person].happened(f"work/{kind}", since, f"Task/{id}", title)


# --- what only the resources themselves tell


def _resources(unit: Unit, people: list[int], wanted: _Wanted, told: Mapping[int, _Told]) -> None:
    if not wanted.types:
        return
    by_person: dict[int, dict[str, list[Stored]]] = defaultdict(lambda: defaultdict(list))
    for stored in _held(unit, people, wanted.types):
        by_person[stored.person][stored.type].append(stored)
    for person in people:
        held = by_person.get(person, {})
        if "Condition" in wanted.types:
            codes, told[person].diagnosed = conditions_in(held.get("Condition", ()))
            told[person].facts["conditions"] = frozenset(code[:3] for code in codes)
            told[person].facts["lasting_conditions"] = len(codes)
        for request, at in open_referrals(held.get("ServiceRequest", ()), held.get("Task", ())):
            told[person].happened(
                "open-referral", at, request.reference, text_of(request.resource.get("code"))
            )
        for dispense, at, name in run_out(
            held.get("MedicationDispense", ()), held.get("MedicationRequest", ())
        ):
            told[person].happened("medicine-run-out", at, dispense, name)


def _held(unit: Unit, people: list[int], types: list[str]) -> list[Stored]:
    may, given = seen_heads(unit, types)
    numbers = _numbers(types)
    rows = unit.cursor().execute(HEADS.format(may=may), [numbers, people, *given]).fetchall()
    return [Stored.of_row(row) for row in rows]


def _numbers(types: Sequence[str]) -> list[int]:
    return [number_of(name) for name in types]


# --- what came in


def paths_of(unit: Unit, rids: Collection[int]) -> dict[int, set[str]]:
    """What these Observations and answers are read as: rid -> reading/weight, score/phq-9. Whatever was taken away
    meanwhile is not there any more, and tells nothing."""
    found: dict[int, set[str]] = defaultdict(set)
    if rids:
        given = [sorted(rids)]
        for rid, kind in unit.cursor().execute(KINDS, given).fetchall():
            found[rid].add(f"reading/{kind}")
        for rid, name in unit.cursor().execute(INSTRUMENTS, given).fetchall():
            found[rid] |= {f"score/{name}", f"finding/{name}"}
    return found


KINDS: Final = "select observation, kind from readings where observation = any(%s::bigint[])"
INSTRUMENTS: Final = "select response, instrument from scores where response = any(%s::bigint[])"

__all__ = ["gather", "own_limits", "paths_of"]
