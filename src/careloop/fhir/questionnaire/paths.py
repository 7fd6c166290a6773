"""FHIRPath of forms: the pinned library, behind limits. Forms are written by strangers; what is asked of the library is
parsed whole (it stops at the first thing it does not know and keeps the rest to itself), may name only functions and
variables that exist, and has no clock, no console and no endless work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, NamedTuple

from careloop.fhir.questionnaire.form import BadQuestionnaire, Known

MOST_CHARACTERS: Final = 4_000
MOST_DEPTH: Final = 60
MOST_FOUND: Final = 2_000
MOST_STEPS: Final = 20_000
MOST_STEPS_TOGETHER: Final = 100_000
# What evaluates its argument once for each element; inside one another they multiply.
_EACH: Final = frozenset({"where", "select", "all", "exists", "repeat", "aggregate", "iif", "any"})
_MOST_EACH: Final = 4
# trace prints; resolve and memberOf ask elsewhere; conformsTo needs profiles.
_REFUSED: Final = frozenset(
    {"trace", "resolve", "memberOf", "subsumes", "subsumedBy", "conformsTo", "htmlChecks"}
)
BUILT_IN: Final = frozenset(
    {"resource", "rootResource", "context", "questionnaire", "qitem", "thisItem", "ucum", "sct", "loinc"}
)


class TooMuch(ValueError):
    """This expression asks for more than a form may."""


class BadPath(ValueError):
    """Not FHIRPath, or more than is spoken here."""


class Path:
    """One parsed expression. names: the %variables that it reads."""

    __slots__ = ("names", "text", "tree")

    def __init__(self, text: str, tree: Any, names: frozenset[str]) -> None:
        self.text, self.tree, self.names = text, tree, names

    def __call__(
        self,
        context: Any,
        kind: str,
        variables: Mapping[str, Any],
        known: Known,
        *,
        steps: Steps | None = None,
        is_raw: bool = False,
    ) -> list[Any]:
        """context: an element and (kind) what it is: `QuestionnaireResponse.item`. steps: shared by the expressions of
        one form. is_raw: as the library's own nodes, which know what they are part of. Raises ValueError for whatever
        goes wrong in it."""
        library = _library()
        root = [as_node(context, kind)] if context is not None else []
        counted = Steps(MOST_STEPS, steps)
        evaluation = {
            "dataRoot": root,
            "vars": {"context": root, "ucum": "http://unitsofmeasure.org", **variables},
            "model": _Counted(library.model, counted),
            "userInvocationTable": _Table(library.own_table(_own(known)), counted),
        }
        try:
            found = library.evaluate(evaluation, root, self.tree["children"][0])
            found = found if isinstance(found, list) else [found]
            if len(found) > MOST_FOUND:
                raise TooMuch("It finds too much.")
            found = found if is_raw else _data(found)
        except TooMuch:
            raise
        except RecursionError as deep:
            raise TooMuch("It is nested too deep.") from deep
        except Exception as wrong:  # the library raises bare Exceptions, TypeErrors and AttributeErrors alike
            raise ValueError(str(wrong)[:200]) from wrong
        return [each for each in found if each is not None]


class _Library(NamedTuple):
    """What is used of the library, which has no types of its own. Imported on first use: it brings a parser."""

    evaluate: Any
    own_table: Any
    node: Any
    data_of: Any
    its_own: Any
    moment: Any
    hour: Any
    model: Mapping[str, Any]
    functions: frozenset[str]


@lru_cache(maxsize=1)
def _library() -> _Library:
    engine = import_module("fhirpathpy.engine")
    nodes, util = import_module("fhirpathpy.engine.nodes"), import_module("fhirpathpy.engine.util")
    registry = import_module("fhirpathpy.engine.invocations").invocation_registry
    return _Library(
        evaluate=engine.do_eval,
        own_table=util.process_user_invocation_table,
        node=nodes.ResourceNode.create_node,
        data_of=util.get_data,
        its_own=nodes.FP_Type,
        moment=nodes.FP_DateTime,
        hour=nodes.FP_Time,
        model=import_module("fhirpathpy.models").models["r4"],
        functions=frozenset(registry),
    )


def as_node(element: Any, kind: str) -> Any:
    """An element that knows what it is part of, so that `answer.value` finds `valueCoding`."""
    return _library().node(element, kind)


def _data(node: Any) -> Any:
    """Without the library's wrappers, and without what it keeps of extensions of primitives."""
    library = _library()
    if isinstance(node, list):
        made = [_data(each) for each in node]
        return [each for each in made if not (isinstance(each, dict) and list(each) == ["extension"])]
    data = library.data_of(node)
    if isinstance(data, dict) and not isinstance(data, library.its_own):
        return {key: _data(value) for key, value in data.items()}
    return data


