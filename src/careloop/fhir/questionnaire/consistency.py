"""Whether the parts of a form fit together: what hangs on what, and what its expressions may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from careloop.fhir.questionnaire import paths
from careloop.fhir.questionnaire.form import BadQuestionnaire, Expression, Form, Item


def refuse_ambiguous(by_id: Mapping[str, Item], repeating: frozenset[str]) -> None:
    """A linkId may not look like the key of a repetition of another."""
    for link_id in by_id:
        head, bracket, rest = link_id.partition("[")
        if bracket and "]" in rest and head in repeating:
            raise BadQuestionnaire(f"“{link_id}” reads like a repetition of “{head}”.")


def order_of(by_id: Mapping[str, Item]) -> tuple[str, ...]:
    """Each after what it hangs on. Raises BadQuestionnaire for what is not there, and for circles."""
    done: dict[str, bool] = {}  # False while it is being looked at
    order: list[str] = []
    for start in by_id:
        stack: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            done[start] = False
            stack.append((start, _needs(by_id, start)))
        while stack:
            link_id, needs = stack[-1]
            needed = next(needs, None)
            if needed is None:
                done[link_id] = True
                order.append(link_id)
                stack.pop()
            elif done.get(needed) is False:
                path = [each for each, _ in stack]
                circle = [*path[path.index(needed) :], needed]
                raise BadQuestionnaire(f"“{needed}” hangs on itself: {' → '.join(circle)}.")
            elif needed not in done:
                done[needed] = False
                stack.append((needed, _needs(by_id, needed)))
    return tuple(order)


def _needs(by_id: Mapping[str, Item], link_id: str) -> Iterator[str]:
    item = by_id[link_id]
    if item.parent:
        yield item.parent
    for when in item.when:
        if when.question not in by_id:
            raise BadQuestionnaire(f"“{link_id}” hangs on “{when.question}”, which is not there.")
        yield when.question


# --- expressions


def expressions_of(item: Item) -> list[Expression]:
    named = (
        item.asked_if,
        item.calculation,
        item.initial_expression,
        item.answer_expression,
        item.repeated_for,
    )
    found = [each for each in named if each is not None]
    return [*found, *item.variables, *(toggle.expression for toggle in item.toggles)]


def check_expressions(form: Form) -> None:
    known = frozenset({*form.launch, "patient", "user", "encounter", "subject"})
    of_form = _in_sight("the form", form.variables, known)
    scopes: dict[str | None, frozenset[str]] = {None: of_form}
    for item in form.items:
        scope = scopes[item.parent]
        if item.repeated_for is not None:
            if item.repeated_for.is_path:
                _check(f"“{item.link_id}”", item.repeated_for, scope)
            scope |= {item.repeated_for.name} - {""}
        scope = _in_sight(f"“{item.link_id}”", item.variables, scope)
        scopes[item.link_id] = scope
        for each in expressions_of(item):
            if each.is_path and each is not item.repeated_for and each not in item.variables:
                _check(f"“{item.link_id}”", each, scope)


def _in_sight(where: str, variables: Iterable[Expression], known: frozenset[str]) -> frozenset[str]:
    """A variable may read those before it, and itself from further out."""
    for variable in variables:
        if variable.is_path:
            _check(where, variable, known)
        known |= {variable.name}
    return known


def _check(where: str, expression: Expression, known: frozenset[str]) -> None:
    try:
        paths.check(expression.text, known)
    except BadQuestionnaire as bad:
        raise BadQuestionnaire(f"{where}: {bad.detail}") from bad
