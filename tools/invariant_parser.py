"""Reads the simple ones among FHIR's invariants into trees that the validator compiles; leaves the others.

Understood: `a.exists()`, `a.empty()`, `a.count()`, `a = 'x'`, `a != 'x'`, `a in ('x' | 'y')`, a comparison of
one element with a whole number, `.not()`, `and or xor implies = !=`, brackets; `a` is an element of the type.
A tree: ["exists", "a"], ["empty", "a"], ["eq", "a", "x"], ["in", "a", ["x", "y"]], ["cmp", "a", ">=", 0],
["not", t], ["and", t, u], ["or", t, u], ["xor", t, u], ["implies", t, u], ["same", t, u].
"""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(r"\s*(?:('[^']*')|(-?\d+)|([A-Za-z_][A-Za-z0-9_]*)|(!=|<=|>=|[=<>().|]))")
WORDS = frozenset({"and", "or", "xor", "implies", "in", "is", "as", "div", "mod", "contains"})
Tree = list[Any]


class NotSimpleError(Exception):
    """This expression uses more of FHIRPath than the validator compiles."""


def tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if match is None:
            raise NotSimpleError(text[at:])
        found.append(match.group().strip())
        at = match.end()
    return found


class Parser:
    """FHIRPath's precedence, loosest last: comparison, in, and, or/xor, implies."""

    def __init__(self, text: str) -> None:
        self.tokens = [*tokens(text), ""]
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at]

    def take(self, expected: str = "") -> str:
        token = self.tokens[self.at]
        if expected and token != expected:
            raise NotSimpleError(token)
        self.at += 1
        return token

    def whole(self) -> Tree:
        tree = self.implies()
        if self.next:
            raise NotSimpleError(self.next)
        return tree

    def implies(self) -> Tree:
        tree = self.either()
        while self.next == "implies":
            self.take()
            tree = ["implies", tree, self.either()]
        return tree

    def either(self) -> Tree:
        tree = self.both()
        while self.next in ("or", "xor"):
            tree = [self.take(), tree, self.both()]
        return tree

    def both(self) -> Tree:
        tree = self.equality()
        while self.next == "and":
            self.take()
            tree = ["and", tree, self.equality()]
        return tree

    def equality(self) -> Tree:
        tree = self.claim()
        while self.next in ("=", "!="):
            same = self.take() == "="
            tree = ["same", tree, self.claim()]
            tree = tree if same else ["not", tree]
        return tree

    def claim(self) -> Tree:
        """A bracket, or an element with what is said of it."""
        if self.next == "(":
            self.take()
            tree = self.implies()
            self.take(")")
        else:
            tree = self.about(self.name())
        while self.next == ".":
            self.take()
            self.take("not"), self.take("("), self.take(")")
            tree = ["not", tree]
        return tree

    def name(self) -> str:
        token = self.take()
        if not re.fullmatch(r"[A-Za-z_]\w*", token) or token in WORDS:
            raise NotSimpleError(token)
        return token

    def about(self, name: str) -> Tree:
        token = self.take()
        if token == ".":
            said = self.take()
            self.take("("), self.take(")")
            if said not in ("exists", "empty"):
                raise NotSimpleError(said)
            return [said, name]
        if token in ("=", "!=") and self.next.startswith("'"):
            tree: Tree = ["eq", name, self.take()[1:-1]]
            return tree if token == "=" else ["not", tree]
        if token in ("<", "<=", ">", ">=") and re.fullmatch(r"-?\d+", self.next):
            return ["cmp", name, token, int(self.take())]
        if token == "in":
            return ["in", name, self.listed()]
        raise NotSimpleError(token)

    def listed(self) -> list[str]:
        self.take("(")
        found = []
        while True:
            literal = self.take()
            if not literal.startswith("'"):
                raise NotSimpleError(literal)
            found.append(literal[1:-1])
            if self.take() == ")":
                return found


def parse_invariant(expression: str) -> Tree | None:
    """The tree, or None where the expression is not simple."""
    try:
        return Parser(expression).whole()
    except (NotSimpleError, IndexError):
        return None
