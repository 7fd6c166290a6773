"""The lines of the accounting of disclosures are covered by the audit chain: each carries a digest of itself, which
counts among what its commit wrote (`audit.digest_of_written`), so that none is changed or removed unseen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

COLUMNS: Final = (
    "key, person, at, actor, recipient, name, address, method, basis, consent, purpose, is_part2, content"
)
# As versions: beside them in what a commit wrote. Numbers below zero, for keys of resources are above.
AS_VERSIONS: Final = "select tx, -id, 0, 0::smallint, digest from disclosures"


def digest_of(row: Sequence[Any]) -> bytes:
    """row: COLUMNS."""
    digest = sha256()
    for value in row:
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat()
        text = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        digest.update(b"-;" if value is None else b"%d:%s" % (len(text), text))
    return digest.digest()


def problems(cursor: Any) -> Iterator[str]:
    """Sentences about lines that do not fit their digest."""
    cursor.execute(f"select {COLUMNS}, digest, id from disclosures order by id")
    for *row, digest, id in cursor.fetchall():
        if digest_of(row) != bytes(digest):
            yield f"Disclosure {id} was changed."
