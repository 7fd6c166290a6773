"""`{% load person %}`: what the sections of a person's page need in their templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from django import template
from django.utils.translation import get_language

from careloop import library
from careloop.web import formats

register = template.Library()


@register.filter
def of(words: Mapping[str, Any], key: str) -> Any:
    """{{ words|of:code }}: what a code is called; empty for a code that nobody named."""
    return words.get(key, "")


@register.filter
def id_of(reference: str) -> str:
    """{{ goal.reference|id_of }}: `x` of `Goal/x`."""
    return reference.partition("/")[2]


@register.filter
def slugged(reference: str) -> str:
    """{{ goal.reference|slugged }}: an anchor, `goal-x` of `Goal/x`."""
    return reference.replace("/", "-").lower()


@register.filter
def day_of(at: datetime | None, tz: tzinfo | None = None) -> str:
    """{{ plan.agreed|day_of:frame.tz }}: `Oct 3, 2026`, for within a sentence; the day it was there."""
    return formats.full_date((at.astimezone(tz) if tz else at).date()) if at else ""


@register.filter
def instrument_title(name: str) -> str:
    """{{ answer.instrument|instrument_title }}: `PHQ-9`, `Social needs`; one that is not ours keeps its name."""
    known = library.load().instruments.get(name)
    return known.short.get((get_language() or "en")[:2]) if known else name


@register.filter
def sentence(text: str) -> str:
    """{{ why.because|sentence }}: with a period at its end, and only one."""
    said = text.strip()
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."
