"""Who interpreted and how, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext

from careloop.care.interpreted import WAYS, Interpreted
from careloop.projections.languages import language_name


def way_words() -> dict[str, str]:
    """By the codes of care/interpreted.py."""
    return {
        "phone": gettext("on the phone"),
        "video": gettext("by video"),
        "present": gettext("in the room"),
        "relative": gettext("a relative or friend"),
    }


def way_choices() -> list[tuple[str, str]]:
    words = way_words()
    return [(way, words[way]) for way in WAYS]


def interpreted_words(told: Interpreted) -> str:
    """`In Spanish, through an interpreter (Rosa Lima, ID 4471, on the phone)`."""
    within = ", ".join(part for part in (told.name, way_words().get(told.way, "")) if part)
    tail = f" ({within})" if within else ""
    if told.language:
        said = gettext("In %(language)s, through an interpreter") % {"language": language_name(told.language)}
    else:
        said = gettext("Through an interpreter")
    return f"{said}{tail}"


def why_words(text: str) -> str:
    """The small print of a line of the story; a contact keeps there who interpreted."""
    told = Interpreted.from_token(text)
    return interpreted_words(told) if told else text
