"""A backup is taken, the house is lost, the backup is restored: all is there, and nobody gets in by an old key."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from careloop.store import backup, embedded
from careloop.store.backup_files import SealingKey, make_key, write_manifest
from tests.durability.house import House, everything_in

# One house for the whole file: its tests stay with one worker.
pytestmark = pytest.mark.xdist_group("backup")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="careloop-backup-"))
    found.chmod(0o755)
    yield found
    for folder in found.glob("*/postgres"):
        embedded.stop(folder)
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def house(place: Path) -> House:
    """Lived in, and backed up once."""
    found = House(place / "home", place / "backups")
    found.settle_in()
    found.lives("people", "maria", "rosa")
    found.lives("doors")
    found.lives("letter")
    found.say("backup", str(found.target))
    return found


@pytest.fixture
def copy(house: House, tmp_path: Path) -> Path:
    """Of the one backup, to be tampered with."""
    (found,) = backup.backups_in(house.target)
    return Path(shutil.copytree(found, tmp_path / found.name))


def test_restored_into_an_empty_folder_it_is_the_same_record(house: House, place: Path) -> None:
    before = house.say("verify", "--digest")
    said = house.say("restore", str(house.target), "--to", str(place / "new"))
    new = house.moved_to(place / "new")
    assert before.strip() in said  # record and trail, as they came out of the backup
    found = new.lives("look")
    assert {"maria", "rosa"} <= set(found["people"])
    assert found["generations"][1:] == [f"restored from {backup.backups_in(house.target)[0].name}"]
    assert (new.home / "secret-key").read_text() == (house.home / "secret-key").read_text()
    assert "whole." in new.say("verify")
    # Who was signed in is not; a program needs a new token.
    assert (found["sessions"], found["signed in"], found["programs"]) == ([], 0, 0)
    was = house.lives("look")
    assert (len(was["sessions"]), was["signed in"], was["programs"]) == (1, 1, 1)
    # What may have left already waits for a person; what had left stays so.
    assert found["letters"] == ["sending dead", "sent sent", "waiting dead"]
    assert found["reviews"].count("review-letter") == 2
    assert not list((place / "new").glob(".restoring*"))


def test_nothing_in_it_can_be_read_and_nothing_here_opens_it(house: House) -> None:
    for path in house.target.rglob("*"):
        if path.is_file():
            assert b"Quillfeather" not in path.read_bytes()
    held = b"".join(path.read_bytes() for path in (house.home / "backup-key").iterdir())
    assert b"AGE-SECRET-KEY" not in held
    assert all(path.stat().st_mode & 0o077 == 0 for path in (house.home / "backup-key").iterdir())


def test_another_key_opens_nothing_and_touches_nothing(house: House, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    said = house.refuses(
        "restore", str(house.target), "--to", str(tmp_path / "new"), CARELOOP_RECOVERY_KEY=other
    )
    assert "belongs to another recovery key" in said
    half = f"{other.partition(':')[0]}:{house.recovery.partition(':')[2]}"
    said = house.refuses(
        "restore", str(house.target), "--to", str(tmp_path / "new"), CARELOOP_RECOVERY_KEY=half
    )
    assert "another key, or a damaged file" in said
    said = house.refuses(
        "restore", str(house.target), "--to", str(tmp_path / "new"), CARELOOP_RECOVERY_KEY="12345"
    )
    assert "not a recovery key" in said
    assert everything_in(tmp_path / "new") == {} if (tmp_path / "new").exists() else True


@pytest.mark.parametrize("name", [backup.DATABASE_FILE, backup.KEYS, "manifest.json", "manifest.sig"])
def test_a_changed_byte_is_found_first(house: House, copy: Path, tmp_path: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    said = house.refuses("restore", str(copy), "--to", str(tmp_path / "new"))
    assert "changed" in said
    assert not (tmp_path / "new").exists()


def test_one_of_a_later_version_is_refused(house: House, copy: Path, tmp_path: Path) -> None:
    key = SealingKey.read(house.home / backup.KEY_FOLDER)
    manifest = json.loads((copy / "manifest.json").read_text())
    for change, word in (
        ({"format": 2}, "format 2"),
        ({"migrations": manifest["migrations"] | {"store": "9999_of_the_future"}}, "newer Careloop"),
        ({"postgres": 19}, "of PostgreSQL 19"),
        ({"bytes": 10**15}, "has room for"),
    ):
        write_manifest(copy, manifest | change, key)
        assert word in house.refuses("restore", str(copy), "--to", str(tmp_path / "new"))
    write_manifest(copy, manifest | {"heads": {"0": [1, "00" * 32]}}, key)
    said = house.refuses("restore", str(copy), "--to", str(tmp_path / "new"), "--no-compare")
    assert "not the one that the backup tells" in said
    assert [path.name for path in (tmp_path / "new").iterdir()] == []


def test_what_stands_there_is_kept_aside_when_asked_and_untouched_when_not(house: House, place: Path) -> None:
    other = House(place / "other", house.target, recovery=house.recovery)
    other.say("migrate")
    other.lives("people", "somebody-else")
    other.stop()
    before = everything_in(other.home)
    said = other.refuses("restore", str(house.target), "--to", str(other.home))
    assert "is not empty" in said
    assert "--replace" in said
    assert everything_in(other.home) == before
    other.say("restore", str(house.target), "--to", str(other.home), "--replace", "--no-compare")
    assert {"maria", "rosa"} <= set(other.lives("look")["people"])
    other.stop()
    (aside,) = other.home.glob("before-*")
    old = House(aside, house.target)
    assert old.lives("look")["people"] == ["somebody-else"]
    old.stop()


def test_without_a_key_there_is_no_backup(place: Path, tmp_path: Path) -> None:
    bare = House(place / "bare", tmp_path / "t")
    bare.say("migrate")
    assert "careloop backup key create" in bare.refuses("backup", str(tmp_path / "t"))
    assert not list((tmp_path / "t").glob("*"))
    said = bare.say("backup", "key", "create")
    assert "AGE-SECRET-KEY-1" in said
    assert "already" in bare.refuses("backup", "key", "create")
    bare.stop()
