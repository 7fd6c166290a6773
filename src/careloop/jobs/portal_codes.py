"""Sends the codes of the family's door, at once: somebody sits there and waits. What was asked for is looked at here,
not at the door, where the time it takes would tell a known contact from an unknown one.

CARELOOP_CODES says how: `file` writes each into <home>/codes.txt, for the demonstration and for trying things out. With
nothing set up the door does not offer to send one; codes are handed over on paper then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from careloop.actions.invite_portal import ASKED, KIND, release, text_of_code
from careloop.fhir.elements import instant
from careloop.jobs import outbox
from careloop.jobs.outbox import NoSender, Sender
from careloop.store.outbox import Letter

WAYS: Final = frozenset({"file"})
FILE: Final = "codes.txt"


def is_set_up() -> bool:
    """Whether a code that is asked for can leave the house."""
    return os.environ.get("CARELOOP_CODES", "") in WAYS


def run(now: datetime) -> int:
    """How many were tried."""
    return sum(outbox.run(now, senders(now), held=timedelta(), kinds=(kind,)) for kind in (ASKED, KIND))


def senders(now: datetime) -> Mapping[str, Sender]:
    return {
        ASKED: lambda letter: release(outbox.scope(), letter.payload, now),
        KIND: lambda letter: send(letter, now),
    }


def send(letter: Letter, now: datetime) -> None:
    """One that came too late is let go: it would not work any more. Raises NoSender."""
    if not is_set_up():
        raise NoSender
    until = instant(letter.payload.get("until"))
    if until is not None and now < until:
        _write(f"{now:%Y-%m-%d %H:%M} {letter.dest}: {text_of_code(letter.payload)}\n")


def _write(line: str) -> None:
    """Into a file that nobody else of this machine may read."""
    path = settings.HOME / FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
        file.write(line)
