"""The operations of SDC: a form filled in from the record, resources made of answers, and whether a form or its answers
are right. Nothing is stored here: whoever asks decides that, by creating what comes back.

Source: http://hl7.org/fhir/uv/sdc, $populate and $extract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.http import HttpResponse

from careloop import store
from careloop.actions.adopted import QuestionsRefused, about, adopted, by_address, checked, instrument_for
from careloop.actions.extract_answers import extracted
from careloop.actions.populate_answers import kept_origins, marked, populated
from careloop.actions.take_responses import answer_issues
from careloop.api.exchange import BadRequest, Exchange
from careloop.fhir import outcome
from careloop.fhir.elements import Resource
from careloop.fhir.outcome import Issue
from careloop.fhir.questionnaire import Note, only_asked
from careloop.fhir.questionnaire.extracting import Made
from careloop.fhir.responses import About, answers_of, placed_response, problems_of
from careloop.fhir.validate import problems
from careloop.kernel.errors import NotFound
from careloop.library import Instrument, load
from careloop.library.adopting import Adopted
from careloop.store import Stored, Unit

_RIGHT: Final = Issue("information", "informational", "", "Nothing is wrong with it.")


# --- $populate


def populate(exchange: Exchange) -> HttpResponse:
    """Parameters questionnaire (or questionnaireRef), subject, context; answers with response and issues."""
    said = _Said(exchange)
    with store.open(exchange.scope, now=exchange.now) as unit:
        subject = said.reference("subject")
        if not subject.startswith("Patient/"):
            raise BadRequest("Name the person in “subject”: a reference like Patient/123.")
        person = unit.read("Patient", subject.removeprefix("Patient/"))
        instrument = _asked(unit, exchange, said, person)
        filled = populated(unit, instrument, person)
        told = About(subject=person.reference, authored=unit.now, source=None)
        response, elements = placed_response(instrument.form, filled.answers, told, status="in-progress")
        marked(elements, kept_origins(filled))
    parts: list[Resource] = [{"name": "response", "resource": response}]
    if instrument.form.notes:
        parts.append({"name": "issues", "resource": outcome.outcome(list(_issues(instrument.form.notes)))})
    return exchange.answer({"resourceType": "Parameters", "parameter": parts})


def _asked(unit: Unit, exchange: Exchange, said: _Said, person: Stored) -> Instrument:
    library = load()
    found: Adopted
    if id := exchange.args.get("id"):
        if id in library.instruments:
            return library.instruments[id]
        found = adopted(unit, library, unit.read("Questionnaire", id))
    elif sent := said.resource("questionnaire"):
        found = checked(unit, library, sent)
    else:
        canonical = said.value("questionnaireRef") or said.value("questionnaire") or said.value("url")
        if isinstance(canonical, Mapping):
            canonical = canonical.get("reference", "")
        if not canonical:
            raise BadRequest("Send the form in “questionnaire”, or its address in “questionnaireRef”.")
        ours = instrument_for(unit, library, str(canonical))
        if ours is not None and not isinstance(ours, Adopted):
            return ours
        stored = by_address(unit, str(canonical))
        if stored is None:
            raise NotFound(f"There is no Questionnaire “{str(canonical)[:120]}” here.")
        found = adopted(unit, library, stored)
    return about(unit, found, person, _encounter(unit, said, person))


def _encounter(unit: Unit, said: _Said, person: Stored) -> Resource | None:
    """Of the launch context, when it is this person's."""
    for name, content in said.contexts():
        reference = str(content.get("reference", ""))
        if name == "encounter" and reference.startswith("Encounter/"):
            found = unit.get([reference]).get(reference)
            return found.resource if found is not None and found.person == person.rid else None
    return None


# --- $extract


def extract(exchange: Exchange) -> HttpResponse:
    """Of a stored response, or of one that is sent (with its questionnaire, when the record has none of that address);
    answers with a transaction Bundle, and issues for what was left out."""
    said = _Said(exchange)
    with store.open(exchange.scope, now=exchange.now) as unit:
        if id := exchange.args.get("id"):
            response = unit.read("QuestionnaireResponse", id).resource
        else:
            response = said.resource("questionnaire-response", "QuestionnaireResponse") or {}
            if not response:
                raise BadRequest("Send the answers in “questionnaire-response”, or as the body.")
        instrument = _answered(unit, said, response)
        answers, faults = answers_of(instrument.form, response)
        reference = f"QuestionnaireResponse/{response['id']}" if response.get("id") else ""
        found = extracted(instrument, only_asked(instrument.form, answers), response, reference)
    issues = [*answer_issues(faults), *_issues(found.notes)]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        **({"entry": [_entry(made) for made in found.made]} if found.made else {}),
    }
    parts: list[Resource] = [{"name": "return", "resource": bundle}]
    if issues:
        parts.append({"name": "issues", "resource": outcome.outcome(issues)})
    return exchange.answer({"resourceType": "Parameters", "parameter": parts})


