"""No patient data in logs, headers, addresses, fault pages or process output (TRUST 20).

A person whose every word is a canary goes through every route, rightly and wrongly; whatever is written down beside the
record is searched for her afterwards. Each net has a negative control: a hole that it must catch.
"""

from __future__ import annotations

import io
import logging
import logging.config
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import datetime
from http.client import HTTPConnection
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError
from django.test import Client

from careloop import store
from careloop.accounts.models import ApiClient
from careloop.connect.hl7v2 import process
from careloop.server import logs
from tests.conftest import REPO
from tests.connect.hl7v2.messages import Hospital, adt
from tests.hardening.test_headers import routes
from tests.projections import builders as b
from tests.web.desk import Desk, at_the_desk

CANARY = "zyxcanary"
FAULT = f"Key (family)=({CANARY}) already exists; detail: {CANARY}-1958-03-04"


# What an app asks for travels in addresses by the standard, and nothing of a person is in it.
OAUTH = {"/oauth/authorize"}


class Caught(io.StringIO):
    """What the configured log would have written."""

    def lines(self) -> list[str]:
        return [line for line in self.getvalue().splitlines() if CANARY in line.lower()]


@pytest.fixture(params=["line", "json"])
def caught(request: pytest.FixtureRequest) -> Iterator[Caught]:
    """The real logging set-up, into memory, everything down to DEBUG."""
    stream = Caught()
    config = logs.config("DEBUG", request.param)
    config["handlers"]["stderr"]["stream"] = stream
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig(config)
    yield stream
    logging.root.handlers[:], logging.root.level = before


