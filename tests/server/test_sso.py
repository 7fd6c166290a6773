"""Single sign-on is set up by command: its description is read, its addresses declared, or nothing is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from careloop.accounts.models import Destination
from careloop.accounts.sign_in_models import Provider
from careloop.connect import outbound
from careloop.server import command

ISSUER = "https://login.example.org"
ADD = f"sso add clinic --label Clinic --issuer {ISSUER} --client-id careloop --secret s3cret --domain @Example.org"


@pytest.fixture
def says(record: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the provider answers; empty: nothing comes back."""
    said = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": "https://tokens.example.org/token",
        "jwks_uri": f"{ISSUER}/keys",
    }

    def call(*_: Any, **__: Any) -> outbound.Answer:
        if not said:
            raise outbound.NoAnswer
        return outbound.Answer(200, {}, json.dumps(said).encode())

    monkeypatch.setattr(command, "ready", lambda **_: None)
    monkeypatch.setattr(outbound, "call", call)
    return said


def run(line: str) -> tuple[int, str]:
    answer = CliRunner().invoke(command.main, line.split())
    return answer.exit_code, answer.output


def test_a_provider_is_added_listed_and_removed(says: dict[str, Any]) -> None:
    code, said = run(ADD)
    assert code == 0, said
    assert "/sign-in/back/clinic" in said
    assert set(Destination.objects.values_list("origin", flat=True)) == {ISSUER, "https://tokens.example.org"}
    provider = Provider.objects.get()
    assert provider.domains == ["example.org"]
    assert "s3cret" not in provider.sealed_secret + said
    assert "our second step follows" in run("sso list")[1]
    assert run(ADD)[0] == 1
    assert run("sso remove clinic")[0] == 0
    assert not Provider.objects.get().is_active
    assert run("sso remove nothing")[0] == 1


@pytest.mark.parametrize(
    "change", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://login.example.org/token"}, None]
)
def test_one_that_is_silent_or_says_something_else_is_not_kept(
    says: dict[str, Any], change: dict[str, str] | None
) -> None:
    if change is None:
        says.clear()
    else:
        says.update(change)
    code, said = run(ADD)
    assert (code, "can't be set up" in said) == (1, True)
    assert not Provider.objects.exists()
    assert not Destination.objects.exists()


def test_without_encryption_only_where_it_is_said(says: dict[str, Any]) -> None:
    code, said = run(ADD.replace("https://login", "http://login"))
    assert (code, "not encrypted" in said) == (1, True)
    assert not Destination.objects.exists()
