"""The saved control files as a list: who saved which under what comment, and how many batches use it."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, select, tuple_

from service.store.batches import readable, seen
from service.store.blobs import Digest
from service.store.database import Database
from service.store.held import GONE
from service.store.keys import Key
from service.store.tables import api_key, batch, blob, control_file


class ControlFacts(Struct, frozen=True):
    """A control file as somebody saved it. `batches`: how many that the key may see are made with it.

    `held`: whether its bytes are still kept. `created_at` in ms since 1970 UTC, `size` in bytes.
    """

    digest: Digest
    comment: str
    key_id: int
    key_label: str
    created_at: int
    size: int
    batches: int
    held: bool


class ControlFilter(Struct, frozen=True):
    """Which are wanted. `comment`: those that contain it, in either case. `before`: older than this one, as
    (created_at, digest, key_id) of the last one seen."""

    comment: str | None = None
    digest: Digest | None = None
    before: tuple[int, str, int] | None = None
    held_only: bool = False


def list_controls(db: Database, key: Key, wanted: ControlFilter, limit: int) -> list[ControlFacts]:
    """Those that the key may read, newest first. What several keys saved is there once for each."""
    age = (control_file.c.created_at, control_file.c.digest, control_file.c.key_id)
    used = (
        select(func.count())
        .select_from(batch)
        .where(batch.c.control_digest == control_file.c.digest, *seen(key))
        .scalar_subquery()
    )
    conditions = [readable(control_file.c.digest, key)]
    if wanted.comment is not None:
        conditions.append(control_file.c.comment.icontains(wanted.comment, autoescape=True))
    if wanted.digest is not None:
        conditions.append(control_file.c.digest == wanted.digest)
    if wanted.before is not None:
        conditions.append(tuple_(*age) < tuple_(*wanted.before))
    if wanted.held_only:
        conditions.append(blob.c.created_at != GONE)
    with db.read() as connection:
        rows = connection.execute(
            select(
                control_file,
                blob.c.size,
                blob.c.created_at.label("held_at"),
                api_key.c.label.label("key_label"),
                used.label("batches"),
            )
            .join(blob, blob.c.digest == control_file.c.digest)
            .join(api_key, api_key.c.id == control_file.c.key_id)
            .where(*conditions)
            .order_by(*(column.desc() for column in age))
            .limit(limit)
        )
        return [
            ControlFacts(
                digest=Digest(row.digest),
                comment=row.comment,
                key_id=row.key_id,
                key_label=row.key_label,
                created_at=row.created_at,
                size=row.size,
                batches=row.batches,
                held=row.held_at != GONE,
            )
            for row in rows
        ]
