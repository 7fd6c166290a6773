"""Forms for tests, written short."""

from __future__ import annotations

from typing import Any

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
R4 = "http://hl7.org/fhir/StructureDefinition/"


def form(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire",
        "id": "theirs",
        "url": "http://example.org/theirs",
        "version": "2",
        "title": "Theirs",
        "status": "active",
        "item": list(items),
        **more,
    }


def item(link_id: str, type: str = "string", **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "type": type, "text": f"What of {link_id}?", **more}


def group(link_id: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "type": "group", "text": link_id.capitalize(), "item": list(items), **more}


def choice(link_id: str, *codes: str, **more: Any) -> dict[str, Any]:
    options = [{"valueCoding": {"system": "http://x", "code": c, "display": c.title()}} for c in codes]
    return item(link_id, "choice", answerOption=options, **more)


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"enableWhen": [{"question": question, "operator": operator, **answer}]}


def path(url: str, expression: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "valueExpression": {"language": "text/fhirpath", "expression": expression, **more}}


def calculated(expression: str) -> dict[str, Any]:
    return path(f"{SDC}calculatedExpression", expression)


def variable(name: str, expression: str) -> dict[str, Any]:
    return path(f"{R4}variable", expression, name=name)
