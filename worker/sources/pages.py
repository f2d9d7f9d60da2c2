"""What reading a source is made of: parts, pages, and the place where reading goes on. Plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from worker.records import Json

Entry = Mapping[str, Json]

Each = Literal["", "owners", "changed", "items"]


class Part(Struct, frozen=True):
    """A list of the source that is read to its end.

    `each`: the list is read for each of some numbers that earlier parts have told, at `path` with the number
    in the place of `{}`: the `owners` of records; items that were `changed` as their files tell; the `items`
    themselves. `single`: at that path stands one record, no list.
    """

    name: str
    path: str
    query: tuple[tuple[str, str | int], ...] = ()
    each: Each = ""
    single: bool = False
    failing: Literal["page", "run", "nothing"] = "page"
    """What a page costs that cannot be read: itself; the whole run, where every record needs what it says; or
    nothing, where the source may keep it to itself."""


class Position(Struct, frozen=True, omit_defaults=True):
    """Where reading goes on. `part`, `page`: counted from 0 and from 1. `total`, `last`: how many records and
    pages the list has, as far as it has told."""

    part: int = 0
    page: int = 1
    total: int = 0
    last: int = 0

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def position_of(text: str) -> Position:
    return msgspec.json.decode(text, type=Position)


class Page(Struct, frozen=True):
    """One page as it came. `failed`: why it did not. `index`: of its part."""

    part: str
    index: int
    number: int
    entries: Sequence[Entry] = ()
    total: int = 0
    failed: str = ""

    def bytes(self) -> bytes:
        """The page as it is stored. Half of a surrogate pair passes: the record that holds it is refused."""
        return json.dumps(msgspec.structs.asdict(self)).encode("ascii")


def page_of(data: bytes) -> Page:
    return Page(**json.loads(data))


class Listed(Struct, frozen=True):
    """A page of a list: its records, whether another follows, and how long the list says it is."""

    entries: tuple[Entry, ...]
    more: bool
    total: int
    last: int
    """The number of the last page, as far as it is told; 0: it is not."""


def number_of(entry: Json, key: str = "id") -> int | None:
    """The number in an object, where it is one."""
    if isinstance(entry, dict):
        found = entry.get(key)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None
