"""The files of a backup: sealed in the age format, listed in a manifest that is signed.

Whoever takes backups holds only the public half of the key that opens them (`recipient`), and a key that signs
manifests. The recovery key, printed once and kept elsewhere, is the other half of both: it opens the files and tells
whether they are ours. `age -d` opens them without Careloop.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, cast

import pyrage  # type: ignore[import-untyped]  # a compiled module without stubs
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from careloop.kernel.errors import CareError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
_RECOVERY: Final = re.compile(r"(AGE-SECRET-KEY-1[0-9A-Z]+):([0-9a-f]{64})")
_COMPRESSION: Final = 1  # the disk is slower than the level


class BackupFault(CareError):
    """The backup could not be taken. What was there before is untouched."""

    code, status, issue_type = "backup-fault", 500, "exception"


class NotOurs(CareError):
    """This is no backup that this recovery key can open and vouch for. Nothing was touched."""

    code, status = "backup-refused", 409


class NoBackupKey(CareError):
    """There is no key for backups yet. Make one with `careloop backup key create`; keep what it prints elsewhere."""

    code, status = "no-backup-key", 409


@dataclass(frozen=True, repr=False)
class SealingKey:
    """What a machine that takes backups holds: enough to write them, not to read them."""

    recipient: str
    signing: Ed25519PrivateKey

    def sign(self, text: bytes) -> str:
        return self.signing.sign(text).hex()

    @classmethod
    def read(cls, folder: Path) -> SealingKey:
        try:
            raw = bytes.fromhex((folder / "signing.key").read_text().strip())
            return cls((folder / "recipient").read_text().strip(), Ed25519PrivateKey.from_private_bytes(raw))
        except FileNotFoundError as missing:
            raise NoBackupKey from missing
        except (OSError, ValueError) as failed:
            raise BackupFault(f"The key in {folder} can’t be read.") from failed


@dataclass(frozen=True, repr=False)
class RecoveryKey:
    """The other half: opens what was sealed, and knows whose signature to expect."""

    identity: Any
    verifying: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> RecoveryKey:
        """Raises NotOurs. The text is never part of an error."""
        found = _RECOVERY.fullmatch("".join(text.split()))
        if found is None:
            raise NotOurs("This is not a recovery key: it begins with AGE-SECRET-KEY-1. Nothing was touched.")
        try:
            identity = pyrage.x25519.Identity.from_str(found[1])
        except pyrage.IdentityError as wrong:
            raise NotOurs("A letter of this recovery key is wrong. Nothing was touched.") from wrong
        return cls(identity, Ed25519PublicKey.from_public_bytes(bytes.fromhex(found[2])))

    def has_signed(self, text: bytes, signature: str) -> bool:
        try:
            self.verifying.verify(bytes.fromhex(signature.strip()), text)
        except (InvalidSignature, ValueError):
            return False
        return True


def make_key(folder: Path) -> str:
    """Makes both halves; returns the recovery key, which is kept nowhere here. Refuses to replace a key."""
    if (folder / "recipient").exists():
        raise BackupFault(
            f"There is a key in {folder} already; move it away first, and keep its recovery key."
        )
    identity, signing = pyrage.x25519.Identity.generate(), Ed25519PrivateKey.generate()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(folder / "signing.key", f"{signing.private_bytes_raw().hex()}\n".encode())
    write_durably(folder / "recipient", f"{identity.to_public()}\n".encode())
    return f"{identity}:{signing.public_key().public_bytes_raw().hex()}"


# --- sealing


class _Counted:
    """Passes on what is written, and knows how much it was and its digest."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self.sha = file, 0, sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.sha.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def seal(source: IO[bytes], target: Path, recipient: str) -> dict[str, Any]:
    """Compresses and encrypts a stream into a file that is whole and on disk, or not there. Returns its entry for the
    manifest."""
    beside = target.with_name(f".{target.name}.new")
    try:
        with _made(beside) as file:
            counted = _Counted(file)
            plain = zstandard.ZstdCompressor(level=_COMPRESSION).stream_reader(source)
            pyrage.encrypt_io(plain, counted, [pyrage.x25519.Recipient.from_str(recipient)])
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        sync_folder(target.parent)
    except (OSError, ValueError, pyrage.EncryptError, pyrage.RecipientError) as failed:
        beside.unlink(missing_ok=True)
        raise BackupFault(f"{target.name} could not be written ({type(failed).__name__}).") from failed
    return {"name": target.name, "size": counted.size, "sha256": counted.sha.hexdigest()}


def open_sealed(source: Path, target: IO[bytes], key: RecoveryKey) -> None:
    """Decrypts and decompresses. Raises NotOurs when the key does not fit or the file was changed or cut off."""
    plain = zstandard.ZstdDecompressor().stream_writer(target, closefd=False)
    try:
        with source.open("rb") as file:
            pyrage.decrypt_io(file, plain, [key.identity])
        plain.flush()  # type: ignore[no-untyped-call]  # its stubs say no more
    except (OSError, ValueError, pyrage.DecryptError, zstandard.ZstdError) as failed:
        if isinstance(failed, OSError) and failed.errno:
            raise BackupFault(f"{source.name}: {os.strerror(failed.errno)}. Nothing was touched.") from failed
        raise NotOurs(
            f"{source.name} can’t be opened: another key, or a damaged file. Nothing was touched."
        ) from failed


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return _file_digest(file)


def _file_digest(file: IO[bytes]) -> str:
    found = sha256()
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()


# --- the manifest


def write_manifest(folder: Path, manifest: dict[str, Any], key: SealingKey) -> None:
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    write_durably(folder / SIGNATURE, key.sign(text).encode())
    write_durably(folder / MANIFEST, text)


def read_manifest(folder: Path, key: RecoveryKey) -> dict[str, Any]:
    """Signature first, then whether we know its format, then every file it lists. Raises NotOurs."""
    try:
        text, signature = (folder / MANIFEST).read_bytes(), (folder / SIGNATURE).read_text()
    except OSError as missing:
        raise NotOurs(f"{folder} holds no whole backup: its manifest is missing.") from missing
    if not key.has_signed(text, signature):
        raise NotOurs("The manifest was changed, or it belongs to another recovery key. Nothing was touched.")
    manifest = cast(dict[str, Any], json.loads(text))
    if manifest.get("format") != FORMAT:
        raise NotOurs(
            f"This backup has format {manifest.get('format')}; this version of Careloop reads {FORMAT}."
        )
    for entry in manifest["files"]:
        path = folder / entry["name"]
        if not path.is_file() or path.stat().st_size != entry["size"] or digest_of(path) != entry["sha256"]:
            raise NotOurs(f"{entry['name']} is missing or was changed since. Nothing was touched.")
    return manifest


# --- files that are there whole or not at all


@contextmanager
def _made(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file


def write_durably(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with _made(beside) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(found)
    finally:
        os.close(found)
