"""What a question's own form sends, whatever its kind."""

from __future__ import annotations

import base64
import json

from django.http import HttpRequest

from careloop.fhir.questionnaire.values import MOST_BYTES


def typed_values(request: HttpRequest) -> list[str]:
    """Its values, a number with the unit chosen beside it, words of one's own beside
    the answers that are offered, or a file."""
    values = [value for value in request.POST.getlist("value") if value.strip()]
    unit, other = request.POST.get("unit", "").strip(), request.POST.get("other", "").strip()
    if unit and values:
        values = [f"{values[0]} {unit}"]
    if other:
        values.append(other)
    if (sent := request.FILES.get("value")) is not None and sent.size is not None:
        kind = str(sent.content_type or "application/octet-stream")
        data = base64.b64encode(sent.read(MOST_BYTES + 1)).decode()
        values = [json.dumps({"contentType": kind, "data": data, "title": str(sent.name or "")[:200]})]
    return values