def _answered(unit: Unit, said: _Said, response: Resource) -> Instrument:
    subject = str((response.get("subject") or {}).get("reference", ""))
    person = unit.get([subject]).get(subject) if subject.startswith("Patient/") else None
    if sent := said.resource("questionnaire"):
        found = checked(unit, load(), sent)
        return about(unit, found, person) if person else found
    canonical = str(response.get("questionnaire", ""))
    instrument = instrument_for(unit, load(), canonical, person)
    if instrument is None:
        raise NotFound(f"There is no Questionnaire “{canonical[:120]}” here; send it in “questionnaire”.")
    return instrument


def _entry(made: Made) -> Resource:
    kind = made.resource["resourceType"]
    if made.id:
        resource = {**made.resource, "id": made.id}
        return {"resource": resource, "request": {"method": "PUT", "url": f"{kind}/{made.id}"}}
    return {"resource": made.resource, "request": {"method": "POST", "url": kind}}


# --- $validate


def validate_response(exchange: Exchange) -> HttpResponse:
    """An OperationOutcome: what is wrong with the resource, and with its answers as the form asks for them."""
    said = _Said(exchange)
    response = said.resource("resource", "QuestionnaireResponse")
    if response is None:
        raise BadRequest("Send a QuestionnaireResponse, or Parameters with one in “resource”.")
    issues = problems(response, expected_type="QuestionnaireResponse")
    with store.open(exchange.scope, now=exchange.now) as unit:
        if not issues:
            instrument = _answered(unit, said, response)
            issues = answer_issues(problems_of(instrument.form, response))
    return exchange.answer(outcome.outcome(issues or [_RIGHT]))


def validate_questionnaire(exchange: Exchange) -> HttpResponse:
    """An OperationOutcome: errors when it can't be asked, warnings for what Careloop can't do of it."""
    said = _Said(exchange)
    sent = said.resource("resource", "Questionnaire")
    if sent is None:
        raise BadRequest("Send a Questionnaire, or Parameters with one in “resource”.")
    issues = problems(sent, expected_type="Questionnaire")
    if not issues:
        with store.open(exchange.scope, now=exchange.now) as unit:
            unit.condition("Questionnaire", "search")
            try:
                issues = list(_issues(checked(unit, load(), sent).form.notes))
            except QuestionsRefused as refused:
                issues = refused.issues
    return exchange.answer(outcome.outcome(issues or [_RIGHT]))


def _issues(notes: Iterable[Note]) -> Iterable[Issue]:
    for note in notes:
        where = (
            f"Questionnaire.repeat(item).where(linkId='{note.link_id[:80]}')"
            if note.link_id
            else "Questionnaire"
        )
        yield Issue("warning", "not-supported", where, note.text)


class _Said:
    """What was sent: Parameters, or the resource itself, or (GET) words of the address."""

    def __init__(self, exchange: Exchange) -> None:
        self.body: Resource = exchange.resource() if exchange.request.method == "POST" else {}
        self.words = dict(exchange.pairs())
        self.parameters: list[Any] = []
        if self.body.get("resourceType") == "Parameters":
            found = self.body.get("parameter", [])
            self.parameters = (
                [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
            )

    def _named(self, name: str) -> Resource:
        return next((each for each in self.parameters if each.get("name") == name), {})

    def resource(self, name: str, kind: str = "Questionnaire") -> Resource | None:
        """Refused when it is no right resource of that type."""
        found = self._named(name).get("resource")
        if found is None and self.body.get("resourceType") == kind:
            found = self.body
        if found is None:
            return None
        if wrong := problems(found, expected_type=kind):
            raise BadRequest(f"“{name}”: {wrong[0].expression}: {wrong[0].text}")
        right: Resource = found
        return right

    def value(self, name: str) -> Any:
        found = self._named(name)
        return next((each for key, each in found.items() if key.startswith("value")), self.words.get(name))

    def reference(self, name: str) -> str:
        found = self.value(name)
        return str(found.get("reference", "")) if isinstance(found, Mapping) else str(found or "")

    def contexts(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        for each in self.parameters:
            if each.get("name") in ("context", "launchContext"):
                parts = {part.get("name"): part for part in each.get("part", ()) if isinstance(part, dict)}
                content = parts.get("content", {})
                yield str(parts.get("name", {}).get("valueString", "")), content.get("valueReference") or {}
