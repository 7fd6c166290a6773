"""What a line of the story says beside its title, in the reader's language."""

from __future__ import annotations

from typing import Final

from django.utils.translation import get_language

from careloop.library import load
from careloop.projections.story import Entry
from careloop.web.share_words import share_words

ASKED: Final = "Assessment completed"


def detail_words(entry: Entry) -> str:
    """Of answers: what was asked, by its short name; of a form from elsewhere, its own."""
    said = entry.detail or ""
    if entry.title != ASKED:
        return share_words(said)
    known = load().instruments.get(said.lower())
    return known.short.get((get_language() or "en")[:2]) if known else said
