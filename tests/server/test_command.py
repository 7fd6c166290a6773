"""The command explains itself, and refuses in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from careloop.server.command import main
from careloop.server.serve import Plan


def everything(
    group: click.Group, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from everything(command, (*before, name))


@pytest.mark.parametrize(
    ("words", "command"),
    list(everything(main)),
    ids=lambda one: "-".join(one) if isinstance(one, tuple) else "",
)
def test_each_command_says_what_it_is_for(words: tuple[str, ...], command: click.Command) -> None:
    answer = CliRunner().invoke(main, [*words, "--help"])
    assert answer.exit_code == 0
    first = (command.help or "").splitlines()[0]
    assert len(first) > 10
    assert first[-1] in ".:"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.required:
            assert parameter.help or parameter.name in {"name"}


def test_the_commands_that_were_promised() -> None:
    promised = {
        "demo",
        "serve",
        "migrate",
        "import",
        "listen",
        "work",
        "reindex",
        "rebuild",
        "verify",
        "bench",
    }
    promised |= {"api-client", "user", "sender"}
    assert promised <= set(main.commands)


def test_an_unknown_benchmark_is_a_sentence_not_a_traceback() -> None:
    answer = CliRunner().invoke(main, ["bench", "nothing"])
    assert answer.exit_code == 1
    assert "There is no benchmark nothing" in answer.stderr


def test_the_listener_runs_only_when_it_has_a_port() -> None:
    assert set(Plan().commands()) == {"web", "work"}
    assert set(Plan(hl7_port=2575).commands()) == {"web", "work", "listen"}


def test_the_tables_and_the_models_agree(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> None:
    from django.core.management import call_command

    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django's blocker
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_no_migration_changes_without_its_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from careloop.server.serve import migrations_fingerprint

    monkeypatch.delenv("DATABASE_URL", raising=False)
    here = migrations_fingerprint()
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/careloop")
    assert migrations_fingerprint() != here
