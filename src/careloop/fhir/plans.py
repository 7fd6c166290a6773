"""Compiles the definitions of one type into a plan: for each JSON property, the function that checks it.

A path is a chain (parent, name, index), written out only when there is a problem. What a check finds goes to the
Visit; nothing here raises on odd data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from threading import RLock
from typing import Any, Final

from careloop.fhir import definitions, invariants, primitives
from careloop.fhir.definitions import ElementDef, TypeRef
from careloop.fhir.visit import Path, Visit, shown

Check = Callable[[Any, dict[str, Any], Path, Visit], None]
Walk = Callable[[Any, Path, Visit], None]


class Plan:
    """fields: JSON property -> its check. required: (name, keys of which one must be there).
    choices: (name, keys of which only one may be there). rules: (key, sentence, rule)."""

    __slots__ = ("choices", "fields", "is_resource", "name", "required", "rules", "typed_names")

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_resource = False
        self.fields: dict[str, Check] = {}
        self.required: tuple[tuple[str, frozenset[str]], ...] = ()
        self.choices: tuple[tuple[str, frozenset[str]], ...] = ()
        self.rules: tuple[tuple[str, str, invariants.Rule], ...] = ()
        self.typed_names: dict[str, tuple[str, ...]] = {}


_PLANS: dict[str, Plan] = {}
# Half-made plans are seen by the thread that makes them and by no other: one without its fields refuses what is
# right, and one without its rules would let pass what is wrong.
_MAKING: dict[str, Plan] = {}
_making = RLock()
_PRIMITIVES: Final = frozenset(primitives.TESTS)


def plan(name: str) -> Plan:
    """The plan of a resource type, data type or backbone element; compiled on first use. KeyError if unknown."""
    found = _PLANS.get(name)
    if found is not None:
        return found
    with _making:
        found = _PLANS.get(name) or _MAKING.get(name)
        return found if found is not None else _compile_first(name)


def _compile_first(name: str) -> Plan:
    """The one that was asked for, and all that it leads to; known to others once the whole family is made."""
    is_outermost = not _MAKING
    try:
        made = _compile(name)
        if is_outermost:
            _PLANS.update(_MAKING)
        return made
    finally:
        if is_outermost:
            _MAKING.clear()


def _compile(name: str) -> Plan:
    defined = definitions.type_def("Quantity" if name == "SimpleQuantity" else name)
    made = _MAKING[name] = Plan(name)  # known before its fields are: types contain themselves
    made.is_resource = defined.kind == "resource"
    if made.is_resource:
        made.fields["resourceType"] = _nothing
    keys: dict[str, frozenset[str]] = {}
    for element in defined.elements:
        if element.name == "id" and made.is_resource:
            made.fields.update(_primitive_fields("id", "id", element))
            continue
        keys[element.name] = _add_element(made, element)
    made.required = tuple((e.name, keys[e.name]) for e in defined.elements if e.min and e.name in keys)
    made.choices = tuple((e.name, keys[e.name]) for e in defined.elements if e.is_choice)
    made.rules = (*_simple_rules(defined, keys), *invariants.WRITTEN.get(name, ()))
    return made


def _simple_rules(
    defined: definitions.TypeDef, keys: Mapping[str, frozenset[str]]
) -> tuple[tuple[str, str, invariants.Rule], ...]:
    def keys_of(name: str) -> frozenset[str]:
        return keys.get(name, frozenset({name}))

    return tuple(
        (
            rule.key,
            invariants.PLAIN_WORDS.get(rule.key, rule.human),
            invariants.compile_rule(rule.tree, keys_of),
        )
        for rule in defined.rules
        if rule.severity == "error"
    )


def _add_element(made: Plan, element: ElementDef) -> frozenset[str]:
    """Adds the checks of one element under all its JSON keys, and returns those keys."""
    names: list[str] = []
    for ref in element.types:
        key = element.name + ref.code[:1].upper() + ref.code[1:] if element.is_choice else element.name
        names.append(key)
        made.fields.update(_fields(key, element, ref))
    if element.is_choice:
        made.typed_names[element.name] = tuple(names)
    return frozenset(names) | frozenset(f"_{name}" for name in names)


def _fields(key: str, element: ElementDef, ref: TypeRef) -> dict[str, Check]:
    if ref.code in _PRIMITIVES:
        return _primitive_fields(key, ref.code, element)
    walk = _walk_of(element, ref)
    return {key: _listed(element, walk) if element.is_list else _single(element.name, walk)}


def _nothing(item: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
    """Looked at before the plan was chosen."""


# Complex elements -------------------------------------------------------------------------------------------


def _single(name: str, walk: Walk) -> Check:
    def check(item: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if type(item) is dict:
            walk(item, (path, name, None), visit)
        else:
            visit.not_an_object(item, (path, name, None))

    return check


def _listed(element: ElementDef, walk: Walk) -> Check:
    name, most = element.name, element.max

    def check(items: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if type(items) is not list or not items:
            visit.not_a_list(items, (path, name, None))
            return
        for at, item in enumerate(items):
            if type(item) is dict:
                walk(item, (path, name, at), visit)
            else:
                visit.not_an_object(item, (path, name, at))
        if most is not None and len(items) > most:
            visit.too_many(name, most, len(items), path)

    return check


def _walk_of(element: ElementDef, ref: TypeRef) -> Walk:
    if ref.code == "Resource":
        is_contained = element.name == "contained"
        return lambda item, path, visit: visit.resource(item, path, is_contained)
    if ref.code == "Reference":
        return _reference_walk(ref)
    target = plan(ref.profile or ref.code)
    if ref.code == "CodeableConcept" and element.binding and (listed := definitions.codes(element.binding)):
        return _bound_walk(target, element.binding, listed)

    def walk_plan(item: Any, path: Path, visit: Visit) -> None:
        walk(target, item, path, visit)

    return walk_plan


def _reference_walk(ref: TypeRef) -> Walk:
    target, allowed = plan("Reference"), frozenset(ref.targets)

    def check(item: Any, path: Path, visit: Visit) -> None:
        walk(target, item, path, visit)
        visit.reference(item, path, allowed)

    return check


def _bound_walk(target: Plan, binding: str, listed: Mapping[str, frozenset[str]]) -> Walk:
    """A CodeableConcept that must hold a code of a closed list. Only an extension may stand in for it."""

    def check(item: Any, path: Path, visit: Visit) -> None:
        walk(target, item, path, visit)
        found = item.get("coding")
        for coding in found if type(found) is list else ():
            if type(coding) is dict and coding.get("code") in listed.get(coding.get("system", ""), ()):
                return
        if "extension" not in item:
            visit.add("code-invalid", path, f"{_one_of(binding)} with its system {' or '.join(listed)}.")

    return check


def walk(target: Plan, element: dict[str, Any], path: Path, visit: Visit) -> None:
    """Everything about one JSON object: its properties, what is missing, what excludes one another."""
    fields = target.fields
    for key, item in element.items():
        check = fields.get(key)
        if check is None:
            visit.unknown(key, target.name, fields, target.typed_names, path)
        else:
            check(item, element, path, visit)
    for name, keys in target.required:
        if keys.isdisjoint(element):
            visit.missing(name, target.typed_names.get(name, ()), path)
    for name, keys in target.choices:
        if len(keys.intersection(element)) > 1:
            visit.only_one(name, keys.intersection(element), path)
    for key, sentence, rule in target.rules:
        if rule(element) is False:
            visit.add("invariant", path, f"{sentence} ({key})")
    if len(element) < 2 and element.keys() <= {"id"} and not target.is_resource:
        visit.add("structure", path, invariants.PLAIN_WORDS["ele-1"])


# Primitive elements -----------------------------------------------------------------------------------------


def _primitive_fields(key: str, kind: str, element: ElementDef) -> dict[str, Check]:
    test, wanted = _test_of(kind, element)
    name = element.name
    if element.is_list:
        return {key: _primitive_list(key, name, test, wanted), f"_{key}": _sibling_list(key, name)}
    return {key: _primitive(name, test, wanted), f"_{key}": _sibling(key, name)}


def _test_of(kind: str, element: ElementDef) -> tuple[primitives.Test, str]:
    """The test of a primitive and what it wants, in words; a closed list of codes replaces the code's own test."""
    if element.binding and (listed := definitions.codes(element.binding)):
        codes = frozenset().union(*listed.values())
        return (lambda value: type(value) is str and value in codes), _one_of(element.binding)
    return primitives.TESTS[kind], f"It has to be {primitives.WANTED[kind]}."


