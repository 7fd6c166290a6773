"""The one way out, against real servers on this machine: what it calls, what it refuses, and what it writes down."""

from __future__ import annotations

import ast
import gzip
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection

from careloop import store
from careloop.access import Scope, system_actor
from careloop.accounts.models import Destination
from careloop.connect import outbound, outbound_session
from careloop.connect.outbound import Bounds
from careloop.server import command_guard

SCOPE = Scope(system_actor("jobs"), "work", "operations")
SOURCES = Path(__file__).resolve().parents[2] / "src" / "careloop"


class Partner(BaseHTTPRequestHandler):
    """A partner that can misbehave: the path says how."""

    def do_GET(self) -> None:
        said: Callable[[], None] = getattr(self, "_" + self.path.strip("/").split("?")[0], self._fine)
        said()

    def do_POST(self) -> None:
        got = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, got, {"X-Content-Type": self.headers.get("Content-Type", "")})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fine(self) -> None:
        self._answer(200, b'{"ok": true}', {"Content-Type": "application/json", "Set-Cookie": "a=b"})

    def _away(self) -> None:
        self._answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"})

    def _claims(self) -> None:
        self._answer(200, b"x", {"Content-Length": str(10**12)})

    def _large(self) -> None:
        self._answer(200, b"x" * 300_000, {})

    def _bomb(self) -> None:
        self._answer(200, gzip.compress(b"\0" * 50_000_000), {"Content-Encoding": "gzip"})

    def _packed(self) -> None:
        self._answer(200, gzip.compress(b"unpacked"), {"Content-Encoding": "gzip"})

    def _brotli(self) -> None:
        self._answer(200, b"xx", {"Content-Encoding": "br"})

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        for _ in range(40):
            time.sleep(0.05)
            try:
                self.wfile.write(b".")
            except OSError:
                return

    def _sick(self) -> None:
        self._answer(500, b"sorry", {})

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def partner() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A partner with TLS whose certificate is for `localhost` alone."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([*words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Partner)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port, certificate
    server.shutdown()


@pytest.fixture
def declared(record: None, partner: int, now: datetime) -> Destination:
    return Destination.objects.create(
        name="partner", origin=f"http://127.0.0.1:{partner}", is_inside=True, is_plain=True, created_at=now
    )


def get(url: str, now: datetime, **more: Any) -> outbound.Answer:
    return outbound.call(SCOPE, "GET", url, now=now, **more)


def written() -> list[str]:
    """What the audit trail says of the calls."""
    with connection.cursor() as cursor:
        cursor.execute("select detail from audit where detail is not null order by lane, seq")
        return [zlib.decompress(bytes(row[0])).decode() for row in cursor.fetchall()]


def test_a_declared_partner_is_called_and_the_call_is_written_down(
    declared: Destination, now: datetime
) -> None:
    answer = get(f"{declared.origin}/fine", now)
    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    assert any("outbound: partner" in row for row in written())
    assert "ok" not in repr(answer)


def test_what_is_sent_arrives_and_own_headers_can_not_be_set(declared: Destination, now: datetime) -> None:
    answer = outbound.call(
        SCOPE,
        "POST",
        f"{declared.origin}/x",
        now=now,
        headers={"Content-Type": "application/fhir+json", "Host": "evil.example", "Content-Length": "1"},
        body=b"whole",
    )
    assert answer.body == b"whole"
    assert answer.headers["x-content-type"] == "application/fhir+json"


def test_an_answer_may_be_packed(declared: Destination, now: datetime) -> None:
    assert get(f"{declared.origin}/packed", now).body == b"unpacked"


def test_a_5xx_of_theirs_is_an_answer_not_our_failure(declared: Destination, now: datetime) -> None:
    assert get(f"{declared.origin}/sick", now).status == 500


def test_nobody_else_is_called_and_the_try_is_written_down(record: None, partner: int, now: datetime) -> None:
    with pytest.raises(outbound.NotAllowed):
        get(f"http://127.0.0.1:{partner}/fine", now)
    assert any("denied: outbound destination-unknown" in row for row in written())


def test_a_disabled_destination_is_none(declared: Destination, now: datetime) -> None:
    Destination.objects.update(is_active=False)
    with pytest.raises(outbound.NotAllowed):
        get(f"{declared.origin}/fine", now)


