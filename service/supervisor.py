"""`accession start`: queue, service and one worker process on one machine, under one roof.

They are started in the order queue, service, worker and stopped in the opposite one. What crashes
is started again, with growing pauses. The supervisor holds the listening socket, so clients wait
rather than fail while the service is started again.

Two kinds of lock files keep the data folder to one `start`, both by `flock`, which the kernel
releases however a process ends: `run/start.lock` belongs to the supervisor; `run/NAME.lock` is
handed down to each child, so that a child whose supervisor was killed is found, and ended, by the
next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from service.embedded_queue import EmbeddedQueue, QueueError
from service.settings import Settings, SettingsError

Say = Callable[[str], None]

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a crashed child is started again, first to last."""
_STEADY = 60.0
"""Seconds after which a child counts as having run well."""
_FIRST_ATTEMPTS = 3
"""Crashes of a child that never ran steadily, after which the first start is given up."""
_READY_WITHIN = 60.0
_QUEUE_LOOKED_AT_EVERY = 1.0
_LEFT_OVER_STOPS_WITHIN = 10.0
_OWN_LOCK_WITHIN = 1.0


class SupervisorError(Exception):
    """`start` cannot go on; the message says why and what to do."""


def refuse_unsafe(settings: Settings) -> None:
    """Raise :class:`SettingsError` for settings that would expose keys or sessions unnoticed."""
    if not _is_loopback(settings.host) and not settings.allow_http:
        public = urlsplit(settings.public_url)
        if public.scheme != "https" or not public.hostname:
            raise SettingsError(
                f"host: {settings.host} is reachable from other machines, and keys would travel in clear. "
                "Put a reverse proxy with https before the service and set ACCESSION_PUBLIC_URL=https://…, "
                "or accept the risk with ACCESSION_ALLOW_HTTP=true."
            )
    if not settings.is_sqlite and not settings.secret_key.get_secret_value():
        raise SettingsError(
            "secret_key: required when the database is not SQLite, so that all processes sign alike. "
            "Set ACCESSION_SECRET_KEY to a long random text, for example from `openssl rand -hex 32`."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or :class:`SupervisorError` when the address is taken or not ours."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=1024)
    except OSError as error:
        # Python adds the address to a system's reason; names that cannot be resolved have numbers below 0.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise SupervisorError(
            f"Cannot listen on {host} port {port}: {reason}. "
            "Set ACCESSION_PORT to a free port (0 takes any), or stop the program that holds this one."
        ) from error


def address_of(listening: socket.socket, settings: Settings) -> str:
    """The URL at which the service answers on this machine."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def hold_data_dir(settings: Settings) -> Iterator[None]:
    """Keep the data folder to one `start`; the second is refused at once."""
    folder = run_folder(settings)
    with (folder / "start.lock").open("a+", encoding="utf-8") as lock:
        if not _lock_within(lock.fileno(), _OWN_LOCK_WITHIN):
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise SupervisorError(
                f"Accession is already running on the data folder {settings.data_dir} (process {holder}). "
                "Stop that one first, or set ACCESSION_DATA_DIR to another folder."
            )
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def run_folder(settings: Settings) -> Path:
    folder = settings.data_dir.resolve() / "run"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise SupervisorError(
            f"The data folder {settings.data_dir} cannot be used: {error.strerror}. "
            "Set ACCESSION_DATA_DIR to a folder that this user may write to."
        ) from error
    return folder


def _lock_within(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True


@dataclass(frozen=True)
class Program:
    """How to start a child, and how long it may take to stop (seconds)."""

    name: str
    command: Sequence[str]
    stops_within: float
    descriptors: tuple[int, ...] = ()


class Child:
    """A process that is kept running until told to stop."""

    def __init__(self, program: Program, folder: Path, environment: Mapping[str, str], say: Say) -> None:
        self.program = program
        self.gave_up = asyncio.Event()
        self._lock_file = folder / f"{program.name}.lock"
        self._environment = environment
        self._say = say
        self._stop = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """SIGTERM, wait, SIGKILL; returns when the process and what it started are gone."""
        if self._task is None:
            return
        self._stop.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        done, _ = await asyncio.wait({self._task}, timeout=self.program.stops_within)
        if not done:
            self._say(f"The {self.program.name} does not stop; it is killed.")
            self.kill()
            await asyncio.wait({self._task})
        self._task.result()
        self._task = None

    def kill(self) -> None:
        self._stop.set()
        if self._process is not None:
            _kill_group(self._process.pid)

    async def _keep_running(self) -> None:
        crashes = 0
        ever_steady = False
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                code = await self._run_once()
            except SupervisorError as error:
                self._say(str(error))
                self.gave_up.set()
                return
            if self._stop.is_set():
                return
            if time.monotonic() - began >= _STEADY:
                crashes, ever_steady = 0, True
            if crashes + 1 >= _FIRST_ATTEMPTS and not ever_steady:
                self.gave_up.set()
            pause = _PAUSES[min(crashes, len(_PAUSES) - 1)]
            crashes += 1
            self._say(f"The {self.program.name} ended ({_ending(code)}); started again in {pause:g} s.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def _run_once(self) -> int:
        lock = await asyncio.to_thread(take_over, self._lock_file, self.program.name, self._say)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **self._environment},
                pass_fds=(lock, *self.program.descriptors),
                # Ctrl-C in the terminal is for the supervisor alone: it stops the children in order.
                start_new_session=True,
            )
            os.pwrite(lock, f"{self._process.pid:<10}\n".encode(), 0)
        finally:
            os.close(lock)  # the child holds it now
        if self._stop.is_set():  # told to stop while it was being started
            self._process.terminate()
        code = await self._process.wait()
        _kill_group(self._process.pid)
        self._process = None
        return code


def take_over(lock_file: Path, name: str, say: Say) -> int:
    """Descriptor of a child's lock, after whoever still holds it from an earlier start has been ended.

    Raises :class:`SupervisorError` when that process does not end.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    if _lock_within(descriptor, 0.0):
        return descriptor
    noted = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    if noted.isdigit():
        # The lock is held, so the number is still that of the process that was given it.
        say(f"The {name} of an earlier start still runs (process {noted}); it is stopped.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(noted), signal.SIGTERM)
        if _lock_within(descriptor, _LEFT_OVER_STOPS_WITHIN):
            return descriptor
        _kill_group(int(noted))
    if _lock_within(descriptor, _LEFT_OVER_STOPS_WITHIN):
        return descriptor
    os.close(descriptor)
    raise SupervisorError(
        f"The {name} of an earlier start does not end (process {noted or 'unknown'}). "
        "End it by hand, then start again."
    )


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(-code).name}"
    return f"by signal {-code}"