@pytest.fixture
def desk(record: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_the_desk(now, monkeypatch) as desk:
        desk.client.raise_request_exception = False
        desk.ward.has(
            {
                **b.patient("cana", f"{CANARY}given", f"{CANARY}family"),
                "identifier": [{"system": "urn:mrn", "value": f"{CANARY}mrn"}],
                "telecom": [{"system": "phone", "value": f"713555{CANARY}"}],
            },
            b.team("team-cana", "cana", "ana"),
            b.task(
                "cana-call", "cana", now, kind="call", title=f"{CANARY} title", because=f"{CANARY} because"
            ),
        )
        yield desk


def addresses(*ids: str) -> Iterator[str]:
    """Every route with each id in its places, and with the canary itself, as somebody might type it."""
    for sample in routes():
        for id in (*ids, f"{CANARY}-typed"):
            yield sample.replace("/x/", f"/{id}/").replace("/x", f"/{id}")


def headers_of(response: Any) -> str:
    return " ".join(f"{name}: {value}" for name, value in response.headers.items()).lower()


def test_through_every_route_nothing_of_her_is_logged_or_stands_in_a_header(
    desk: Desk, caught: Caught
) -> None:
    seen = 0
    for address in sorted(set(addresses("cana"))):
        for method in ("get", "post"):
            typed = (
                {"q": f"{CANARY} q", "note": f"{CANARY} note", "reason": CANARY} if method == "post" else {}
            )
            response = getattr(desk.client, method)(address, typed)
            seen += response.status_code == 200
            where = f"{method} {address} ({response.status_code})"
            typed_in_address = CANARY in address
            if not typed_in_address and address not in OAUTH:
                assert CANARY not in headers_of(response), where
            assert response.status_code < 500, where
            if typed_in_address and response.status_code >= 400:
                assert CANARY.encode() not in response.content.lower(), where
    assert seen > 10, "she was not seen by anybody, so nothing was tried"
    assert caught.getvalue(), "nothing was logged, so nothing was tried"
    assert caught.lines() == []


def test_links_of_her_pages_hold_no_word_of_hers(desk: Desk) -> None:
    """Addresses go into the browser's history, into referrers and into logs of proxies."""
    pages = ["/people/cana/story", "/people/cana/plan", "/people/cana/work", "/today", "/people"]
    links = 0
    for address in pages:
        answer = desk.client.get(address)
        if answer.status_code != 200:
            continue
        found = re.findall(r'(?:href|src|action|hx-\w+|data-\w+)="([^"]*)"', answer.content.decode())
        for link in found:
            if link.startswith(("/", "http", "?")):
                links += 1
                assert CANARY not in urllib.parse.unquote(link).lower(), f"{link} in {address}"
    assert links > 50


# --- faults


def breaking(kind: Callable[[], BaseException]) -> Callable[..., Any]:
    def broken(*_: Any, **__: Any) -> Any:
        raise kind()

    return broken


FAULTS: dict[str, Callable[[], BaseException]] = {
    "ours": lambda: ValueError(FAULT),
    "the driver's": lambda: psycopg.errors.UniqueViolation(FAULT),
    "Django's": lambda: DatabaseError(FAULT),
    "the database away": lambda: psycopg.OperationalError(FAULT),
    "nested": lambda: _chained(),
}


def _chained() -> BaseException:
    try:
        raise KeyError(FAULT)
    except KeyError as inner:
        outer = RuntimeError(f"while reading {FAULT}")
        outer.__cause__ = inner
        return outer


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_tells_its_number_and_nothing_else(
    desk: Desk, caught: Caught, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(store, "open", breaking(FAULTS[fault]))
    for address in ("/today", "/people/cana/story", "/people"):
        response = desk.client.get(address)
        assert response.status_code in (500, 503), address
        assert CANARY.encode() not in response.content
        assert CANARY not in headers_of(response)
        assert response["X-Request-Id"].encode() in response.content
    assert caught.lines() == []
    assert response["X-Request-Id"] in caught.getvalue()


@pytest.mark.parametrize("fault", FAULTS)
def test_and_so_at_the_fhir_door(
    desk: Desk, caught: Caught, now: datetime, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    from careloop.api.exchange import tokens
    from careloop.store import sight

    tokens.forget()
    _, token = ApiClient.issue("canary", "system/*.cruds", now)
    ask = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    client = Client(raise_request_exception=False)
    assert client.get(f"/fhir/Patient/{CANARY}", **ask).status_code == 404
    assert client.get(f"/fhir/Patient?family={CANARY}&nonsense={CANARY}", **ask).status_code < 500
    monkeypatch.setattr(sight.search, "run", breaking(FAULTS[fault]))
    response = client.get(f"/fhir/Patient?family={CANARY}", **ask)
    assert response.status_code >= 400
    if response.status_code >= 500:
        assert CANARY.encode() not in response.content
    assert token not in caught.getvalue()
    assert caught.lines() == []


def test_a_message_that_breaks_leaves_no_word_in_the_log(
    record: None, now: datetime, caught: Caught, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital = Hospital(now)
    hospital.send(adt("A01", name=f"{CANARY}^MARIA", mrn=f"{CANARY}9"), f"{CANARY} no message".encode())
    monkeypatch.setattr(process.translate, "translate", breaking(lambda: ValueError(FAULT)), raising=True)
    process.run(now)
    assert caught.getvalue()
    assert caught.lines() == []


def test_a_load_balancer_learns_nothing(desk: Desk) -> None:
    assert desk.client.get("/healthz").content == b"ok\n"
    assert desk.client.get(f"/healthz?{CANARY}").content == b"ok\n"


# --- the nets themselves


def test_a_library_that_logs_a_value_is_silenced_and_ours_is_trusted(caught: Caught) -> None:
    logging.getLogger("django.request").warning("Not Found: %s", f"/people/{CANARY}")
    logging.getLogger("psycopg.pool").error(f"lost {CANARY}")
    logging.getLogger("py.warnings").warning("%s", CANARY)
    try:
        raise ValueError(FAULT)
    except ValueError:
        logging.getLogger("careloop.x").exception("request %s failed", "abc123")
        logging.getLogger("urllib3").exception(f"{CANARY}")
    assert caught.lines() == []
    said = caught.getvalue()
    assert "abc123" in said
    assert "ValueError" in said
    assert "test_canaries.py:" in said


def test_the_net_catches_a_word_of_ours(caught: Caught) -> None:
    """The negative control: our own loggers are trusted, so the searches above would find what slips through them."""
    logging.getLogger("careloop.work").error("took in %s", CANARY)
    assert len(caught.lines()) == 1


def test_the_last_words_of_a_process_are_no_traceback() -> None:
    script = (
        "from careloop.server.logs import quiet_last_words; quiet_last_words()\n"
        "import threading\n"
        f"def broken(): raise ValueError({FAULT!r})\n"
        "thread = threading.Thread(target=broken); thread.start(); thread.join()\n"
        "broken()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert CANARY not in ended.stderr
    assert ended.stderr.count("unexpected ValueError") == 2


def test_the_server_itself_writes_no_address(tmp_path: Any) -> None:
    """granian as `careloop serve` starts it, without a database behind it."""
    from careloop.server.serve import Plan

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = Plan(port=port, workers=1, threads=2).commands()["web"]
    assert "--access-log" not in command
    home = {"CARELOOP_HOME": str(tmp_path), "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    environ = {**os.environ, **home, "CARELOOP_LOG": "DEBUG", "PYTHONPATH": str(REPO / "src")}
    with (tmp_path / "said").open("wb+") as said:
        server = subprocess.Popen(command, env=environ, stdout=said, stderr=said)
        try:
            for address in (
                f"/people/{CANARY}",
                f"/fhir/Patient?name={CANARY}",
                f"/sign-in?next=/{CANARY}",
                "/healthz",
            ):
                assert _asked(port, address) in (200, 302, 401, 404, 500, 503)
        finally:
            server.terminate()
            server.wait(10)
        said.seek(0)
        told = said.read().decode(errors="replace")
    assert CANARY not in told
    assert told, "nothing was said, so nothing was tried"


def _asked(port: int, address: str) -> int:
    for _ in range(200):
        line = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            line.request(
                "GET", address, headers={"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}"}
            )
            return line.getresponse().status
        except ConnectionError:
            time.sleep(0.05)
        finally:
            line.close()
    raise AssertionError("the server did not start")
