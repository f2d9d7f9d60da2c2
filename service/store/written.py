"""Everything that this service wrote on a target, as the target answered it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sqlalchemy import select, tuple_

from service.store.database import Database
from service.store.tables import ledger

PAGE = 500
_KEY = (ledger.c.kind, ledger.c.scope, ledger.c.by, ledger.c.key_digest)


def representations(db: Database, target: str) -> Iterator[list[tuple[str, int, bytes]]]:
    """(kind, number, JSON) of all resources that the ledger knows, in pages. Of media that came with their
    item the JSON may be empty."""
    after = ("", "", "", "")
    while True:
        with db.read() as connection:
            rows = connection.execute(
                select(*_KEY, ledger.c.resource_id, ledger.c.saved)
                .where(ledger.c.target == target, tuple_(*_KEY) > tuple_(*after))
                .order_by(*_KEY)
                .limit(PAGE)
            ).all()
        if not rows:
            return
        last = rows[-1]
        after = (last.kind, last.scope, last.by, last.key_digest)
        yield [(row.kind, row.resource_id, zlib.decompress(row.saved)) for row in rows]
