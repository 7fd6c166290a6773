"""Senders of a house that is connected to nothing: a letter becomes a to-do, for whoever has a printer and stamps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from careloop.actions.answer_referrer import LETTER
from careloop.actions.disclose import KIND as DISCLOSURE
from careloop.actions.disclose import ask_to_carry
from careloop.actions.mail_letter import ask_to_mail
from careloop.jobs import portal_codes
from careloop.jobs.outbox import Sender, scope


def senders(now: datetime) -> Mapping[str, Sender]:
    """By kind of letter. A kind that is not here has no way to leave: the outbox says so to a person."""
    return {
        LETTER: lambda letter: ask_to_mail(scope(), letter.payload, letter.key, letter.person, now),
        DISCLOSURE: lambda letter: ask_to_carry(scope(), letter.payload, letter.key, letter.person, now),
        **portal_codes.senders(now),
    }
