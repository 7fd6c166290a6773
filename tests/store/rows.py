"""Looks behind the record, at its tables."""

from __future__ import annotations

from typing import Any

from tests.conftest import owner_connection


def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with owner_connection() as owner:
        return owner.execute(query, parameters).fetchall()  # type: ignore[arg-type]  # written in the test


def one(query: str, *parameters: Any) -> Any:
    return rows(query, *parameters)[0][0]
