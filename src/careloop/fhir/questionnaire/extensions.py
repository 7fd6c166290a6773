"""The extensions of R4 and SDC that a form may carry, by their addresses, and how each is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.form import BadQuestionnaire, Expression, Media, Unit

_R4: Final = "http://hl7.org/fhir/StructureDefinition/"
_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

ORDINAL: Final = f"{_R4}ordinalValue"
ORDINALS: Final = (ORDINAL, f"{_R4}itemWeight", f"{_R4}questionnaire-ordinalValue")
EXCLUSIVE: Final = f"{_R4}questionnaire-optionExclusive"
OPTION_PREFIX: Final = f"{_R4}questionnaire-optionPrefix"
MINIMUM: Final = f"{_R4}minValue"
MAXIMUM: Final = f"{_R4}maxValue"
MIN_LENGTH: Final = f"{_R4}minLength"
DECIMALS: Final = f"{_R4}maxDecimalPlaces"
MIN_OCCURS: Final = f"{_R4}questionnaire-minOccurs"
MAX_OCCURS: Final = f"{_R4}questionnaire-maxOccurs"
MAX_SIZE: Final = f"{_R4}maxSize"
MIME: Final = f"{_R4}mimeType"
REFERENCE: Final = f"{_R4}questionnaire-referenceResource"
HIDDEN: Final = f"{_R4}questionnaire-hidden"
CONTROL: Final = f"{_R4}questionnaire-itemControl"
DISPLAY_CATEGORY: Final = f"{_R4}questionnaire-displayCategory"
ENTRY_FORMAT: Final = f"{_R4}entryFormat"
STEP: Final = f"{_R4}questionnaire-sliderStepValue"
UNIT: Final = f"{_R4}questionnaire-unit"
UNIT_OPTION: Final = f"{_R4}questionnaire-unitOption"
UNIT_VALUE_SET: Final = f"{_R4}questionnaire-unitValueSet"
UNIT_OPEN: Final = f"{_SDC}unitOpen"
LINK: Final = f"{_R4}questionnaire-supportLink"
TRANSLATION: Final = f"{_R4}translation"
VARIABLE: Final = f"{_R4}variable"
ITEM_MEDIA: Final = f"{_SDC}itemMedia"
OPTION_MEDIA: Final = f"{_SDC}itemAnswerMedia"

LAUNCH_CONTEXT: Final = f"{_SDC}launchContext"
ENABLE_WHEN_EXPRESSION: Final = f"{_SDC}enableWhenExpression"
CALCULATED: Final = f"{_SDC}calculatedExpression"
INITIAL_EXPRESSION: Final = f"{_SDC}initialExpression"
ANSWER_EXPRESSION: Final = f"{_SDC}answerExpression"
POPULATION_CONTEXT: Final = f"{_SDC}itemPopulationContext"
TOGGLE: Final = f"{_SDC}answerOptionsToggleExpression"
LINK_PERIOD: Final = f"{_SDC}observationLinkPeriod"
OBSERVATION_EXTRACT: Final = f"{_SDC}observationExtract"
EXTRACT_CATEGORY: Final = f"{_SDC}observation-extract-category"
DEFINITION_EXTRACT: Final = f"{_SDC}definitionExtract"
DEFINITION_VALUE: Final = f"{_SDC}definitionExtractValue"
EXTRACTION_CONTEXT: Final = f"{_SDC}itemExtractionContext"

# The last word of an extension's address -> what is not done of it. The form is used without it, and says so.
UNSPOKEN: Final[Mapping[str, str]] = {
    "sdc-questionnaire-subQuestionnaire": "It takes in another form. Put them together first ($assemble).",
    "sdc-questionnaire-questionnaireAdaptive": "A server chooses each next question; here it is asked as it stands.",
    "sdc-questionnaire-templateExtract": "Resources made from its templates are not made here.",
    "sdc-questionnaire-templateExtractBundle": "Resources made from its templates are not made here.",
    "sdc-questionnaire-targetStructureMap": "Its StructureMap is not run: no resources are made that way.",
    "sdc-questionnaire-sourceStructureMap": "Its StructureMap is not run: nothing is filled in that way.",
    "sdc-questionnaire-candidateExpression": "The candidates for its answer are not looked up.",
    "sdc-questionnaire-contextExpression": "What it would show beside the question is not looked up.",
    "questionnaire-constraint": "A rule between several answers is not checked.",
    "sdc-questionnaire-lookupQuestionnaire": "Its look-up is not done.",
    "cqf-expression": "A limit or a text that is worked out by an expression is left as written.",
    "rendering-style": "Colors and styles of the form are not shown.",
}


def value_of(element: Mapping[str, Any], url: str) -> Any:
    """The value[x] of the first extension with that address."""
    for found in element.get("extension", ()):
        if found.get("url") == url:
            return next((value for key, value in found.items() if key.startswith("value")), None)
    return None


def all_of(element: Mapping[str, Any], url: str) -> Iterator[Any]:
    for found in element.get("extension", ()):
        if found.get("url") == url:
            value = next((value for key, value in found.items() if key.startswith("value")), None)
            if value is not None:
                yield value


def part(extension: Mapping[str, Any], name: str) -> Any:
    """The value of a part of a complex extension."""
    return value_of(extension, name)


def expression_in(value: Any) -> Expression | None:
    """Of a valueExpression, or of the bare text some write."""
    if isinstance(value, str):
        return Expression(value)
    if not isinstance(value, Mapping) or not {"language", "expression"} & value.keys():
        return None
    text = value.get("expression")
    if not isinstance(text, str):
        raise BadQuestionnaire(
            "An expression is kept elsewhere (reference); only those written in the form are read."
        )
    return Expression(text, str(value.get("language", "text/fhirpath")), str(value.get("name", "")))


def control_of(element: Mapping[str, Any]) -> str:
    found = value_of(element, CONTROL)
    codings = found.get("coding", ()) if isinstance(found, Mapping) else ()
    return str(codings[0].get("code", "")) if codings else ""


def texts_of(element: Mapping[str, Any], name: str) -> dict[str, str]:
    """Translations of a text, by language (`es`)."""
    found: dict[str, str] = {}
    for each in (element.get(f"_{name}") or {}).get("extension", ()):
        if each.get("url") == TRANSLATION:
            language, content = part(each, "lang"), part(each, "content")
            if language and content:
                found[str(language).partition("-")[0]] = str(content)
    return found


# Big enough for a drawing of where it hurts; what is bigger stays an address.
_MOST_MEDIA: Final = 400_000
_SHOWN: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


def media_of(element: Mapping[str, Any], url: str = ITEM_MEDIA) -> Media | None:
    """A picture that came with the form is shown; sound and film, and what lies elsewhere, are an address to open."""
    found = value_of(element, url)
    if not isinstance(found, Mapping):
        return None
    kind, data = str(found.get("contentType", "")), str(found.get("data", ""))
    is_shown = kind in _SHOWN and 0 < len(data) <= _MOST_MEDIA
    address = str(found.get("url", ""))
    if not is_shown and not address.startswith(("https://", "http://")):
        return None
    return Media(kind, str(found.get("title", "")), address if not is_shown else "", data if is_shown else "")


def units_of(element: Resource, value_sets: Mapping[str, Resource]) -> tuple[Unit, ...]:
    found = [*all_of(element, UNIT_OPTION)]
    if (fixed := value_of(element, UNIT)) is not None:
        found = [fixed, *found]
    named = value_of(element, UNIT_VALUE_SET)
    if named is not None and (held := value_sets.get(str(named).partition("|")[0])):
        from careloop.fhir.questionnaire.options import concepts_in

        found += [coding for coding, _ in concepts_in(held)]
    made = [
        Unit(
            str(each.get("code", "")),
            str(each.get("system", "")),
            str(each.get("display") or each.get("code", "")),
        )
        for each in found
        if isinstance(each, Mapping)
    ]
    return tuple(dict.fromkeys(made))
