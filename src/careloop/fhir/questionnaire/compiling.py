"""A Questionnaire becomes a `Form`, once. What would fail while somebody is asked is refused here, with its linkId."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from careloop.fhir import narrative
from careloop.fhir.elements import Resource
from careloop.fhir.questionnaire.consistency import (
    check_expressions,
    expressions_of,
    order_of,
    refuse_ambiguous,
)
from careloop.fhir.questionnaire.extensions import (
    ANSWER_EXPRESSION,
    CALCULATED,
    DECIMALS,
    DISPLAY_CATEGORY,
    ENABLE_WHEN_EXPRESSION,
    ENTRY_FORMAT,
    HIDDEN,
    INITIAL_EXPRESSION,
    LAUNCH_CONTEXT,
    LINK,
    MAX_OCCURS,
    MAX_SIZE,
    MAXIMUM,
    MIME,
    MIN_LENGTH,
    MIN_OCCURS,
    MINIMUM,
    POPULATION_CONTEXT,
    REFERENCE,
    STEP,
    TOGGLE,
    UNIT_OPEN,
    UNSPOKEN,
    VARIABLE,
    all_of,
    control_of,
    expression_in,
    media_of,
    part,
    texts_of,
    units_of,
    value_of,
)
from careloop.fhir.questionnaire.form import (
    CHOICES,
    MOST_DEPTH,
    MOST_ITEMS,
    TYPES,
    BadQuestionnaire,
    Expression,
    Form,
    Item,
    Note,
    Option,
    Toggle,
    When,
)
from careloop.fhir.questionnaire.options import matching, options_of, value_sets_in
from careloop.fhir.questionnaire.taking import Above, taken
from careloop.fhir.questionnaire.values import OPERATORS

_NO_VALUE: Final = frozenset({"group", "display"})
_CONTROL_TEXTS: Final = frozenset(
    {"help", "prompt", "unit", "lower", "upper", "flyover", "legal", "footer", "header"}
)


def compile_form(questionnaire: Resource, value_sets: Mapping[str, Resource] | None = None) -> Form:
    """value_sets: by their canonical, for answerValueSet that leads outside of the form. Raises BadQuestionnaire: a
    linkId said twice, a condition on nothing or on itself in a circle, an unknown type or operator, an expression that
    can't be read."""
    reader = _Reader(questionnaire, value_sets or {})
    items = tuple(reader.items())
    by_id: dict[str, Item] = {}
    for item in items:
        if item.link_id in by_id:
            raise BadQuestionnaire(f"“{item.link_id}” is there twice.")
        by_id[item.link_id] = item
    children: dict[str | None, list[Item]] = {}
    for item in items:
        children.setdefault(item.parent, []).append(item)
    repeating = frozenset(name for item in items for name in item.containers) | frozenset(
        item.link_id for item in items if item.repeats and item.type == "group"
    )
    order = order_of(by_id)
    refuse_ambiguous(by_id, repeating)
    url, version = questionnaire.get("url", ""), questionnaire.get("version")
    form = Form(
        canonical=f"{url}|{version}" if version else url,
        items=items,
        by_id=MappingProxyType(by_id),
        children=MappingProxyType({name: tuple(each) for name, each in children.items()}),
        order=order,
        notes=tuple(reader.notes),
        variables=reader.variables,
        launch=reader.launch,
        repeating=repeating,
        has_expressions=any(expressions_of(item) for item in items),
        questionnaire=questionnaire,
    )
    check_expressions(form)
    return form


