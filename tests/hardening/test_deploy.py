"""`careloop check --deploy`: a good installation has no finding; each thing wrong has its own, and a way out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import DatabaseError, connection

from careloop.accounts.models import User
from careloop.accounts.sign_in_models import Provider
from careloop.kernel.clock import system_clock
from careloop.server import checks, command_guard
from careloop.server.backup import State
from careloop.server.checks import Place
from careloop.store import lane_heads

REPO = Path(__file__).resolve().parents[2]
GOOD = {
    "CARELOOP_HOSTS": "care.example.org",
    "CARELOOP_TLS": "1",
    "CARELOOP_PROXIES": "1",
    "CARELOOP_DISK": "encrypted",
    "CARELOOP_ENV": "production",
}


@pytest.fixture
def place(record: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An installation with nothing to put right."""
    home = tmp_path / "home"
    (home / "audit").mkdir(parents=True)
    key = home / "secret-key"
    key.write_text("k")
    key.chmod(0o600)
    State(base=system_clock().isoformat()).write(home)
    monkeypatch.setattr(checks, "_data_folder", lambda place: None)  # the database is on another machine
    monkeypatch.setattr(lane_heads, "folder", lambda: home / "audit")
    monkeypatch.setattr(checks, "MOST_SKEW", timedelta(seconds=20))  # of a machine that does much else
    monkeypatch.setattr(lane_heads, "second_place", lambda: None)
    settings = SimpleNamespace(
        HOME=home,
        DEBUG=False,
        DEMO=False,
        SECRET_KEY="9Jr0aWq7vT2mZx4LcNs8YbHd1GfKu5PeIoQjVtRnXgMwDzBlAhCkEy6S3U",
        ALLOWED_HOSTS=["care.example.org"],
        SESSION_COOKIE_SECURE=True,
        AUDIT_HEADS="",
    )
    return Place(settings, dict(GOOD), system_clock())


def codes(place: Place) -> set[str]:
    found = checks.findings(place)
    assert all(one.wrong.endswith(".") or ":" in one.wrong for one in found)
    assert all(one.todo or one.code == "weak-database" for one in found), "each says what to do"
    return {one.code for one in found}


def said(place: Place, **environ: str | None) -> Place:
    merged = {**place.environ, **{k: v for k, v in environ.items() if v is not None}}
    return replace(place, environ={k: v for k, v in merged.items() if environ.get(k, "") is not None})


def test_a_good_installation_has_nothing_to_put_right(place: Place) -> None:
    assert codes(place) == set()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DEBUG": True}, "debug"),
        (
            {"SECRET_KEY": "only for tests; nothing real is kept under it, but it is long enough"},
            "default-key",
        ),
        ({"SECRET_KEY": "short"}, "short-key"),
        ({"SECRET_KEY": "ab" * 40}, "short-key"),
        ({"ALLOWED_HOSTS": ["*"]}, "hosts-any"),
        ({"ALLOWED_HOSTS": [".example.org"]}, "hosts-any"),
        ({"SESSION_COOKIE_SECURE": False}, "no-tls"),
        ({"DEMO": True}, "demo"),
    ],
)
def test_a_weak_setting_is_found(place: Place, changes: dict[str, Any], code: str) -> None:
    for name, value in changes.items():
        setattr(place.settings, name, value)
    assert codes(place) == {code}


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"CARELOOP_DEBUG": "1"}, "debug"),
        ({"CARELOOP_HOSTS": None}, "hosts-unset"),
        ({"CARELOOP_TLS": None, "CARELOOP_PROXIES": None}, "no-tls"),
        ({"CARELOOP_PROXIES": None}, "proxies-unset"),
        ({"CARELOOP_DISK": None}, "disk-undeclared"),
        ({"CARELOOP_DISK": "maybe"}, "disk-undeclared"),
        ({"CARELOOP_CODES": "file"}, "codes-in-file"),
    ],
)
def test_a_weak_environment_is_found(place: Place, environ: dict[str, str | None], code: str) -> None:
    assert codes(said(place, **environ)) == {code}


def test_a_plain_disk_may_be_declared(place: Place) -> None:
    assert codes(said(place, CARELOOP_DISK="declared-plain")) == set()


