"""The list of batches, newest first."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.lines import moment, one_line
from service.api.naming import place_of
from service.store.batches import BatchFacts, BatchFilter, list_batches
from service.store.database import Database
from service.store.keys import Key
from service.store.outcomes import state_of
from service.store.runs import runs_of_batches
from service.store.states import BatchState

PAGE = 50
SCAN = 200
"""Batches looked at in one go for a filter by state: that is derived, so the database cannot be asked."""


class ListQuery(Struct, frozen=True):
    state: Annotated[tuple[str, ...], Meta(description="Only batches in this state; may repeat.")] = ()
    target: Annotated[str | None, Meta(description="Only batches for this target.")] = None
    comment: Annotated[
        str | None, Meta(description="Only batches whose comment contains this, in either case.")
    ] = None
    limit: Annotated[Annotated[int, Meta(ge=1, le=500)], Meta(description="Batches a page, 1 to 500.")] = PAGE
    before: Annotated[
        str | None, Meta(description="Only batches older than this identifier: where the next page begins.")
    ] = None


class BatchListed(Struct, frozen=True):
    batch: str
    state: BatchState
    target: str
    comment: str
    created: str
    by: str
    url: str


class BatchList(Struct, frozen=True):
    """Newest first. `next`: the address of the next page; None at the end."""

    batches: tuple[BatchListed, ...]
    next: str | None


async def get_batches(call: Call) -> Response:
    query = call.query(ListQuery)
    before = await place_of(call, query.before)
    found, more = await call.db.run(find_batches, call.key, query, before)
    listed = tuple(
        BatchListed(
            batch.id,
            state,
            batch.target,
            batch.comment,
            moment(batch.created_at),
            batch.key_label,
            call.url(f"{PREFIX}/batch/{batch.id}"),
        )
        for batch, state in found
    )
    next_page = call.url(f"{PREFIX}/batch?{_next(query, listed[-1].batch)}") if more and listed else None
    text = "".join(
        f"{one.batch}\t{one.state}\t{one.created}\t{one.target}\t{one_line(one.comment)}\n" for one in listed
    )
    headers = {"Link": f'<{next_page}>; rel="next"'} if next_page else None
    return call.answer(text, BatchList(listed, next_page), headers=headers)


def find_batches(
    db: Database, key: Key, query: ListQuery, before: tuple[int, str] | None
) -> tuple[list[tuple[BatchFacts, BatchState]], bool]:
    """A page of batches with their states, and whether there are more."""
    found: list[tuple[BatchFacts, BatchState]] = []
    size = SCAN if query.state else query.limit + 1
    while True:
        page = list_batches(db, key, BatchFilter(query.target, query.comment, before), size)
        runs = runs_of_batches(db, [batch.id for batch in page])
        for batch in page:
            state = state_of(db, runs.get(batch.id, ()))
            if not query.state or state in query.state:
                found.append((batch, state))
            if len(found) > query.limit:
                return found[: query.limit], True
        if len(page) < size:
            return found, False
        before = (page[-1].created_at, page[-1].id)


def _next(query: ListQuery, last: str) -> str:
    pairs = [("state", state) for state in query.state]
    pairs += [
        (name, value) for name, value in (("target", query.target), ("comment", query.comment)) if value
    ]
    return urlencode([*pairs, ("limit", str(query.limit)), ("before", last)])


OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/batch",
        handler=get_batches,
        summary="List batches, newest first",
        scope="read",
        query=ListQuery,
        answers={
            200: Answer(
                "A page of batches; `Link` with rel=next leads to the following one.",
                "A line a batch, separated by tabs: identifier, state, created, target, comment.",
                BatchList,
            )
        },
        errors=(400, 404),
    ),
)
