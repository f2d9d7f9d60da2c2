"""What a scope wrote and no record of a run mentions."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from service.store.database import Database
from service.store.ledger import Known, LedgerKey, of_key
from service.store.tables import ledger, plan_entry, plan_key


def absent(db: Database, run_id: str, key: LedgerKey, after: str, limit: int) -> list[Known]:
    """A page of the resources of a scope whose identity no record of the plan bears or mentions, by digest
    over `after`."""
    planned = (
        select(plan_entry.c.seq)
        .where(
            plan_entry.c.run_id == run_id,
            plan_entry.c.key_digest == ledger.c.key_digest,
            plan_entry.c.kind == ledger.c.kind,
            plan_entry.c.scope == ledger.c.scope,
            plan_entry.c.by == ledger.c.by,
        )
        .exists()
    )
    mentioned = (
        select(plan_key.c.seq)
        .where(
            plan_key.c.run_id == run_id,
            plan_key.c.key_digest == ledger.c.key_digest,
            or_(plan_key.c.kind == ledger.c.kind, plan_key.c.kind == ""),
            plan_key.c.scope == ledger.c.scope,
            plan_key.c.by == ledger.c.by,
        )
        .exists()
    )
    with db.read() as connection:
        rows = connection.execute(
            select(*(ledger.c[name] for name in Known.__struct_fields__))
            .where(*of_key(key), ledger.c.key_digest > after, ~planned, ~mentioned)
            .order_by(ledger.c.key_digest)
            .limit(limit)
        )
        return [Known(*tuple(row)) for row in rows]


def size(db: Database, key: LedgerKey) -> int:
    """How many resources the scope wrote."""
    with db.read() as connection:
        return connection.execute(select(func.count()).select_from(ledger).where(*of_key(key))).scalar_one()
