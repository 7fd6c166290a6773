"""The only place where a condition of `access` becomes SQL. SKELETON (signatures stand)."""

from __future__ import annotations

from typing import Any

from careloop.access import Condition


def compile_condition(
    condition: Condition, person_column: str, *, labels_column: str | None = None
) -> tuple[str, list[Any]]:
    """A boolean SQL expression over `person_column` and its parameters."""
    raise NotImplementedError
