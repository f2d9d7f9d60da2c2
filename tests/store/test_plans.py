"""Entries of a plan, written many at a time and found again by identity."""

from __future__ import annotations

import pytest

from service.store import ledger, plans
from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.plans import Entry
from service.store.runs import Claim, RunOptions, claim_run, fenced, schedule_run


@pytest.fixture
def claim(database: Database, batch_id: str) -> Claim:
    run = schedule_run(
        database, batch_id=batch_id, mode="import", options=RunOptions(), key_id=1, inputs_digest="i"
    )
    claimed = claim_run(database, run.id, "one", 60_000)
    assert claimed is not None
    return claimed


def unchanged(seq: int, identifier: str | None, file: str = "data0") -> Entry:
    return Entry(
        seq=seq,
        file=file,
        row=seq + 5_000_000_000,
        ordinal=seq % 3,
        destination="item",
        kind="item",
        action="unchanged",
        identifier=identifier,
        scope="tate",
        by="dcterms:identifier",
        key_digest=f"{seq:064x}",
        resource_id=seq + 9_000_000_000,
        meant=f"{seq:064x}",
        media_meant="",
        linked="",
        outcome="unchanged",
        outcome_id=seq + 9_000_000_000,
    )


def test_entries_come_back_as_they_were_however_they_were_written(database: Database, claim: Claim) -> None:
    names = ["A1", None, "", 'with "quotes" and \\', "ligne\nÀ 木 😀", "  ", "%s ? :x", "null", "12"]
    names += ["A\x00B"] if database.is_sqlite else []  # the other holds none
    alike = [unchanged(seq, names[seq % len(names)]) for seq in range(1, 40)]
    few = [unchanged(seq, f"B{seq}", file="data1") for seq in range(40, 43)]
    skipped = [
        Entry(seq, "data0", seq, 0, "", "", "skip", pending=True, completes=7, outcome="skipped", code="gone")
        for seq in range(43, 60)
    ]
    large = [
        Entry(60, "data0", 60, 0, "item", "item", "create", draft=b"{}", changes=b"\x00", problems=b"[]"),
        Entry(61, "data0", 60, 1, "media", "media", "create", parent_seq=60, depth=1, draft=b"{}"),
        Entry(62, "data0", 61, 0, "item", "item", "update", before=b"\xff", media_meant="m", linked="1 2"),
    ]
    entries = [*large, *skipped, *few, *alike]
    with fenced(database, claim) as connection:
        plans.insert_entries(connection, claim.run_id, entries)
    assert plans.read_plan(database, claim.run_id) == sorted(entries, key=lambda entry: entry.seq)


def test_the_first_entry_that_bears_an_identity_is_found_and_rejected_ones_are_not(
    database: Database, claim: Claim
) -> None:
    first, second = unchanged(1, "A1"), unchanged(2, "A1")
    second = Entry(**{**_fields(second), "key_digest": first.key_digest})
    rejected = Entry(**{**_fields(unchanged(3, "A3")), "action": "reject"})
    with fenced(database, claim) as connection:
        plans.insert_entries(connection, claim.run_id, [second, first, rejected])
    wanted = [first.key_digest or "", rejected.key_digest or "", "f" * 64]
    assert plans.planned_keys(database, claim.run_id, wanted) == {
        ("item", "tate", "dcterms:identifier", first.key_digest): first
    }
    assert plans.planned_keys(database, claim.run_id, []) == {}


def _fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__struct_fields__}


MODIFIED = "2024-05-01T10:00:00"
KEY = LedgerKey("omeka", "item", "tate", "dcterms:identifier")


def ledger_row(key: LedgerKey, digest: str, number: int) -> LedgerRow:
    return LedgerRow(
        key,
        digest,
        f"A{number}",
        number,
        f"m{number}",
        b"{}",
        "2024-05-01T10:00:00",
        "r",
        "1.1",
        linked="1 2",
    )


def test_the_ledger_is_asked_for_many_identities_of_one_scope_at_once(database: Database) -> None:
    others = [
        LedgerKey("another", "item", "tate", "dcterms:identifier"),
        LedgerKey("omeka", "media", "tate", "dcterms:identifier"),
        LedgerKey("omeka", "item", "", "dcterms:identifier"),
        LedgerKey("omeka", "item", "tate", "dcterms:title"),
    ]
    rows = [ledger_row(KEY, f"{number:064x}", number) for number in range(1, 6)]
    rows += [ledger_row(key, f"{6:064x}", 6) for key in others]
    with database.write() as connection:
        ledger.upsert(connection, rows)
    wanted = [f"{number:064x}" for number in range(3, 1500)]
    assert ledger.look_up(database, KEY, wanted) == {
        f"{number:064x}": Known(f"{number:064x}", f"A{number}", number, f"m{number}", MODIFIED, linked="1 2")
        for number in (3, 4, 5)
    }
    assert ledger.look_up(database, KEY, []) == {}


def test_looking_up_identities_goes_by_the_key_of_the_ledger(sqlite: Database) -> None:
    """Never through the whole ledger, nor through all of a scope."""
    query = f"{ledger._KNOWN_SQL} AND key_digest IN (SELECT value FROM json_each(?))"
    with sqlite.read() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {query}", ("omeka", "item", "tate", "dcterms:identifier", "[]")
        ).all()
    assert [row[3] for row in rows if "ledger" in row[3]] == [
        "SEARCH ledger USING INDEX sqlite_autoindex_ledger_1 "
        "(target=? AND kind=? AND scope=? AND by=? AND key_digest=?)"
    ]
