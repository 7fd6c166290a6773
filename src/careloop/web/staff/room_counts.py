"""What the rail says of the front door and the review room."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import DatabaseError, connection
from django.http import HttpRequest

from careloop.actions.look_at_message import sources_for
from careloop.kernel.errors import Unavailable
from careloop.projections import rooms
from careloop.store import inbox
from careloop.store.keys import rid_of
from careloop.web.staff.reader import now_of


def room_counts(request: HttpRequest) -> dict[str, str]:
    """By the key of the place; nothing where nothing waits, and nothing while the record can't be reached: an error
    page has a rail too."""
    scope: Any = getattr(request, "scope", None)
    if scope is None:
        return {}
    try:
        found = rooms.counts(scope, now_of(request))
        if "review" in found:
            found["review"] += inbox.troubled(sources_for(scope, _key_of, inbox.sources()))
    except (Unavailable, DatabaseError, psycopg.Error):
        return {}
    return {place: _capped(count) for place, count in found.items() if count}


def _key_of(reference: str) -> int | None:
    with connection.cursor() as cursor:
        return rid_of(cursor, reference)


def _capped(count: int) -> str:
    return f"{rooms.CAP}+" if count > rooms.CAP else str(count)
