"""Who reads the page: the hour on her wall, her first name, the people she works beside."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import get_language, gettext

from careloop import store
from careloop.access import Scope
from careloop.kernel.calendar import zone
from careloop.kernel.errors import UnknownZone
from careloop.library import load
from careloop.store import Unit


def open_record(request: HttpRequest) -> Unit:
    """A unit of work to read in. Views that write call an action instead."""
    asked: Any = request  # scope and now are set by server.middleware
    return store.open(asked.scope, now=asked.now)


def scope_of(request: HttpRequest) -> Scope:
    scope: Scope = request.scope  # type: ignore[attr-defined]  # set by server.middleware.WhoAndWhen
    return scope


def now_of(request: HttpRequest) -> datetime:
    now: datetime = request.now  # type: ignore[attr-defined]  # set by server.middleware.RequestId
    return now


def zone_of_reader(request: HttpRequest) -> ZoneInfo:
    try:
        return zone(getattr(request.user, "zone", "") or "UTC")
    except UnknownZone:
        return ZoneInfo("UTC")


def first_name(request: HttpRequest) -> str:
    return str(getattr(request.user, "name", "")).partition(" ")[0]


def greeting(request: HttpRequest) -> str:
    """`Good morning, Ana.`"""
    hour = now_of(request).astimezone(zone_of_reader(request)).hour
    name = {"name": first_name(request)}
    if hour < 12:
        return gettext("Good morning, %(name)s.") % name
    if hour < 18:
        return gettext("Good afternoon, %(name)s.") % name
    return gettext("Good evening, %(name)s.") % name


def program_name(code: str) -> str:
    """`Transitions` of `transitions`, as content/programs says it; an unknown code is read as words."""
    found = load().programs.get(code)
    return found.title.get(get_language() or "en") if found else code.replace("-", " ").capitalize()
