"""Everything locked is pinned, hashed, licensed as we allow, and in the bill of materials."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tools import dependencies

# One bill for the whole file, for it takes seconds to make.
pytestmark = pytest.mark.xdist_group("bill")


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return dependencies.sbom()


def test_there_is_nothing_to_put_right(made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "sbom", lambda: made)
    assert dependencies.problems() == []


def test_the_bill_holds_everything_with_hash_and_license(made: dict[str, Any]) -> None:
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["component"]["name"] == "careloop"
    names = {one["name"].lower() for one in made["components"]}
    assert {"django", "psycopg", "granian", "htmx.org", "cryptography"} <= names
    assert all(one["hashes"] and one["licenses"] and one["purl"] for one in made["components"])
    assert len(made["components"]) == len(list(dependencies.locked(dependencies.LOCKS[0]))) + len(
        dependencies.npm()
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("django==5.2.1\n", "has no hash"),
        ("django>=5\n", "no exact version"),
        ("django==5.2.1 --hash=sha256:" + "a" * 64 + "\n", "not in the bill"),
    ],
)
def test_a_lock_that_is_loose_is_found(
    made: dict[str, Any], line: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(line)
    monkeypatch.setattr(dependencies, "LOCKS", (lock, lock))
    monkeypatch.setattr(dependencies, "sbom", lambda: {**made, "components": []})
    assert any(says in problem for problem in dependencies.problems())


@pytest.mark.parametrize("license", ["AGPL-3.0", "", "Business Source (BUSL-1.1)", "MIT with Commons Clause"])
def test_a_license_that_we_do_not_allow_is_found(license: str) -> None:
    assert list(dependencies._license_problems("x", license))
    assert not list(dependencies._license_problems("x", "MIT"))


def answered(python: list[dict[str, Any]], npm: dict[str, Any]) -> Any:
    """subprocess.run as the advisory services would answer it."""

    def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        told = {"dependencies": python} if "pip-audit" in command[0] else npm
        return subprocess.CompletedProcess(command, 1, json.dumps(told), "")

    return run


FINE = {"name": "django", "version": "5.2.19", "vulns": []}
WEAK = {"name": "django", "version": "5.2.1", "vulns": [{"id": "CVE-2026-1"}]}
NOT_FOUND = {"name": "django", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("python", "npm", "is_red", "says"),
    [
        (FINE, 0, 0, "none known to be weak"),
        (WEAK, 0, 1, "django: CVE-2026-1"),
        (FINE, 1, 1, "1 known to be weak"),
        (NOT_FOUND, None, 0, "NOT audited"),
        (NOT_FOUND, 2, 1, "2 known to be weak"),
    ],
)
def test_a_known_weakness_turns_the_gate_red_and_silence_is_no_praise(
    python: dict[str, Any],
    npm: int | None,
    is_red: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {"error": "no network"} if npm is None else {"metadata": {"vulnerabilities": {"total": npm}}}
    monkeypatch.setattr(dependencies.subprocess, "run", answered([python], told))
    assert dependencies.audit() == is_red
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_a_service_that_never_answers_is_not_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(command: list[str], **more: Any) -> Any:
        raise subprocess.TimeoutExpired(command, 120)

    monkeypatch.setattr(dependencies.subprocess, "run", never)
    assert dependencies._audit_npm() == 0
    assert "NOT audited" in capsys.readouterr().out
