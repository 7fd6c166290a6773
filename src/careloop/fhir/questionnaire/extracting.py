"""Resources from answers, by what the form says: observation-based (code and observationExtract) and definition-based
(definition and definitionExtract). Pure: what is made here is validated, permitted and stored like anything else.

Source: HL7 SDC, form data extraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from careloop.fhir import uris
from careloop.fhir.definitions import ElementDef, type_def
from careloop.fhir.elements import Resource, ref
from careloop.fhir.questionnaire.asking import asked_places
from careloop.fhir.questionnaire.form import Answer, Answers, Expression, Form, Item, Note
from careloop.fhir.questionnaire.places import Place
from careloop.fhir.questionnaire.reading import Reading
from careloop.fhir.questionnaire.tree import written_value

UCUM: Final = "http://unitsofmeasure.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
# Which value[x] an Observation may have for which answer.
_OBSERVED: Final = {
    "valueBoolean": "valueBoolean",
    "valueInteger": "valueInteger",
    "valueString": "valueString",
    "valueUri": "valueString",
    "valueDate": "valueDateTime",
    "valueDateTime": "valueDateTime",
    "valueTime": "valueTime",
    "valueQuantity": "valueQuantity",
}


@dataclass(frozen=True)
class Source:
    """response, subject: references. effective: a FHIR instant. performer: who answered or wrote it down."""

    response: str
    subject: str
    effective: str
    performer: str | None = None
    encounter: str | None = None


@dataclass(frozen=True)
class Made:
    """One resource. key: of the answer or group it comes from, so that a second extraction finds the first. id: of the
    resource that is changed, when the form says which."""

    key: str
    resource: Resource = field(repr=False)
    id: str = ""


@dataclass(frozen=True)
class Extracted:
    made: tuple[Made, ...]
    notes: tuple[Note, ...] = ()


def extract(form: Form, answers: Answers, source: Source) -> Extracted:
    """Nothing raises: what does not fit becomes a note with its linkId."""
    work = _Extraction(form, answers, source)
    work.observations()
    work.definitions()
    return Extracted(tuple(work.made), tuple(work.notes))


class _Extraction:
    def __init__(self, form: Form, answers: Answers, source: Source) -> None:
        self.form, self.answers, self.source = form, answers, source
        self.places, self.asked = asked_places(form, answers)
        self.made: list[Made] = []
        self.notes: list[Note] = []
        self._reading: Reading | None = None

    @property
    def reading(self) -> Reading:
        if self._reading is None:
            self._reading = Reading(self.form, self.answers, self.asked)
        return self._reading

    # --- observations

    def observations(self) -> None:
        parents: dict[str, Made] = {}
        for place in self.places:
            item = place.item
            relation = item.taken.relation
            if relation is None or place.key not in self.asked or not item.codes:
                continue
            is_group = item.type == "group"
            if place.is_repetition != (is_group and item.link_id in self.form.repeating):
                continue
            if is_group:
                parents[place.key] = Made(place.key, self._observation(item, place.key))
                self.made.append(parents[place.key])
            elif self._answer(place.key).is_given:
                self._take(place, relation, parents)
        kept = [m for m in self.made if m.key not in parents or _says_something(m.resource)]
        self.made = kept

    def _take(self, place: Place, relation: str, parents: Mapping[str, Made]) -> None:
        above = self._parent_of(place, parents)
        values = list(self._observed(place))
        if relation == "component" and above is not None:
            code = {"code": self._code(place.item)}
            above.resource.setdefault("component", []).extend({**code, **value} for value in values)
            return
        for number, value in enumerate(values, 1):
            key = place.key if number == 1 else f"{place.key}#{number}"
            made = Made(key, {**self._observation(place.item, key), **value})
            self.made.append(made)
            if relation in ("member", "child", "derived") and above is not None:
                name = "derivedFrom" if relation == "derived" else "hasMember"
                above.resource.setdefault(name, []).append({"reference": f"#made:{key}"})

    def _parent_of(self, place: Place, parents: Mapping[str, Made]) -> Made | None:
        by_key = {each.key: each for each in self.places} if parents else {}
        at = place.parent
        while at is not None:
            if at in parents:
                return parents[at]
            at = by_key[at].parent
        return None

    def _observed(self, place: Place) -> Iterator[Resource]:
        for value in self._answer(place.key).values:
            written = written_value(place.item, value)
            name, found = next(iter(written.items()))
            if name == "valueCoding":
                text = {"text": found["display"]} if found.get("display") else {}
                yield {"valueCodeableConcept": {"coding": [found], **text}}
            elif name == "valueDecimal" or (name == "valueInteger" and place.item.units):
                unit = place.item.units[0] if place.item.units else None
                coded = {"unit": unit.text, "system": unit.system or UCUM, "code": unit.code} if unit else {}
                yield {"valueQuantity": {"value": found, **coded}}
            elif name in _OBSERVED:
                yield {_OBSERVED[name]: found}
            else:
                self.notes.append(Note(place.item.link_id, "An answer of this kind can’t be an observation."))

    def _observation(self, item: Item, key: str) -> Resource:
        category = item.taken.category or (
            {"coding": [{"system": CATEGORY, "code": "survey", "display": "Survey"}]},
        )
        performer = {"performer": [ref(self.source.performer)]} if self.source.performer else {}
        encounter = {"encounter": ref(self.source.encounter)} if self.source.encounter else {}
        return {
            "resourceType": "Observation",
            "identifier": [{"system": uris.DEDUPE, "value": f"extract:{self.source.response}:{key}"[:400]}],
            "status": "final",
            "category": list(category),
            "code": self._code(item),
            "subject": ref(self.source.subject),
            **encounter,
            "effectiveDateTime": self.source.effective,
            **performer,
            "derivedFrom": [ref(self.source.response)],
        }

    def _code(self, item: Item) -> Resource:
        coding = [
            {n: v for n, v in (("system", system), ("code", code), ("display", display)) if v}
            for system, code, display in item.codes
        ]
        return {"coding": coding, **({"text": item.text} if item.text else {})}

    def _answer(self, key: str) -> Answer:
        return self.answers.get(key, Answer())

    # --- definitions

    def definitions(self) -> None:
        root = self.form.questionnaire
        from careloop.fhir.questionnaire.taking import Above, taken

        whole = taken(dict(root), Above()).taken
        if whole.resource:
            nested = {place.key for place in self.places if place.item.taken.resource}
            self._define(whole.resource, None, whole.fixed, nested)
        for place in self.places:
            item = place.item
            if not item.taken.resource or place.key not in self.asked:
                continue
            if place.is_repetition == (item.link_id in self.form.repeating and item.type == "group"):
                self._define(item.taken.resource, place, item.taken.fixed, set())

    def _define(
        self, kind: str, at: Place | None, fixed: tuple[tuple[str, Any], ...], apart: set[str]
    ) -> None:
        """apart: places whose answers belong to another resource."""
        resource: Resource = {"resourceType": kind}
        groups: dict[tuple[str, str], Resource] = {}
        inside = [at.key] if at else []
        for place in self.places:
            if not self._is_inside(place, at, inside) or self._is_apart(place, apart):
                continue
            inside.append(place.key)
            self._put_fixed(resource, kind, place, groups)
            path = place.item.taken.definition
            if (
                place.key in self.asked
                and path.startswith(f"{kind}#{kind}.")
                and self._answer(place.key).is_given
            ):
                self._put(resource, kind, place, path.partition("#")[2], groups)
        for path, value in fixed:
            self._put_value(resource, kind, path, self._fixed_value(value, at), None, groups)
        if len(resource) > 1:
            id = str(resource.pop("id", "") or "")
            if len(resource) > 1:
                self.made.append(Made(at.key if at else kind, self._belonging(resource, kind), id))

    def _is_inside(self, place: Place, at: Place | None, inside: list[str]) -> bool:
        return at is None or place.key == at.key or (place.parent is not None and place.parent in inside)

    def _is_apart(self, place: Place, apart: set[str]) -> bool:
        return any(place.key == each or place.key.startswith((f"{each}[", f"{each}/")) for each in apart) or (
            place.parent is not None and place.parent in apart
        )

    def _belonging(self, resource: Resource, kind: str) -> Resource:
        """Whose it is, where the type says so and the answers did not."""
        names = {element.name for element in type_def(kind).elements}
        for name in ("subject", "patient"):
            if name in names and name not in resource and kind != "Patient":
                resource[name] = ref(self.source.subject)
                break
        return resource

    def _put_fixed(
        self, resource: Resource, kind: str, place: Place, groups: dict[tuple[str, str], Resource]
    ) -> None:
        is_once = place.is_repetition or place.item.link_id not in self.form.repeating
        if place.item.taken.resource or place.key not in self.asked or not is_once:
            return
        for path, value in place.item.taken.fixed:
            self._put_value(resource, kind, path, self._fixed_value(value, place), place, groups)

    def _fixed_value(self, value: Mapping[str, Any], place: Place | None) -> list[Any]:
        if "value" in value:
            return [value["value"]]
        expression = value.get("expression")
        text = expression.get("expression") if isinstance(expression, Mapping) else expression
        try:
            return self.reading.found(Expression(str(text)), place)[:20]
        except ValueError:
            return []

    def _put(
        self, resource: Resource, kind: str, place: Place, path: str, groups: dict[tuple[str, str], Resource]
    ) -> None:
        values = [
            next(iter(written_value(place.item, value).values())) for value in self._answer(place.key).values
        ]
        self._put_value(resource, kind, f"{kind}#{path}", values, place, groups)

    def _put_value(
        self,
        resource: Resource,
        kind: str,
        path: str,
        values: list[Any],
        place: Place | None,
        groups: dict[tuple[str, str], Resource],
    ) -> None:
        """path: `Patient#Patient.name.family`. What repeats as a whole (a name) is one element for each repetition of
        the group it is asked in."""
        where, names = place.item.link_id if place else "", path.partition("#")[2].split(".")[1:]
        if not values or not path.startswith(f"{kind}#") or not names:
            return
        holder, type_name = resource, kind
        for depth, name in enumerate(names[:-1], 1):
            found = _element(type_name, name)
            if found is None:
                return self._unknown(where, path)
            element, key, type_name = found
            group = (".".join(names[:depth]), self._group_of(place, element))
            holder = _inner(holder, key, element, groups, group)
        found = _element(type_name, names[-1], values[0])
        if found is None:
            return self._unknown(where, path)
        element, key, last = found
        fitting = [_as_type(last, value) for value in values]
        if element.is_list:
            holder.setdefault(key, []).extend(fitting)
        else:
            holder[key] = fitting[0]

    def _group_of(self, place: Place | None, element: ElementDef) -> str:
        return place.within if place is not None and element.is_list else ""

    def _unknown(self, link_id: str, path: str) -> None:
        self.notes.append(
            Note(link_id, f"There is no {path.partition('#')[2][:80]}; its answer is not taken over.")
        )


def _inner(
    holder: Resource,
    key: str,
    element: ElementDef,
    groups: dict[tuple[str, str], Resource],
    group: tuple[str, str],
) -> Resource:
    if not element.is_list:
        inner: Resource = holder.setdefault(key, {})
        return inner
    if group not in groups:
        groups[group] = {}
        holder.setdefault(key, []).append(groups[group])
    return groups[group]


def _element(type_name: str, name: str, value: Any = None) -> tuple[ElementDef, str, str] | None:
    """The element, its JSON property and its type. `value`, `valueQuantity` and `value[x]` all name a choice."""
    try:
        elements = type_def(type_name).elements
    except KeyError:
        return None
    bare = name.removesuffix("[x]").partition(":")[0]
    for element in elements:
        if element.name == bare and not element.is_choice:
            return element, bare, element.types[0].code
        if element.is_choice and bare.startswith(element.name):
            wanted = bare[len(element.name) :] or _kind_of(value)
            for each in element.types:
                if each.code.lower() == wanted.lower():
                    return element, element.name + each.code[0].upper() + each.code[1:], each.code
    return None


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | Decimal():
            return "integer" if isinstance(value, int) else "decimal"
        case {"value": _}:
            return "Quantity"
        case {"reference": _}:
            return "Reference"
        case {"code": _} | {"display": _}:
            return "CodeableConcept"
    return "string"


def _as_type(kind: str, value: Any) -> Any:
    """A Coding where a code, a concept or a text belongs; a number where a quantity does."""
    if isinstance(value, Mapping) and ("code" in value or "display" in value) and "value" not in value:
        match kind:
            case "CodeableConcept":
                text = {"text": value["display"]} if value.get("display") else {}
                return {"coding": [dict(value)], **text} if value.get("code") else text
            case "code" | "uri" | "id":
                return value.get("code", "")
            case "string" | "markdown":
                return value.get("display") or value.get("code", "")
    if isinstance(value, str):
        match kind:
            case "CodeableConcept":
                return {"text": value}
            case "Reference":
                return {"reference": value}
            case "Annotation":
                return {"text": value}
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        if kind == "Quantity":
            return {"value": value}
        if kind in ("string", "markdown", "code"):
            return str(value)
    return value


def _says_something(observation: Resource) -> bool:
    return any(name.startswith("value") or name in ("component", "hasMember") for name in observation)