class Supervisor:
    """Queue, service and worker of one data folder, from start to end."""

    def __init__(self, settings: Settings, say: Say, prepare: Callable[[], None]) -> None:
        """`prepare`: what is to be done once the queue runs and before anything else (migrating)."""
        self.settings = settings
        self._say = say
        self._prepare = prepare
        self._stop = asyncio.Event()
        self._queue: EmbeddedQueue | None = None
        self._queue_watch: asyncio.Task[None] | None = None
        self._children: list[Child] = []

    async def run(self) -> None:
        """Start everything, wait for SIGTERM or SIGINT, stop everything. A second signal kills."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        try:
            with contextlib.closing(await self._open()) as listening:
                await self._start(listening)
                await self._stop.wait()
        finally:
            await self._stop_all()

    def _asked_to_stop(self, number: int) -> None:
        if not self._stop.is_set():
            self._say(f"Stopping ({signal.Signals(number).name}): worker, service, queue.")
            self._stop.set()
            return
        for child in self._children:
            child.kill()

    async def _open(self) -> socket.socket:
        folder = run_folder(self.settings)
        (folder / "url").unlink(missing_ok=True)  # of a start that was killed
        # A service that outlived its supervisor may hold the port.
        for name in ("worker", "service"):
            os.close(await asyncio.to_thread(take_over, folder / f"{name}.lock", name, self._say))
        return listen(self.settings.host, self.settings.port)

    async def _start(self, listening: socket.socket) -> None:
        environment = {}
        if not self.settings.redis_url:
            self._queue = EmbeddedQueue(self.settings)
            await asyncio.to_thread(self._queue.start)
            self._queue_watch = asyncio.create_task(self._keep_queue(self._queue))
            environment["ACCESSION_REDIS_URL"] = self._queue.url
        await asyncio.to_thread(self._prepare)
        folder = run_folder(self.settings)
        listening.set_inheritable(True)
        fd = str(listening.fileno())
        service = Program(
            "service",
            (sys.executable, "-m", "service.cli", "service", "--fd", fd),
            stops_within=8.0,
            descriptors=(listening.fileno(),),
        )
        worker = Program("worker", (sys.executable, "-m", "worker.main"), stops_within=25.0)
        url = address_of(listening, self.settings)
        for program, path in ((service, "/healthz"), (worker, "/readyz")):
            if self._stop.is_set():
                return
            child = Child(program, folder, environment, self._say)
            self._children.append(child)
            child.start()
            await self._wait_for(child, url + path)
        if not self._stop.is_set():
            coming = folder / "url.coming"
            coming.write_text(f"{url}\n", encoding="utf-8")
            coming.replace(folder / "url")  # whoever waits for it finds it whole
            self._say(f"Accession is ready at {self.settings.public_url or url}")

    async def _wait_for(self, child: Child, url: str) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        last = "no answer"
        async with httpx2.AsyncClient(timeout=2.0, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    answer = await client.get(url)
                except httpx2.HTTPError:
                    pass
                else:
                    if answer.is_success:
                        return
                    last = f"{answer.status_code}: {answer.text.strip()[:300]}"
                if child.gave_up.is_set():
                    raise SupervisorError(f"The {child.program.name} cannot be started. Why stands above.")
                if time.monotonic() > deadline:
                    raise SupervisorError(f"Not ready after {_READY_WITHIN:g} s ({last}).")
                await asyncio.sleep(0.05)

    async def _keep_queue(self, queue: EmbeddedQueue) -> None:
        """Start the queue again when it no longer answers. That loses nothing: the database rings again."""
        while True:
            await asyncio.sleep(_QUEUE_LOOKED_AT_EVERY)
            if await asyncio.to_thread(queue.answers):
                continue
            self._say("The queue does not answer; it is started again.")
            try:
                await asyncio.to_thread(queue.start)
            except QueueError as error:
                self._say(str(error))

    async def _stop_all(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            (self.settings.data_dir.resolve() / "run" / "url").unlink(missing_ok=True)
        for child in reversed(self._children):
            await child.stop()
            self._say(f"The {child.program.name} has stopped.")
        if self._queue_watch is not None:
            self._queue_watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._queue_watch
        if self._queue is not None:
            await asyncio.to_thread(self._queue.stop)
            self._say("The queue has stopped.")