class _Reader:
    def __init__(self, questionnaire: Resource, value_sets: Mapping[str, Resource]) -> None:
        self.questionnaire = questionnaire
        self.value_sets = {**value_sets, **value_sets_in(questionnaire)}
        self.notes: list[Note] = []
        self.count = 0
        self.variables = tuple(self._variables(questionnaire, ""))
        self.launch = tuple(_launched(questionnaire))
        self._note_unspoken(questionnaire, "")

    def items(self) -> Iterator[Item]:
        above = taken(self.questionnaire, Above())
        yield from self._items(self.questionnaire.get("item", ()), None, (), above)

    def _items(
        self, elements: Any, parent: Item | None, containers: tuple[str, ...], above: Above
    ) -> Iterator[Item]:
        for element in elements:
            self.count += 1
            if self.count > MOST_ITEMS:
                raise BadQuestionnaire(f"It has more than {MOST_ITEMS} items.")
            here = taken(element, above)
            item = self._item(element, parent, containers, here)
            if item.depth > MOST_DEPTH:
                raise BadQuestionnaire(f"“{item.link_id}” is nested more than {MOST_DEPTH} deep.")
            yield item
            inner = [child for child in element.get("item", ()) if control_of(child) not in _CONTROL_TEXTS]
            is_container = item.repeats and bool(inner)
            inside = (*containers, item.link_id) if is_container else containers
            yield from self._items(inner, item, inside, here)

    def _item(self, element: Resource, parent: Item | None, containers: tuple[str, ...], here: Above) -> Item:
        link_id, kind = _named(element)
        self._note_unspoken(element, link_id)
        calculation = self._expression(element, CALCULATED, link_id)
        options = self._options(element, link_id, kind)
        is_read_only = bool(element.get("readOnly"))
        units = units_of(element, self.value_sets)
        item = Item(
            link_id=link_id,
            text=element.get("text", ""),
            type=kind,
            parent=parent.link_id if parent else None,
            depth=parent.depth + 1 if parent else 0,
            containers=containers,
            is_required=bool(element.get("required")) and kind not in _NO_VALUE,
            repeats=bool(element.get("repeats")) and kind != "display",
            is_calculated=is_read_only or calculation is not None,
            is_read_only=is_read_only,
            options=options,
            when=tuple(_when(link_id, each) for each in element.get("enableWhen", ())),
            needs_all=element.get("enableBehavior") == "all",
            minimum=_limit(element, MINIMUM, units),
            maximum=_limit(element, MAXIMUM, units),
            max_length=element.get("maxLength"),
            min_length=value_of(element, MIN_LENGTH),
            decimals=value_of(element, DECIMALS),
            min_occurs=value_of(element, MIN_OCCURS),
            max_occurs=value_of(element, MAX_OCCURS)
            or None,  # 0 stands in real forms, where it limits nothing
            step=_decimal(value_of(element, STEP)),
            ends=_ends(element),
            units=units,
            is_unit_open=value_of(element, UNIT_OPEN) is not None or not units,
            prefix=element.get("prefix", ""),
            texts=texts_of(element, "text"),
            helps=_helps(element),
            html=_marked(element),
            control=control_of(element) or _control_of_display(element),
            is_hidden=value_of(element, HIDDEN) is True,
            codes=_codes(element),
            media=media_of(element),
            link=_safe_address(value_of(element, LINK)),
            hint=str(value_of(element, ENTRY_FORMAT) or ""),
            max_bytes=_bytes(value_of(element, MAX_SIZE)),
            kinds=tuple(str(each) for each in all_of(element, MIME)),
            targets=tuple(str(each) for each in all_of(element, REFERENCE)),
            asked_if=self._expression(element, ENABLE_WHEN_EXPRESSION, link_id, is_needed=True),
            calculation=calculation,
            initial_expression=self._expression(element, INITIAL_EXPRESSION, link_id),
            answer_expression=self._expression(element, ANSWER_EXPRESSION, link_id),
            repeated_for=self._expression(element, POPULATION_CONTEXT, link_id),
            variables=tuple(self._variables(element, link_id)),
            toggles=tuple(self._toggles(element, link_id, options)),
            period=here.own_period,
            taken=here.taken,
            element=element,
        )
        return _with_initial(item, element)

    # --- its parts

    def _options(self, element: Resource, link_id: str, kind: str) -> tuple[Option, ...]:
        if kind not in CHOICES and not element.get("answerOption"):
            return ()
        options, missing = options_of(element, self.value_sets)
        if missing and value_of(element, ANSWER_EXPRESSION) is None:
            self.notes.append(
                Note(
                    link_id,
                    f"Its answers come from {missing}, which is not known here; it is answered in words.",
                )
            )
        if element.get("answerOption") and kind in _NO_VALUE:
            raise BadQuestionnaire(f"“{link_id}” is a {kind} and has answers.")
        return options

    def _expression(
        self, element: Resource, url: str, link_id: str, *, is_needed: bool = False
    ) -> Expression | None:
        found = expression_in(value_of(element, url))
        if found is None or found.is_path:
            return found
        if found.is_query and url in (POPULATION_CONTEXT, ANSWER_EXPRESSION):
            if url == POPULATION_CONTEXT:
                return found
            self.notes.append(
                Note(link_id, "Its answers come from a query elsewhere; it is answered in words.")
            )
            return None
        if is_needed:
            raise BadQuestionnaire(
                f"“{link_id}” is asked by an expression in {found.language}, which is not spoken here."
            )
        said = url.rpartition("-")[2]
        self.notes.append(
            Note(link_id, f"Its {said} is written in {found.language}, which is not spoken here.")
        )
        return None

    def _variables(self, element: Resource, link_id: str) -> Iterator[Expression]:
        for value in all_of(element, VARIABLE):
            found = expression_in(value)
            if found is None or not found.name:
                raise BadQuestionnaire(
                    f"“{link_id or 'the form'}” has a variable without a name or an expression."
                )
            if not found.is_path and not found.is_query:
                self.notes.append(
                    Note(link_id, f"%{found.name} is written in {found.language}; it stays empty.")
                )
            yield found

    def _toggles(self, element: Resource, link_id: str, options: Iterable[Option]) -> Iterator[Toggle]:
        listed = tuple(options)
        for each in element.get("extension", ()):
            if each.get("url") != TOGGLE:
                continue
            expression = expression_in(part(each, "expression"))
            if expression is None or not expression.is_path:
                self.notes.append(
                    Note(link_id, "Answers are switched by an expression that is not spoken here.")
                )
                continue
            keys = {key for value in all_of(each, "option") if (key := matching(listed, value)) is not None}
            yield Toggle(frozenset(keys), expression)

    def _note_unspoken(self, element: Resource, link_id: str) -> None:
        for each in (*element.get("extension", ()), *element.get("modifierExtension", ())):
            if sentence := UNSPOKEN.get(str(each.get("url", "")).rpartition("/")[2]):
                self.notes.append(Note(link_id, sentence))


