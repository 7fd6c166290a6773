"""What one question may cost (TRUST 19): patterns in linear time, pages and statements of a bounded size."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src" / "careloop"
parser: Any = re._parser  # type: ignore[attr-defined]  # Python's own reader of patterns
MANY = 64  # a repeat beyond this counts as without end
ALL = frozenset(range(256))
USED = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer", "subn"}


def patterns() -> Iterator[tuple[str, str]]:
    """Every pattern in the sources that is written down where it is used."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            called = node.func
            if called.attr in USED and isinstance(called.value, ast.Name) and called.value.id == "re":
                try:
                    found = ast.literal_eval(node.args[0])
                except ValueError:
                    continue
                text = found.decode("latin-1") if isinstance(found, bytes) else found
                yield f"{path.relative_to(SOURCES)}:{node.lineno}", text


def letters(item: Any) -> frozenset[int]:
    """What one character of this item may be, of Latin-1; everything where that can't be told."""
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return frozenset({value}) & ALL or ALL
    if kind == "NOT_LITERAL":
        return ALL - {value}
    if kind == "IN":
        found: set[int] = set()
        for part, said in value:
            match str(part):
                case "LITERAL":
                    found.add(said)
                case "RANGE":
                    found.update(range(said[0], min(said[1], 255) + 1))
                case "CATEGORY":
                    found.update(n for n in ALL if re.match(CLASSES[str(said)], chr(n)))
        return ALL - found if value and str(value[0][0]) == "NEGATE" else frozenset(found)
    if kind == "CATEGORY":
        return frozenset(n for n in ALL if re.match(CLASSES[str(value)], chr(n)))
    return ALL


CLASSES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def inside(items: Any) -> Iterator[Any]:
    """Every item of a pattern, at any depth."""
    for item in items:
        yield item
        kind, value = str(item[0]), item[1]
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from inside(value[2])
        elif kind == "SUBPATTERN":
            yield from inside(value[3])
        elif kind == "BRANCH":
            for branch in value[1]:
                yield from inside(branch)
        elif kind in ("ASSERT", "ASSERT_NOT"):
            yield from inside(value[1])


def is_endless(item: Any) -> bool:
    return str(item[0]) in ("MAX_REPEAT", "MIN_REPEAT") and item[1][1] > MANY


def fixed(items: Any) -> list[frozenset[int]]:
    """The characters that must stand in one round of a repeat, wherever."""
    found = []
    for item in items:
        kind, value = str(item[0]), item[1]
        if kind in ("LITERAL", "IN", "NOT_LITERAL"):
            found.append(letters(item))
        elif kind == "SUBPATTERN":
            found += fixed(value[3])
    return found


def is_explosive(pattern: str) -> bool:
    """A repeat without end inside a repeat without end, with nothing between two rounds that tells them apart."""
    for outer in filter(is_endless, inside(parser.parse(pattern))):
        body = outer[1][2]
        for inner in filter(is_endless, inside(body)):
            within = (
                frozenset().union(*(letters(item) for item in inside(inner[1][2]))) if inner[1][2] else ALL
            )
            if not any(not (marks & within) for marks in fixed(body)):
                return True
    return False


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(?:\w*)*x", r"(\s*\w*\s*)*y", r"(?:[a-z]+[0-9]*)*!"])
def test_the_net_catches_patterns_that_explode(pattern: str) -> None:
    assert is_explosive(pattern)


@pytest.mark.parametrize(
    "pattern", [r"(?:a+,)+$", r"[a-z]+(?:\.[a-z]+)*", r"(?:\d{1,3})+", r"a*b*c*", r'"(?:[^"\\]|\\.)*"']
)
def test_the_net_lets_linear_ones_through(pattern: str) -> None:
    assert not is_explosive(pattern)


def test_no_pattern_of_ours_explodes() -> None:
    found = list(patterns())
    assert len(found) > 60
    assert [where for where, pattern in found if is_explosive(pattern)] == []


def test_the_ones_that_read_strangers_words_are_quick_on_the_worst_of_them() -> None:
    """Each pattern against long runs of its own letters: what is quadratic shows at 8,000 characters."""
    import time

    slow = []
    for where, pattern in patterns():
        compiled = re.compile(pattern)
        for unit in (
            "a",
            "0",
            " ",
            "\t",
            "/",
            "-",
            ".",
            "a.",
            "a ",
            "0-",
            "<",
            '"',
            "\\",
            "|",
            ",",
            "{",
            "(",
        ):
            text = unit * (8_000 // len(unit)) + "\x01"
            began = time.thread_time()
            compiled.match(text)
            compiled.fullmatch(text)
            if time.thread_time() - began > 0.25:
                slow.append(f"{where} on {unit!r}")
    assert slow == []


# --- at the door


def test_a_page_has_a_bound(door: Any) -> None:
    from careloop.fhir import search

    assert door.ask("GET", "Patient?_count=1000000").status_code in (200, 400)
    assert search.COUNT_LIMIT <= 1_000


def test_a_statement_that_takes_too_long_is_the_askers_fault_and_says_so(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    from careloop.store import sight

    def slowly(*_: Any, **__: Any) -> Any:
        line = connection.connection.cursor()
        line.execute("set statement_timeout = 100")
        try:
            line.execute("select pg_sleep(3)")
        finally:
            line.execute("set statement_timeout = 5000")

    monkeypatch.setattr(sight.search, "run", slowly)
    answer = door.ask("GET", "Patient")
    assert answer.status_code == 400
    assert b"too-costly" in answer.content


@pytest.fixture
def door(record: None, now: Any) -> Any:
    from careloop.accounts.models import ApiClient
    from careloop.api.exchange import tokens
    from tests.api.conftest import Door

    tokens.forget()
    return Door(ApiClient.issue("cost", "system/*.cruds", now)[1])  # type: ignore[no-untyped-call]


def test_every_connection_of_the_application_ends_long_statements(record: None) -> None:
    from django.db import connection

    from careloop.server.settings import database

    options = database("postgresql://u@/d")["OPTIONS"]
    assert "statement_timeout=5000" in str(options)
    with connection.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("5s",)
