"""POST Patient/<id>/$assess-risk: works out the risk scores of a person now, and answers with those that the caller may
read, a searchset of RiskAssessments. Changes of the record do the same by themselves a moment later."""

from __future__ import annotations

from django.http import HttpResponse

from careloop import store
from careloop.actions.assess_risk import TYPE
from careloop.actions.assess_risk import assess_risk as assess
from careloop.api.exchange import Exchange
from careloop.fhir import uris, wire
from careloop.fhir.elements import code_in
from careloop.library import load


def assess_risk(exchange: Exchange) -> HttpResponse:
    person = exchange.args["id"]
    assess(exchange.scope, person, load(), exchange.now)
    with store.open(exchange.scope, now=exchange.now) as unit:
        patient = unit.read("Patient", person)
        found = [
            stored
            for stored in unit.of_person(patient.rid, (TYPE,))
            if code_in(stored.resource.get("method"), uris.RISK) and stored.resource.get("status") == "final"
        ]
    entries = b",".join(
        b'{"fullUrl":%b,"resource":%b,"search":{"mode":"match"}}'
        % (wire.dumps(exchange.base + stored.reference), stored.json)
        for stored in found
    )
    body = b'{"resourceType":"Bundle","type":"searchset","total":%d,"entry":[%b]}' % (len(found), entries)
    return exchange.answer(body if found else body.replace(b',"entry":[]', b""))
