"""A ZIP from outside, looked at before a byte of it is unpacked, and unpacked under watch (TRUST 16)."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from careloop.kernel.errors import CareError


class BadArchive(CareError):
    """This ZIP file was refused; nothing of it was kept."""

    code, status, issue_type = "bad-archive", 422, "invalid"


@dataclass(frozen=True, slots=True)
class Bounds:
    """bytes: of all entries unpacked. ratio: of one entry, unpacked to packed, once it is larger than a megabyte."""

    entries: int = 1_000
    bytes: int = 50 * 1024 * 1024
    ratio: int = 100


_FREE_OF_RATIO: Final = 1024 * 1024
_CHUNK: Final = 65_536
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def members(data: bytes, bounds: Bounds | None = None) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file. All names are looked at before the first content. Raises BadArchive."""
    within = bounds or Bounds()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check(entries, within)
            left = within.bytes
            for entry in entries:
                if entry.is_dir():
                    continue
                content = _unpacked(archive, entry, left)
                left -= len(content)
                yield entry.filename, content
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        ValueError,
    ) as broken:
        raise BadArchive("It is damaged, or no ZIP file at all.") from broken


def _check(entries: list[zipfile.ZipInfo], within: Bounds) -> None:
    if len(entries) > within.entries:
        raise BadArchive(f"It holds more than {within.entries:,} files.")
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise BadArchive("Two of its files have the same name.")
    if sum(entry.file_size for entry in entries) > within.bytes:
        raise BadArchive(f"It unpacks to more than {within.bytes // (1024 * 1024)} MB.")
    for entry in entries:
        _check_entry(entry, within)
    _check_overlaps(entries)


def _check_entry(entry: zipfile.ZipInfo, within: Bounds) -> None:
    name, mode = entry.filename, entry.external_attr >> 16
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or not name.isprintable()
        or not name
    ):
        raise BadArchive("A name in it leads out of its folder.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive("It holds a link or a device, not only files.")
    if entry.flag_bits & 0x1:
        raise BadArchive("It is encrypted; send it without a password.")
    if entry.compress_type not in _METHODS:
        raise BadArchive("It is packed in a way we do not read; pack it again as plain ZIP.")
    if entry.file_size > _FREE_OF_RATIO and entry.file_size > within.ratio * max(entry.compress_size, 1):
        raise BadArchive("A file in it unpacks to far more than it should.")


def _check_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes make a small file unpack to petabytes."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise BadArchive("Its files lie over one another.")
        end = entry.header_offset + 30 + entry.compress_size


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """What its directory says is not believed."""
    parts, size = [], 0
    with archive.open(entry) as packed:
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            if size > left or size > entry.file_size:
                raise BadArchive("A file in it is larger than it says.")
            parts.append(chunk)
    return b"".join(parts)
