"""What plans, orders and lists say about somebody, each with who says it: the material of care/conflicts.py. Pure.

A claim is one sentence of one party. Ours are one party; each organization, clinician or sender is one of its own; what
nobody signs is a party of its own as well, so that two of those are never taken for one voice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from careloop.care.others_plans import is_others, is_our_plan, lines_of, live_plans_of_others, whose
from careloop.fhir import uris
from careloop.fhir.elements import Resource, code_in, codings, day, identifiers, instant, text_of
from careloop.kernel.days import day_said
from careloop.library import Words

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
OUR_PARTY: Final = "ours"
OUR_WORDS: Final = Words("our plan", "nuestro plan")
NOBODY: Final = Words("somebody who is not named", "alguien que no consta")
OPEN_TASK: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
LIVE_GOAL: Final = frozenset({"accepted", "planned", "active", "on-hold"})
TAKEN: Final = frozenset({"active", "intended"})
STOPPED: Final = frozenset({"stopped", "cancelled", "not-taken", "on-hold"})
BOOKED: Final = frozenset({"booked", "pending", "arrived", "checked-in"})
NEVER: Final = datetime.min.replace(tzinfo=UTC)
USUAL_VISIT: Final = timedelta(minutes=30)


@dataclass(frozen=True, repr=False)
class Held:
    """changed: when it was last written here after the first time; None when it stands as it came."""

    resource: Resource
    changed: datetime | None = None

    @property
    def reference(self) -> str:
        return f"{self.resource['resourceType']}/{self.resource.get('id', '')}"


@dataclass(frozen=True, repr=False)
class Told:
    """All that one person's record says. names: reference -> what it is called. drugs: reference -> Medication."""

    held: tuple[Held, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    drugs: Mapping[str, Resource] = field(default_factory=dict)

    def of(self, *kinds: str) -> Iterator[Held]:
        return (each for each in self.held if each.resource["resourceType"] in kinds)

    @cached_property
    def said(self) -> tuple[Claim, ...]:
        """Every statement, read once for all rules."""
        return tuple(statements(self))

    def __repr__(self) -> str:
        return f"Told({len(self.held)})"


@dataclass(frozen=True, repr=False)
class Claim:
    """party: key of whoever says it. who: as it is called. text: as it is written. on: of which day it is."""

    party: str
    who: Words
    text: Words
    reference: str
    on: date | None = None
    codes: frozenset[str] = frozenset()

    @property
    def is_signed(self) -> bool:
        return not self.party.startswith("unsigned:")


@dataclass(frozen=True, repr=False)
class Aim(Claim):
    """A target. measure: LOINC. called: as a person calls what is measured."""

    measure: str = ""
    called: str = ""
    value: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True, repr=False)
class Drug(Claim):
    """state: taken or stopped. rxnorm: its codes. ended: when it was stopped, as far as is known."""

    state: str = ""
    rxnorm: frozenset[str] = frozenset()
    began: date | None = None
    ended: date | None = None


@dataclass(frozen=True, repr=False)
class Visit(Claim):
    start: datetime = NEVER
    end: datetime = NEVER


# --- who says it


class Parties:
    """Whose each resource is. A line of another's plan is theirs, whatever the line itself says."""

    def __init__(self, told: Told) -> None:
        self.names = told.names
        plans = [each.resource for each in told.of("CarePlan")]
        self.by_line: dict[str, Resource] = {}
        for plan in live_plans_of_others(plans):
            for line in lines_of(plan):
                self.by_line.setdefault(line, plan)
        for plan in filter(is_our_plan, plans):
            for line in lines_of(plan):
                self.by_line.pop(line, None)
        self.ours = {line for plan in filter(is_our_plan, plans) for line in lines_of(plan)}

    def of(self, held: Held) -> tuple[str, Words]:
        resource, reference = held.resource, held.reference
        if reference in self.ours:
            return OUR_PARTY, OUR_WORDS
        if plan := self.by_line.get(reference):
            return self.of_plan(plan)
        kind = resource["resourceType"]
        if kind == "CarePlan":
            return self.of_plan(resource) if is_others(resource) else (OUR_PARTY, OUR_WORDS)
        if kind in ("Goal", "Task") and not _came_from_elsewhere(resource):
            return OUR_PARTY, OUR_WORDS
        return self._named(resource, reference)

    def of_plan(self, plan: Resource) -> tuple[str, Words]:
        found = self._named(plan, f"CarePlan/{plan.get('id', '')}")
        title = str(plan.get("title") or "")
        return (found[0], Words(title, title)) if found[1] == NOBODY and title else found

    def _named(self, resource: Resource, reference: str) -> tuple[str, Words]:
        key = whose(resource)
        if not key:
            return f"unsigned:{reference}", NOBODY
        said = self.names.get(key) or _display(resource, key) or _of_sender(key)
        return key, Words(said, said) if said else NOBODY


