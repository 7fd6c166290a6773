"""Expressions read against one state of the answers, and what they find as values of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.form import CHOICES, Answers, Expression, Form, Item, Option
from careloop.fhir.questionnaire.paths import MOST_STEPS_TOGETHER, Steps, as_node, parsed
from careloop.fhir.questionnaire.places import Place, walk
from careloop.fhir.questionnaire.tree import Tree
from careloop.fhir.questionnaire.values import fits, quantity_of


class Reading:
    """Expressions read against one state of the answers; each variable is worked out once at each place."""

    def __init__(self, form: Form, answers: Answers, asked: frozenset[str]) -> None:
        self.form, self.answers = form, answers
        tree = Tree(form, answers, asked, weighs=True)
        self.elements = tree.elements
        self.response: Resource = {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": form.canonical,
            "status": "in-progress",
            **({"item": tree.items} if tree.items else {}),
        }
        patient = form.known.resources.get("patient")
        if isinstance(patient, Mapping) and patient.get("id"):
            self.response["subject"] = {"reference": f"Patient/{patient['id']}"}
        self._scopes: dict[str, dict[str, Any]] = {}
        self._bound: dict[str, dict[str, Any]] = {}
        self._by_key: dict[str, Place] = {}
        self._steps = Steps(MOST_STEPS_TOGETHER)

    def bind(self, repetition: str, name: str, value: Any) -> None:
        """A variable that only one repetition knows (populating: one person of several)."""
        self._bound.setdefault(repetition, {})[name] = value
        self._scopes.clear()

    def found(self, expression: Expression, place: Place | None) -> list[Any]:
        """Raises ValueError when it can't be worked out."""
        return self._read(expression, place, self._scope(place)) if expression.is_path else []

    def found_nodes(self, expression: Expression, place: Place | None) -> list[Any]:
        """As `found`, but each knows what it is part of, so that paths go on from there."""
        return self._read(expression, place, self._scope(place), is_raw=True)

    def read_by(self, expression: Expression, place: Place | None) -> dict[str, Any]:
        """What the variables that an expression names stand for."""
        known = {**self.form.known.resources, **self._scope(place)}
        found = {name: known[name] for name in sorted(parsed(expression.text).names) if name in known}
        return {name: each[0] if isinstance(each, list) and each else each for name, each in found.items()}

    def resources_around(self, place: Place | None) -> list[Mapping[str, Any]]:
        """The resources that variables in sight stand for, the nearest first."""
        firsts = [
            each[0] if isinstance(each, list) and each else each for each in self._scope(place).values()
        ]
        return [each for each in firsts[::-1] if isinstance(each, Mapping) and each.get("resourceType")]

    def _read(
        self,
        expression: Expression,
        place: Place | None,
        scope: Mapping[str, Any],
        *,
        is_raw: bool = False,
    ) -> list[Any]:
        path = parsed(expression.text)
        names: dict[str, Any] = {
            "resource": self.response,
            "rootResource": self.response,
            "questionnaire": self.form.questionnaire,
            "sct": "http://snomed.info/sct",
            "loinc": "http://loinc.org",
            **dict.fromkeys(self.form.launch, ()),
            **self.form.known.resources,
            **scope,
        }
        if path.names & {"qitem", "thisItem"}:
            names |= dict.fromkeys(("qitem", "thisItem"), self._own(place))
        context, kind = self._context(place)
        names = {name: list(each) if isinstance(each, tuple) else each for name, each in names.items()}
        return path(context, kind, names, self.form.known, steps=self._steps, is_raw=is_raw)

    def _own(self, place: Place | None) -> Any:
        return as_node(place.item.element, "Questionnaire.item") if place else self.form.questionnaire

    def values(self, expression: Expression, place: Place) -> tuple[Any, ...]:
        """As answers of the item; empty when nothing fits or it fails."""
        try:
            found = self.found(expression, place)
        except ValueError:
            return ()
        return answers_from(place.item, found)

    def is_true(self, expression: Expression, place: Place) -> bool:
        """A question whose condition fails is asked: rather one too many than one hidden by a mistake."""
        try:
            found = self.found(expression, place)
        except ValueError:
            return True
        return bool(found) and found[0] is True

    def _context(self, place: Place | None) -> tuple[Any, str]:
        if place is None:
            return self.response, "QuestionnaireResponse"
        return self.elements.get(place.key, {"linkId": place.item.link_id}), "QuestionnaireResponse.item"

    def _scope(self, place: Place | None) -> dict[str, Any]:
        """The variables in sight: the form's, then of each item from the outside in."""
        key = place.key if place else ""
        if key in self._scopes:
            return self._scopes[key]
        chain = self._around(place)
        scope: dict[str, Any] = {}
        self._scopes[key] = scope  # while it is worked out, what a variable reads is what stands before it
        scope.update(self.form.known.queried)
        self._define(self.form.variables, None, scope)
        for item, spot in chain:
            scope.update(self._bound.get(spot.key, {}))
            self._define(item.variables, spot, scope)
        return scope

    def _define(self, variables: Iterable[Expression], place: Place | None, scope: dict[str, Any]) -> None:
        for variable in variables:
            if not variable.is_path:
                scope.setdefault(variable.name, [])
                continue
            try:
                scope[variable.name] = self._read(variable, place, scope, is_raw=True)
            except ValueError:
                scope[variable.name] = []

    def _around(self, place: Place | None) -> list[tuple[Item, Place]]:
        """From the outermost item to the place itself."""
        chain: list[tuple[Item, Place]] = []
        if place is None:
            return chain
        if place.key not in self._by_key:
            self._by_key = {each.key: each for each in walk(self.form, self.answers)}
        at: Place | None = place
        while at is not None:
            chain.append((at.item, at))
            at = self._by_key.get(at.parent) if at.parent is not None else None
        return chain[::-1]


