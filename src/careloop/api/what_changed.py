"""CarePlan/$what-changed: what is another in a plan than it was, in words for who asks, as Parameters.

GET CarePlan/<id>/$what-changed?since=3&audience=clinician, or
CarePlan/$what-changed?patient=Patient/<id>&since=2026-11-20.
"""

from __future__ import annotations

from typing import Any, get_args

from django.http import HttpResponse

from careloop import store
from careloop.api.exchange import BadRequest, Exchange
from careloop.care.plan_changes import AUDIENCES, Audience, Change
from careloop.care.plan_lines import TYPES
from careloop.fhir import wire
from careloop.fhir.elements import Resource, fhir_instant, ref
from careloop.fhir.translation import translate
from careloop.kernel.errors import NotFound
from careloop.projections.by_type import searchable
from careloop.projections.plan_history import active_plan_of, is_plan, since_when, what_changed
from careloop.store import Stored, Unit

KNOWN = frozenset({"since", "audience", "patient", "_format", "_pretty"})
assert set(get_args(Audience)) == set(AUDIENCES)


def of_plan(exchange: Exchange) -> HttpResponse:
    said = _said(exchange)
    with store.open(exchange.scope, now=exchange.now) as unit:
        plan = unit.read("CarePlan", exchange.args["id"])
        if not is_plan(plan):
            raise NotFound("It is no plan that this house follows: a proposal, or a plan of others.")
        return _answer(exchange, unit, plan, said)


def of_person(exchange: Exchange) -> HttpResponse:
    said = _said(exchange)
    id = said.get("patient", "").removeprefix("Patient/")
    if not id:
        raise BadRequest("Say whose plan: patient=Patient/<id>.")
    with store.open(exchange.scope, now=exchange.now) as unit:
        unit.condition("CarePlan", "search")
        plan = active_plan_of(unit, unit.read("Patient", id).rid)
        if plan is None:
            raise NotFound("This person has no plan that stands.")
        return _answer(exchange, unit, plan, said)


def _said(exchange: Exchange) -> dict[str, str]:
    said = dict(exchange.pairs())
    if odd := said.keys() - KNOWN:
        raise BadRequest(f"$what-changed does not know “{min(odd)[:40]}”.")
    if said.get("audience", AUDIENCES[0]) not in AUDIENCES:
        raise BadRequest(f"audience is one of {', '.join(AUDIENCES)}.")
    return said


def _answer(exchange: Exchange, unit: Unit, plan: Stored, said: dict[str, str]) -> HttpResponse:
    whose = unit.reference_of(plan.person)
    patient = unit.read("Patient", whose.partition("/")[2])
    since = since_when(unit, plan, said.get("since", ""))
    audience = _audience(exchange, said)
    found = what_changed(unit, patient, plan, since, audience)
    parameters: list[Resource] = [
        {"name": "plan", "valueReference": ref(plan.reference)},
        {"name": "version", "valueInteger": plan.version},
        {"name": "since", "valueDateTime": fhir_instant(since)},
        {"name": "audience", "valueCode": audience},
        *map(_change, found),
    ]
    if unit.withholds(plan.person) or len(searchable(unit, TYPES)) < len(TYPES):
        parameters.append({"name": "note", "valueString": "This list may be incomplete."})
    return exchange.answer(wire.dumps({"resourceType": "Parameters", "parameter": parameters}))


def _audience(exchange: Exchange, said: dict[str, str]) -> Audience:
    """Who does not say is told as who she is."""
    asked = said.get("audience")
    for each in AUDIENCES:
        if asked == each:
            return each
    known: dict[str, Audience] = {"person": "person", "partner": "partner"}
    return known.get(exchange.actor.kind, "coordinator")


def _change(change: Change) -> Resource:
    text: dict[str, Any] = {"name": "text", "valueString": change.says.en}
    translate(text, "valueString", "es", change.says.es)
    parts: list[Resource] = [
        {"name": "kind", "valueCode": change.kind},
        {"name": "part", "valueCode": change.part},
        {"name": "line", "valueReference": ref(change.reference)},
        text,
    ]
    if change.because.en:
        parts.append({"name": "because", "valueString": change.because.en})
    parts += [{"name": "field", "valueCode": field} for field in change.fields]
    return {"name": "change", "part": parts}
