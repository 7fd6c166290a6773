"""Write a draft CarePlan with its proposed lines. Nothing in it is active until a person makes it the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from careloop.access import Scope
from careloop.accounts.models import User
from careloop.actions import record
from careloop.actions.known_stays import known_stays
from careloop.care.assess import Part, Score, who_is
from careloop.care.line_change import change_of
from careloop.care.others_plans import is_our_plan, lines_of_others
from careloop.care.plan import (
    DECLINE_REASONS,
    Line,
    Measure,
    PlanProposal,
    Standing,
    Told,
    line_resource,
    propose,
)
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, extension, fhir_instant, ref, text_of
from careloop.fhir.translation import translate, translated
from careloop.kernel.days import day_said
from careloop.kernel.zones import zone_of_address
from careloop.library import Instrument, Library, Words, load
from careloop.projections import caseload, people
from careloop.projections.naming import called
from careloop.store import Stored, Unit

EACH_LINE_SAYS: Final = Words("Each line says what it follows from.", "Cada línea dice de dónde sale.")
LINE_TYPES = ("Condition", "Goal", "Task")


def propose_plan(
    scope: Scope, person: str, told: Told, library: Library, now: datetime, because: str, key: str
) -> Stored | None:
    """person: Patient id. key: what makes this proposal one, so that asking twice makes one proposal. None when there
    is nothing new to propose."""
    with record.begin(scope, now) as unit:
        return write_proposal(unit, unit.read("Patient", person), told, library, because, key)


def told_by(result: Score, facts: Mapping[str, object]) -> Told:
    """A subscale stands beside the total as `instrument/subscale`."""
    name = result.instrument
    return Told(
        scores={name: result.value, **{key_of(result, part): part.value for part in result.parts}},
        at_least={key_of(result, part): part.at_least for part in result.parts},
        bands={key_of(result, part): part.band.text for part in result.parts if part.band},
        findings=frozenset(f"{name}/{each.id}" for each in result.findings),
        asked=frozenset({name}),
        facts=facts,
    )


def key_of(result: Score, part: Part) -> str:
    return part.id if part.id == result.instrument else f"{result.instrument}/{part.id}"


def about_her(patient: Resource, on: date, known: Mapping[str, object]) -> dict[str, object]:
    """The facts that templates may ask for, with her age and sex where they are known. on: today where she lives."""
    who = who_is(patient, on)
    said = {"age": who.age, "sex": who.sex}
    return {**known, **{name: value for name, value in said.items() if value is not None}}


def programs_of(unit: Unit, person: int) -> frozenset[str]:
    """Those that she is in now, as far as the actor may know."""
    return caseload.programs_of_one(unit, person)


def answered_on(instrument: Instrument, on: date) -> Words:
    """`PHQ-9, answered Nov 23, 2026`"""
    return Words(
        f"{instrument.short.en}, answered {day_said(on, 'en')}",
        f"{instrument.short.es}, contestado el {day_said(on, 'es')}",
    )


def write_proposal(
    unit: Unit,
    patient: Stored,
    told: Told,
    library: Library,
    because: str | Words,
    key: str,
    evidence: tuple[str, ...] = (),
) -> Stored | None:
    """evidence: references of the responses that it follows from. A person has one open proposal: what is new joins the
    one that waits, and what waits there is not proposed twice."""
    held = unit.of_person(patient.rid, ["CarePlan", *LINE_TYPES])
    proposed = propose(library, told, standing(held), local_day(patient.resource, unit.now))
    return write_lines(unit, patient, held, proposed, library, because, key, evidence)


def write_lines(
    unit: Unit,
    patient: Stored,
    held: list[Stored],
    proposed: PlanProposal,
    library: Library,
    because: str | Words,
    key: str,
    evidence: tuple[str, ...] = (),
) -> Stored | None:
    """As write_proposal, of lines that were decided upon already. held: her CarePlans and LINE_TYPES."""
    waiting = _waiting(held)
    news = [line for line in proposed.lines if not line.is_there and line.key not in waiting]
    if not news:
        keys = [waiting[line.key][0] for line in proposed.lines if line.key in waiting]
        return max(keys, key=lambda plan: plan.rid, default=None)
    because = _sayable(
        unit, because, (*evidence, *(each for line in proposed.lines for each in line.evidence))
    )
    plan = _care_plan(unit, patient, proposed, because, key, active_plan(held))
    if open_one := max(open_proposals(held), key=lambda plan: plan.rid, default=None):
        plan = _joined(open_one.resource, plan)
    measures = {
        i.id: Measure(i.scoring.loinc, i.short.en) for i in library.instruments.values() if i.scoring.loinc
    }
    owners = owners_of(unit, patient)
    made = {name: line.reference for name, (_, line) in waiting.items()}
    made |= {line.key: line.there for line in proposed.lines if line.is_there and line.there}
    for line in news:
        resource = line_resource(
            line,
            person=patient.reference,
            dedupe=key,
            recorder=unit.scope.actor.practitioner,
            measures=measures,
            under=made.get(line.parent or ""),
            evidence=tuple(dict.fromkeys((*evidence, *line.evidence))),
        )
        if line.part == "action" and line.change is None and (owner := owners.get(line.owner or "")):
            resource["owner"] = owner
        made[line.key] = unit.create(resource).reference
        _place(plan, line, made[line.key])
    return unit.update(plan, if_match=open_one.version) if open_one else unit.create(plan)


def _sayable(unit: Unit, because: str | Words, evidence: Sequence[str]) -> str | Words:
    """A CarePlan carries no label of what its lines speak of, so that everybody sees there is one. Its own words must
    not tell what such a line would: each line says it, to whoever may see the line."""
    return EACH_LINE_SAYS if unit.is_sensitive(evidence) else because


def open_proposals(held: list[Stored]) -> list[Stored]:
    """Proposals that nobody has made the plan, or closed, yet."""
    return [
        plan
        for plan in held
        if plan.type == "CarePlan"
        and (plan.resource["status"], plan.resource["intent"]) == ("draft", "proposal")
    ]


def _joined(waits: Resource, new: Resource) -> Resource:
    """The proposal that waits, with the new one's reason after its own, and what the new one found there already."""
    joined = dict(waits)
    had, kept = waits.get("identifier", []), waits.get("extension", [])  # it may come from elsewhere
    joined["identifier"] = [*had, *(each for each in new["identifier"] if each not in had)]
    known = {extension(each, "line") for each in kept if each["url"] == uris.ALREADY}
    there = [e for e in new["extension"] if e["url"] == uris.ALREADY and extension(e, "line") not in known]
    told = next(each for each in new["extension"] if each["url"] == uris.BECAUSE)
    joined["extension"] = [_after(e, told) if e["url"] == uris.BECAUSE else e for e in kept] + there
    if extension(waits, uris.BECAUSE) is None:
        joined["extension"].append(told)
    for part in ("addresses", "goal", "activity"):
        if part in waits:
            joined[part] = list(waits[part])
    return joined


