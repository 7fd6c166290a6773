"""PDF of US Letter, tagged for screen readers (PDF/UA-1), no network; the same now, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

HERE: Final = Path(__file__).resolve().parent
FONTS: Final = HERE.parent / "static" / "vendor" / "print"


@cache
def _fonts() -> typst.Fonts:
    """Only the files we ship: a machine's own fonts would make other bytes."""
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS] if FONTS.is_dir() else [])


def _pdf(template: str, told: Mapping[str, Any], at: datetime) -> bytes:
    made: bytes = typst.compile(
        HERE / template,
        root=HERE,
        format="pdf",
        font_paths=_fonts(),
        sys_inputs={"told": json.dumps(told, sort_keys=True)},
        pdf_standards=["ua-1"],
        timestamp=at.astimezone(UTC).replace(microsecond=0),
    )
    return made


def letter_pdf(told: Mapping[str, Any], at: datetime) -> bytes:
    """told: as letter.typ reads it; web/staff/disclosure_words.py makes it."""
    return _pdf("letter.typ", told, at)


def accounting_pdf(told: Mapping[str, Any], at: datetime) -> bytes:
    return _pdf("accounting.typ", told, at)
