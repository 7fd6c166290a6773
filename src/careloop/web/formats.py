"""Times, dates, ages and phone numbers in words of the job. Pure but for the active language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from django.utils.dates import MONTHS_AP, WEEKDAYS
from django.utils.translation import get_language, gettext, ngettext


def clock_time(local: datetime) -> str:
    """`5 pm`, `9:20 am`; midnight's end reads as `midnight`, never 11:59 pm."""
    if (local.hour, local.minute) == (23, 59):
        return gettext("midnight")
    hour = local.hour % 12 or 12
    digits = f"{hour}:{local.minute:02d}" if local.minute else str(hour)
    half = gettext("am") if local.hour < 12 else gettext("pm")
    return f"{digits} {half}"


def month_day(day: date) -> str:
    """`Nov 3`; in Spanish `3 de nov`."""
    name = str(MONTHS_AP[day.month]).rstrip(".")
    if get_language() == "es":
        return f"{day.day} de {name.lower()}"
    return f"{name[:3]} {day.day}"


def day_words(day: date, today: date) -> str:
    """`today`, `tomorrow`, `Tuesday`, `last Friday` is never said: `Nov 20`, with the year when it is another."""
    distance = (day - today).days
    near = {0: gettext("today"), 1: gettext("tomorrow"), -1: gettext("yesterday")}
    if distance in near:
        return near[distance]
    if 1 < distance < 7:
        return str(WEEKDAYS[day.weekday()])
    return month_day(day) if day.year == today.year else f"{month_day(day)}, {day.year}"


def short_past(at: datetime, now: datetime, tz: ZoneInfo) -> str:
    """When something happened: `12 min ago`, `9:20 am`, `Fri 4:10 pm`, `Nov 3`."""
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return ngettext("%(n)d min ago", "%(n)d min ago", minutes) % {"n": minutes}
    local, today = at.astimezone(tz), now.astimezone(tz).date()
    days = (today - local.date()).days
    if days == 0:
        return clock_time(local)
    if days == 1:
        return gettext("yesterday %(time)s") % {"time": clock_time(local)}
    if days < 7:
        return f"{WEEKDAYS[local.weekday()]} {clock_time(local)}"
    return day_words(local.date(), today)


def near_future(at: datetime, now: datetime, tz: ZoneInfo) -> str:
    """When something falls due: `in 25 min`, `5 pm today`, `Tuesday 5 pm`, `Dec 2`."""
    minutes = int((at - now).total_seconds() // 60)
    if minutes < 60:
        return ngettext("in %(n)d min", "in %(n)d min", max(minutes, 1)) % {"n": max(minutes, 1)}
    local, today = at.astimezone(tz), now.astimezone(tz).date()
    days = (local.date() - today).days
    if days == 0:
        return gettext("%(time)s today") % {"time": clock_time(local)}
    if days < 7:
        return f"{day_words(local.date(), today)} {clock_time(local)}"
    return day_words(local.date(), today)


def how_long(length: timedelta) -> str:
    """`12 min`, `3 h`, `2 days`: one unit, rounded down, at least a minute."""
    minutes = max(int(length.total_seconds() // 60), 1)
    if minutes < 60:
        return gettext("%(n)d min") % {"n": minutes}
    if minutes < 24 * 60:
        return gettext("%(n)d h") % {"n": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def exact(at: datetime, tz: ZoneInfo) -> str:
    """`Tue Nov 24, 2026, 5:00 pm CST`: what stands on hover and in print."""
    local = at.astimezone(tz)
    hour = local.hour % 12 or 12
    half = gettext("am") if local.hour < 12 else gettext("pm")
    weekday = str(WEEKDAYS[local.weekday()])
    return f"{weekday}, {month_day(local.date())}, {local.year}, {hour}:{local.minute:02d} {half} {local.tzname()}"


def full_date(day: date) -> str:
    """A birth date: `Mar 2, 1959`; in Spanish `2 de mar de 1959`."""
    return f"{month_day(day)} de {day.year}" if get_language() == "es" else f"{month_day(day)}, {day.year}"


def phone_words(number: str) -> str:
    """`(713) 555-0148` for a US number that can be read; otherwise as it was written."""
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        return number
    if parsed.country_code != 1:
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))


def phone_link(number: str) -> str:
    """`tel:+17135550148`, or an empty string for what is no number."""
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        return ""
    return "tel:" + str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
