"""A real browser against the real application on the test database, with the clock of a Monday morning.

`page` skips with one plain line when there is no Chromium. `live` is the address; `ana` is signed in there.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.conf import settings

from careloop.access import Scope, system_actor
from careloop.kernel.clock import MovableClock
from tests import kept_record

# Playwright's own loop runs in the thread of the test; the database is used there too, one after the other.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = os.environ.get("CARELOOP_SHOTS")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = CHROMIUM or shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@dataclass
class Live:
    """url: where it answers. clock: of every request; move it."""

    url: str
    clock: MovableClock


@pytest.fixture
def live(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The whole WSGI application in threads of this process."""
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    from careloop.server import middleware

    clock = MovableClock(now.astimezone(UTC))
    monkeypatch.setattr(settings, "DEMO", True)  # made-up people sign in with their password alone
    monkeypatch.setattr(middleware, "clock", lambda: clock())
    application = get_wsgi_application()

    def app(environ: Any, start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            close_old_connections()

    server = make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield Live(f"http://127.0.0.1:{server.server_port}", clock)
    server.shutdown()
    server.server_close()


@pytest.fixture
def community(live: Live) -> Any:
    """The demonstration's people and accounts, as they are on that Monday."""
    return kept_record.once("community", live.clock(), lambda: _settle(live.clock()))


def _settle(now: datetime) -> Any:
    from careloop import projections, store
    from careloop.server.demo.community import Community
    from careloop.server.demo.load import load
    from careloop.server.demo.sign_ins import make_accounts

    demo = Scope(system_actor("demo"), "command", "maintenance")
    load(
        lambda: store.open(demo, now=now, projectors=projections.ALL),
        16,
        7,
        today=now.date(),
        now=now,
        is_quiet=True,
    )
    found = Community(7)
    make_accounts(found, now)
    return found


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, live: Live) -> Iterator[Open]:
    """open_page(width=…, height=…, dark=…, language=…, javascript=…) -> a page with nobody signed in. What its scripts
    throw, or its policy forbids, fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def opened(
        width: int = 1360,
        height: int = 900,
        *,
        dark: bool = False,
        language: str = "en-US",
        javascript: bool = True,
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=language,
            java_script_enabled=javascript,
            base_url=live.url,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def sign_in(page: Any, email: str, password: str = "a quiet Monday morning") -> Any:
    page.goto("/sign-in")
    page.fill("#email", email)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(re.compile(r"/today|/account/new-device"))
    if "/today" not in page.url:  # told once that somebody signed in on another device: she herself
        page.goto("/today")
    return page


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page()


@pytest.fixture
def ana(page: Any, community: Any) -> Any:
    """A browser in which Ana Reyes of Bayview has signed in, on Today."""
    return sign_in(page, "ana.reyes@careloop.example")
