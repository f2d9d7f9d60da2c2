"""API keys: made, found, listed, revoked. The key itself is never kept.

A key is `acc_` and 43 characters (32 random bytes). The first twelve characters are its prefix, kept in
clear to find and to name it; of the rest only a SHA-256 is kept, which is enough for random keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from service.store.database import Database, clock
from service.store.tables import api_key

Scope = Literal["upload", "schedule", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("upload", "schedule", "read", "admin")

PREFIX_LENGTH = 12
_KEY = re.compile(r"acc_[A-Za-z0-9_-]{43}")
_NOBODY = hashlib.sha256(b"no such key").hexdigest()


class Key(Struct, frozen=True):
    """Who asks. `target`: the only target that it may see; None: all. Times in ms since 1970 UTC."""

    id: int
    label: str
    prefix: str
    scopes: frozenset[Scope]
    target: str | None
    created_at: int
    last_used_at: int | None
    revoked_at: int | None

    def may_see(self, target: str) -> bool:
        return self.target is None or self.target == target


class NewKey(NamedTuple):
    """A key just made, and the only sight of its secret."""

    key: Key
    secret: str


def create_key(
    db: Database, label: str, scopes: Collection[Scope] = SCOPES, target: str | None = None
) -> NewKey:
    """Make a key, durably."""
    return _create(db, label, scopes, target, bootstrap=None)


def create_initial_key(db: Database) -> NewKey | None:
    """The key of the first start, with all scopes; None when there was one before, even a revoked one."""
    try:
        return _create(db, "initial", SCOPES, None, bootstrap="initial")
    except IntegrityError:
        return None


def _create(
    db: Database, label: str, scopes: Collection[Scope], target: str | None, bootstrap: str | None
) -> NewKey:
    secret = f"acc_{secrets.token_urlsafe(32)}"
    with db.write(durable=True) as connection:
        row = connection.execute(
            insert(api_key)
            .values(
                label=label,
                prefix=secret[:PREFIX_LENGTH],
                digest=_digest(secret),
                scopes=",".join(sorted(scopes)),
                target=target,
                bootstrap=bootstrap,
                created_at=clock(connection),
            )
            .returning(api_key)
        ).one()
    return NewKey(_key(row), secret)


def find_key(db: Database, presented: str) -> Key | None:
    """The valid key that was presented; None for an unknown, malformed or revoked one.

    Takes as long for a wrong rest as for a right one.
    """
    row = None
    if _KEY.fullmatch(presented) is not None:
        with db.read() as connection:
            row = connection.execute(
                select(api_key).where(
                    api_key.c.prefix == presented[:PREFIX_LENGTH], api_key.c.revoked_at.is_(None)
                )
            ).one_or_none()
    right = hmac.compare_digest(_digest(presented), _NOBODY if row is None else row.digest)
    return _key(row) if row is not None and right else None


def valid_key(db: Database, key_id: int) -> Key | None:
    """The key of this number, unless it was revoked."""
    with db.read() as connection:
        row = connection.execute(
            select(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
        ).one_or_none()
    return None if row is None else _key(row)


def list_keys(db: Database) -> list[Key]:
    """All keys, revoked ones too, oldest first."""
    with db.read() as connection:
        return [_key(row) for row in connection.execute(select(api_key).order_by(api_key.c.id))]


def revoke_key(db: Database, name: str) -> list[Key]:
    """Revoke the keys of this prefix or label; the keys that were valid until now. Nothing is deleted."""
    with db.write(durable=True) as connection:
        rows = connection.execute(
            update(api_key)
            .where(or_(api_key.c.prefix == name, api_key.c.label == name), api_key.c.revoked_at.is_(None))
            .values(revoked_at=clock(connection))
            .returning(api_key)
        ).all()
    return [_key(row) for row in rows]


def revoke_key_number(db: Database, key_id: int) -> Key | None:
    """Revoke one key, durably; None when it is none, or was revoked before. Nothing is deleted."""
    with db.write(durable=True) as connection:
        row = connection.execute(
            update(api_key)
            .where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
            .values(revoked_at=clock(connection))
            .returning(api_key)
        ).one_or_none()
    return None if row is None else _key(row)


def record_use(db: Database, key_id: int) -> None:
    """Note that the key was used just now."""
    with db.write() as connection:
        connection.execute(
            update(api_key).where(api_key.c.id == key_id).values(last_used_at=clock(connection))
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret[PREFIX_LENGTH:].encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[Any]) -> Key:
    known: dict[str, Scope] = {scope: scope for scope in SCOPES}
    return Key(
        id=row.id,
        label=row.label,
        prefix=row.prefix,
        scopes=frozenset(known[name] for name in row.scopes.split(",") if name in known),
        target=row.target,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
