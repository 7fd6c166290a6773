"""Looks behind the record, at its tables."""

from __future__ import annotations

import zlib
from typing import Any

from careloop.store import bodies
from tests.conftest import owner_connection


def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with owner_connection() as owner:
        return owner.execute(query, parameters).fetchall()  # type: ignore[arg-type]  # written in the test


def one(query: str, *parameters: Any) -> Any:
    return rows(query, *parameters)[0][0]


def details_of(detail: bytes | None) -> list[list[Any]]:
    """[[action, what, …], …] of a row of the audit trail."""
    return bodies.decode(zlib.decompress(detail)) if detail else []
