"""A plan as a page shows it: the entries of one action, from one on, that meet what is looked for.

Each query goes by an index and reads a bounded number of entries, however long the plan is.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy import case, null, select

from service.store.database import Database
from service.store.plan_places import BLOCK, PlaceType, blocks, has_places
from service.store.plans import Entry
from service.store.tables import plan_entry

CHUNK = 100
"""Entries that a query reads at most."""
_BLOCKS = 200
"""Blocks that are asked for at once."""
_NAMES = (
    "seq",
    "file",
    "row",
    "ordinal",
    "destination",
    "kind",
    "action",
    "identifier",
    "resource_id",
    "changes",
    "problems",
    "outcome",
    "outcome_id",
    "code",
    "message",
)
"""What is shown of an entry; the state of its resource before, which may be large, is not."""


class Section(Struct, frozen=True):
    """Entries of a run with one action. `where`: only such as meet that, a `plan_places.Place`'s type and
    name; it may let others through."""

    run_id: str
    action: str
    where: tuple[PlaceType, str] | None = None


def chunks(db: Database, section: Section, after: int) -> Iterator[list[Entry]]:
    """Entries over `after` in order of `seq`, a few at a time; whoever has enough stops asking."""
    if section.where is None or not has_places(db, section.run_id):
        yield from _range(db, section, after, None)
        return
    first = (after + 1) // BLOCK
    while found := blocks(db, section.run_id, section.where, section.action, first, _BLOCKS):
        for start, end in _joined(found):
            yield from _range(db, section, max(after, start * BLOCK - 1), end * BLOCK)
        first = found[-1] + 1


def _joined(found: list[int]) -> Iterator[tuple[int, int]]:
    """Blocks in order → (first, behind the last) of those that follow each other."""
    start = end = found[0]
    for block in found:
        if block > end:
            yield start, end
            start = block
        end = block + 1
    yield start, end


def _range(db: Database, section: Section, after: int, before: int | None) -> Iterator[list[Entry]]:
    while page := read_entries(db, section, after, before):
        yield page
        if len(page) < CHUNK:
            return
        after = page[-1].seq


def read_entries(db: Database, section: Section, after: int, before: int | None = None) -> list[Entry]:
    """The next entries of the section with a `seq` over `after` and below `before`."""
    # Of a new resource the draft is all there is; of others it is not shown.
    drafted = (plan_entry.c.action == "create") & plan_entry.c.changes.is_(None)
    draft = case((drafted, plan_entry.c.draft), else_=null()).label("draft")
    statement = (
        select(*(plan_entry.c[name] for name in _NAMES), draft)
        .where(
            plan_entry.c.run_id == section.run_id,
            plan_entry.c.action == section.action,
            plan_entry.c.seq > after,
        )
        .order_by(plan_entry.c.seq)
        .limit(CHUNK)
    )
    if before is not None:
        statement = statement.where(plan_entry.c.seq < before)
    with db.read() as connection:
        return [Entry(**row._mapping) for row in connection.execute(statement)]
