"""The page about ASVS 5.0 names every requirement of levels 1 and 2 once, and tests that exist; and what it says of the
sources as a whole is looked at here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import argon2
import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from careloop.accounts.models import User
from careloop.server import logs
from careloop.server import settings as real

REPO = Path(__file__).resolve().parents[2]
SOURCES = REPO / "src" / "careloop"
PAGE = REPO / "docs" / "security" / "asvs.md"
# How many requirements of level 1 or 2 each section of version 5.0.0 has, and the numbers of those of level 3 only.
SECTIONS = (
    "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 4.4:4 "
    "5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 "
    "8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 "
    "11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 "
    "16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2"
)
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str, str]]:
    return [(num, what, how, test) for num, what, how, test in ROW.findall(PAGE.read_text())]


def test_every_requirement_of_both_levels_stands_there_once() -> None:
    numbers = [row[0] for row in rows()]
    assert len(numbers) == len(set(numbers)) == 253
    wanted = {section: int(count) for section, count in (each.split(":") for each in SECTIONS.split())}
    found: dict[str, int] = {}
    for number in numbers:
        section = number.rpartition(".")[0]
        found[section] = found.get(section, 0) + 1
    assert found == wanted


def test_each_says_how_or_why_not() -> None:
    for number, _, how, named in rows():
        assert len(how) > 2 or named != "–", number
        if named == "–":
            assert "Does not apply" in how or "Not yet" in how or number in READ_BY_PEOPLE, number


@pytest.mark.parametrize("page", ["asvs.md", "threat-model.md", "deploy.md"])
def test_every_test_that_is_named_exists(page: str) -> None:
    for path, name in re.findall(r"`(tests/[^`:]+)::([^`]+)`", (PAGE.parent / page).read_text()):
        file = REPO / path
        assert file.exists(), path
        if name != "*":
            assert name in functions_of(file), f"{path} has no {name}"


@cache
def functions_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


# What no test can show, but a person who reads it.
READ_BY_PEOPLE = {"6.2.10", "12.2.2", "15.1.1"}


# --- what is said of the sources as a whole


@cache
def _uses() -> list[tuple[set[str], str]]:
    """What is called, or imported, and where: the sources are read once for all names."""
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: set[str] = set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = {node.func.id}
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = {*(alias.name for alias in node.names), getattr(node, "module", "") or ""}
            if names:
                found.append((names, f"{path.relative_to(SOURCES)}:{node.lineno}"))
    return found


def calls(name: str) -> Iterator[str]:
    """Where something of this name is called, or imported."""
    yield from (place for names, place in _uses() if name in names)


def test_nothing_is_evaluated() -> None:
    """But for one place: search indexes are compiled from definitions that are committed with the sources."""
    found = {place.partition(":")[0] for name in ("eval", "exec", "compile") for place in calls(name)}
    assert found == {"fhir/index.py"}


def test_nothing_is_unpickled() -> None:
    assert [*calls("pickle"), *calls("marshal"), *calls("shelve"), *calls("dill")] == []
    for path in SOURCES.rglob("*.py"):
        unsafe = re.findall(r"yaml\.(?:load\(.*|unsafe_load|full_load)", path.read_text())
        assert all("both loaders are the safe ones" in each for each in unsafe), path


def test_no_shell_is_ever_started() -> None:
    for path in SOURCES.rglob("*.py"):
        text = path.read_text()
        assert "shell=True" not in text, path
        assert "os.system(" not in text, path
        assert "os.popen(" not in text, path


def test_no_weak_hash_is_used() -> None:
    """SHA-1 stands in one standard that can't do without: TOTP (RFC 6238)."""
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if re.search(r"\b(?:md5|sha1)\b", path.read_text(), re.IGNORECASE)
    }
    assert found <= {"accounts/totp.py", "accounts/second_step.py", "accounts/factors.py"}, found


def test_passwords_are_hashed_with_argon2() -> None:
    """As the settings say, not as other tests hash: 19 MiB or more and two passes (ASVS 11.4.2, OWASP's least)."""
    with override_settings(PASSWORD_HASHERS=real.PASSWORD_HASHERS):
        found = argon2.extract_parameters(make_password("a quiet Monday morning").removeprefix("argon2"))
    assert found.type is argon2.Type.ID
    assert found.memory_cost >= 19 * 1024
    assert found.time_cost >= 2


# --- at the doors


def test_no_folder_is_listed_and_nothing_hidden_is_served(record: None) -> None:
    client = Client(raise_request_exception=False)
    for address in (
        *(
            "/static/",
            "/static/careloop/",
            "/static/../settings.py",
            "/static/%2e%2e/urls.py",
            "/.git/config",
            "/.env",
        ),
        *("/static/.hidden", "/var/secret-key", "/static/careloop", "/static/vendor/", "/server/settings.py"),
    ):
        answer = client.get(address)
        assert answer.status_code in (302, 404), address
        assert b"SECRET" not in answer.content


def test_every_answer_says_what_it_is(record: None) -> None:
    client = Client(raise_request_exception=False)
    for address in (
        "/sign-in",
        "/today",
        "/healthz",
        "/fhir/metadata",
        "/fhir/Patient/1",
        "/nothing",
        "/fhir/x/y/z",
    ):
        answer = client.get(address)
        if answer.content:
            kind = answer["Content-Type"]
            assert "charset=utf-8" in kind.lower() or kind == "text/plain", address


def test_passwords_are_masked_and_may_be_pasted() -> None:
    fields = 0
    for path in SOURCES.rglob("templates/**/*.html"):
        for tag in re.findall(r"<input[^>]*name=\"[^\"]*password[^\"]*\"[^>]*>", path.read_text()):
            fields += 1
            assert 'type="password"' in tag, path
            assert "onpaste" not in tag
            assert 'autocomplete="off"' not in tag, f"{path}: password managers are welcome"
    assert fields


def views(patterns: Any = None) -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield str(pattern.pattern), pattern.callback


def test_a_get_changes_nothing(record: None) -> None:
    """Every route is opened by GET by nobody and by somebody; no account, session or token of hers changes."""
    from careloop.accounts import models

    user = User.objects.create_user("ana@example.org", "a quiet Monday morning", "Ana", roles=["coordinator"])
    before = (user.password, user.is_active, models.ApiClient.objects.count(), User.objects.count())
    for address, _ in views():
        if "<" not in address and address != "sign-out":
            Client(raise_request_exception=False).get("/" + address)
    user.refresh_from_db()
    assert before == (user.password, user.is_active, models.ApiClient.objects.count(), User.objects.count())


@pytest.mark.parametrize("kind", ["line", "json"])
def test_a_line_of_the_log_stays_one_line(kind: str) -> None:
    import io
    import logging.config

    stream = io.StringIO()
    config = logs.config("INFO", kind)
    config["handlers"]["stderr"]["stream"] = stream
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig(config)
    try:
        logging.getLogger("careloop.x").error("said %s", "a\nERROR forged\r\nline\x1b[31m")
    finally:
        logging.root.handlers[:], logging.root.level = before
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
