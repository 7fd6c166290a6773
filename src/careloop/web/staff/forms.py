"""What the sheets of work share: the answer after an act, a form shown again with what was typed, and its errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext

from careloop.actions.working import Result
from careloop.kernel.calendar import at_local
from careloop.kernel.errors import CareError
from careloop.web.staff import just_done, toasts
from careloop.web.staff.errors import sentence_of as sentence_of
from careloop.web.staff.reader import now_of


@dataclass
class Sheet:
    """A form: what was typed, and the sentence for each field that needs another look. notice: above the form."""

    typed: Mapping[str, Any]
    problems: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    changes: tuple[str, ...] = ()

    @property
    def errors(self) -> list[tuple[str, str]]:
        """For the summary: (address of the field, sentence)."""
        return [(f"field-{name}", sentence) for name, sentence in self.problems.items()]

    @property
    def status(self) -> int:
        return 422 if self.problems else 412 if self.notice else 200


def show(request: HttpRequest, template: str, sheet: Sheet, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, {"sheet": sheet, **context}, status=sheet.status)
    if sheet.status != 200:
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response


def done(request: HttpRequest, said: str, result: Result | None = None) -> HttpResponse:
    """After an act: a toast that can undo it, and the list under the hand again."""
    change = just_done.signed(request, result.undo) if result else ""
    sentence = f"{said} {gettext(result.hint)}" if result and result.hint else said
    if change:
        just_done.remember(request, said, change, now_of(request))
    toasts.say(request, sentence, change)
    if getattr(request, "htmx", False):
        response = render(request, "staff/toasts.html")
        response["HX-Trigger"] = json.dumps({"work-changed": {}})
        return response
    return HttpResponseRedirect(onward(request))


def failed(request: HttpRequest, error: CareError) -> HttpResponse:
    """An act of one button that did not go through."""
    toasts.fail(request, sentence_of(error))
    if getattr(request, "htmx", False):
        response = render(
            request, "staff/toasts.html", status=error.status if error.status in (409, 422) else 409
        )
        response["HX-Trigger"] = json.dumps({"work-changed": {}})
        return response
    return HttpResponseRedirect(onward(request))


def onward(request: HttpRequest) -> str:
    """Back to where she came from; only to places of ours."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return "/today"


def version_of(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def local_moment(text: str, tz: ZoneInfo) -> datetime | None:
    """`2026-11-24T17:00` of an input in the reader's zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if found.tzinfo is not None:
        return None
    return at_local(found.date(), found.time(), tz)
