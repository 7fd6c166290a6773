"""Logs without patient data (TRUST 20), as lines or as JSON (CARELOOP_LOG_FORMAT=json), to stderr.

Our own loggers carry references and numbers; what they say is written as it is. Other people's may carry anything: an
address that somebody typed, a value that the database refused. Of those only the fixed part of the sentence is written,
and of every exception its type and where it happened, never its text. The request's number stands on each line.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog

_FRAMES: Final = 8
_PLACE: Final = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d.*]*[a-zA-Z]")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OURS: Final = ("careloop",)
Event = MutableMapping[str, Any]


def where(trace: TracebackType | None) -> str:
    """`views.py:12 < unit.py:80 …`, innermost first; no line of source, for it may hold a literal."""
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))


class Wordless(logging.Filter):
    """Takes out of a record what may be somebody's data, before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if fault is not None:
            record.fault, record.at = type(fault).__qualname__, where(fault.__traceback__)
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        if not record.name.startswith(_OURS):
            # The fixed part alone: “%s: %s” of django.request; its status is a number and may stay.
            record.args = None
            record.msg = _fixed(str(record.msg))
        return True


def _fixed(message: str) -> str:
    """A template keeps its words. A message that was put together before it came here (no place for a value in it)
    can't be told from its values, so it is dropped."""
    fixed = _PLACE.sub("…", message)
    return fixed if fixed != message else "(a message of a library)"


def _about(_: Any, __: str, event: Event) -> Event:
    """What the record knows beside its words."""
    record: logging.LogRecord | None = event.get("_record")
    for name, key in (("fault", "fault"), ("at", "at"), ("status_code", "status")):
        if record is not None and getattr(record, name, None) is not None:
            event[key] = getattr(record, name)
    return event


def config(level: str, kind: str) -> dict[str, Any]:
    """For logging.config.dictConfig. level: of everything. kind: `json` or `line`."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _about,
    ]
    last: Any = structlog.processors.JSONRenderer(sort_keys=True) if kind == "json" else _line
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"wordless": {"()": Wordless}},
        "formatters": {
            "told": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "told", "filters": ["wordless"]}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django brings handlers of its own for these; ours is the only one.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True, "level": "ERROR"},
            # Each refusal is a row of the audit trail; in the log it would be noise.
            "django.request": {"level": level if level in ("DEBUG", "INFO") else "ERROR"},
        },
    }


def _line(_: Any, __: str, event: Event) -> str:
    said = dict(event)
    head = (
        f"{said.pop('timestamp')} {str(said.pop('level')).upper()} {said.pop('logger')} {said.pop('event')}"
    )
    whole = " ".join([head, *(f"{name}={value}" for name, value in sorted(said.items()))])
    return _CONTROLS.sub(
        "\N{REPLACEMENT CHARACTER}", whole
    )  # nobody writes a second line, or colors a terminal


def bind(request: str) -> None:
    """From now on every line of this thread carries the request's number, until its next request: Django writes some
    lines after our last middleware."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=request)


def quiet_last_words() -> None:
    """What nobody caught ends a process or a thread with its type and place, not with its text. CARELOOP_DEBUG=1 leaves
    Python's own traceback."""
    sys.excepthook = _last_words
    threading.excepthook = lambda told: _last_words(told.exc_type, told.exc_value, told.exc_traceback)


def _last_words(kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    print(  # noqa: T201  # the last thing this process says
        f"careloop: ended by an unexpected {kind.__qualname__} at {where(trace)}; CARELOOP_DEBUG=1 shows more",
        file=sys.stderr,
    )
