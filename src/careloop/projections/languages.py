"""Names of languages, in the reader's language."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language


def language_name(code: str) -> str:
    """`Spanish` of `es`; in Spanish `español`. What is no code comes back as it is."""
    return _name(code, get_language() or "en")


@lru_cache(maxsize=512)
def _name(code: str, reader: str) -> str:
    try:
        known = Locale.parse(reader, sep="-").languages
        return str(known.get(code.partition("-")[0].lower(), code))
    except (UnknownLocaleError, ValueError):
        return code
