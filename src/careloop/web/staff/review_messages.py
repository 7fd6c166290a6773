"""A message that could not be taken in: why, what can be done, and its raw text behind a click that is written down."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from careloop.actions.look_at_message import (
    AGAIN,
    WAITS,
    MessageSettled,
    NothingToTry,
    close_message,
    message_for,
    try_again,
)
from careloop.actions.working import ReasonMissing
from careloop.store.inbox import Message
from careloop.web.staff import toasts
from careloop.web.staff.errors import sentence_of, staff_page
from careloop.web.staff.forms import Sheet
from careloop.web.staff.reader import now_of, open_record, scope_of
from careloop.web.staff.review_match import in_parts


def state_word(message: Message) -> str:
    return {
        "review": gettext("could not be taken in"),
        "refused": gettext("refused; the hospital was told"),
        "quarantined": gettext("not a message"),
        "held": gettext("waits for a decision"),
        "new": gettext("in the queue"),
        "done": gettext("dealt with"),
    }.get(message.state, message.state)


def reason(message: Message) -> str:
    """Our own sentences; never a value of the message."""
    return in_parts(message.error) if message.error else gettext("No reason was kept.")


@staff_page
@require_GET
def message(request: HttpRequest, id: int) -> HttpResponse:
    return _page(request, id, Sheet({}))


@staff_page
@require_GET
def raw(request: HttpRequest, id: int) -> HttpResponse:
    """As it came, one segment a line. Looking is written into the audit trail."""
    return _page(request, id, Sheet({}), is_raw=True)


def _page(request: HttpRequest, id: int, sheet: Sheet, *, is_raw: bool = False) -> HttpResponse:
    with open_record(request) as unit:
        found = message_for(unit, id)
        if is_raw:
            unit.saw([found.person or 0], f"inbox {id} raw")
    context = {
        "sheet": sheet,
        "id": id,
        "message": found,
        "state": state_word(found),
        "reason": reason(found),
        "raw": found.raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        if is_raw
        else "",
        "can_try": found.state in AGAIN,
        "is_open": found.state in WAITS,
    }
    return render(request, "staff/review_message.html", context, status=sheet.status)


@staff_page
@require_POST
def again(request: HttpRequest, id: int) -> HttpResponse:
    try:
        try_again(scope_of(request), id, now_of(request))
    except (MessageSettled, NothingToTry) as refused:
        toasts.fail(request, sentence_of(refused))
    else:
        toasts.say(request, gettext("It is in the queue again."))
    return HttpResponseRedirect("/review?done=1")


@staff_page
@require_http_methods(["POST"])
def close(request: HttpRequest, id: int) -> HttpResponse:
    try:
        close_message(scope_of(request), id, request.POST.get("reason", ""), now_of(request))
    except ReasonMissing as missing:
        return _page(request, id, Sheet(request.POST.dict(), {"reason": sentence_of(missing)}))
    except MessageSettled as settled:
        toasts.fail(request, sentence_of(settled))
    else:
        toasts.say(request, gettext("Closed. The message itself is kept."))
    return HttpResponseRedirect("/review?done=1")


urlpatterns = [
    path("review/messages/<int:id>", message, name="review-message"),
    path("review/messages/<int:id>/raw", raw, name="review-message-raw"),
    path("review/messages/<int:id>/again", again, name="review-message-again"),
    path("review/messages/<int:id>/close", close, name="review-message-close"),
]
