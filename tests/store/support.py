"""Runs, entries and query plans for the tests of the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import event, insert

from service.store import plans, runs
from service.store.database import Database
from service.store.plans import Entry
from service.store.runs import Claim, RunOptions
from service.store.tables import batch


def claimed(db: Database, batch_id: str, lease: int = 60_000, mode: Any = "dry-run") -> Claim:
    run = runs.schedule_run(
        db, batch_id=batch_id, mode=mode, options=RunOptions(), key_id=1, inputs_digest="i"
    )
    claim = runs.claim_run(db, run.id, "one", lease)
    assert claim is not None
    return claim


def batch_of(db: Database, batch_id: str, target: str = "omeka", comment: str = "") -> str:
    """Another batch beside the first."""
    with db.write() as connection:
        connection.execute(
            insert(batch).values(
                id=batch_id, control_digest="c", comment=comment, target=target, key_id=1, created_at=0
            )
        )
    return batch_id


def entry(seq: int, **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "data0",
        "row": seq,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "action": "create",
    }
    return Entry(**{**given, **more})


def known(seq: int, value: str, **more: Any) -> Entry:
    """An entry with an identity, whose digest is `value`."""
    return entry(
        seq, **{"identifier": value, "scope": "tate", "by": "dcterms:identifier", "key_digest": value, **more}
    )


def keep(db: Database, claim: Claim, *entries: Entry) -> None:
    with runs.fenced(db, claim) as connection:
        plans.insert_entries(connection, claim.run_id, entries)


def explained(db: Database, query: Callable[[], object], *, table: str = "plan_") -> str:
    """How the database carries out what `query` asks of it, as far as it is about a table."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if f" {table}" in statement and not statement.startswith("INSERT"):
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    query()
    event.remove(db.engine, "before_cursor_execute", note)
    lines = []
    with db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Tables of a test are small: only the ways that no index helps would then be chosen.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        for statement, parameters in asked:
            lines += [str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", parameters)]
    assert lines
    return "\n".join(lines)


def uses(db: Database, query: Callable[[], object], *indexes: str, table: str = "plan_") -> None:
    """Assert that a query looks into these indexes and walks through no such table."""
    plan = explained(db, query, table=table)
    missing = [one for one in indexes if one not in plan]
    walks = [line for line in plan.splitlines() if _walks(line, table)]
    assert (missing, walks) == ([], []), plan


def _walks(line: str, table: str) -> bool:
    return f"Seq Scan on {table}" in line or line.startswith(f"SCAN {table}")


def analyze(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [one.seq for one in entries]
