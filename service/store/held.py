"""Bytes on their way into a batch, while the garbage of other batches is being removed.

Several services and workers share one store, and the same bytes are kept once. So the bytes that an upload
finds there may be the very ones that are being removed. What holds:

1. Whoever brings bytes *holds* them first: a transaction makes or refreshes their row in `blob`. Then the
   bytes are put into the store (or found there); then the rows that use them are committed, and before
   that is answered, the bytes are looked at once more (`require_standing`).
2. Who removes (`garbage_bytes`) marks the row as `GONE` in a transaction that locks it and finds it unused
   and older than `GRACE`; then, in another that locks it again and finds it still marked, the bytes go, and
   the row with them (or the mark stays, where an old batch still names the digest).

A hold comes before the mark (then the row is too young to be marked), or between mark and removal (then the
mark is no more, and nothing is removed), or after the removal (then the bytes are not found, and are put
there again by who brings them). Who dies in between leaves a row without bytes that nobody was promised, or
bytes whose row will be found old again.
Only a process that stood still for longer than `GRACE` between 1's steps can find its bytes gone: it then
answers that they have to be sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.store.blobs import BlobStore, Digest, Incoming, Stored
from service.store.database import Database, StoreUnavailableError, clock
from service.store.tables import blob

GRACE = 3600 * 1000
"""Milliseconds that bytes are kept at least, whatever the settings say."""
GONE = -1
"""`blob.created_at` of bytes that are (being) removed, though their digest is still known."""


def hold(db: Database, sizes: Mapping[Digest, int]) -> None:
    """These bytes (digest → size) are about to be used: for `GRACE` nobody removes them."""
    with db.write() as connection:
        hold_within(connection, sizes)


def hold_within(connection: Connection, sizes: Mapping[Digest, int]) -> None:
    """The same within a transaction. Sorted, so that two of them cannot wait for each other."""
    if not sizes:
        return
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(blob).values(
        digest=bindparam("of"), size=bindparam("bytes"), created_at=clock(connection)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[blob.c.digest], set_={"created_at": statement.excluded.created_at}
        ),
        [{"of": digest, "bytes": size} for digest, size in sorted(sizes.items())],
    )


def hold_known(db: Database, digests: Collection[Digest]) -> set[Digest]:
    """The same for bytes that are to be used by their digests alone; those that are still there."""
    if not digests:
        return set()
    with db.write() as connection:
        return {digest for digest in sorted(digests) if touch(connection, digest)}


def touch(connection: Connection, digest: Digest) -> bool:
    touched = connection.execute(
        update(blob)
        .where(blob.c.digest == digest, blob.c.created_at != GONE)
        .values(created_at=clock(connection))
    )
    return touched.rowcount > 0


def keep(db: Database, incoming: Incoming) -> Stored:
    """Put bytes into the store. What uses them has to be committed within `GRACE`."""
    digest = incoming.finish()
    hold(db, {digest: incoming.size})
    return incoming.commit()


def keep_all(db: Database, blobs: BlobStore, incomings: Sequence[Incoming]) -> list[Stored]:
    """The same for several, which are synchronised, held and put into the store together."""
    blobs.sync(incomings)
    hold(db, {one.end(): one.size for one in incomings})
    return blobs.commit(incomings)


def put(db: Database, blobs: BlobStore, chunks: Iterable[bytes]) -> Stored:
    """The same for bytes that are made here; nothing is left behind when `chunks` raises."""
    incoming = blobs.begin()
    try:
        for chunk in chunks:
            incoming.write(chunk)
        return keep(db, incoming)
    finally:
        incoming.discard()


def require_standing(blobs: BlobStore, digests: Iterable[Digest]) -> None:
    """The last step before what was brought is answered for. Raises `StoreUnavailableError`."""
    for digest in digests:
        if blobs.size(digest) is None:
            raise StoreUnavailableError(
                "The bytes could not be kept: the machine stood still. Send them again."
            )


def was_removed(db: Database, digest: Digest) -> bool:
    """Whether these bytes are known, and were removed."""
    with db.read() as connection:
        return connection.execute(select(blob.c.created_at).where(blob.c.digest == digest)).scalar() == GONE
