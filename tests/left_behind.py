"""What one test leaves behind in its process, taken away before and after every test: no test depends on another."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog
from django.utils import timezone, translation

# What a process remembers of those who asked it lately. Only what is loaded has anything to forget.
REMEMBERED = (
    ("careloop.api.exchange", "tokens"),
    ("careloop.api.strangers", "strangers"),
    ("careloop.api.smart.assertions", "keys"),
)


def put_back() -> None:
    """The thread speaks the language of the settings, in their time zone, for no request; all is logged; nobody is
    remembered."""
    translation.deactivate()
    timezone.deactivate()
    structlog.contextvars.clear_contextvars()
    logging.disable(logging.NOTSET)
    for module, name in REMEMBERED:
        if loaded := sys.modules.get(module):
            getattr(loaded, name).forget()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    put_back()
    environment = dict(os.environ)
    yield
    put_back()
    for name in os.environ.keys() - environment.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update({name: was for name, was in environment.items() if os.environ.get(name) != was})
