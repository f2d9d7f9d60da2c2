"""The program around a stand-in: its arguments, its socket, its end."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from .storage import Files, Journal

_PR_SET_PDEATHSIG = 1
HOST = "127.0.0.1"


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The arguments that every stand-in takes."""
    arguments = argparse.ArgumentParser(prog=f"standin {name}", description=description)
    arguments.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (0: any free one)")
    arguments.add_argument(
        "--database", type=Path, help="SQLite file to keep everything in (default: memory)"
    )
    arguments.add_argument("--workers", type=int, help="requests carried out at a time (0: no limit)")
    arguments.add_argument("--delay-ms", type=float, help="what each request costs before its work, in ms")
    arguments.add_argument("--knobs", default="{}", help="knobs as JSON")
    arguments.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    return arguments


def stores(path: Path | None) -> tuple[Journal, Files]:
    """Where rows and files are kept: beside each other, or in memory."""
    return Journal(path), Files(path.with_name(path.name + ".files") if path else None)


def serve(application: Any, port: int, announce: Callable[[str], None]) -> None:
    """Serve until a signal; ``announce`` is told the address once the socket listens, so that a client may
    connect at once."""
    listener = socket.create_server((HOST, port), backlog=256)
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=1 << 20,
    )
    announce(f"http://{HOST}:{listener.getsockname()[1]}")
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is an orderly end
        uvicorn.Server(config).run(sockets=[listener])


def die_with_parent() -> None:
    """Let the kernel end this process when its parent is gone, however that went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
