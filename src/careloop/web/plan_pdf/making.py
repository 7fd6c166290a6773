"""From the copy to a PDF: US Letter, tagged for screen readers (PDF/UA-1), no network; the same now, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

from careloop.web.plan_pdf.copying import Copy

HERE: Final = Path(__file__).resolve().parent
FONTS: Final = HERE.parent / "static" / "vendor" / "print"


@cache
def _fonts() -> typst.Fonts:
    """Only the files we ship: a machine's own fonts would make other bytes. Before the build hook has run there are
    none, and typst's own serif stands in."""
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS] if FONTS.is_dir() else [])


def pdf_of(copy: Copy, now: datetime) -> bytes:
    return _set("plan.typ", copy.as_data(), now)


def clinical_pdf(told: Mapping[str, Any], now: datetime) -> bytes:
    """told: of clinical.clinical_of."""
    return _set("clinical.typ", told, now)


def _set(form: str, told: Mapping[str, Any], now: datetime) -> bytes:
    made = typst.compile(
        HERE / form,
        root=HERE,
        format="pdf",
        font_paths=_fonts(),
        sys_inputs={"copy": json.dumps(told, sort_keys=True)},
        pdf_standards=["ua-1"],
        timestamp=now.astimezone(UTC).replace(microsecond=0),
    )
    return made
