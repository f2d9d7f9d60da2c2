"""Run a stand-in Omeka S: ``python -m tests.standins.omeka_s --port 8180``."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import signal
import socket
import sys
from pathlib import Path

import msgspec
import uvicorn

from .control import ensure_admin
from .database import Database
from .knobs import Knobs
from .model import Key
from .server import Server
from .storage import Files, Journal

_PR_SET_PDEATHSIG = 1
HOST = "127.0.0.1"


def main() -> None:
    """Parse the arguments and serve until a signal."""
    arguments = _parse()
    if arguments.die_with_parent:
        _die_with_parent()
    knobs = msgspec.json.decode(arguments.knobs, type=Knobs)
    if arguments.delay_ms is not None:
        knobs.delay_ms = arguments.delay_ms
    if arguments.workers is not None:
        knobs.workers = arguments.workers
    path: Path | None = arguments.database
    database = Database(Journal(path), Files(path.with_name(path.name + ".files") if path else None))
    database.clock = knobs.clock
    key = ensure_admin(database, arguments.key_identity, arguments.key_credential)
    database.commit()
    listener = socket.create_server((HOST, arguments.port), backlog=256)
    config = uvicorn.Config(
        Server(database, knobs),
        http="httptools",
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=1 << 20,
    )
    _announce(listener.getsockname()[1], key, machine=arguments.die_with_parent)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is an orderly end
        uvicorn.Server(config).run(sockets=[listener])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="standin omeka-s", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--database", type=Path, help="SQLite file to keep everything in (default: memory)")
    parser.add_argument("--workers", type=int, help="requests carried out at a time (0: no limit)")
    parser.add_argument("--delay-ms", type=float, help="what each request costs before its work, in ms")
    parser.add_argument("--key-identity", help="the administrator's key (default: a new one)")
    parser.add_argument("--key-credential", help="and its secret")
    parser.add_argument("--knobs", default="{}", help="knobs as JSON")
    parser.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _announce(port: int, key: Key, *, machine: bool) -> None:
    """Say where we are. The socket listens already, so a client may connect at once."""
    url = f"http://{HOST}:{port}"
    if machine:
        print(msgspec.json.encode([url, key.identity, key.credential]).decode(), flush=True)
        return
    print(
        f"A stand-in Omeka S listens at {url} (not a real Omeka: it answers as one was recorded to).\n"
        f"Items are shown at {url}/ and its API is {url}/api.\n\n"
        "Point Accession at it with\n"
        f"  export OMEKA_URL={url}\n"
        f"  export OMEKA_KEY_IDENTITY={key.identity}\n"
        f"  export OMEKA_KEY_CREDENTIAL={key.credential}",
        flush=True,
    )


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is gone, however that went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
