"""Who a member of staff is at this moment: her account, and what was given to her by name and for a time. Read anew for
each request, so that what ended has ended."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from careloop.access import Actor
from careloop.accounts.actors import actor_of_user
from careloop.accounts.models import User
from careloop.store import grants, keys


def staff_actor(user: User, now: datetime) -> Actor:
    with connection.cursor() as cursor:

        def rid_of(reference: str) -> int | None:
            return keys.rid_of(cursor, reference, is_settled=not connection.in_atomic_block)

        return grants.widened(cursor, actor_of_user(user, rid_of), now)