def _after(reason: Resource, told: Resource) -> Resource:
    """One reason, then the other, in each language that both are told in."""
    if told["valueString"] in reason["valueString"]:
        return reason
    both: Resource = {**reason, "valueString": f"{reason['valueString']} {told['valueString']}"}
    spanish = [translated(each, "valueString", "es") for each in (reason, told)]
    translate(both, "valueString", "es", " ".join(filter(None, spanish)) if all(spanish) else None)
    return both


def _waiting(held: list[Stored]) -> dict[str, tuple[Stored, Stored]]:
    """Lines of proposals that nobody has made the plan yet: key -> proposal, line. One declined there waits as well:
    it can be decided again where it stands."""
    by_reference = {stored.reference: stored for stored in held}
    found: dict[str, tuple[Stored, Stored]] = {}
    for plan in open_proposals(held):
        for reference in lines_of(plan.resource):
            if line := by_reference.get(reference):
                found.setdefault(line_key(line.resource), (plan, line))
    return found


def lines_of(plan: Resource) -> list[str]:
    """References of the lines: needs, goals, actions."""
    actions = [each["reference"] for each in plan.get("activity", ()) if "reference" in each]
    return [each["reference"] for each in (*plan.get("addresses", ()), *plan.get("goal", ()), *actions)]


def owners_of(unit: Unit, patient: Stored) -> dict[str, Resource]:
    """Whom a step falls to, by the template's word. coordinator: who leads her care, else whoever asks; clinician: her
    own doctor, if that is somebody who signs in here, else nobody, and the step stands unclaimed at her site."""
    found = {"person": ref(patient.reference, called(patient.resource))}
    lead = _lead(unit, patient.rid) or unit.scope.actor.practitioner
    doctors = [each.get("reference", "") for each in patient.resource.get("generalPractitioner", ())]
    ids = [reference.rpartition("/")[2] for reference in doctors if reference.startswith("Practitioner/")]
    here = User.objects.filter(practitioner__in=ids, is_active=True).values_list("practitioner", flat=True)
    doctor = next((f"Practitioner/{id}" for id in ids if id in set(here)), None)
    named = people.names(unit, [each for each in (lead, doctor) if each])
    for word, reference in (("coordinator", lead), ("clinician", doctor)):
        if reference:
            found[word] = ref(reference, named.get(reference))
    return found