def answers_from(item: Item, found: Sequence[Any]) -> tuple[Any, ...]:
    """What an expression found, as values of an item's answer."""
    values = [value for each in found if (value := _value(item, each)) is not None]
    unique = {repr(value): value for value in values}
    return tuple(unique.values())


def _value(item: Item, found: Any) -> Any:
    """None when it does not fit."""
    found = plain_of(found)
    if item.type in CHOICES:
        return _choice(item, found)
    match item.type:
        case "decimal" | "integer":
            number = found.get("value") if isinstance(found, dict) else found
            if isinstance(number, bool) or not isinstance(number, (int, Decimal)):
                return None
            if item.type == "integer":
                return int(number) if number == int(number) else None
            found = _short(number)
        case "quantity":
            if isinstance(found, (int, Decimal)) and not isinstance(found, bool):
                found = quantity_of(_short(found), item.units[0]) if item.units else {"value": _short(found)}
        case "string" | "text" | "url" | "date" | "dateTime" | "time":
            if isinstance(found, (int, Decimal)) and not isinstance(found, bool):
                found = str(found)
        case "reference":
            if isinstance(found, dict) and "resourceType" in found and "id" in found:
                found = {"reference": f"{found['resourceType']}/{found['id']}"}
    if item.type == "date" and isinstance(found, str):
        found = found[:10]
    return found if fits(item.type, found) else None


def _short(number: Any) -> Any:
    """At most 12 digits after the point, without zeros at the end."""
    if isinstance(number, int):
        return number
    rounded = round(number, 12).normalize()
    return int(rounded) if rounded == rounded.to_integral_value() and abs(rounded) < 10**15 else rounded


def plain_of(found: Any) -> Any:
    """Of the library's own quantities, dates and times what FHIR writes."""
    if isinstance(found, float):
        return Decimal(str(found))
    if isinstance(found, (str, int, Decimal, dict)) or found is None:
        return found
    value, unit = getattr(found, "value", None), getattr(found, "unit", None)
    if value is not None:
        name = str(unit or "").strip("'")
        return {"value": value, **({"unit": name} if name else {})}
    return str(found)


def _choice(item: Item, found: Any) -> Any:
    if isinstance(found, dict) and "coding" in found:
        found = next(iter(found["coding"]), None)
    if isinstance(found, dict):
        code, system = found.get("code"), found.get("system")
        for option in item.options:
            if option.value_key == "valueCoding" and option.code == code and system in (None, option.system):
                return option.key
        is_free = not item.options or item.type == "open-choice"
        kept = {name: found[name] for name in ("system", "code", "display") if found.get(name)}
        return kept if is_free and kept else None
    if isinstance(found, bool):
        return None
    for option in item.options:
        if str(found) in (option.key, option.code):
            return option.key
    is_text = isinstance(found, str) and bool(found.strip())
    return found if is_text and (item.type == "open-choice" or not item.options) else None


def offered(found: Any) -> Option | None:
    if isinstance(found, dict):
        if "coding" in found:
            found = next(iter(found["coding"]), {})
        code = str(found.get("code") or "")
        text = str(found.get("display") or code)
        if not text:
            return None
        value = {name: found[name] for name in ("system", "code", "display") if found.get(name)}
        return Option(code or text, code, str(found.get("system") or ""), text, value=value)
    if found is None or isinstance(found, bool):
        return None
    return Option(str(found), str(found), "", str(found), value_key="valueString", value=str(found))


def chosen_value(option: Option) -> Any:
    """What an answer keeps of an option that was worked out: itself, for it may not be there the next time."""
    return option.value if option.value_key == "valueCoding" and option.value is not None else option.key
