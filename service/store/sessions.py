"""Sessions of the pages that somebody ended: a cookie that was copied before is worth nothing after.

A session itself is only in the browser (`admin.session`); here is what tells that it is over before its time.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database, clock
from service.store.keys import Key, valid_key
from service.store.tables import ended_session


def end_session(db: Database, nonce: str, ends: int) -> None:
    """From now on the session is over. `ends`: when it would have been, in seconds since 1970 UTC."""
    with db.write(durable=True) as connection:
        connection.execute(delete(ended_session).where(ended_session.c.ends_at < clock(connection)))
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(
            dialect.insert(ended_session).values(nonce=nonce, ends_at=ends * 1000).on_conflict_do_nothing()
        )


def key_of_session(db: Database, key_id: int, nonce: str) -> Key | None:
    """The key that a session was begun with, unless that was revoked or the session ended."""
    with db.read() as connection:
        if connection.execute(select(exists().where(ended_session.c.nonce == nonce))).scalar_one():
            return None
    return valid_key(db, key_id)
