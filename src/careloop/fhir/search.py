"""The search grammar: pairs of a query string to a frozen Query. SKELETON (signatures stand)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from careloop.kernel.errors import CareError


class BadSearch(CareError):
    """This search can't be answered as asked."""

    code, status, issue_type = "bad-search", 400, "value"


@dataclass(frozen=True)
class Query:
    """A search of one resource type."""

    type: str


def parse(resource_type: str, pairs: Sequence[tuple[str, str]]) -> Query:
    """Raises BadSearch naming the parameter."""
    raise NotImplementedError