def test_another_port_of_a_declared_host_is_another_destination(declared: Destination, now: datetime) -> None:
    with pytest.raises(outbound.NotAllowed):
        get("http://127.0.0.1:1/fine", now)


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("away", outbound.Redirected),
        ("claims", outbound.AnswerTooLarge),
        ("large", outbound.AnswerTooLarge),
        ("bomb", outbound.AnswerTooLarge),
        ("brotli", outbound.NoAnswer),
    ],
)
def test_a_partner_that_misbehaves_is_refused_and_stands_in_error(
    declared: Destination, now: datetime, path: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as fault:
        get(f"{declared.origin}/{path}", now, bounds=Bounds(seconds=5, bytes=200_000))
    declared.refresh_from_db()
    assert (declared.trouble, declared.trouble_at) == (fault.value.code, now)  # type: ignore[attr-defined]
    assert any(f"outbound partner {declared.trouble}" in row for row in written())
    get(f"{declared.origin}/fine", now)
    declared.refresh_from_db()
    assert declared.trouble == ""


def test_a_byte_now_and_then_keeps_no_call_open(declared: Destination, now: datetime) -> None:
    began = time.monotonic()
    with pytest.raises(outbound.NoAnswer, match="too long"):
        get(f"{declared.origin}/slow", now, bounds=Bounds(seconds=0.3))
    assert time.monotonic() - began < 1.5


def test_a_closed_port_is_a_sentence(record: None, now: datetime) -> None:
    Destination.objects.create(
        name="gone", origin="http://127.0.0.1:9", is_inside=True, is_plain=True, created_at=now
    )
    with pytest.raises(outbound.NoAnswer, match="can't be reached"):
        get("http://127.0.0.1:9/", now)


def test_a_name_that_leads_inside_is_refused_unless_declared(declared: Destination, now: datetime) -> None:
    Destination.objects.update(is_inside=False)
    with pytest.raises(outbound.AddressRefused):
        get(f"{declared.origin}/fine", now)
    declared.refresh_from_db()
    assert declared.trouble == "destination-address"


def test_a_name_with_one_good_and_one_bad_address_is_refused(
    declared: Destination, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    Destination.objects.create(name="mixed", origin="https://mixed.example", created_at=now)
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.215.14", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(outbound.AddressRefused):
        get("https://mixed.example/", now)


def test_the_checked_address_is_the_one_connected_to(
    declared: Destination, partner: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second look-up would say something else, so there is none."""
    Destination.objects.create(
        name="rebinding",
        origin=f"http://rebinding.example:{partner}",
        is_inside=True,
        is_plain=True,
        created_at=now,
    )
    asked: list[str] = []
    real = socket.getaddrinfo

    def once(host: str, *given: Any, **named: Any) -> Any:
        if host != "rebinding.example":
            return real(host, *given, **named)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.66.66.66", *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert get(f"http://rebinding.example:{partner}/fine", now).status == 200
    assert asked == ["rebinding.example"]


def test_tls_checks_the_name_and_the_issuer(
    record: None, secure: tuple[int, Path], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, certificate = secure
    for name, host in (("right", "localhost"), ("wrong", "127.0.0.1")):
        Destination.objects.create(name=name, origin=f"https://{host}:{port}", is_inside=True, created_at=now)
    with pytest.raises(outbound.NoAnswer, match="SSL"):
        get(f"https://localhost:{port}/fine", now)  # nobody vouches for it
    monkeypatch.setenv("CARELOOP_OUTBOUND_CA", str(certificate))
    assert get(f"https://localhost:{port}/fine", now).status == 200
    with pytest.raises(outbound.NoAnswer, match="SSL"):
        get(f"https://127.0.0.1:{port}/fine", now)  # not its name


def test_tls_that_never_finishes_its_greeting_is_cut_off(record: None, now: datetime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        Destination.objects.create(
            name="mute", origin=f"https://127.0.0.1:{port}", is_inside=True, created_at=now
        )
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer):
            get(f"https://127.0.0.1:{port}/", now, bounds=Bounds(seconds=0.3))
        assert time.monotonic() - began < 1.5


def test_no_proxy_of_the_environment_is_used(
    declared: Destination, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(f"{declared.origin}/fine", now).status == 200


def test_nothing_is_called_inside_a_unit_of_the_record(declared: Destination, now: datetime) -> None:
    with store.open(SCOPE, now=now), pytest.raises(Exception, match=r"(?i)unit|nest"):
        get(f"{declared.origin}/fine", now)


def test_libraries_with_a_client_of_their_own_go_the_same_way(declared: Destination, now: datetime) -> None:
    with outbound_session.session(SCOPE, lambda: now) as line:
        assert line.get(f"{declared.origin}/fine", timeout=3).json() == {"ok": True}
        assert line.post(f"{declared.origin}/x", data={"a": "b"}, timeout=3).text == "a=b"
        with pytest.raises(outbound_session.Refused):
            line.get("http://169.254.169.254/latest/meta-data", timeout=3)


def test_the_command_declares_lists_and_disables(record: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_guard, "_ready", lambda: None)

    def run(*words: str) -> Any:
        return CliRunner().invoke(command_guard.destination, words)

    assert run("create", "payer", "https://fhir.payer.example").exit_code == 0
    assert run("create", "payer", "https://other.example").exit_code == 1
    assert run("create", "plain", "http://fhir.payer.example").exit_code == 1
    assert "may be called" in run("list").output
    assert run("disable", "payer").exit_code == 0
    assert "disabled" in run("list").output
    assert run("disable", "nobody").exit_code == 1


CLIENTS = {
    "http.client",
    "urllib.request",
    "httpx",
    "requests",
    "aiohttp",
    "ftplib",
    "smtplib",
    "xmlrpc.client",
    "telnetlib",
}
# What opens sockets, and what for. Only the first two call anybody outside.
MAY = {
    "connect/outbound.py": {"http.client", "socket"},
    "connect/outbound_session.py": {"requests"},
    "connect/hl7v2/listener.py": {"socket"},  # accepts
    "server/serve.py": {"socket"},  # asks whether a port is free
    "store/connection.py": {"socket"},  # the name of this machine
}


def test_no_other_module_can_call_anybody() -> None:
    found: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                for client in (*CLIENTS, "socket"):
                    if name == client or name.startswith(f"{client}."):
                        found.setdefault(str(path.relative_to(SOURCES)), set()).add(client)
    surplus = {path: used - MAY.get(path, set()) for path, used in found.items()}
    assert not {path: used for path, used in surplus.items() if used}, "call through connect/outbound.py"
