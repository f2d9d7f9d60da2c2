"""What the replays of recorded exchanges have in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

TRANSPORT = {"date", "connection", "transfer-encoding", "server"}
"""Headers of the connection, not of the answer."""


@dataclass(frozen=True)
class Answer:
    """Status, headers and body, with all that may differ replaced by names."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Outcome:
    """The recorded answer and the stand-in's."""

    expected: Answer
    actual: Answer


def text(body: Any) -> str:
    """A body as text, so that the order of keys counts, and 1 is not true."""
    return json.dumps(body, indent=1, ensure_ascii=False)
