"""Plays a power loss over what power.c has remembered: whatever no fsync had reached goes back to what it was, whole
or sector by sector, as a disk would have it."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("power.c")
SECTOR = 512  # what a disk writes whole
RECORD = struct.Struct("=qqqq")  # offset, span, old bytes that follow, length of the file before


def missing() -> str:
    """Why a power loss can't be played here; empty when it can."""
    if os.uname().sysname != "Linux":
        return "power losses are played on Linux only"
    return "" if shutil.which("gcc") else "no C compiler here: apt-get install gcc libc6-dev"


@dataclass
class Lost:
    """How much was not yet safe: bytes and names, and how much of it a disk had kept all the same."""

    sectors: int = 0
    kept: int = 0
    names: int = 0


@dataclass
class Disk:
    """root: where the files are that may be lost. shadow: the books, on the same file system."""

    root: Path
    shadow: Path
    library: Path
    losses: list[Lost] = field(default_factory=list)

    @classmethod
    def under(cls, place: Path) -> Disk:
        """Files below place/home. The folder is open to the account that PostgreSQL runs under."""
        place.chmod(0o755)
        disk = cls(place / "home", place / "shadow", place / "power.so")
        disk.root.mkdir()
        disk.shadow.mkdir()
        disk.shadow.chmod(0o777)
        command = [
            "gcc",
            "-O2",
            "-fPIC",
            "-shared",
            "-fvisibility=hidden",
            "-o",
            str(disk.library),
            str(SOURCE),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return disk

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "CARELOOP_POWER_ROOT": str(self.root),
            "CARELOOP_POWER_SHADOW": str(self.shadow),
        }

    @contextmanager
    def below(self) -> Iterator[None]:
        """Processes started meanwhile write to this disk."""
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name in self.environment:
                os.environ.pop(name, None)

    @contextmanager
    def full(self, what: str = "full") -> Iterator[None]:
        """There is no space left, for anybody; `full-log`: for the database's log alone, as on a disk of its own."""
        (self.shadow / what).touch()
        try:
            yield
        finally:
            (self.shadow / what).unlink()

    def lose_power(self, pick: random.Random | None = None) -> Lost:
        """Call when every process is dead. pick: chooses which sectors the disk had written by itself, and how many of
        the last changes of names; none when not given."""
        lost = Lost()
        paths = {path.lstat().st_ino: path for path in _every(self.shadow, self.root)}
        for book in self.shadow.glob("undo.*"):
            path = paths.get(int(book.name.removeprefix("undo.")))
            if path is not None and book.stat().st_size:
                _back(path, book.read_bytes(), lost, pick)
            book.unlink()
        self._names_back(lost, pick)
        for kept in self.shadow.glob("kept.*"):
            kept.unlink()
        self.losses.append(lost)
        return lost

    def _names_back(self, lost: Lost, pick: random.Random | None) -> None:
        """A journal of metadata loses its end, never something in the middle."""
        book = self.shadow / "names"
        text = book.read_bytes() if book.exists() else b""
        lines = text[int(text[:20]) :].decode().splitlines() if len(text) > 20 else []
        survive = pick.randint(0, len(lines)) if pick else 0
        for line in reversed(lines[survive:]):
            _name_back(line.split("\t"))
            lost.names += 1
        book.unlink(missing_ok=True)


def _every(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for place, _, names in os.walk(folder):
            yield from (Path(place) / name for name in names)


def _records(book: bytes) -> list[tuple[int, int, int, bytes]]:
    found, at = [], 0
    while at + RECORD.size <= len(book):
        offset, span, have, size = RECORD.unpack_from(book, at)
        at += RECORD.size
        if at + have > len(book):
            break  # its writer was killed: nothing had been written over yet
        found.append((offset, span, size, book[at : at + have]))
        at += have
    return found


def _back(path: Path, book: bytes, lost: Lost, pick: random.Random | None) -> None:
    now = path.read_bytes()
    safe, touched = bytearray(now), set[int]()
    for offset, span, size, old in reversed(_records(book)):
        safe[offset : offset + len(old)] = old
        del safe[size:]
        safe.extend(bytes(size - len(safe)))
        touched.update(range(offset // SECTOR, (offset + span + SECTOR - 1) // SECTOR))
    lost.sectors += len(touched)
    for sector in sorted(touched) if pick else ():
        start = sector * SECTOR
        if pick and pick.random() < 0.5 and start < len(now):
            lost.kept += 1
            new = now[start : start + SECTOR]
            safe.extend(bytes(max(0, start - len(safe))))
            safe[start : start + len(new)] = new
    with path.open("r+b") as file:
        file.truncate(len(safe))
        file.write(safe)


def _name_back(parts: list[str]) -> None:
    kind, inode, was = parts[0], int(parts[1]), Path(parts[4])
    saved = parts[-1]
    if kind == "C" and _is(was, inode):
        was.unlink()
    elif kind == "M" and _is(was, inode):
        with suppress(OSError):
            was.rmdir()
    elif kind == "D":
        was.mkdir(mode=0o700)
        owner = was.parent.stat()
        os.chown(was, owner.st_uid, owner.st_gid)
    elif kind == "U" and saved != "-" and not was.exists():
        os.link(saved, was)
    elif kind == "R":
        new = Path(parts[5])
        if _is(new, inode):
            new.rename(was)
        if saved != "-" and not new.exists():
            os.link(saved, new)


def _is(path: Path, inode: int) -> bool:
    try:
        return path.lstat().st_ino == inode
    except FileNotFoundError:
        return False
