"""The HTML of a row of work. A board is thirty rows, one of which has changed since it was last asked for, and a row
takes half a millisecond: what was made for the same words is handed out again."""

from __future__ import annotations

from collections import OrderedDict
from secrets import token_hex
from threading import Lock
from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from careloop.web.staff.rows import Shown

# Some 3 kB each, a worker.
MOST: Final = 2_000
# Stands where each reader's own token of the forms goes; nobody can write it into a title.
_TOKEN: Final = token_hex(16)
_made: OrderedDict[tuple[Any, ...], str] = OrderedDict()
_lock = Lock()


def row_html(
    request: HttpRequest, token: str, shown: Shown, *, is_chosen: bool = False, hides_person: bool = False
) -> SafeString:
    """token: of the forms of this page. is_chosen: selected at first. hides_person: on her own page.
    Depends on nothing but what stands in the key."""
    me = getattr(getattr(request, "actor", None), "practitioner_rid", None)
    is_mine = shown.row.owner is not None and shown.row.owner == me
    zone = getattr(request.user, "zone", "")
    key = (shown, is_chosen, hides_person, is_mine, zone, get_language())
    with _lock:
        html = _made.get(key)
        if html is not None:
            _made.move_to_end(key)
    if html is None:
        told = {"shown": shown, "is_chosen": is_chosen, "hides_person": hides_person, "is_mine": is_mine}
        html = get_template("staff/row.html").render({**told, "request": request, "csrf_token": _TOKEN})
        with _lock:
            _made[key] = html
            while len(_made) > MOST:
                _made.popitem(last=False)
    return mark_safe(html.replace(_TOKEN, token))  # noqa: S308  # the template's own escaping