def _came_from_elsewhere(resource: Resource) -> bool:
    if (resource.get("meta") or {}).get("source"):
        return True
    return any(not str(each.get("system", "")).startswith("urn:careloop:") for each in identifiers(resource))


def _display(resource: Resource, key: str) -> str:
    for value in resource.values():
        for each in value if isinstance(value, list) else (value,):
            is_it = isinstance(each, Mapping) and key in (each.get("reference"), each.get("display"))
            if is_it and each.get("display"):
                return str(each["display"])
    return ""


def _of_sender(key: str) -> str:
    """`urn:careloop:sender:st-lukes` -> `st-lukes`; a reference says nothing to a person."""
    return key.rpartition(":")[2] if key.startswith("urn:") else "" if "/" in key else key


# --- what is said


def statements(told: Told) -> Iterator[Claim]:
    """Sentences about what to do: lines of plans, diets, orders."""
    parties = Parties(told)
    for each in told.of("CarePlan"):
        if each.resource.get("status") in ("active", "on-hold"):
            yield from _of_plan(each, parties)
    for each in told.of("Goal"):
        if each.resource.get("lifecycleStatus") in LIVE_GOAL:
            yield _claim(each, parties, [text_of(each.resource.get("description"))])
    for each in told.of("Task"):
        task = each.resource
        if task.get("intent") in ("plan", "order") and task.get("status") in OPEN_TASK:
            yield _claim(each, parties, [str(task.get("description", ""))])
    for each in told.of("ServiceRequest"):
        order = each.resource
        if order.get("status") == "active" and order.get("intent") != "proposal":
            notes = [str(note.get("text", "")) for note in order.get("note", ())]
            said = [text_of(order.get("code")), str(order.get("patientInstruction", "")), *notes]
            yield _claim(each, parties, said, order.get("authoredOn"), _codes([order.get("code")]))
    yield from diets(told)


def diets(told: Told) -> Iterator[Claim]:
    parties = Parties(told)
    for each in told.of("NutritionOrder"):
        order = each.resource
        if order.get("status") != "active":
            continue
        oral = order.get("oralDiet") or {}
        concepts = [*oral.get("type", ()), *oral.get("fluidConsistencyType", ())]
        concepts += [t["modifier"] for t in oral.get("texture", ()) if "modifier" in t]
        said = [*(text_of(concept) for concept in concepts), str(oral.get("instruction", ""))]
        yield _claim(each, parties, said, order.get("dateTime"), _codes(concepts))


def _of_plan(held: Held, parties: Parties) -> Iterator[Claim]:
    plan = held.resource
    yield _claim(held, parties, [str(plan.get("description", ""))], plan.get("created"))
    for each in plan.get("activity", ()):
        detail = each.get("detail") or {}
        if detail.get("status") in ("cancelled", "stopped", "completed", "entered-in-error"):
            continue
        said = [text_of(detail.get("code")), str(detail.get("description", ""))]
        yield _claim(held, parties, said, plan.get("created"), _codes([detail.get("code")]))


def _codes(concepts: Iterable[Mapping[str, Any] | None]) -> frozenset[str]:
    return frozenset(f"{system}|{code}" for concept in concepts for system, code in codings(concept))


def _claim(
    held: Held,
    parties: Parties,
    texts: Sequence[str],
    on: str | None = None,
    codes: frozenset[str] = frozenset(),
) -> Claim:
    party, who = parties.of(held)
    text = ", ".join(dict.fromkeys(text.strip() for text in texts if text.strip()))
    return Claim(party, who, Words(text, text), held.reference, day(on), codes)


