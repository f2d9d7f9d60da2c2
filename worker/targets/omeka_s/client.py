"""Requests to Omeka S's REST API, and the checks without which its answers cannot be trusted.

Omeka S ignores filters that it does not understand and then returns everything; so what comes back
is always compared with what was asked for, and with the total that the answer announces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from worker.attachments.contents import Contents
from worker.errors import Fatal, Retriable
from worker.records import Json, Kind
from worker.targets.base import Method, Operation, Saved
from worker.targets.http import Outcome, Reply, TargetHttp, Verb
from worker.targets.multipart import FilePart, Form
from worker.targets.omeka_s.answers import body_of_read
from worker.targets.omeka_s.pages import says_all
from worker.targets.omeka_s.payloads import request_body
from worker.targets.omeka_s.representation import PATHS, Unreadable, reference_ids, saved_from, stamp
from worker.targets.omeka_s.verdict import VERSION_HEADER
from worker.targets.reading import entries_of, number_lists, unreadable

T = TypeVar("T")

Query = Sequence[tuple[str, str | int]]

TOTAL_HEADER = "omeka-s-total-results"

VERBS: Mapping[Method, Verb] = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
"""Not PUT: it publishes, drops class and sets, and deletes media. But see `says_all`."""

WHOLE = 100_000
"""Lines of one scalar listing: a site of 32,000 items takes 0.28 s."""


class Page(Struct, frozen=True):
    """One page of a list, and how many there are in all."""

    entries: tuple[Mapping[str, Json], ...]
    total: int
    version: str


class OmekaClient:
    """One Omeka S. All reads raise `Retriable` or `Fatal`; see `worker.targets.base`."""

    def __init__(self, http: TargetHttp, contents: Contents | None = None) -> None:
        """`contents`: the bytes that writes may bring; None: none do."""
        self.http = http
        self._contents = contents

    async def page(self, path: str, query: Query) -> Page:
        """One page of full representations."""
        return await self.http.read(path, query, _page)

    async def all(self, path: str, query: Query = (), size: int = 1000) -> list[Mapping[str, Json]]:
        """Every entry of a list, page after page until it is as long as its announced total."""
        entries: dict[Json, Mapping[str, Json]] = {}
        number = 1
        while True:
            page = await self.page(path, (*query, ("sort_by", "id"), ("per_page", size), ("page", number)))
            entries.update((entry.get("o:id"), entry) for entry in page.entries)
            if len(entries) >= page.total:
                return list(entries.values())
            if not page.entries:
                raise incomplete(path, len(entries), page.total)
            number += 1

    async def short_list(self, path: str) -> list[Mapping[str, Json]]:
        """A list that Omeka gives whole, whatever page is asked for, and without a total: data types."""
        return await self.http.read(path, (), _entries)

    async def scalars(
        self,
        path: str,
        field: str,
        order: str = "asc",
        size: int = WHOLE,
        number: int = 1,
        *,
        only: Query = (),
    ) -> tuple[dict[int, Json], int]:
        """One page of a listing number → one field of everything there is (that `only` lets through, where
        the target does not ignore it), and the total."""
        query = (
            *only,
            ("return_scalar", field),
            ("sort_by", "id"),
            ("sort_order", order),
            ("per_page", size),
            ("page", number),
        )
        return await self.http.read(path, query, _scalars)

    async def whole(self, path: str, field: str, only: Query = ()) -> dict[int, Json]:
        """Number → one field of everything, or `Retriable` when it does not equal the announced total."""
        found: dict[int, Json] = {}
        number = 1
        while True:
            page, total = await self.scalars(path, field, number=number, only=only)
            found |= page
            if len(found) == total:
                return found
            if not page or len(found) > total:
                raise incomplete(path, len(found), total)
            number += 1

    async def modified(self, kind: Kind) -> dict[int, str]:
        return {number: stamp(value) for number, value in (await self.whole(PATHS[kind], "modified")).items()}

    async def by_ids(self, kind: Kind, ids: Sequence[int]) -> list[Saved]:
        """The resources with these numbers that exist, in the order of `ids`."""
        found: dict[int, Saved] = {}
        for chunk in number_lists(ids):
            wanted = ",".join(str(number) for number in chunk)
            page = await self.page(PATHS[kind], (("id", wanted), ("per_page", len(chunk))))
            if page.total > len(chunk):
                raise Fatal(
                    "target-unsupported",
                    f"The target ignores the filter by numbers (Omeka S {page.version}), so it cannot be "
                    "read safely. Omeka S 4 or later is needed.",
                )
            for entry in page.entries:
                saved = saved_of(entry, kind)
                found[saved.id] = saved
        return [found[number] for number in dict.fromkeys(ids) if number in found]

    async def members(self, item_set: int) -> list[int]:
        """The numbers of the items in an item set. Each is asked for anew, since a filter may be ignored."""
        query = (("item_set_id", item_set), ("return_scalar", "id"), ("per_page", WHOLE))
        found, _ = await self.http.read("items", query, _scalars)
        return [
            saved.id
            for saved in await self.by_ids("item", sorted(found))
            if item_set in reference_ids(saved.body.get("o:item_set"))
        ]

    async def send(self, operation: Operation, form: Form | None = None) -> Outcome:
        """The one request of a write. `form`: a create whose body this is, since a file goes with it."""
        path = PATHS[operation.kind]
        verb = "PUT" if says_all(operation) else VERBS[operation.method]
        if operation.method == "create":
            return await self.http.write(verb, path, form or self._body(operation))
        if operation.resource_id is None:
            # `POST /items/5` creates another item; a change without a number must not get that far.
            raise ValueError(f"{operation.method} needs the number of a resource")
        body = operation.payload if operation.method == "update" else None
        return await self.http.write(verb, f"{path}/{operation.resource_id}", body)

    def _body(self, operation: Operation) -> bytes | Form:
        if not operation.files:
            return operation.payload
        assert self._contents is not None, "whoever sends files has them"
        parts = [
            FilePart(
                f"file[{index}]",
                file.name,
                file.media_type,
                file.content.size,
                partial(self._contents.chunks, file.content),
            )
            for index, file in enumerate(operation.files)
        ]
        return Form("data", request_body(operation.payload), parts)


async def together(*reads: Awaitable[T]) -> list[T]:
    """The results of several reads at a time; all of them have ended when the first failure is raised."""
    results = await asyncio.gather(*reads, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done


def incomplete(path: str, got: int, total: int) -> Retriable:
    return Retriable(
        "target-listing-incomplete",
        f"The target's list of {path.replace('_', ' ')} changed while it was read ({got} of {total}).",
    )


def _entries(outcome: Outcome) -> list[Mapping[str, Json]]:
    return entries_of(body_of_read(outcome))


def _page(outcome: Outcome) -> Page:
    entries = _entries(outcome)
    assert isinstance(outcome, Reply)
    return Page(
        tuple(entries),
        _total(outcome),
        outcome.headers.get(VERSION_HEADER, ""),
    )


def _scalars(outcome: Outcome) -> tuple[dict[int, Json], int]:
    body = body_of_read(outcome)
    assert isinstance(outcome, Reply)
    if body == []:  # nothing found is a list, though anything found is an object
        return {}, _total(outcome)
    if not isinstance(body, dict) or not all(key.isdecimal() for key in body):
        raise unreadable("an object of numbers was expected")
    return {int(key): value for key, value in body.items()}, _total(outcome)


def _total(reply: Reply) -> int:
    total = reply.headers.get(TOTAL_HEADER, "")
    if not total.isdecimal():
        raise unreadable(f"it has no {TOTAL_HEADER}")
    return int(total)


def saved_of(entry: Mapping[str, Json], kind: Kind) -> Saved:
    """The resource that an entry of a list represents. Raises `Retriable`."""
    try:
        return saved_from(dict(entry), kind)
    except Unreadable as error:
        raise unreadable(str(error)) from error
