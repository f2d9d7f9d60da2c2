"""The endpoints under /standin that every stand-in has. No real Omeka has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import orjson

from .php import Json, parse_query, to_int
from .traffic import Traffic


class State(Protocol):
    """What tests see and set of one stand-in's database."""

    clock: int


class Control:
    """Answers the requests under /standin; a subclass knows the database."""

    def __init__(self, state: State, knobs: Any, traffic: Traffic) -> None:
        self._state = state
        self._settings = knobs
        self._traffic = traffic

    def answer(self, method: str, path: str, raw_query: str, body: bytes) -> tuple[int, Json]:
        """Status and JSON document."""
        query = parse_query(raw_query)
        match method, path:
            case "GET", "/standin/requests":
                return 200, self._traffic.report(to_int(query.get("last", "1000")))
            case "DELETE", "/standin/requests":
                self._traffic.reset()
                return 200, {}
            case "GET", "/standin/knobs":
                return 200, msgspec.to_builtins(self._settings)
            case "PUT" | "PATCH", "/standin/knobs":
                return self._turn(orjson.loads(body))
            case "GET", "/standin/dump":
                return 200, self.dump()
            case "POST", "/standin/seed":
                return self._tried(self.seed, orjson.loads(body))
            case "POST", "/standin/users":
                return self._tried(self.add_user, orjson.loads(body))
            case "GET", "/standin/ready":
                return 200, {}
            case _:
                return 404, {"error": f"no such endpoint: {method} {path}"}

    def dump(self) -> Json:
        """The whole state."""
        raise NotImplementedError

    def seed(self, document: Json) -> Json:
        """Put rows in, and answer their ids."""
        raise NotImplementedError

    def add_user(self, data: Json) -> Json:
        """A user with a key."""
        raise NotImplementedError

    @staticmethod
    def _tried(act: Callable[[Json], Json], document: Json) -> tuple[int, Json]:
        try:
            return 200, act(document)
        except (KeyError, TypeError, ValueError) as error:
            return 422, {"error": f"{type(error).__name__}: {error}"}

    def _turn(self, changes: Json) -> tuple[int, Json]:
        try:
            turned = msgspec.convert(msgspec.to_builtins(self._settings) | changes, type(self._settings))
        except msgspec.ValidationError as error:
            return 422, {"error": str(error)}
        for name in turned.__struct_fields__:
            # In place: everybody holds this object.
            setattr(self._settings, name, getattr(turned, name))
        self._state.clock = turned.clock
        return 200, msgspec.to_builtins(self._settings)