def _lead(unit: Unit, person: int) -> str | None:
    row = unit.cursor().execute("select lead from people where person = %s", [person]).fetchone()
    return unit.reference_of(row[0]) if row and row[0] else None


def standing(held: list[Stored]) -> Standing:
    """The person's live needs, goals and tasks, and what was declined, from what is held."""
    by_type: dict[str, list[Resource]] = {name: [] for name in LINE_TYPES}
    declined: dict[str, tuple[date, Words]] = {}
    theirs = lines_of_others(stored.resource for stored in held if stored.type == "CarePlan")
    for stored in held:
        resource = stored.resource
        if stored.reference in theirs:
            continue
        if extension(resource, uris.DECISION) == "declined":
            declined.setdefault(line_key(resource), (stored.at.date(), reason_in(resource)))
        elif stored.type in by_type:
            by_type[stored.type].append(resource)
    needs, goals, tasks = (tuple(by_type[name]) for name in LINE_TYPES)
    return Standing(needs, goals, tasks, declined)


def reason_in(line: Resource) -> Words:
    """Why it was declined: the words of the list in both languages, own words as they were written."""
    concept = extension(line, uris.REASON)
    listed = DECLINE_REASONS.get(code_in(concept, uris.REASON) or "")
    text = text_of(concept)
    return listed if listed and text in ("", listed.en) else Words(text, text)


def line_key(resource: Resource) -> str:
    """need:…, goal:…, action:… of a line's resource."""
    match resource["resourceType"]:
        case "Condition":
            return f"need:{code_in(resource.get('code'), uris.NEED)}"
        case "Goal":
            return f"goal:{code_in(resource.get('description'), uris.GOAL)}"
    change = change_of(resource)
    return change.key if change else f"action:{code_in(resource.get('code'), uris.WORK_CODE)}"


def active_plan(held: list[Stored]) -> Stored | None:
    """Ours; what others agreed with her is shown beside it."""
    plans = [stored for stored in held if stored.type == "CarePlan"]
    return next((s for s in plans if is_our_plan(s.resource)), None)


def zone_of(patient: Resource) -> str:
    """Where the person lives, else UTC: only for the days a plan counts from, never for a rule's deadline."""
    for address in patient.get("address", ()):
        if name := zone_of_address(address.get("postalCode"), address.get("state")):
            return name
    return "UTC"


def local_day(patient: Resource, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone_of(patient))).date()


def days_since_discharge(unit: Unit, patient: Stored) -> int | None:
    """From the finished hospital stay that ended last, whichever was written last. Observation is a stay."""
    today, stays = local_day(patient.resource, unit.now), known_stays(unit, patient.rid, load())
    ended = [
        each.ended_as_written
        for each in stays
        if each.setting == "stay" and each.is_discharged and each.ended_as_written
    ]
    return (today - max(ended)).days if ended else None


def _care_plan(
    unit: Unit, patient: Stored, proposed: PlanProposal, because: str | Words, key: str, active: Stored | None
) -> Resource:
    why: Resource = {"url": uris.BECAUSE, "valueString": because if isinstance(because, str) else because.en}
    if isinstance(because, Words):
        translate(why, "valueString", "es", because.es)
    base = f"{active.reference}@{active.version}" if active else "none"
    actor = unit.scope.actor
    return {
        "resourceType": "CarePlan",
        "identifier": [{"system": uris.DEDUPE, "value": f"proposal:{key}"}],
        "extension": [
            why,
            {"url": uris.PLAN_BASE, "valueString": base},
            *(
                _already(line)
                for line in proposed.lines
                if line.is_there and line.there and not unit.is_sensitive([line.there])
            ),
        ],
        "status": "draft",
        "intent": "proposal",
        "title": "Proposed for the plan",
        "subject": ref(patient.reference),
        "created": fhir_instant(unit.now),
        **({"author": ref(actor.practitioner, actor.name)} if actor.practitioner else {}),
        **({"replaces": [ref(active.reference)]} if active else {}),
    }


def _already(line: Line) -> Resource:
    """What is in the plan already, so that the page can say it instead of being silent."""
    says: Resource = {"url": "says", "valueString": line.text.en}
    translate(says, "valueString", "es", line.text.es)
    parts = [
        {"url": "line", "valueString": line.key},
        {"url": "there", "valueReference": ref(line.there or "")},
        says,
    ]
    if line.parent:
        parts.append({"url": "under", "valueString": line.parent})
    return {"url": uris.ALREADY, "extension": parts}


def _place(plan: Resource, line: Line, reference: str) -> None:
    match line.part if line.change is None else "action":
        case "need":
            plan.setdefault("addresses", []).append(ref(reference))
        case "goal":
            plan.setdefault("goal", []).append(ref(reference))
        case "action":
            plan.setdefault("activity", []).append({"reference": ref(reference)})
