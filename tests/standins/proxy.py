"""A proxy on loopback that spoils chosen requests, for the way between a client and a stand-in.

with FaultProxy(standin.url) as proxy:
    proxy.add(Fault("answer_lost", method="POST", path=r"/api/items", nth=3))
    client(proxy.url)
    assert [entry.fault for entry in proxy.log] == [None, None, "answer_lost"]
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

Kind: TypeAlias = Literal[
    "delay",
    "drop_before",
    "answer_lost",
    "cut_body",
    "answer",
    "act_then_500",
    "hold",
]
"""``delay``: wait, then forward. ``drop_before``: close the connection, the target never hears of it.
``answer_lost``: the target acts, then the connection is closed. ``cut_body``: half of the answer's body, then
closed. ``answer``: answer ``status`` without forwarding. ``act_then_500``: the target acts, the client gets
``status``. ``hold``: the target acts, the answer waits ``seconds``."""

HEAD_END = b"\r\n\r\n"
_SECRET = re.compile(r"(key(?:_identity|_credential)?=)[^&\s]*")
_REASONS = {
    200: "OK",
    302: "Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@dataclass
class Fault:
    """What to do to which requests.

    A request matches by ``method`` and by ``path``, regular expressions: of the whole method, and searched in
    path and query. Of the
    matching ones the ``nth`` (from 1) is spoiled and the ``times - 1`` after it (``times=0``: all after it);
    or, if ``probability`` is given, each with that probability, ``times`` at most (0: no limit).
    """

    kind: Kind
    method: str | None = None
    path: str = ""
    nth: int = 1
    times: int = 1
    probability: float | None = None
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"<!DOCTYPE html><html><body>Error</body></html>"
    content_type: str = "text/html; charset=UTF-8"
    seconds: float = 0.0
    until: threading.Event | None = None
    """Wait until it is set, instead of `seconds`."""
    seen: int = field(default=0, init=False)
    done: int = field(default=0, init=False)

    def strikes(self, method: str, target: str, chance: random.Random) -> bool:
        """Whether this request is spoiled; counts it."""
        if (self.method and not re.fullmatch(self.method, method)) or not re.search(self.path, target):
            return False
        self.seen += 1
        if self.probability is not None:
            hit = chance.random() < self.probability and (not self.times or self.done < self.times)
        else:
            hit = self.seen >= self.nth and (not self.times or self.seen < self.nth + self.times)
        self.done += hit
        return hit


@dataclass(frozen=True)
class Entry:
    """One request that came; keys are redacted. ``forwarded`` says whether the target got it."""

    at: float
    method: str
    target: str
    fault: Kind | None
    forwarded: bool = False
    status: int | None = None


class _ClosedError(Exception):
    """The other side has closed the connection."""


@dataclass(frozen=True)
class _Message:
    """A request or an answer as bytes: its head, its body as transferred."""

    head: bytes
    body: bytes

    @property
    def first(self) -> list[str]:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)


class FaultProxy:
    """An HTTP/1.1 proxy in a thread of its own; every client connection has one to the target."""

    def __init__(self, upstream: str, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._chance = random.Random(seed)
        self._faults: list[Fault] = []
        self._log: list[Entry] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.in_flight = 0
        """Requests that came and are not answered; the target may still get one whose client has gone."""
        self.before_write: Callable[[], None] | None = None
        """Called in the thread of the proxy, before the target gets a request that may change something."""
        self.url = ""
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="fault-proxy", daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise RuntimeError("the proxy did not start")

    # For tests

    def add(self, *faults: Fault) -> None:
        """Add faults; of those that strike the same request, the first added wins."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Forget all faults, and the log."""
        with self._lock:
            self._faults.clear()
            self._log.clear()

    @property
    def log(self) -> list[Entry]:
        """All requests so far."""
        with self._lock:
            return list(self._log)

    def close(self) -> None:
        """Close every connection and stop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The thread

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        started.set()
        try:
            self._loop.run_forever()
        finally:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        target = _Target(self._host, self._port)
        try:
            while True:
                request = await _read(reader, is_request=True)
                self.in_flight += 1
                try:
                    if not await self._exchange(request, writer, target):
                        return
                finally:
                    self.in_flight -= 1
        except (_ClosedError, OSError, asyncio.CancelledError):
            return
        finally:
            target.close()
            writer.close()

    async def _exchange(self, request: _Message, writer: asyncio.StreamWriter, target: _Target) -> bool:
        """Handle one request; whether the connection stays open."""
        method, path = request.first[0], request.first[1]
        number, fault = self._choose(method, path)
        kind = fault.kind if fault else None
        if fault and kind in ("delay", "drop_before", "answer"):
            await _pause(fault)
            if kind == "drop_before":
                return False
            if kind == "answer":
                return await _send(writer, _made_up(fault), method)
        if self.before_write is not None and method not in ("GET", "HEAD", "OPTIONS"):
            self.before_write()
        answer = await target.ask(request, method)
        self._note(number, int(answer.first[1]))
        if fault is None:
            return await _send(writer, answer, method)
        match fault.kind:
            case "answer_lost":
                await _pause(fault)
                return False
            case "cut_body":
                writer.write(answer.head + answer.body[: len(answer.body) // 2])
                await writer.drain()
                return False
            case "act_then_500":
                return await _send(writer, _made_up(fault), method)
            case "hold":
                await _pause(fault)
                return await _send(writer, answer, method)
            case "delay" | "drop_before" | "answer":
                return await _send(writer, answer, method)
            case _:
                assert_never(fault.kind)

    def _choose(self, method: str, path: str) -> tuple[int, Fault | None]:
        with self._lock:
            struck = [f for f in self._faults if f.strikes(method, path, self._chance)]
            fault = struck[0] if struck else None
            shown = _SECRET.sub(r"\1…", path)
            self._log.append(Entry(time.time(), method, shown, fault.kind if fault else None))
            return len(self._log) - 1, fault

    def _note(self, number: int, status: int) -> None:
        with self._lock:
            if number < len(self._log):
                self._log[number] = replace(self._log[number], forwarded=True, status=status)


class _Target:
    """The connection to the target; opened again if the target has closed it in between."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: _Message, method: str) -> _Message:
        """Send a request and read the whole answer."""
        reader, writer = self._streams or await self._connect()
        if reader.at_eof():
            self.close()
            reader, writer = await self._connect()
        writer.write(request.head + request.body)
        await writer.drain()
        return await _read(reader, is_request=False, bodiless=method == "HEAD")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(*self._address, limit=1 << 20)
        return self._streams

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _pause(fault: Fault) -> None:
    if fault.until is None:
        await asyncio.sleep(fault.seconds)
        return
    while not fault.until.is_set():
        await asyncio.sleep(0.01)