class Steps:
    """How much an expression may still do. above: what all expressions of a form share."""

    __slots__ = ("above", "left")

    def __init__(self, left: int, above: Steps | None = None) -> None:
        self.left, self.above = left, above

    def one(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuch("It takes too many steps.")
        if self.above is not None:
            self.above.one()


class _Counted(dict[str, Any]):
    """The library's model, which every step along a path reads; so its steps are counted here."""

    def __init__(self, model: Mapping[str, Any], steps: Steps) -> None:
        super().__init__(model)
        self._steps = steps

    def __getitem__(self, name: str) -> Any:
        self._steps.one()
        return super().__getitem__(name)


class _Table(dict[str, Any]):
    """Our own functions, which the library asks for (`table or {}`) at each function and operator."""

    def __init__(self, table: Mapping[str, Any], steps: Steps) -> None:
        super().__init__(table)
        self._steps = steps

    def __bool__(self) -> bool:
        self._steps.one()
        return True


@lru_cache(maxsize=4_096)
def parsed(text: str) -> Path:
    """Raises BadPath."""
    if len(text) > MOST_CHARACTERS:
        raise BadPath(f"An expression has at most {MOST_CHARACTERS} characters.")
    if _depth_of(text) > MOST_DEPTH:
        raise BadPath("It is nested too deep.")
    tree = _tree(text)
    names: set[str] = set()
    _look(tree, names, 0)
    return Path(text, tree, frozenset(names))


def check(text: str, known: frozenset[str]) -> Path:
    """known: the variables in sight. Raises BadQuestionnaire with what is wrong."""
    try:
        found = parsed(text)
    except BadPath as bad:
        raise BadQuestionnaire(f"“{_short(text)}” can’t be read: {bad}") from bad
    if unknown := sorted(found.names - known - BUILT_IN):
        raise BadQuestionnaire(f"“{_short(text)}” names %{unknown[0]}, which is not there.")
    return found


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"


def _depth_of(text: str) -> int:
    depth = deepest = 0
    for mark in text:
        depth += (mark in "([{") - (mark in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _tree(text: str) -> Any:
    antlr, tree = import_module("antlr4"), import_module("antlr4.tree.Tree")
    generated = "fhirpathpy.parser.generated.FHIRPath"
    listener = import_module("fhirpathpy.parser.ASTPathListener").ASTPathListener()
    lexer = import_module(f"{generated}Lexer").FHIRPathLexer(antlr.InputStream(text))
    tokens = antlr.CommonTokenStream(lexer)
    parser = import_module(f"{generated}Parser").FHIRPathParser(tokens)
    for reader in (lexer, parser):
        reader.removeErrorListeners()
        reader.addErrorListener(_Refusing())
    try:
        whole = parser.expression()
        if tokens.LA(1) != -1:
            left = tokens.LT(1)
            raise BadPath(f"at {left.column + 1}: “{left.text[:20]}” was not expected.")
        tree.ParseTreeWalker().walk(listener, whole)
    except RecursionError as deep:
        raise BadPath("It is nested too deep.") from deep
    return listener.parentStack[0]


class _Refusing:
    """The parser's own listener writes to the console and goes on."""

    def syntaxError(self, recognizer: Any, symbol: Any, line: int, column: int, msg: str, e: Any) -> None:  # noqa: N802
        raise BadPath(f"at {column + 1}: {msg[:120]}.")

    def _nothing(self, *told: Any) -> None:
        """Two ways to read the same are as good as one."""

    reportAmbiguity = reportAttemptingFullContext = reportContextSensitivity = _nothing  # noqa: N815


def _look(node: Any, names: set[str], each: int) -> None:
    """Refuses functions that nobody speaks here, and collects %names."""
    kind = node.get("type")
    if kind == "ExternalConstantTerm":
        names.add(_name_of(node["children"][0]["children"][0]["text"]))
    if kind == "Functn":
        name = _name_of(node["children"][0]["text"])
        if name in _REFUSED or name not in _functions():
            raise BadPath(f"{name}() is not spoken here.")
        each += name in _EACH
        if each > _MOST_EACH:
            raise BadPath("Too many where() and select() stand in one another.")
    if kind == "StringLiteral" and len(node.get("text", "")) > 1_000:
        raise BadPath("A text in it is too long.")
    for child in node.get("children", ()):
        _look(child, names, each)


def _name_of(text: str) -> str:
    return text.strip('`"')


def _functions() -> frozenset[str]:
    return _library().functions | {"today", "now", "timeOfDay", "ordinal", "weight"}


# --- what the library does too freely


def _own(known: Known) -> dict[str, Any]:
    table: dict[str, Any] = {
        "today": {"fn": lambda data: _given(known.today), "arity": {0: []}},
        "now": {"fn": lambda data: _given(known.now), "arity": {0: []}},
        "timeOfDay": {"fn": lambda data: _given(known.now and known.now.time()), "arity": {0: []}},
        "power": {"fn": _power, "arity": {1: ["Number"]}},
        "matches": {"fn": _matches, "arity": {1: ["String"]}},
        "replaceMatches": {"fn": _replace_matches, "arity": {2: ["String", "String"]}},
        "exp": {"fn": _exp, "arity": {0: []}},
    }
    return {**table, **{name: {"fn": _weights, "arity": {0: []}} for name in ("ordinal", "weight")}}


def _given(at: Any) -> Any:
    if at is None:
        raise ValueError("The day is not known here.")
    library, text = _library(), at.isoformat()
    return library.moment(text) if hasattr(at, "year") else library.hour(text)


def _power(data: Sequence[Any], degree: Any) -> Any:
    if len(data) != 1 or degree is None or degree == []:
        return []
    base, by = Decimal(str(data[0])), Decimal(str(degree))
    if abs(by) > 64 or abs(base) > Decimal(10) ** 12:
        raise TooMuch("A power is too big.")
    if base < 0 and by != by.to_integral_value():
        return []
    return base**by if not (base == 0 and by < 0) else []


def _exp(data: Sequence[Any]) -> Any:
    if len(data) != 1:
        return []
    if abs(Decimal(str(data[0]))) > 100:
        raise TooMuch("A power is too big.")
    return Decimal(str(data[0])).exp()


_NESTED_REPEAT: Final = re.compile(r"\([^)]*[*+{][^)]*\)\s*[*+{]|\\[1-9]")


def _pattern(text: str) -> re.Pattern[str]:
    """A repetition inside a repetition can take for ever."""
    if len(text) > 200 or _NESTED_REPEAT.search(text) or text.count("*") + text.count("+") > 8:
        raise TooMuch("A pattern is too complex.")
    try:
        return re.compile(text, re.DOTALL)
    except re.error as wrong:
        raise ValueError("A pattern can’t be read.") from wrong


def _matches(data: Sequence[Any], pattern: Any) -> Any:
    if len(data) != 1 or not isinstance(data[0], str) or not isinstance(pattern, str):
        return []
    return _pattern(pattern).search(data[0][:1_000]) is not None


def _replace_matches(data: Sequence[Any], pattern: Any, new: Any) -> Any:
    if len(data) != 1 or not all(isinstance(each, str) for each in (data[0], pattern, new)):
        return []
    text: str = data[0][:1_000]
    return _pattern(pattern).sub(lambda _: str(new), text)


_WEIGHTS: Final = (
    "http://hl7.org/fhir/StructureDefinition/ordinalValue",
    "http://hl7.org/fhir/StructureDefinition/itemWeight",
)


def _weights(data: Sequence[Any]) -> list[Any]:
    """What chosen answers count: the extension that the response carries from its option."""
    found = []
    for each in data:
        for extension in each.get("extension", ()) if isinstance(each, dict) else ():
            if extension.get("url") in _WEIGHTS and extension.get("valueDecimal") is not None:
                found.append(extension["valueDecimal"])
    return found
