"""`{% load registry %}`: numbers of a measure, and the line from where it began to where it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from careloop.web import formats
from careloop.web.staff.registry_way import Way
from careloop.web.templatetags.careloop import reader_zone

register = template.Library()
WAY = (
    '<svg class="way" viewBox="0 0 100 14" aria-hidden="true" focusable="false">'
    '<line class="aim" x1="{aim}" x2="{aim}" y1="0" y2="14"/>'
    '<line class="path" x1="{began}" x2="{now}" y1="7" y2="7"/>'
    '<circle class="began" cx="{began}" cy="7" r="3"/><circle class="now" cx="{now}" cy="7" r="4"/></svg>'
)


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


@register.simple_tag(takes_context=True)
def measured(context: dict[str, Any], first: Decimal, second: Decimal | None, at: datetime) -> SafeString:
    """{% measured value second at %}: `142/88`, its day on hover."""
    said = plain_number(first) + (f"/{plain_number(second)}" if second is not None else "")
    tz = reader_zone(context)
    day = formats.full_date(at.astimezone(tz).date())
    return format_html('<span class="nowrap" title="{}">{}</span>', day, said)


@register.simple_tag
def way_line(way: Way | None) -> SafeString | str:
    """{% way_line way %}: the numbers stand beside it, so that it says nothing to whoever listens."""
    return format_html(WAY, aim=way.aim, began=way.began, now=way.now) if way else ""
