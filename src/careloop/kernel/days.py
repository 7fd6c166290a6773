"""A day as a sentence says it, for sentences that are kept: pages say theirs in the reader's own way."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date

PATTERNS = {"en": "MMM d, y", "es": "d 'de' MMM 'de' y"}


def day_said(on: date, language: str) -> str:
    """`Nov 23, 2026`; in Spanish `23 de nov de 2026`."""
    return str(format_date(on, PATTERNS[language], locale=language))
