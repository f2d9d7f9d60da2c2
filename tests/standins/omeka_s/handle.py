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
    identity: str
    credential: str


class StandIn(StandInProcess[Knobs]):
    """A stand-in Omeka S in a process of its own, on a free port of 127.0.0.1; ends with this process.

    ``modules`` and the other keywords are knobs (see ``Knobs``); ``key`` is the administrator's, random
    by default. ``database`` keeps the state in a SQLite
    file, so that ``restart()``, or another StandIn, finds it again.

    Sections of ``seed`` are ``item_sets``, ``media``, ``users``, ``resource_templates``, ``sites``,
    ``assets``, ``custom_vocabs``, and ``next_ids`` (``{"resources": 70}``: the number of the next resource).
    """

    module = "tests.standins.omeka_s"

    def __init__(
        self,
        database: Path | None = None,
        port: int = 0,
        key: tuple[str, str] = ("", ""),
        **knobs: Any,
    ) -> None:
        self.key_identity, self.key_credential = key
        super().__init__(Knobs(**knobs), database, port)

    @property
    def key(self) -> dict[str, str]:
        """The administrator's key as query parameters."""
        return {"key_identity": self.key_identity, "key_credential": self.key_credential}

    def add_user(
        self, role: str = "author", *, active: bool = True, name: str | None = None, **more: Any
    ) -> UserKey:
        """A user with a new key; ``identity`` and ``credential`` may be given, ``id`` is one that exists."""
        data: dict[str, Any] = {"role": role, "active": active, **more}
        if name is not None:
            data["name"] = name
        return UserKey(**self._call("POST", "/standin/users", data))

    def _key_arguments(self) -> list[str]:
        if not self.key_identity:
            return []
        return ["--key-identity", self.key_identity, "--key-credential", self.key_credential]

    def _announced(self, rest: list[str]) -> None:
        self.key_identity, self.key_credential = rest
