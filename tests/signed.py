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

        _let_them_last()
        sessions.begin(request, user.principal_id, ("password", "totp"), LONG_AFTER)


def _let_them_last() -> None:
    """Sessions of LONG_AFTER count until somebody ends them; one that begins in the future would not (clocks that were
    set back). All others are looked at as they are."""
    from careloop.accounts import sessions
    from careloop.accounts.sign_in_models import SignedIn

    as_it_is = sessions.look
    if getattr(as_it_is, "lets_them_last", False):
        return

    def look(id: str, now: datetime, *, is_polling: bool) -> tuple[SignedIn | None, str]:
        rows = SignedIn.objects.select_related("principal")
        lasting = rows.filter(pk=id, ended=None, began=LONG_AFTER).first()
        return (lasting, "") if lasting else as_it_is(id, now, is_polling=is_polling)

    look.lets_them_last = True  # type: ignore[attr-defined]
    sessions.look = look


user_logged_in.connect(begin_session, dispatch_uid="tests: a session for force_login")
