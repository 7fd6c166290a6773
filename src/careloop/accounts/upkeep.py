"""What sign-in leaves behind and nobody needs any more."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session

from careloop.accounts import attempts, sessions, smart_tokens, tickets


def tidy(now: datetime) -> int:
    """Run out: browsers' sessions, challenges, links, failures a day old, devices not seen for a year,
    codes and tokens of apps."""
    gone: int = Session.objects.filter(expire_date__lt=now).delete()[0]
    return gone + attempts.purge(now) + tickets.purge(now) + sessions.purge(now) + smart_tokens.sweep(now)
