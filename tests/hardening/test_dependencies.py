"""Everything locked is pinned, hashed, licensed as we allow, and in the bill of materials."""

from __future__ import annotations

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
