"""`{% load careloop %}`: times, dates, phones, and the rail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from careloop.care.safe_contact import Rules
from careloop.kernel.calendar import zone as zone_named
from careloop.kernel.errors import UnknownZone
from careloop.web import formats, safe_words
from careloop.web.staff import places as rooms
from careloop.web.staff.places import Place, places
from careloop.web.staff.row_html import row_html
from careloop.web.staff.rows import Shown
from careloop.web.story_words import detail_words
from careloop.web.work_words import work_title

register = template.Library()


def reader_zone(context: dict[str, Any]) -> ZoneInfo:
    """The zone of whoever reads the page; UTC for nobody."""
    user = getattr(context.get("request"), "user", None)
    try:
        return zone_named(getattr(user, "zone", "") or "UTC")
    except UnknownZone:
        return ZoneInfo("UTC")


def _zone(context: dict[str, Any], name: str | None) -> ZoneInfo:
    try:
        return zone_named(name) if name else reader_zone(context)
    except UnknownZone:
        return reader_zone(context)


def _time(at: datetime, words: str, context: dict[str, Any], tz: ZoneInfo) -> SafeString:
    said = words
    if at.astimezone(tz).utcoffset() != at.astimezone(reader_zone(context)).utcoffset():
        said = gettext("%(time)s there") % {"time": words}
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), formats.exact(at, tz), said
    )


@register.filter
def safe_lines(heeded: tuple[Rules, ...]) -> list[str]:
    """What a person asked about being reached, one line each."""
    return safe_words.lines(heeded)


@register.simple_tag(takes_context=True)
def when(context: dict[str, Any], at: datetime | None, zone: str | None = None) -> SafeString | str:
    """{% when at zone %}: relative when near, exact on hover and in print. zone: IANA name; empty: the reader's."""
    if at is None:
        return ""
    tz, now = _zone(context, zone), context["request"].now
    said = formats.near_future(at, now, tz) if at > now else formats.short_past(at, now, tz)
    return _time(at, said, context, tz)


@register.simple_tag(takes_context=True)
def day(context: dict[str, Any], value: date | datetime | None) -> str:
    """{% day value %}: `today`, `Tuesday`, `Nov 3`, `Nov 3, 2024`."""
    if value is None:
        return ""
    tz = reader_zone(context)
    local = value.astimezone(tz).date() if isinstance(value, datetime) else value
    return formats.day_words(local, context["request"].now.astimezone(tz).date())


@register.simple_tag(takes_context=True)
def local_time(context: dict[str, Any], zone: str | None) -> str:
    """{% local_time zone as there %}: `7:32 am PST`; empty where it is the reader's own hour."""
    tz, now = _zone(context, zone), context["request"].now
    if now.astimezone(tz).utcoffset() == now.astimezone(reader_zone(context)).utcoffset():
        return ""
    return f"{formats.clock_time(now.astimezone(tz))} {now.astimezone(tz).tzname()}"


@register.simple_tag
def said(sentence: str) -> str:
    """{% said entry.title %}: a fixed sentence of the projections, in the reader's language."""
    return gettext(sentence) if sentence else ""


@register.simple_tag(takes_context=True)
def exact_time(context: dict[str, Any], at: datetime, zone: str | None = None) -> str:
    """{% exact_time due zone %}: `Tuesday, Nov 24, 2026, 5:00 pm CST`."""
    return formats.exact(at, _zone(context, zone))


register.filter("work_title", work_title)
register.filter("detail_words", detail_words)


@register.filter
def isoformat(at: datetime) -> str:
    return at.isoformat()


@register.filter
def is_call(kind: str) -> bool:
    """Whether the to-do is a call, so that reaching somebody finishes it."""
    return kind.startswith("call") or kind == "promise"


@register.filter
def full_date(value: date | None) -> str:
    """{{ birth_date|full_date }}: `Mar 2, 1959`."""
    return formats.full_date(value) if value else ""


@register.filter
def phone(number: str | None) -> SafeString | str:
    """{{ number|phone }}: a link that dials, the number in words of the country."""
    if not number:
        return ""
    link = formats.phone_link(number)
    words = formats.phone_words(number)
    return format_html('<a class="nowrap" href="{}">{}</a>', link, words) if link else words


@register.simple_tag(takes_context=True)
def work_row(
    context: dict[str, Any], shown: Shown, *, is_chosen: bool = False, hides_person: bool = False
) -> SafeString:
    """{% work_row shown is_chosen=… %}: a row of work."""
    token = str(context.get("csrf_token", ""))
    return row_html(context["request"], token, shown, is_chosen=is_chosen, hides_person=hides_person)


@register.simple_tag(takes_context=True)
def sees_people(context: dict[str, Any]) -> bool:
    """Whether the reader works with people's records; the box that finds a person is for nobody else."""
    request = context.get("request")
    return request is not None and rooms.sees_people(request)


@register.simple_tag(takes_context=True)
def rail(context: dict[str, Any]) -> list[Place]:
    """The places of the rail, with the counts that matter."""
    request = context.get("request")
    return places(request) if request is not None else []
