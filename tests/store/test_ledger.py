"""What this service wrote, by identity and by number."""

from __future__ import annotations

import msgspec

from service.store import ledger, runs
from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.runs import Claim
from tests.store.support import analyze, claimed, uses

KEY = LedgerKey("omeka", "item", "tate", "dcterms:identifier")
OTHER = LedgerKey("omeka", "item", "", "dcterms:identifier")


def row(digest: str, number: int = 7, key: LedgerKey = KEY, **more: object) -> LedgerRow:
    given: dict[str, object] = {
        "key": key,
        "key_digest": digest,
        "identifier": digest.upper(),
        "resource_id": number,
        "meant": "m",
        "saved": b'{"o:id": 7}',
        "modified": "2026-11-22 10:00:00",
        "run_id": "r1",
        "operation_key": "1.1",
        "altered": b"[]",
        "media_meant": "mm",
        "linked": "3 4",
        "footing": b"{}",
        "withdrawn": "unpublish",
    }
    return LedgerRow(**{**given, **more})  # type: ignore[arg-type]


def wrote(db: Database, claim: Claim, *rows: LedgerRow) -> None:
    with runs.fenced(db, claim) as connection:
        ledger.upsert(connection, rows)


def test_rows_are_read_whole_as_they_were_written(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    bare = row("b", altered=None, media_meant="", linked="", footing=None, withdrawn=None)
    wrote(database, claim, row("a"), bare, row("a", 9, OTHER))
    assert ledger.rows(database, KEY, ["a", "b", "c"]) == {"a": row("a"), "b": bare}
    assert ledger.rows(database, KEY, []) == {}
    assert ledger.look_up(database, KEY, ["a", "c"]) == {
        "a": Known("a", "A", 7, "m", "2026-11-22 10:00:00", "mm", "3 4", "unpublish", b"{}")
    }


def test_writing_again_replaces_the_row(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    now = row("a", 8, meant="n", saved=b"{}", withdrawn=None, altered=None, footing=None, run_id="r2")
    wrote(database, claim, row("a"), row("b"))
    wrote(database, claim, now)
    assert ledger.rows(database, KEY, ["a", "b"]) == {"a": now, "b": row("b")}


def test_what_stands_as_meant_is_brought_up_to_date_and_its_writer_stays(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, row("a"), row("b"))
    seen = row(
        "a",
        99,
        identifier="another",
        meant="n",
        media_meant="nn",
        linked="5",
        saved=b'{"now": 1}',
        modified="2026-11-23 00:00:00",
        footing=None,
        withdrawn=None,
        run_id="",
        operation_key="",
        altered=None,
    )
    with runs.fenced(database, claim) as connection:
        ledger.refresh(connection, [seen, row("unknown")])
    expected = msgspec.structs.replace(
        row("a"),
        meant="n",
        media_meant="nn",
        linked="5",
        saved=b'{"now": 1}',
        modified="2026-11-23 00:00:00",
        footing=None,
        withdrawn=None,
    )
    assert ledger.rows(database, KEY, ["a", "b", "unknown"]) == {"a": expected, "b": row("b")}


def test_what_was_deleted_is_forgotten_in_its_own_scope_alone(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, row("a"), row("b"), row("a", 9, OTHER))
    with runs.fenced(database, claim) as connection:
        # What bears the identity by now, under another number, stays.
        ledger.remove(connection, [(KEY, "a", 7), (KEY, "b", 6), (KEY, "unknown", 7)])
    assert ledger.rows(database, KEY, ["a", "b"]) == {"b": row("b")}
    assert ledger.rows(database, OTHER, ["a"]) == {"a": row("a", 9, OTHER)}


def test_the_queries_of_the_ledger_use_its_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, *(row(f"d{n}", n) for n in range(1500)))
    analyze(database)
    primary = "sqlite_autoindex_ledger_1" if database.engine.dialect.name == "sqlite" else "pk_ledger"

    def refresh() -> None:
        with runs.fenced(database, claim) as connection:
            ledger.refresh(connection, [row("d5")])

    def remove() -> None:
        with runs.fenced(database, claim) as connection:
            ledger.remove(connection, [(KEY, "d6", 7)])

    uses(database, lambda: ledger.rows(database, KEY, ["d5", "d6"]), primary, table="ledger")
    uses(database, lambda: ledger.look_up(database, KEY, ["d5", "d6"]), primary, table="ledger")
    uses(database, remove, "ix_ledger_resource", table="ledger")
    assert refresh() is None
