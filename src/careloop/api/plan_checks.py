"""What a plan lacks, and where plans contradict one another, for programs: the same decisions as on the page.

GET Patient/<id>/$plan-completeness[?standard=ccm]
GET Patient/<id>/$plan-conflicts
POST Patient/<id>/$settle-conflict   Parameters: conflict, action (work, looked), reason (for looked)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import HttpResponse

from careloop import store
from careloop.actions.settle_conflict import look_at_conflict, make_conflict_work
from careloop.api.exchange import BadRequest, Exchange
from careloop.care.claims import Claim
from careloop.care.completeness import Completeness, Judged, completeness
from careloop.fhir import wire
from careloop.fhir.elements import Resource, fhir_instant, ref
from careloop.fhir.translation import translate
from careloop.library import Words, load
from careloop.projections.plan_evidence import shown_of
from careloop.projections.plans_beside import Named, beside_of

ACTIONS = ("work", "looked")


def plan_completeness(exchange: Exchange) -> HttpResponse:
    said = _said(exchange, {"standard"})
    library = load()
    if (wanted := said.get("standard")) and wanted not in library.standards:
        raise BadRequest(f"standard is one of {', '.join(library.standards)}.")
    with store.open(exchange.scope, now=exchange.now) as unit:
        patient = unit.read("Patient", exchange.args["id"])
        found = completeness(shown_of(unit, patient, library), library, exchange.now)
        is_partial = unit.withholds(patient.rid)
    parts = [_standard(each, exchange.now) for each in found if wanted in (None, each.standard.id)]
    return _answer(exchange, parts, is_partial=is_partial)


def plan_conflicts(exchange: Exchange) -> HttpResponse:
    _said(exchange, set())
    with store.open(exchange.scope, now=exchange.now) as unit:
        patient = unit.read("Patient", exchange.args["id"])
        found = beside_of(unit, patient, load())
        is_partial = unit.withholds(patient.rid)
    return _answer(exchange, [_conflict(each) for each in found.named], is_partial=is_partial)


def settle_conflict(exchange: Exchange) -> HttpResponse:
    """The Task or the DetectedIssue that was written."""
    body = exchange.resource()
    said = {str(each.get("name")): each for each in body.get("parameter", ())}
    key = str(said.get("conflict", {}).get("valueString", ""))
    action = str(said.get("action", {}).get("valueCode", ""))
    if body.get("resourceType") != "Parameters" or not key or action not in ACTIONS:
        raise BadRequest(
            "Send Parameters with “conflict” (valueString) and “action” (valueCode: work or looked)."
        )
    person, library = exchange.args["id"], load()
    if action == "work":
        made = make_conflict_work(exchange.scope, person, key, library, exchange.now).task
    else:
        reason = str(said.get("reason", {}).get("valueString", ""))
        made = look_at_conflict(exchange.scope, person, key, reason, library, exchange.now).made[0]
    assert made is not None
    return exchange.answer_with(made)


def _said(exchange: Exchange, known: set[str]) -> dict[str, str]:
    said = dict(exchange.pairs())
    if odd := said.keys() - known:
        raise BadRequest(f"It does not know “{min(odd)[:40]}”.")
    return said


def _answer(exchange: Exchange, parts: list[Resource], *, is_partial: bool) -> HttpResponse:
    """may-be-incomplete: something of the record is not shown to whoever asks; what is not said."""
    if is_partial:
        parts = [*parts, {"name": "may-be-incomplete", "valueBoolean": True}]
    body: Resource = {"resourceType": "Parameters", **({"parameter": parts} if parts else {})}
    return exchange.answer(wire.dumps(body))


# --- completeness


def _standard(found: Completeness, now: datetime) -> Resource:
    standard = found.standard
    return {
        "name": "standard",
        "part": [
            {"name": "id", "valueCode": standard.id},
            _words("title", standard.title),
            _words("says", found.sentence()),
            {"name": "met", "valueInteger": found.met},
            {"name": "of", "valueInteger": len(found.elements)},
            {"name": "program", "valueCode": found.program},
            {"name": "effective", "valueDate": standard.since.isoformat()},
            {"name": "source", "valueString": standard.source},
            {"name": "verified", "valueCode": standard.verified},
            *(_element(each, now) for each in found.elements),
        ],
    }


def _element(judged: Judged, now: datetime) -> Resource:
    element = judged.element
    parts: list[Resource] = [
        {"name": "id", "valueCode": element.id},
        _words("title", element.text),
        {"name": "met", "valueBoolean": judged.is_met},
    ]
    if not judged.is_met:
        parts.append(_words("lacks", element.lacks))
    for evidence in judged.met_by or ((judged.old,) if judged.old else ()):
        parts.append(
            {
                "name": "met-by" if judged.is_met else "too-old",
                "part": [
                    {"name": "reference", "valueReference": ref(evidence.reference)},
                    {"name": "at", "valueDateTime": fhir_instant(evidence.at)},
                    *([{"name": "by", "valueString": evidence.by}] if evidence.by else []),
                ],
            }
        )
    if (deadline := judged.deadline) and not judged.is_met:
        parts += [
            {"name": "due", "valueDateTime": fhir_instant(deadline.due)},
            {"name": "late", "valueBoolean": judged.is_late(now)},
            {"name": "rule", "valueString": deadline.rule.ref},
            {"name": "rule-source", "valueString": deadline.rule.source},
        ]
    return {"name": "element", "part": parts}


# --- conflicts


def _conflict(named: Named) -> Resource:
    found = named.conflict
    parts: list[Resource] = [
        {"name": "conflict", "valueString": found.key},
        {"name": "rule", "valueCode": found.rule.id},
        _words("title", found.rule.title),
        _words("because", found.because),
        _words("ask", found.ask),
        {"name": "source", "valueString": found.rule.source},
        *_sides(found.sides),
    ]
    if named.looked:
        looked: list[Resource] = [
            {"name": "reason", "valueString": named.looked.reason},
            {"name": "by", "valueString": named.looked.who},
            {"name": "issue", "valueReference": ref(f"DetectedIssue/{named.looked.id}")},
        ]
        parts.append({"name": "looked-at", "part": [each for each in looked if all(each.values())]})
    if named.work:
        parts.append({"name": "work", "valueReference": ref(f"Task/{named.work}")})
    return {"name": "conflict", "part": parts}


def _sides(sides: Iterable[Claim]) -> Iterable[Resource]:
    for side in sides:
        yield {
            "name": "side",
            "part": [
                {"name": "reference", "valueReference": ref(side.reference)},
                _words("who", side.who),
                _words("says", side.text),
            ],
        }


def _words(name: str, words: Words) -> Resource:
    part: Resource = {"name": name, "valueString": words.en}
    if words.es != words.en:
        translate(part, "valueString", "es", words.es)
    return part