@pytest.mark.parametrize("name", ["secret-key", "audit-key/signing.key", "demo-token", "backup-key/secret"])
def test_a_key_that_others_can_read_is_found(place: Place, name: str) -> None:
    path = place.home / name
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o700)
    path.write_text("k")
    path.chmod(0o640)
    assert "key-file" in codes(place)
    path.chmod(0o600)
    assert codes(place) == set()


# --- TURN and HL7


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"CARELOOP_TURN_SECRET": "x" * 40}, "turn-realm"),
        ({"CARELOOP_TURN_REALM": "care.example.org"}, "turn-open"),
        ({"CARELOOP_TURN_REALM": "r", "CARELOOP_TURN_SECRET": "short"}, "turn-open"),
        (
            {"CARELOOP_TURN_REALM": "r", "CARELOOP_TURN_SECRET": "x" * 40, "CARELOOP_TURN_PASSWORD": "p"},
            "turn-static",
        ),
    ],
)
def test_an_open_turn_server_is_refused(place: Place, environ: dict[str, str], code: str) -> None:
    assert codes(said(place, CARELOOP_TURN_URLS="turn:turn.example.org", **environ)) == {code}


def test_a_turn_server_with_credentials_a_visit_is_fine(place: Place) -> None:
    turn = {"CARELOOP_TURN_REALM": "care.example.org", "CARELOOP_TURN_SECRET": "x" * 40}
    assert codes(said(place, CARELOOP_TURN_URLS="turns:turn.example.org", **turn)) == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "203.0.113.7", "10.0.0.5", "hospital-side"])
def test_plain_hl7_beyond_this_machine_is_refused(place: Place, host: str) -> None:
    assert codes(replace(place, hl7=(host, 2575))) == {"hl7-plain"}


def test_hl7_with_tls_or_on_this_machine_or_in_a_vpn_is_fine(place: Place) -> None:
    assert codes(replace(place, hl7=("127.0.0.1", 2575))) == set()
    secure = said(place, CARELOOP_HL7_CERTIFICATE="c", CARELOOP_HL7_KEY="k")
    assert codes(replace(secure, hl7=("0.0.0.0", 2575))) == set()
    vpn = said(place, CARELOOP_HL7_NETWORK="vpn")
    assert codes(replace(vpn, hl7=("10.0.0.5", 2575))) == set()
    assert codes(replace(vpn, hl7=("0.0.0.0", 2575))) == {"hl7-plain"}


# --- database, disks, backup


def test_accounts_of_the_demonstration_are_found(place: Place) -> None:
    User.objects.create_user("ana@careloop.example", "a quiet Monday morning", "Ana")
    assert codes(place) == {"demo-accounts"}


def test_working_as_the_owner_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set role none")
        try:
            assert codes(place) == {"database-role"}
        finally:
            cursor.execute("set role careloop_app")


def test_signing_in_as_a_superuser_is_found(place: Place) -> None:
    class Told:
        def execute(self, query: str) -> None:
            assert "rolsuper" in query

        def fetchone(self) -> tuple[str, bool, bool]:
            return ("careloop_app", False, True)

    own = said(place, DATABASE_URL="postgresql://postgres@db/careloop")
    assert [one.code for one in checks._role(own, Told())] == ["database-superuser"]
    assert not list(checks._role(place, Told()))  # the embedded server is ours alone


def test_weak_durability_is_found(place: Place) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        try:
            assert codes(place) == {"weak-database"}
        finally:
            cursor.execute("reset synchronous_commit")


def test_a_clock_that_runs_away_is_found(place: Place) -> None:
    assert codes(replace(place, now=place.now + timedelta(seconds=30))) == {"clock-skew"}


def test_a_database_elsewhere_without_tls_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "db.example.org")
    assert codes(place) == {"database-plain"}


def test_a_database_that_is_away_is_a_finding_not_a_traceback(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise DatabaseError("Maria Duarte")

    monkeypatch.setattr(checks, "_of_database", away)
    found = checks.findings(place, [checks.database])
    assert [one.code for one in found] == ["database-away"]
    assert "Duarte" not in checks.told(found)


def test_migrations_that_wait_are_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.MigrationExecutor, "migration_plan", lambda *_: [("store.0099", False)])
    assert codes(place) == {"migrations"}


