"""A stand-in in a process of its own, as tests hold it; what is the same for every kind of Omeka."""

from __future__ import annotations

import atexit
import http.client
import os
import selectors
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec
import orjson

_ROOT = Path(__file__).parents[3]
_START_TIMEOUT = 20.0
_SEED_SIZE = 5000
KnobsT = TypeVar("KnobsT")
SelfT = TypeVar("SelfT", bound="StandInProcess[Any]")


class StandInProcess(Generic[KnobsT]):
    """A server on a free port of 127.0.0.1; ends with this process.

    A subclass names the module to run, and says how its keys are given and told.
    """

    module = ""

    def __init__(self, knobs: KnobsT, database: Path | None, port: int) -> None:
        self._database = database
        self._knobs = knobs
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.start()
        atexit.register(self.stop)

    def _key_arguments(self) -> list[str]:
        raise NotImplementedError

    def _announced(self, rest: list[str]) -> None:
        """Take what the server says after its address: the administrator's key."""
        raise NotImplementedError

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError("the stand-in is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server (again), at the same port; returns when it listens."""
        command = [sys.executable, "-m", self.module, "--die-with-parent"]
        command += ["--port", str(self._port), "--knobs", msgspec.json.encode(self._knobs).decode()]
        if self._database is not None:
            command += ["--database", str(self._database)]
        command += self._key_arguments()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
        )
        self._process = process
        self.url, *rest = orjson.loads(_first_line(process))
        self._announced(rest)
        self._port = urlsplit(self.url).port or 0

    def stop(self, *, kill: bool = False) -> None:
        """End the server: politely, or as ``kill -9`` does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        atexit.unregister(self.stop)

    def restart(self, *, kill: bool = False) -> None:
        """Stop and start at the same address with the same key."""
        self.stop(kill=kill)
        self.start()
        atexit.register(self.stop)

    def requests(self, last: int = 1000) -> Any:
        """``total``, ``reads``, ``writes``, ``counts``, ``statuses``, how many were carried out at a time
        (``most_at_a_time``), and the last requests, keyless (``at``: seconds since 1970)."""
        return self._call("GET", f"/standin/requests?last={last}")

    def reset_requests(self) -> None:
        """Count from zero."""
        self._call("DELETE", "/standin/requests")

    def dump(self) -> Any:
        """The whole state by table, private values included, addresses relative to the site."""
        return self._call("GET", "/standin/dump")

    def knobs(self, **changes: Any) -> KnobsT:
        """Change knobs while the server runs; returns all of them. A restart keeps them."""
        self._knobs = msgspec.convert(self._call("PUT", "/standin/knobs", changes), type(self._knobs))
        return self._knobs

    def seed(self, items: Iterable[Any] = (), **sections: Any) -> dict[str, list[int]]:
        """Put rows in at once, in the API's JSON; ids and times may be given. Returns the new ids."""
        ids: dict[str, list[int]] = self._call("POST", "/standin/seed", sections) if sections else {}
        batch: list[Any] = []
        for item in items:
            batch.append(item)
            if len(batch) == _SEED_SIZE:
                ids.setdefault("items", []).extend(self._call("POST", "/standin/seed", batch)["items"])
                batch = []
        if batch:
            ids.setdefault("items", []).extend(self._call("POST", "/standin/seed", batch)["items"])
        return ids

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        try:
            body = None if document is None else orjson.dumps(document)
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {content.decode(errors='replace')}")
        return orjson.loads(content)

    def __enter__(self: SelfT) -> SelfT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    stream = process.stdout
    if stream is None:
        raise RuntimeError("the stand-in has no output")
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(_START_TIMEOUT):
            process.kill()
            raise RuntimeError("the stand-in did not start in time")
    line: bytes = stream.readline()
    if not line:
        raise RuntimeError(f"the stand-in ended with status {process.wait()}")
    return line
