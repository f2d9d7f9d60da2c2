"""What a scope wrote and no record of a run speaks of."""

from __future__ import annotations

from service.store import absent, ledger, links, runs
from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.links import KeyRow
from service.store.runs import Claim
from tests.store.support import analyze, claimed, keep, known, uses

KEY = LedgerKey("omeka", "item", "tate", "dcterms:identifier")


def row(digest: str, key: LedgerKey = KEY, **more: object) -> LedgerRow:
    given: dict[str, object] = {
        "key": key,
        "key_digest": digest,
        "identifier": digest.upper(),
        "resource_id": ord(digest[0]),
        "meant": "m",
        "saved": b"{}",
        "modified": "2026-11-22 10:00:00",
        "run_id": "r",
        "operation_key": "1.1",
    }
    return LedgerRow(**{**given, **more})  # type: ignore[arg-type]


def wrote(db: Database, claim: Claim, *rows: LedgerRow) -> None:
    with runs.fenced(db, claim) as connection:
        ledger.upsert(connection, rows)


def mention(db: Database, claim: Claim, *keys: KeyRow) -> None:
    with runs.fenced(db, claim) as connection:
        links.insert_keys(connection, claim.run_id, keys)


def key(digest: str, kind: str = "item", scope: str = "tate", by: str = KEY.by) -> KeyRow:
    return KeyRow(90, kind, scope, by, digest, False)


def gone(db: Database, claim: Claim) -> list[str]:
    return [one.key_digest for one in absent.absent(db, claim.run_id, KEY, "", 100)]


def test_what_no_record_bears_is_absent(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(
        database, claim, row("a"), row("b"), row("c", withdrawn="unpublish", media_meant="mm", linked="3 4")
    )
    keep(database, claim, known(1, "b"))
    assert absent.absent(database, claim.run_id, KEY, "", 100) == [
        Known("a", "A", 97, "m", "2026-11-22 10:00:00"),
        Known("c", "C", 99, "m", "2026-11-22 10:00:00", "mm", "3 4", "unpublish"),
    ]


def test_a_record_speaks_of_its_resource_whatever_became_of_it(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, *(row(one) for one in "abcdefg"))
    keep(
        database,
        claim,
        known(1, "a", action="unchanged"),
        known(2, "b", action="reject"),
        known(3, "c", action="skip"),
    )
    mention(database, claim, key("d"), key("e", kind=""))
    assert gone(database, claim) == ["f", "g"]


def test_only_the_same_kind_scope_and_properties_speak_of_it(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, *(row(one) for one in "abcdef"))
    keep(
        database,
        claim,
        known(1, "a", kind="media"),
        known(2, "b", scope="other"),
        known(3, "c", by="dcterms:title"),
    )
    mention(database, claim, key("d", kind="media"), key("e", scope="other"), key("f", by="dcterms:title"))
    assert gone(database, claim) == ["a", "b", "c", "d", "e", "f"]


def test_what_other_scopes_wrote_is_never_absent(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    others = (
        LedgerKey("omeka", "item", "", KEY.by),
        LedgerKey("omeka", "media", "tate", KEY.by),
        LedgerKey("omeka", "item", "tate", "dcterms:title"),
        LedgerKey("elsewhere", "item", "tate", KEY.by),
    )
    wrote(database, claim, *(row("x", other) for other in others))
    assert gone(database, claim) == []
    assert absent.size(database, KEY) == 0
    assert absent.size(database, others[0]) == 1


def test_what_is_absent_is_read_in_pages(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, *(row(one) for one in "abcde"))
    keep(database, claim, known(1, "c"))
    found = []
    after = ""
    while page := absent.absent(database, claim.run_id, KEY, after, 2):
        found.append([one.key_digest for one in page])
        after = page[-1].key_digest
    assert found == [["a", "b"], ["d", "e"]]
    assert absent.size(database, KEY) == 5


def test_what_is_absent_is_found_by_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    wrote(database, claim, *(row(f"a{n:04}") for n in range(1000)))
    keep(database, claim, *(known(n, f"a{n:04}") for n in range(1, 900)))
    mention(database, claim, *(KeyRow(n, "item", "tate", KEY.by, f"b{n:04}", False) for n in range(1000)))
    analyze(database)
    uses(
        database,
        lambda: absent.absent(database, claim.run_id, KEY, "a0500", 50),
        "ix_plan_entry_key",
        "ix_plan_key_digest",
        "ledger",
    )
