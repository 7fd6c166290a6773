"""What an act says after it is done. No names of people: messages are kept in the session for one page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest


def say(request: HttpRequest, text: str, undo: str = "") -> None:
    """Shown once at the foot of the next page or fragment. undo: the change that `/work/undo` can take back."""
    messages.success(request, text, extra_tags=undo)


def fail(request: HttpRequest, text: str) -> None:
    messages.error(request, text)