@cache
def _one_of(binding: str) -> str:
    codes = definitions.code_order(binding)
    if len(codes) > 24:
        return f"Use one of the {len(codes)} codes of http://hl7.org/fhir/ValueSet/{binding}"
    return f"Use one of: {', '.join(codes)}"


def _primitive(name: str, test: primitives.Test, wanted: str) -> Check:
    def check(value: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if not test(value):
            visit.wrong_value(value, wanted, (path, name, None))

    return check


def _primitive_list(key: str, name: str, test: primitives.Test, wanted: str) -> Check:
    sibling = f"_{key}"

    def check(values: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if type(values) is not list or not values:
            visit.not_a_list(values, (path, name, None))
            return
        beside = owner.get(sibling)
        for at, value in enumerate(values):
            if test(value):
                continue
            if value is not None:
                visit.wrong_value(value, wanted, (path, name, at))
            elif type(beside) is not list or at >= len(beside) or beside[at] is None:
                visit.empty((path, name, at))

    return check


def _sibling(key: str, name: str) -> Check:
    """`_birthDate`: the id and extensions of a primitive."""
    target = plan("Element")

    def check(item: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if type(item) is not dict:
            visit.not_an_object(item, (path, name, None))
        elif item.keys() != {"id"} or owner.get(key) is None:  # an id alone is enough beside a value
            walk(target, item, (path, name, None), visit)

    return check


def _sibling_list(key: str, name: str) -> Check:
    """`_given`: a list beside `given`, null where there is nothing to say."""
    target = plan("Element")

    def check(items: Any, owner: dict[str, Any], path: Path, visit: Visit) -> None:
        if type(items) is not list or not items:
            visit.not_a_list(items, (path, name, None))
            return
        beside = owner.get(key)
        values = beside if type(beside) is list else []
        if values and len(values) != len(items):
            said = f"“_{shown(key)}” has {len(items)} entries and “{shown(key)}” {len(values)}; they go in pairs."
            visit.add("structure", (path, name, None), said)
        for at, item in enumerate(items):
            if type(item) is dict:
                if item.keys() != {"id"} or at >= len(values) or values[at] is None:
                    walk(target, item, (path, name, at), visit)
            elif item is not None:
                visit.not_an_object(item, (path, name, at))
            elif at >= len(values):
                visit.empty((path, name, at))

    return check
