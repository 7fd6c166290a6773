"""Frames in pieces, many connections, slow and broken ones, and a stop that finishes what is in hand."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.connect.hl7v2 import listener, receive
from careloop.connect.hl7v2.acknowledge import Ack
from careloop.connect.hl7v2.frames import CUT, OUTSIDE, UNENDED, Frames, Whole
from careloop.connect.hl7v2.listener import Door, Limits
from careloop.connect.hl7v2.parse import framed
from tests.conftest import MONDAY
from tests.connect.hl7v2.messages import Hospital, adt

# Frames, without a network


def read(*pieces: bytes, limit: int = 1_000) -> list[tuple[str, bytes]]:
    frames = Frames(limit)
    found = [each for piece in pieces for each in frames.feed(piece)]
    left = frames.close()
    return [
        ("whole" if isinstance(each, Whole) else each.reason or "too long", each.content)
        for each in [*found, *([left] if left else [])]
    ]


def test_frames_come_whole_in_pieces_and_many_at_once() -> None:
    assert read(framed(b"one") + framed(b"two")) == [("whole", b"one"), ("whole", b"two")]
    assert read(*(bytes([b]) for b in framed(b"one") + b"\r\n" + framed(b"two"))) == [
        ("whole", b"one"),
        ("whole", b"two"),
    ]
    assert read(b"\x0bone\x1c", b"\x0btwo\x1c\r") == [("whole", b"one"), ("whole", b"two")]


def test_what_is_no_frame_is_never_a_message() -> None:
    assert read(b"junk" + framed(b"one")) == [(OUTSIDE, b"junk"), ("whole", b"one")]
    assert read(b"\x0bhalf" + framed(b"one")) == [(UNENDED, b"half"), ("whole", b"one")]
    assert read(framed(b"one") + b"\x0bhalf") == [("whole", b"one"), (CUT, b"half")]
    assert read(b"MSH|^~\\&|without a frame") == [(OUTSIDE, b"MSH|^~\\&|without a frame")]
    assert read(b"\x0b" + b"x" * 2_000) == [("too long", b"x" * 2_000)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_any_cut_of_the_same_bytes_reads_the_same(contents: list[bytes], cuts: list[int]) -> None:
    """Framed messages with noise between them; what comes out never depends on how the network cut them."""
    stream = b"".join(framed(c) if n % 3 else c for n, c in enumerate(contents))
    pieces, at, n = [], 0, 0
    while at < len(stream):
        pieces.append(stream[at : at + cuts[n % len(cuts)]])
        at, n = at + cuts[n % len(cuts)], n + 1
    assert read(*pieces) == read(stream)


# Sockets, with a house that only counts


def answer(raw: bytes, peer: str) -> Ack:
    return Ack("AA", "", b"MSA|AA|" + raw)


class House:
    def __init__(self, accept: Callable[[bytes, str], Ack] = answer) -> None:
        self.broken: list[tuple[bytes, str]] = []
        self.door = Door(accept, lambda peer: True, self._set_aside, self._too_long, lambda: MONDAY)

    def _set_aside(self, raw: bytes, peer: str, reason: str, now: datetime) -> None:
        self.broken.append((raw, reason))

    def _too_long(self, raw: bytes, peer: str, now: datetime) -> Ack:
        return Ack("AE", "too long", b"MSA|AE")


@contextmanager
def listening(
    door: Door, limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, threading.Event]]:
    stop, started, ports = threading.Event(), threading.Event(), []

    def ready(port: int) -> None:
        ports.append(port)
        started.set()

    def run() -> None:
        listener.serve(
            "127.0.0.1", 0, accept=door.accept, stop=stop, limits=limits, ready=ready, door=door, tls=tls
        )

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(5)
    try:
        yield ports[0], stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


@contextmanager
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 5) as opened:
        opened.settimeout(5)
        yield opened


def said_one(opened: socket.socket) -> bytes:
    got = b""
    while not got.endswith(b"\x1c\r"):
        got += opened.recv(1) or b"\x1c\r"
    return got.strip(b"\x0b\x1c\r")


def test_many_messages_on_one_line_in_their_order_however_they_are_cut() -> None:
    with listening(House().door) as (port, _), line(port) as hospital:
        for piece in (b"\x0bon", b"e\x1c\r\x0btw", b"o\x1c\r"):
            hospital.sendall(piece)
            time.sleep(0.01)
        assert [said_one(hospital) for _ in range(2)] == [b"MSA|AA|one", b"MSA|AA|two"]
        hospital.sendall(framed(b"three"))
        assert said_one(hospital) == b"MSA|AA|three"


def test_junk_is_set_aside_and_the_next_message_is_still_heard() -> None:
    house = House()
    with listening(house.door) as (port, _), line(port) as hospital:
        hospital.sendall(b"GET / HTTP/1.1\r\n\r\n" + framed(b"one"))
        assert said_one(hospital) == b"MSA|AA|one"
        hospital.sendall(b"\x0bhalf a mess")
    assert [reason for _, reason in house.broken] == [OUTSIDE, CUT]


def test_a_message_without_end_is_answered_and_the_line_closed() -> None:
    with listening(House().door, Limits(message_bytes=10_000)) as (port, _), line(port) as hospital:
        hospital.sendall(b"\x0b" + b"x" * 20_000)
        assert said_one(hospital) == b"MSA|AE"


def test_whoever_drips_inside_a_frame_is_cut_off_and_whoever_is_silent_between_frames_stays() -> None:
    house = House()
    with listening(house.door, Limits(in_frame=0.3)) as (port, _), line(port) as slow, line(port) as silent:
        slow.sendall(b"\x0b")
        for _ in range(12):
            time.sleep(0.05)
            try:
                slow.sendall(b"x")
            except OSError:
                break
        assert hung_up(slow)
        silent.sendall(framed(b"one"))
        assert said_one(silent) == b"MSA|AA|one"
    assert [reason for _, reason in house.broken] == [CUT]


def hung_up(opened: socket.socket) -> bool:
    try:
        return opened.recv(10) == b""
    except ConnectionError:
        return True


def test_one_connection_too_many_is_turned_away() -> None:
    with listening(House().door, Limits(connections=1)) as (port, _), line(port) as first:
        first.sendall(framed(b"one"))
        assert said_one(first) == b"MSA|AA|one"
        with line(port) as second:
            assert hung_up(second)


def test_an_unknown_address_hears_nothing() -> None:
    house = House()
    house.door.is_known = lambda peer: False
    with listening(house.door) as (port, _), line(port) as stranger:
        stranger.sendall(framed(b"one"))
        assert hung_up(stranger)


def test_stopping_answers_what_is_in_hand() -> None:
    begun = threading.Event()

    def slow(raw: bytes, peer: str) -> Ack:
        begun.set()
        time.sleep(0.4)
        return answer(raw, peer)

    with listening(House(slow).door) as (port, stop), line(port) as hospital, line(port) as idle:
        hospital.sendall(framed(b"one"))
        assert begun.wait(5)
        stop.set()
        assert said_one(hospital) == b"MSA|AA|one"
        assert hung_up(idle)


# And with the real house


def test_what_comes_over_the_line_is_stored_before_it_is_answered(hospital: Hospital) -> None:
    door = Door(lambda raw, peer: receive.accept(raw, peer, hospital.now))
    with listening(door) as (port, _), line(port) as sender:
        sender.sendall(framed(adt("A03", control="NET1", left="Nov 20 16:20")))
        assert b"MSA|AA|NET1" in said_one(sender)
        assert [(m.control, m.state) for m in hospital.inbox()] == [("NET1", "new")]
        sender.sendall(b"no frame" + framed(adt("A02", control="NET2")))
        assert b"MSA|AR|NET2" in said_one(sender)
    assert [m.state for m in hospital.inbox()] == ["refused", "quarantined", "new"]


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    made = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    return made


def test_with_a_certificate_only_tls_is_spoken_and_senders_may_have_to_show_theirs(
    certificate: tuple[Path, Path],
) -> None:
    names = {"CARELOOP_HL7_CERTIFICATE": str(certificate[0]), "CARELOOP_HL7_KEY": str(certificate[1])}
    assert listener.tls_from({}) is None
    with pytest.raises(listener.HalfTls):
        listener.tls_from({"CARELOOP_HL7_KEY": "k"})
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with listening(House().door, tls=listener.tls_from(names)) as (port, _):
        with line(port) as plain:
            plain.sendall(framed(b"one"))
            assert hung_up(plain)
        with line(port) as raw, trusting.wrap_socket(raw, server_hostname="127.0.0.1") as hospital:
            hospital.sendall(framed(b"one"))
            assert said_one(hospital) == b"MSA|AA|one"
    strict = listener.tls_from({**names, "CARELOOP_HL7_SENDERS": str(certificate[0])})
    with listening(House().door, tls=strict) as (port, _):
        assert not is_answered(port, trusting)
        trusting.load_cert_chain(*certificate)
        assert is_answered(port, trusting)


def is_answered(port: int, context: ssl.SSLContext) -> bool:
    try:
        with line(port) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as hospital:
            hospital.sendall(framed(b"one"))
            return said_one(hospital) == b"MSA|AA|one"
    except OSError:
        return False
