"""What a share says of itself, in the reader's language. It is kept in English, as part of the record; what a person
wrote stays as she wrote it."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext, gettext_noop

AT_THE_DOOR: Final = gettext_noop("Chosen by the person on the family’s page.")
# As care/representation.py writes them; a test holds both against each other.
OURS: Final = frozenset(
    {
        AT_THE_DOOR,
        gettext_noop("Chosen by the person"),
        gettext_noop("Health care agent"),
        gettext_noop("Guardian"),
        gettext_noop("Parent of a minor"),
    }
)


def share_words(text: str) -> str:
    return gettext(text) if text in OURS else text
