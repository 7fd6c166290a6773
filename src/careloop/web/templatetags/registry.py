"""`{% load registry %}`: numbers of a measure."""

from __future__ import annotations

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def plain_number(value: Decimal | None) -> str:
    """`7.2` of 7.20, `130` of 1.3E+2."""
    return "" if value is None else f"{value.normalize():f}"


@register.filter
def signed(value: Decimal | None) -> str:
    """`−5`, `+0.4`, `0`: how far it moved, with a real minus."""
    if value is None:
        return ""
    said = f"{abs(value).normalize():f}"
    return f"−{said}" if value < 0 else f"+{said}" if value > 0 else "0"
