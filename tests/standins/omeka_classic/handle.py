"""A running stand-in, as tests hold it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.shared.process import StandInProcess

from .knobs import Knobs


@dataclass(frozen=True)
class UserKey:
    """A user and their key."""

    id: int
    key: str


class StandIn(StandInProcess[Knobs]):
    """A stand-in Omeka Classic in a process of its own, on a free port of 127.0.0.1; ends with this process.

    The keywords are knobs (see ``Knobs``); ``key`` is the super user's, random by default. ``database`` keeps
    the state in a SQLite file, so that ``restart()``, or another StandIn, finds it again.

    Sections of ``seed`` are the names of the API's resources (``collections``, ``files``, ``item_types``,
    ``users`` …), each a list of records in the API's JSON, and ``next_ids`` (``{"items": 70}``: the number
    that the next item takes). A record with the id of one that exists takes its place, as if somebody else
    had edited it. Elements, item types and tags may be given by name; a file may bring its ``content``
    in base64.
    """

    module = "tests.standins.omeka_classic"

    def __init__(
        self,
        database: Path | None = None,
        port: int = 0,
        key: str = "",
        **knobs: Any,
    ) -> None:
        self.api_key = key
        super().__init__(Knobs(**knobs), database, port)

    @property
    def key(self) -> dict[str, str]:
        """The super user's key as query parameters."""
        return {"key": self.api_key}

    def add_user(
        self, role: str = "contributor", *, active: bool = True, name: str | None = None, **more: Any
    ) -> UserKey:
        """A user with a new key; ``key`` may be given, ``id`` is one that exists."""
        data: dict[str, Any] = {"role": role, "active": active, **more}
        if name is not None:
            data["name"] = name
        return UserKey(**self._call("POST", "/standin/users", data))

    def _key_arguments(self) -> list[str]:
        return ["--key", self.api_key] if self.api_key else []

    def _announced(self, rest: list[str]) -> None:
        (self.api_key,) = rest
