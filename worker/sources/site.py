"""What all kinds of sources have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from worker.records import Json
from worker.sources.asking import SourceHttp
from worker.sources.pages import Entry, Listed, Page, Part

Record = dict[str, Json]


class Proof(Struct, frozen=True):
    """What the first question has shown. `clock`: the source's own, ISO 8601 in UTC."""

    said: str
    clock: str


class Site(Protocol):
    """One Omeka that is read. Its parts are the same whenever they are asked for with the same words."""

    http: SourceHttp

    async def prove(self) -> Proof:
        """Ask it something that a stranger, or another program, answers otherwise.

        Raises `Fatal` where it is no such Omeka or does not know the key, `Retriable` where it is away.
        """
        ...

    async def parts(self, resources: Sequence[str], since: str) -> tuple[Part, ...]:
        """What is read, in order. `since` "": everything."""
        ...

    async def page(self, part: Part, number: int, size: int) -> Listed:
        """One page of a list. Raises as `SourceHttp.json`."""
        ...

    def ids(self, part: Part, pages: Iterable[Page]) -> list[int]:
        """For which numbers a part with `each` is read, by the pages before it; sorted."""
        ...

    def records(self, resources: Sequence[str], pages: Iterable[Page]) -> Iterator[Record]:
        """The records that the pages make, in order; blocking. A page that failed is one of its own kind
        (`failed_record`)."""
        ...


FAILED = "accession:failed"
"""The key of a record that stands for what could not be read."""


def failed_record(code: str, message: str) -> Record:
    return {FAILED: {"code": code, "message": message}}


def once(entries: Iterable[Entry], key: str, seen: set[int]) -> Iterator[Entry]:
    """Without those that came already: a list may shift while it is read."""
    for entry in entries:
        number = entry.get(key)
        if isinstance(number, int):
            if number in seen:
                continue
            seen.add(number)
        yield entry
