"""Recorded exchanges with a real Omeka, by name, as this side sees them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from worker.targets.http import Reply

CONTRACT = Path(__file__).parents[2] / "contract"


class Recordings:
    """Those of one kind: `folder` below `tests/contract`."""

    def __init__(self, folder: str) -> None:
        self._folder = CONTRACT / folder / "exchanges"
        self._read: dict[str, Any] = {}

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {path.stem.split("-", 1)[1]: path for path in self._folder.glob("*.json")}

    def exchange(self, name: str) -> Any:
        """The whole recording."""
        if name not in self._read:
            self._read[name] = json.loads(self._files[name].read_text(encoding="utf-8"))
        return self._read[name]

    def body(self, name: str) -> Any:
        return self.exchange(name)["response"]["body"]

    def reply(self, name: str) -> Reply:
        response = self.exchange(name)["response"]
        content = response["body"]
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        headers = {key.lower(): value for key, value in response["headers"].items()}
        return Reply(response["status"], headers, data)