def test_heads_on_the_disk_of_the_database_are_found(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_data_folder", lambda place: tmp_path)
    assert codes(place) == {"heads-beside-database"}
    monkeypatch.setattr(lane_heads, "second_place", lambda: tmp_path / "away")
    assert codes(place) == {"heads-beside-database"}
    monkeypatch.setattr(checks, "_device", lambda path: 1 if "away" in str(path) else 2)
    assert codes(place) == set()
    place.settings.AUDIT_HEADS = "syslog"
    monkeypatch.setattr(checks, "_device", lambda path: 1)
    assert codes(place) == set()


def test_heads_that_can_not_be_written_are_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert codes(place) == {"heads-not-writable"}


def test_no_backup_and_an_old_one_are_found(place: Place) -> None:
    State(base=(place.now - timedelta(hours=25)).isoformat()).write(place.home)
    assert codes(place) == {"old-backup"}
    State().write(place.home)
    assert codes(place) == {"no-backup"}
    (place.home / "backup-state.json").unlink()
    assert codes(place) == {"no-backup"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": "http://login.example.org"}, "sso-plain"),
        ({"client_id": ""}, "sso-plain"),
        ({"domains": []}, "sso-domains"),
        ({"domains": ["*"]}, "sso-domains"),
    ],
)
def test_single_sign_on_that_lets_in_too_many_is_found(
    place: Place, changes: dict[str, Any], code: str
) -> None:
    good = {"issuer": "https://login.example.org", "client_id": "careloop", "domains": ["example.org"]}
    provider = Provider.objects.create(name="clinic", label="Clinic", **good)
    assert codes(place) == set()
    Provider.objects.filter(pk=provider.pk).update(**changes)
    assert codes(place) == {code}
    Provider.objects.update(is_active=False)
    assert codes(place) == set()


# --- the command, and what refuses to start


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch, place: Place) -> Place:
    wrong = said(place, CARELOOP_DISK=None)
    monkeypatch.setattr(command_guard, "_ready", lambda: None)
    monkeypatch.setattr(command_guard, "here", lambda hl7: wrong)
    return wrong


def test_the_command_says_each_and_ends_with_1(bad: Place) -> None:
    answer = CliRunner().invoke(command_guard.check, ["--deploy"])
    assert answer.exit_code == 1
    assert "disk-undeclared" in answer.stderr
    assert "CARELOOP_DISK=encrypted" in answer.stderr


def test_in_production_nothing_starts_that_is_not_safe(bad: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELOOP_ENV", "production")
    with pytest.raises(checks.NotSafe, match="disk-undeclared"):
        command_guard.refuse_unsafe(("127.0.0.1", 0))
    monkeypatch.setenv("CARELOOP_ENV", "")
    command_guard.refuse_unsafe(("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("words", "starts"),
    [
        (["serve", "--hl7-port", "2575"], "careloop.server.serve.supervise"),
        (["work", "--once"], "careloop.server.wiring.run_work"),
        (["listen", "hl7"], "careloop.server.wiring.run_hl7_listener"),
    ],
)
def test_serve_work_and_listen_ask_before_they_start(
    words: list[str], starts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from careloop.server import command

    done: list[str] = []

    def unsafe(hl7: tuple[str, int]) -> None:
        raise checks.NotSafe("\n  no-tls: …")

    def note(what: str) -> Callable[..., None]:
        return lambda *_, **__: done.append(what)

    monkeypatch.setattr(command, "ready", lambda **_: None)
    monkeypatch.setattr(starts, note("started"))
    monkeypatch.setattr(command_guard, "refuse_unsafe", unsafe)
    answer = CliRunner().invoke(command.main, words)
    assert (answer.exit_code, done) == (1, [])
    assert "no-tls" in answer.stderr
    monkeypatch.setattr(command_guard, "refuse_unsafe", lambda hl7: None)
    assert CliRunner().invoke(command.main, words).exit_code == 0
    assert done == ["started"]


def test_the_page_about_it_names_every_finding(now: datetime) -> None:
    import re

    source = (REPO / "src/careloop/server/checks.py").read_text()
    named = set(re.findall(r'Finding\(\s*"([a-z0-9-]+)"', source))
    page = (REPO / "docs/security/deploy.md").read_text()
    assert len(named) > 20
    assert {code for code in named if f"`{code}`" not in page} == set()
