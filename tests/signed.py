"""`force_login` gives a test, or a benchmark, a session with a second factor, which no moved clock ends.
The sign-in page begins its own (its request has a `now`), and that one runs out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.signals import user_logged_in

LONG_AFTER = datetime(2036, 11, 23, tzinfo=UTC)


def begin_session(sender: object, request: Any, user: Any, **_: object) -> None:
    if not hasattr(request, "now"):
        from careloop.accounts import sessions

        sessions.begin(request, user.principal_id, ("password", "totp"), LONG_AFTER)


user_logged_in.connect(begin_session, dispatch_uid="tests: a session for force_login")