def aims(told: Told) -> Iterator[Aim]:
    """Each target number of each live goal."""
    parties = Parties(told)
    for each in told.of("Goal"):
        goal = each.resource
        if goal.get("lifecycleStatus") not in LIVE_GOAL:
            continue
        party, who = parties.of(each)
        for target in goal.get("target", ()):
            measure = code_in(target.get("measure"), uris.LOINC)
            value = _value(target)
            if measure and value:
                said = " ".join(part for part in value if part)
                yield Aim(
                    *(party, who, Words(said, said), each.reference, day(goal.get("startDate"))),
                    measure=measure,
                    called=text_of(target.get("measure")),
                    value=value,
                )


def _value(target: Resource) -> tuple[str, str, str] | None:
    """comparator, number, unit."""
    if quantity := target.get("detailQuantity"):
        return _quantity(quantity)
    if found := target.get("detailRange"):
        low, high = found.get("low") or {}, found.get("high") or {}
        ends = [_number(end["value"]) for end in (low, high) if "value" in end]
        return ("", "–".join(ends), str((high or low).get("unit", ""))) if ends else None
    return ("", str(target["detailInteger"]), "") if "detailInteger" in target else None


def _quantity(quantity: Resource) -> tuple[str, str, str] | None:
    if "value" not in quantity:
        return None
    unit = str(quantity.get("unit") or quantity.get("code") or "")
    return str(quantity.get("comparator", "")), _number(quantity["value"]), "" if unit[:1] == "{" else unit


def _number(value: Any) -> str:
    """7, 7.0 and 7.00 are one target."""
    return format(Decimal(str(value)).normalize(), "f")


def drugs(told: Told) -> Iterator[Drug]:
    parties = Parties(told)
    for each in told.of("MedicationRequest", "MedicationStatement"):
        said = each.resource
        state = "taken" if said.get("status") in TAKEN else "stopped" if said.get("status") in STOPPED else ""
        if not state or said.get("intent") == "proposal":
            continue
        reference = (said.get("medicationReference") or {}).get("reference", "")
        concept = said.get("medicationCodeableConcept") or told.drugs.get(reference, {}).get("code")
        name = text_of(concept) or str((said.get("medicationReference") or {}).get("display", ""))
        if not name:
            continue
        party, who = parties.of(each)
        period = said.get("effectivePeriod") or {}
        validity = (said.get("dispenseRequest") or {}).get("validityPeriod") or {}
        began = day(said.get("authoredOn") or period.get("start") or said.get("dateAsserted"))
        ended = day(period.get("end") or validity.get("end"))
        changed = each.changed.date() if each.changed else None
        yield Drug(
            *(party, who, Words(name, name), each.reference, began),
            state=state,
            rxnorm=frozenset(code for system, code in codings(concept) if system == RXNORM),
            began=began,
            ended=(ended or changed or began) if state == "stopped" else None,
        )


def visits(told: Told, now: datetime) -> Iterator[Visit]:
    """Booked, and not over."""
    for each in told.of("Appointment"):
        booked = each.resource
        start = instant(booked.get("start"))
        if start is None or booked.get("status") not in BOOKED:
            continue
        length = timedelta(minutes=booked.get("minutesDuration") or 0) or USUAL_VISIT
        end = instant(booked.get("end")) or start + length
        if end > now:
            who = _with_whom(booked, told.names)
            what = text_of(next(iter(booked.get("serviceType", ())), None)) or str(
                booked.get("description") or text_of(booked.get("appointmentType"))
            )
            said = Words(what or "a visit", what or "una cita")
            yield Visit(who.en, who, said, each.reference, start.date(), start=start, end=end)


def _with_whom(booked: Resource, names: Mapping[str, str]) -> Words:
    found = []
    for each in booked.get("participant", ()):
        actor = each.get("actor") or {}
        reference = str(actor.get("reference", ""))
        if not reference.startswith(("Patient/", "RelatedPerson/")):
            found.append(names.get(reference) or str(actor.get("display", "")))
    said = ", ".join(filter(None, found))
    return Words(said, said) if said else NOBODY


def dated(claim: Claim) -> Words:
    """`warfarin 5 mg (Nov 3, 2026)`"""
    if claim.on is None:
        return claim.text
    return Words(
        f"{claim.text.en} ({day_said(claim.on, 'en')})", f"{claim.text.es} ({day_said(claim.on, 'es')})"
    )