async def _read(reader: asyncio.StreamReader, *, is_request: bool, bodiless: bool = False) -> _Message:
    try:
        head = await reader.readuntil(HEAD_END)
        headers = _headers(head)
        if bodiless or head.startswith((b"HTTP/1.1 304", b"HTTP/1.1 204")):
            return _Message(head, b"")
        if "chunked" in headers.get("transfer-encoding", ""):
            return _Message(head, await _chunks(reader))
        if "content-length" in headers:
            return _Message(head, await reader.readexactly(int(headers["content-length"])))
        return _Message(head, b"" if is_request else await reader.read())
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
        raise _ClosedError from error


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body, as it is transferred."""
    raw = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
        raw += line + chunk
        if line.split(b";")[0].strip(b"0\r\n") == b"":
            return raw


def _headers(head: bytes) -> dict[str, str]:
    found = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


async def _send(writer: asyncio.StreamWriter, answer: _Message, method: str) -> bool:
    writer.write(answer.head + (b"" if method == "HEAD" else answer.body))
    await writer.drain()
    headers = _headers(answer.head)
    sized = "content-length" in headers or "transfer-encoding" in headers or method == "HEAD"
    return sized and headers.get("connection", "").lower() != "close"


def _made_up(fault: Fault) -> _Message:
    headers = {"content-type": fault.content_type, "content-length": str(len(fault.body)), **fault.headers}
    lines = [f"HTTP/1.1 {fault.status} {_REASONS.get(fault.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return _Message("\r\n".join(lines).encode("latin-1") + HEAD_END, fault.body)