def _launched(questionnaire: Resource) -> Iterator[str]:
    for each in questionnaire.get("extension", ()):
        if each.get("url") == LAUNCH_CONTEXT:
            name = part(each, "name")
            code = name.get("code") if isinstance(name, Mapping) else name
            if code:
                yield str(code)


def _named(element: Resource) -> tuple[str, str]:
    """(linkId, type)"""
    link_id, kind = str(element.get("linkId", "")), str(element.get("type", "display"))
    if not link_id:
        raise BadQuestionnaire("An item has no linkId.")
    if kind not in TYPES:
        raise BadQuestionnaire(f"“{link_id}” is of the unknown type “{kind}”.")
    return link_id, kind


def _codes(element: Resource) -> tuple[tuple[str, str, str], ...]:
    """(system, code, display)"""
    return tuple(
        (each.get("system", ""), each.get("code", ""), each.get("display", ""))
        for each in element.get("code", ())
    )


def _when(link_id: str, when: Resource) -> When:
    operator = str(when.get("operator", ""))
    if operator not in OPERATORS:
        raise BadQuestionnaire(f"“{link_id}” has the unknown operator “{operator[:40]}”.")
    values = [value for key, value in when.items() if key.startswith("answer")]
    if not values:
        raise BadQuestionnaire(f"“{link_id}” compares “{when.get('question', '')}” with nothing.")
    if operator == "exists" and not isinstance(values[0], bool):
        raise BadQuestionnaire(f"“{link_id}”: exists needs answerBoolean.")
    return When(str(when.get("question", "")), operator, values[0])


def _with_initial(item: Item, element: Resource) -> Item:
    found = []
    for each in element.get("initial", ()):
        value = next((v for k, v in each.items() if k.startswith("value")), None)
        if value is None or not item.is_question:
            continue
        key = matching(item.options, value) if item.options else None
        if key is None and item.options and item.type == "choice":
            continue
        found.append(key if key is not None else _initial_text(item, value))
    return replace(item, initial=tuple(found)) if found else item


def _initial_text(item: Item, value: Any) -> Any:
    """Some write a Coding where the question takes text."""
    if item.type in ("string", "text") and isinstance(value, dict):
        return str(value.get("display") or value.get("code") or "")
    return value


def _limit(element: Resource, url: str, units: tuple[Any, ...]) -> Any:
    """minValue, minQuantity and the like; a quantity's bare number counts in its only unit."""
    found = value_of(element, url)
    if found is None:
        name = {"minValue": "sdc-questionnaire-minQuantity", "maxValue": "sdc-questionnaire-maxQuantity"}
        found = value_of(
            element, f"http://hl7.org/fhir/uv/sdc/StructureDefinition/{name[url.rpartition('/')[2]]}"
        )
    if element.get("type") == "quantity" and isinstance(found, (int, Decimal)) and len(units) == 1:
        return {"value": found, "code": units[0].code, "unit": units[0].text}
    return found


def _decimal(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, (int, Decimal)) and value > 0 else None


def _bytes(megabytes: Any) -> int | None:
    if not isinstance(megabytes, (int, Decimal)):
        return None
    return max(0, min(int(Decimal(megabytes) * 1_000_000), 10**9))


def _safe_address(address: Any) -> str:
    text = str(address or "")
    return text if text.startswith(("https://", "http://")) else ""


def _ends(element: Resource) -> tuple[str, str]:
    """The words at the two ends of a slider."""
    said = {control_of(child): child.get("text", "") for child in element.get("item", ())}
    return said.get("lower", ""), said.get("upper", "")


def _helps(element: Resource) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for child in element.get("item", ()):
        if control_of(child) in ("help", "prompt", "flyover", "legal"):
            found.setdefault("", []).append(child.get("text", ""))
            for language, text in texts_of(child, "text").items():
                found.setdefault(language, []).append(text)
    return {language: " ".join(filter(None, said)) for language, said in found.items()}


def _control_of_display(element: Resource) -> str:
    category = value_of(element, DISPLAY_CATEGORY)
    codings = category.get("coding", ()) if isinstance(category, Mapping) else ()
    return str(codings[0].get("code", "")) if codings else ""


def _marked(element: Resource) -> str:
    """rendering-xhtml, else the little of rendering-markdown that is understood; both made safe as narrative is."""
    extended = {"extension": (element.get("_text") or {}).get("extension", ())}
    html = value_of(extended, "http://hl7.org/fhir/StructureDefinition/rendering-xhtml")
    if isinstance(html, str):
        return narrative.shown(html)
    marked = value_of(extended, "http://hl7.org/fhir/StructureDefinition/rendering-markdown")
    return narrative.shown(narrative.of_markdown(marked)) if isinstance(marked, str) else ""
