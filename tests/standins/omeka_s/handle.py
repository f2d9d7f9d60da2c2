"""A running stand-in, as tests hold it."""

from __future__ import annotations

import atexit
import http.client
import os
import selectors
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec
import orjson

from .knobs import Knobs

_ROOT = Path(__file__).parents[3]
_START_TIMEOUT = 20.0
_SEED_SIZE = 5000


@dataclass(frozen=True)
class UserKey:
    """A user and their key."""

    id: int
    identity: str
    credential: str


class StandIn:
    """A stand-in Omeka S in a process of its own, on a free port of 127.0.0.1; ends with this process.

    ``modules`` and the other keywords are knobs (see ``Knobs``); ``key`` is the administrator's, random
    by default. ``database`` keeps the state in a SQLite
    file, so that ``restart()``, or another StandIn, finds it again.
    """

    def __init__(
        self,
        database: Path | None = None,
        port: int = 0,
        key: tuple[str, str] = ("", ""),
        **knobs: Any,
    ) -> None:
        self._database = database
        self._knobs = Knobs(**knobs)
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.key_identity, self.key_credential = key
        self.start()
        atexit.register(self.stop)

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"

    @property
    def key(self) -> dict[str, str]:
        """The administrator's key as query parameters."""
        return {"key_identity": self.key_identity, "key_credential": self.key_credential}

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError("the stand-in is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server (again), at the same port; returns when it listens."""
        command = [sys.executable, "-m", "tests.standins.omeka_s", "--die-with-parent"]
        command += ["--port", str(self._port), "--knobs", msgspec.json.encode(self._knobs).decode()]
        if self._database is not None:
            command += ["--database", str(self._database)]
        if self.key_identity:
            command += ["--key-identity", self.key_identity, "--key-credential", self.key_credential]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
        )
        self._process = process
        self.url, self.key_identity, self.key_credential = orjson.loads(_first_line(process))
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

    def knobs(self, **changes: Any) -> Knobs:
        """Change knobs while the server runs; returns all of them. A restart keeps them."""
        self._knobs = msgspec.convert(self._call("PUT", "/standin/knobs", changes), Knobs)
        return self._knobs

    def seed(self, items: Iterable[Any] = (), **sections: Any) -> dict[str, list[int]]:
        """Put rows in at once, in the API's JSON; ids and times may be given. Returns the new ids.

        Sections are ``item_sets``, ``media``, ``users``, ``resource_templates``, ``sites``, ``assets``,
        ``custom_vocabs``, and ``next_ids`` (``{"resources": 70}``: the number of the next resource).
        """
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

    def add_user(
        self, role: str = "author", *, active: bool = True, name: str | None = None, **more: Any
    ) -> UserKey:
        """A user with a new key; ``identity`` and ``credential`` may be given, ``id`` is one that exists."""
        data: dict[str, Any] = {"role": role, "active": active, **more}
        if name is not None:
            data["name"] = name
        return UserKey(**self._call("POST", "/standin/users", data))

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

    def __enter__(self) -> StandIn:
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
