"""Runs a parsed search on the index: conditions before LIMIT, keyset paging, totals of what may be seen.

SKELETON (signatures stand).
"""

from __future__ import annotations

from typing import Any

from careloop.fhir.search import Query


def run(unit: Any, query: Query) -> Any:
    """unit: gives `.cursor()`, `.now`, `.condition(type)`. Returns C's Page(total, entries, next)."""
    raise NotImplementedError
