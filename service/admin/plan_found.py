"""The records of a plan that are looked for, page by page: a bounded number of entries is read for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from msgspec import Struct

from service.admin.plan_sought import Sought
from service.api.plan import pages_of_plan
from service.errors import bad_parameter, shown
from service.store.database import Database
from service.store.plan_pages import Section, chunks
from service.store.plans import Entry, EntryFilter

PAGE = 30
"""Records of a page, where their values leave room for so many."""
MOST_READ = 5000
"""Entries that are read for a page. Words stand in no index: who looks for rare ones goes on by a link."""
LISTED = ("update", "delete", "unpublish", "create", "reject", "skip", "unchanged")
"""Actions in the order in which records are listed: what touches something that stands there comes first."""


class Cursor(Struct, frozen=True):
    """The last entry that was looked at."""

    action: str
    seq: int

    def __str__(self) -> str:
        return f"{self.action}:{self.seq}"


def read_cursor(given: str | None, actions: Sequence[str]) -> Cursor:
    """Raises `ApiError` 400."""
    if given is None:
        return Cursor(actions[0], 0)
    action, _, seq = given.partition(":")
    if action not in actions or not (seq.isascii() and seq.isdigit() and len(seq) < 10):
        message = f"after is {shown(given)}: not ACTION:NUMBER, as the links of the page have it."
        raise bad_parameter("after", message)
    return Cursor(action, int(seq))


def actions_of(action: str, sought: Sought) -> tuple[str, ...]:
    """Whose entries are listed. What does not change is only counted, unless one asks for it."""
    if action:
        return (action,)
    # An edit in Omeka that is kept leaves its record unchanged.
    return LISTED if sought.where is not None else LISTED[:-1]


class Found(Struct, frozen=True):
    """A page of entries. `following`: where the next one begins; `unfinished`: as much was read as may be."""

    entries: list[Entry]
    following: Cursor | None
    unfinished: bool = False


def find(db: Database, run_id: str, actions: Sequence[str], sought: Sought, after: Cursor) -> Found:
    found: list[Entry] = []
    read, seq = 0, after.seq
    for action in actions[actions.index(after.action) :]:
        for chunk in chunks(db, Section(run_id, action, sought.where), seq):
            for entry in chunk:
                if read == MOST_READ:
                    return Found(found, Cursor(action, seq), unfinished=True)
                read, seq = read + 1, entry.seq
                if not sought.takes(entry):
                    continue
                if len(found) == PAGE:
                    return Found(found, cursor_of(found[-1]))
                found.append(entry)
        seq = 0
    return Found(found, None)


def cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry.action, entry.seq)


async def every(
    db: Database, run_id: str, actions: Sequence[str], sought: Sought
) -> AsyncIterator[list[Entry]]:
    """All of them, a few at a time: for a file."""
    for action in actions:
        async for page in pages_of_plan(db, run_id, EntryFilter(actions=(action,))):
            yield [entry for entry in page if sought.takes(entry)]


def narrowed(sought: Sought) -> bool:
    return any(msgspec.structs.astuple(sought))
