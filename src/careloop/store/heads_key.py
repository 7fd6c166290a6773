"""The key that signs the heads of the audit trail, and the list of those it followed.

`<home>/audit-key/signing.key` is the private key (Ed25519, this file alone, not the installation's secret key);
`<home>/audit/keys.log` says which public keys were used since when: `k <at> <id> <public key> <signature>`, each line
signed by the key before it (the first by itself). Whoever has the public key of the last line can check the files
without us.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from careloop.store.errors import AuditUnavailable

_ID_LENGTH: Final = 16


@dataclass(frozen=True, repr=False)
class Keys:
    """public: by id, all that ever signed. last: id of the newest, empty before the first. wrong: sentences."""

    public: dict[str, Ed25519PublicKey]
    last: str
    wrong: tuple[str, ...]

    def has_signed(self, id: str, text: str, signature: str) -> bool:
        key = self.public.get(id)
        return key is not None and _fits(key, text, signature)


def private_file() -> Path:
    return Path(settings.HOME) / "audit-key" / "signing.key"


def list_file() -> Path:
    return Path(settings.HOME) / "audit" / "keys.log"


def sign(text: str, now: datetime) -> str:
    """`<id>:<signature>`. Makes the key when there has never been one. Raises AuditUnavailable: a key that is gone is
    not silently followed by another."""
    key = _private(now)
    return f"{_id_of(key.public_key())}:{key.sign(text.encode()).hex()}"


def rotate(now: datetime) -> str:
    """A new key from now on; the list says so under the old one's signature. Returns the new id."""
    old = _private(now)
    new = Ed25519PrivateKey.generate()
    _append(_line(new.public_key(), now, by=old))
    _write(new)
    return _id_of(new.public_key())


def known() -> Keys:
    """What the list tells, as far as its signatures hold."""
    public: dict[str, Ed25519PublicKey] = {}
    last, wrong = "", []
    for number, line in enumerate(_lines(), 1):
        try:
            _, at, id, raw, signature = line.split(" ")
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(raw))
        except ValueError:
            wrong.append(f"Line {number} of {list_file().name} can’t be read.")
            continue
        if id != _id_of(key) or not _fits(public.get(last, key), f"k {at} {id} {raw}", signature):
            wrong.append(f"Line {number} of {list_file().name} carries a wrong signature.")
            continue
        public[id], last = key, id
    return Keys(public, last, tuple(wrong))


def _private(now: datetime) -> Ed25519PrivateKey:
    try:
        raw = bytes.fromhex(private_file().read_text().strip())
        return Ed25519PrivateKey.from_private_bytes(raw)
    except FileNotFoundError as missing:
        if _lines():
            raise AuditUnavailable("The key that signs the heads is gone.") from missing
    except (OSError, ValueError) as failed:
        raise AuditUnavailable("The key that signs the heads can’t be read.") from failed
    key = Ed25519PrivateKey.generate()
    _write(key)
    _append(_line(key.public_key(), now, by=key))
    return key


def _write(key: Ed25519PrivateKey) -> None:
    """A whole file or none: written beside, then put in place."""
    path = private_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.private_bytes_raw().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as failed:
        raise AuditUnavailable from failed


def _append(line: str) -> None:
    try:
        list_file().parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(list_file(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as failed:
        raise AuditUnavailable from failed


def _line(key: Ed25519PublicKey, now: datetime, *, by: Ed25519PrivateKey) -> str:
    said = f"k {now.isoformat()} {_id_of(key)} {key.public_bytes_raw().hex()}"
    return f"{said} {by.sign(said.encode()).hex()}"


def _lines() -> list[str]:
    try:
        return list_file().read_text().splitlines()
    except FileNotFoundError:
        return []
    except OSError as failed:
        raise AuditUnavailable from failed


def _id_of(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()[:_ID_LENGTH]


def _fits(key: Ed25519PublicKey, text: str, signature: str) -> bool:
    try:
        key.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
