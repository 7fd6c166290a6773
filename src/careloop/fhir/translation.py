"""The same text in another language, as FHIR keeps it: an extension beside the text (`_text`, `_valueString`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from careloop.fhir.elements import Resource

TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"


def translate(element: Resource, name: str, language: str, text: str | None) -> None:
    """Sets, replaces or (text None) removes the translation of element[name]."""
    beside = dict(element.get(f"_{name}", {}))
    kept = [each for each in beside.get("extension", ()) if _language(each) != language]
    if text:
        parts = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
        kept.append({"url": TRANSLATION, "extension": parts})
    if kept:
        element[f"_{name}"] = {**beside, "extension": kept}
        return
    beside.pop("extension", None)
    element.pop(f"_{name}", None)
    if beside:
        element[f"_{name}"] = beside


def translated(element: Mapping[str, Any] | None, name: str, language: str) -> str | None:
    """None when there is no text in that language beside element[name]."""
    for each in ((element or {}).get(f"_{name}") or {}).get("extension", ()):
        if _language(each) == language:
            return next((str(p["valueString"]) for p in each["extension"] if p.get("url") == "content"), None)
    return None


def _language(extension: Mapping[str, Any]) -> str | None:
    if extension.get("url") != TRANSLATION:
        return None
    parts = extension.get("extension", ())
    return next((p.get("valueCode") for p in parts if p.get("url") == "lang"), None)
