"""Ports of loopback for processes that tests start."""

from __future__ import annotations

import random
import socket

BELOW_THE_SYSTEM_S = range(10_000, 32_000)
"""The system takes the ports of outgoing connections from above these, at any moment: one of those may be
gone between the look and the use."""


def free_port() -> int:
    """A port that nobody listens on now, drawn by chance, so that tests side by side draw different ones."""
    for _ in range(100):
        port = random.SystemRandom().choice(BELOW_THE_SYSTEM_S)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is no free port on 127.0.0.1")
