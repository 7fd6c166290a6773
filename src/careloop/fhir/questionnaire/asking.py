"""What is asked now, what is computed, and how far it has come: for the page, a draft and a posted response alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.form import (
    CHOICES,
    Answer,
    Answers,
    Expression,
    Form,
    Item,
    Known,
    Option,
    Progress,
)
from careloop.fhir.questionnaire.paths import MOST_STEPS_TOGETHER, Steps, as_node, parsed
from careloop.fhir.questionnaire.places import Place, number_of, walk
from careloop.fhir.questionnaire.tree import Tree
from careloop.fhir.questionnaire.values import fits, holds, quantity_of

# A computed answer may decide what is asked, which decides what is computed; after so many rounds it is left as it is.
MOST_ROUNDS: Final = 5


def told(form: Form, known: Known) -> Form:
    """The form for one person on one day: what its expressions may read."""
    return replace(form, known=known)


def enabled(form: Form, answers: Answers) -> frozenset[str]:
    """The keys that are asked. What hangs on a question that is not asked is not asked either, whatever
    was answered there before."""
    return asked_places(form, answers)[1]


def asked_places(form: Form, answers: Answers) -> tuple[list[Place], frozenset[str]]:
    """Every place in order, and the keys of those that are asked."""
    places = list(walk(form, answers))
    asked = _asked(form, places, answers, frozenset())
    if not any(item.asked_if for item in form.items):
        return places, asked
    refused: frozenset[str] = frozenset()
    for _ in range(MOST_ROUNDS):
        reading = Reading(form, answers, asked)
        found = frozenset(
            place.key
            for place in places
            if place.item.asked_if
            and not place.is_repetition
            and not reading.is_true(place.item.asked_if, place)
        )
        if found == refused:
            break
        refused = found
        asked = _asked(form, places, answers, refused)
    return places, asked


def _asked(form: Form, places: Sequence[Place], answers: Answers, refused: frozenset[str]) -> frozenset[str]:
    """refused: keys whose expression does not hold."""
    by_item: dict[str, list[Place]] = {}
    for place in places:
        by_item.setdefault(place.item.link_id, []).append(place)
    asked: set[str] = set()
    for link_id in form.order:
        for place in by_item.get(link_id, ()):
            if place.parent is not None and place.parent not in asked:
                continue
            if place.is_repetition or (
                place.key not in refused and _met(form, place, answers, asked, by_item)
            ):
                asked.add(place.key)
    return frozenset(asked)


def _met(
    form: Form, place: Place, answers: Answers, asked: set[str], by_item: Mapping[str, list[Place]]
) -> bool:
    item = place.item
    if not item.when:
        return True
    results = (
        holds(form.by_id[when.question], when, _said(form, when.question, place, answers, asked, by_item))
        for when in item.when
    )
    return all(results) if item.needs_all else any(results)


def _said(
    form: Form,
    question: str,
    place: Place,
    answers: Answers,
    asked: set[str],
    by_item: Mapping[str, list[Place]],
) -> tuple[Any, ...]:
    """Its answer as seen from a place: of the same repetition where both stand in one, else of all of them."""
    item = form.by_id[question]
    mine = place.item.containers
    shared = 0
    for one, other in zip(item.containers, mine, strict=False):
        if one != other:
            break
        shared += 1
    within = place.around[shared - 1] if shared else ""
    if shared == len(item.containers):
        key = within + question
        values = answers[key].values if key in answers and key in asked else ()
        if question in mine:  # what stands under an answer speaks of that answer
            number = number_of(place.around[mine.index(question)])
            return values[number - 1 : number]
        return values
    found: list[Any] = []
    for there in by_item.get(question, ()):
        if there.key in asked and there.key.startswith(within) and there.key in answers:
            found += answers[there.key].values
    return tuple(found)


def progress(form: Form, answers: Answers) -> Progress:
    """“7 of 21”: of the questions that are asked now, how many have an answer or a reason."""
    places, asked = asked_places(form, answers)
    questions = [p for p in places if p.item.is_answered_here and not p.is_repetition and p.key in asked]
    questions = [place for place in questions if not is_out_of_sight(form, place.item)]
    return Progress(sum(_is_answered(answers.get(p.key, Answer())) for p in questions), len(questions))


def is_out_of_sight(form: Form, item: Item) -> bool:
    """Hidden itself, or inside something hidden."""
    while True:
        if item.is_hidden:
            return True
        if item.parent is None:
            return False
        item = form.by_id[item.parent]


def only_asked(form: Form, answers: Answers) -> dict[str, Answer]:
    """Without what belongs to questions that are not asked (any more)."""
    asked = enabled(form, answers)
    return {key: answer for key, answer in answers.items() if key in asked}


def ordinal_of(item: Item, answer: Answer) -> Decimal | None:
    """The sum of the chosen options' ordinal values; None when one has none or nothing is chosen."""
    chosen = [option.ordinal for key in answer.values if (option := item.option(key))]
    if not chosen or any(value is None for value in chosen):
        return None
    return sum((value for value in chosen if value is not None), Decimal(0))


def _is_answered(answer: Answer) -> bool:
    return answer.is_given or answer.absent is not None


# --- what is computed


def settled(form: Form, answers: Answers) -> dict[str, Answer]:
    """With every computed answer as it follows from the others. What can't be computed stays empty; nothing raises."""
    found = dict(answers)
    if not any(item.calculation for item in form.items):
        return found
    for _ in range(MOST_ROUNDS):
        places, asked = asked_places(form, found)
        reading = Reading(form, found, asked)
        before = dict(found)
        for place in places:
            item = place.item
            if item.calculation is None or place.is_repetition or not item.calculation.is_path:
                continue
            values = reading.values(item.calculation, place) if place.key in asked else ()
            if values:
                found[place.key] = Answer(values if item.repeats else values[:1])
            else:
                found.pop(place.key, None)
        if found == before:
            break
    return found


def begun(form: Form) -> dict[str, Answer]:
    """What the form says before anybody answered: initial values, options chosen beforehand."""
    found: dict[str, Answer] = {}
    for place in walk(form, found):
        item = place.item
        if place.is_repetition or not item.is_question or item.calculation is not None:
            continue
        values = item.initial or tuple(option.key for option in item.options if option.is_initial)
        if values:
            found[place.key] = Answer(values if item.repeats else values[:1])
    return found


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
    found = _plain(found)
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


def _plain(found: Any) -> Any:
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


# --- answers to choose from that are worked out


def options_at(
    form: Form, answers: Answers, place: Place, reading: Reading | None = None
) -> tuple[Option, ...]:
    """The options of a choice at a place now: the item's own without those switched off, or what its expression
    finds."""
    item = place.item
    if item.answer_expression is None and not item.toggles:
        return item.options
    reading = reading or Reading(form, answers, enabled(form, answers))
    if item.answer_expression is not None:
        try:
            found = reading.found(item.answer_expression, place)
        except ValueError:
            found = []
        made = [option for each in found[:500] if (option := _offered(_plain(each)))]
        return tuple({option.key: option for option in made}.values()) or item.options
    off: set[str] = set()
    for toggle in item.toggles:
        try:
            holds_now = reading.found(toggle.expression, place)[:1] == [True]
        except ValueError:
            holds_now = True
        if not holds_now:
            off |= toggle.keys
    return tuple(option for option in item.options if option.key not in off)


def _offered(found: Any) -> Option | None:
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
