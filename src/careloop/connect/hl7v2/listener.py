"""MLLP over TCP: many connections that stay open, many messages each, one at a time per connection.

Sockets live in one asyncio loop; what touches the record runs in a few threads, each with a database connection of its
own. Whoever is slow inside of a frame is cut off; whoever is silent between frames may stay. Logs hold addresses and
counts, never content. Stopping closes the door, finishes and answers what is in hand, then ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from careloop.connect.hl7v2 import receive
from careloop.connect.hl7v2.acknowledge import Ack
from careloop.connect.hl7v2.frames import LIMIT, Broken, Frames, Whole
from careloop.connect.hl7v2.parse import framed
from careloop.kernel.clock import Clock, system_clock
from careloop.kernel.errors import CareError

log = logging.getLogger("careloop.hl7")

Accept = Callable[[bytes, str], Ack]
CHUNK = 65_536


@dataclass(frozen=True)
class Limits:
    """Seconds and counts. in_frame: from a frame's first byte to its last. idle: between frames."""

    connections: int = 128
    in_frame: float = 30.0
    idle: float = 3_600.0
    write: float = 15.0
    stopping: float = 10.0
    broken: int = 16
    message_bytes: int = LIMIT
    threads: int = 4


@dataclass
class Door:
    """What the listener asks of the house; each is called in a thread."""

    accept: Accept
    is_known: Callable[[str], bool] = receive.is_known
    quarantine: Callable[[bytes, str, str, datetime], None] = receive.quarantine
    too_long: Callable[[bytes, str, datetime], Ack] = receive.too_long
    clock: Clock = field(default=system_clock)


def serve(
    host: str,
    port: int,
    *,
    accept: Accept,
    stop: threading.Event | None = None,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    ready: Callable[[int], None] | None = None,
    door: Door | None = None,
) -> None:
    """Until `stop` is set. ready: told the port once it listens (port 0: any free one)."""
    listener = Listener(door or Door(accept), limits or Limits())
    asyncio.run(listener.run(host, port, stop or threading.Event(), tls, ready))


def tls_context(certificate: Path, key: Path, senders: Path | None = None) -> ssl.SSLContext:
    """senders: certificates that a sender's own must be signed by; with it, nobody else may connect."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if senders is not None:
        context.load_verify_locations(senders)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class HalfTls(CareError):
    """TLS needs both a certificate and its key."""

    code, status = "half-tls", 500


def tls_from(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """CARELOOP_HL7_CERTIFICATE, CARELOOP_HL7_KEY, and CARELOOP_HL7_SENDERS for those whom senders must be signed by.
    None when neither of the first two is set. Raises HalfTls."""
    certificate, key, senders = (
        environment.get(f"CARELOOP_HL7_{name}") for name in ("CERTIFICATE", "KEY", "SENDERS")
    )
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise HalfTls("Set CARELOOP_HL7_CERTIFICATE and CARELOOP_HL7_KEY.")
    return tls_context(Path(certificate), Path(key), Path(senders) if senders else None)


class Listener:
    def __init__(self, door: Door, limits: Limits) -> None:
        self._door, self._limits = door, limits
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="hl7")
        self._lines: dict[asyncio.Task[None], Line] = {}
        self._is_stopping = False

    async def run(
        self,
        host: str,
        port: int,
        stop: threading.Event,
        tls: ssl.SSLContext | None,
        ready: Callable[[int], None] | None,
    ) -> None:
        server = await asyncio.start_server(self._on_connect, host, port, ssl=tls, limit=CHUNK)
        bound = server.sockets[0].getsockname()[1]
        log.info("listening on %s:%s", host, bound)
        if ready is not None:
            ready(bound)
        try:
            while not stop.is_set():
                await asyncio.sleep(0.05)
        finally:
            server.close()
            await self._finish()
            self._threads.shutdown(wait=True)

    async def _finish(self) -> None:
        """Idle lines are closed at once; the others answer what they hold, for as long as `stopping` allows."""
        self._is_stopping = True
        for task, line in list(self._lines.items()):
            if not line.is_busy:
                task.cancel()
        if self._lines:
            _, late = await asyncio.wait(list(self._lines), timeout=self._limits.stopping)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    async def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        task = asyncio.current_task()
        assert task is not None
        line = Line(self, reader, writer, peer)
        try:
            if self._is_stopping or len(self._lines) >= self._limits.connections:
                log.warning("turned away %s: too many connections", peer)
                return
            self._lines[task] = line
            if await self.ask(self._door.is_known, peer):
                await line.talk()
            else:
                log.warning("turned away %s: no sender is configured for this address", peer)
        except CareError as failed:
            log.error("turned away %s: %s", peer, failed.code)
        except (ConnectionError, TimeoutError, ssl.SSLError, asyncio.CancelledError):
            pass  # the other side, or the house, ended it; what was acknowledged is stored
        finally:
            self._lines.pop(task, None)
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def ask(self, what: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, what, *given)

    @property
    def door(self) -> Door:
        return self._door

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping


class Line:
    """One connection. is_busy: a message of it is in hand, or its frame has begun."""

    def __init__(
        self, house: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        self._house, self._reader, self._writer, self._peer = house, reader, writer, peer
        self._frames = Frames(house.limits.message_bytes)
        self._broken = 0
        self._frame_ends: float | None = None
        self._is_answering = False
        _keep_alive(writer)

    @property
    def is_busy(self) -> bool:
        return self._is_answering or self._frames.is_inside

    async def talk(self) -> None:
        """Until the other side ends it, is too slow, or breaks too much."""
        try:
            while not (self._house.is_stopping and not self._frames.is_inside):
                data = await self._read()
                if not data or not await self._take(data):
                    return
        finally:
            if (left := self._frames.close()) is not None:
                await asyncio.shield(self._set_aside(left))

    async def _read(self) -> bytes:
        """The whole frame has its time, not each piece of it: a byte now and then keeps no line open."""
        limits, now = self._house.limits, asyncio.get_running_loop().time()
        if not self._frames.is_inside:
            self._frame_ends = None
            return await asyncio.wait_for(self._reader.read(CHUNK), limits.idle)
        self._frame_ends = self._frame_ends or now + limits.in_frame
        return await asyncio.wait_for(self._reader.read(CHUNK), max(self._frame_ends - now, 0.001))

    async def _take(self, data: bytes) -> bool:
        """False: nothing more is read from this line."""
        for found in self._frames.feed(data):
            if isinstance(found, Whole):
                await self._hand_over(found)
            elif found.is_too_long:
                door = self._house.door
                await self._answer(await self._ask(door.too_long, found.content, self._peer, door.clock()))
                return False
            else:
                await self._set_aside(found)
        return self._broken <= self._house.limits.broken

    async def _hand_over(self, found: Whole) -> None:
        self._is_answering = True
        try:
            ack: Ack = await self._ask(self._house.door.accept, found.content, self._peer)
            await self._answer(ack)
        finally:
            self._is_answering = False

    async def _answer(self, ack: Ack) -> None:
        self._writer.write(framed(ack.content))
        await asyncio.wait_for(self._writer.drain(), self._house.limits.write)

    async def _set_aside(self, found: Broken) -> None:
        self._broken += 1
        door = self._house.door
        await self._ask(door.quarantine, found.content, self._peer, found.reason, door.clock())
        log.warning("set aside %d bytes from %s: %s", len(found.content), self._peer, found.reason)

    def _ask(self, what: Callable[..., Any], *given: Any) -> Coroutine[Any, Any, Any]:
        return self._house.ask(what, *given)


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """So that a line whose other end was unplugged does not stay open for an hour."""
    found = writer.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
