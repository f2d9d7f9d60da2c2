"""What users and workers do with the store, without either, and time that passes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update

from service.store import (
    batches,
    garbage,
    held,
    plans,
    runs,
    undo,
)
from service.store.batches import NewBatch, NewFile
from service.store.blobs import Digest, DiskBlobs
from service.store.database import Database, clock
from service.store.failed_files import FailedFile, set_failed_files
from service.store.garbage import Line
from service.store.keys import Key
from service.store.logs import LogLine, append_lines
from service.store.plans import EntryOutcome
from service.store.retention import DAY, Retention
from service.store.runs import Claim, RunFacts, RunOptions
from service.store.tables import (
    batch,
    batch_file,
    blob,
    control_file,
    run,
    task,
    upload,
)
from tests.store.support import entry, keep, known
from tests.store.test_undo import did

CONTROL = b'{"control": 1}'
RETENTION = Retention(uploads=7, dry_runs=30, batches=90, reports=365, undo=500)


class World:
    """What users and workers do, without either."""

    def __init__(self, db: Database, blobs: DiskBlobs, key: Key) -> None:
        self.db, self.blobs, self.key = db, blobs, key

    def upload(self, data: bytes) -> Digest:
        stored = held.put(self.db, self.blobs, [data])
        batches.save_uploads(self.db, self.key, {stored.digest: stored.size})
        return stored.digest

    def control(self, data: bytes = CONTROL) -> Digest:
        stored = held.put(self.db, self.blobs, [data])
        batches.save_control(self.db, self.key, stored, "control")
        return stored.digest

    def batch(self, data: bytes = b"id\n1\n", target: str = "omeka") -> str:
        made = batches.create_batch(self.db, self.key, NewBatch(self.control(), "", target))
        digest = self.upload(data)
        batches.add_files(self.db, self.key, made.id, [NewFile("data0", digest, len(data), "a.csv")])
        return made.id

    def schedule(self, batch_id: str, mode: Any = "import", **options: Any) -> RunFacts:
        return runs.schedule_run(
            self.db,
            batch_id=batch_id,
            mode=mode,
            options=RunOptions(**options),
            key_id=self.key.id,
            inputs_digest="i",
        )

    def claim(self, batch_id: str, mode: Any = "import", **options: Any) -> Claim:
        made = self.schedule(batch_id, mode, **options)
        claim = runs.claim_run(self.db, made.id, "one", 60_000)
        assert claim is not None
        return claim

    def plan(self, claim: Claim, *entries: plans.Entry) -> None:
        keep(self.db, claim, *entries)
        with runs.fenced(self.db, claim) as connection:
            runs.set_phase(connection, claim, "apply", planned_at=1)
            append_lines(
                connection, [LogLine(claim.run_id, 1, 1, "info", "planned", "The plan is complete.")]
            )

    def end(self, claim: Claim, ending: Any = "finished") -> str:
        runs.end_run(self.db, claim, ending)
        return claim.run_id

    def dry_run(self, batch_id: str) -> str:
        claim = self.claim(batch_id, "dry-run")
        self.plan(claim, known(1, "a", draft=b"{}"))
        return self.end(claim)

    def imported(self, batch_id: str, number: int = 101, *more: plans.Entry) -> str:
        """One item created, one record found unchanged, one rejected."""
        claim = self.claim(batch_id)
        self.plan(
            claim,
            known(1, f"a{number}", draft=b"{}", problems=b"[]"),
            known(2, f"b{number}", action="unchanged", outcome="unchanged"),
            entry(3, action="reject", outcome="rejected"),
            *more,
        )
        did(self.db, claim, 1, "create", answer=number, pre_image=b"was")
        outcomes = [EntryOutcome(1, "created", number)]
        failed = held.put(self.db, self.blobs, [f"failed {number}".encode()])
        with runs.fenced(self.db, claim) as connection:
            plans.set_outcomes(connection, claim.run_id, outcomes)
            runs.add_counts(connection, claim.run_id, {"created": 1, "unchanged": 1, "rejected": 1})
            set_failed_files(connection, claim.run_id, [FailedFile("data0", failed.digest, failed.size, 1)])
        return self.end(claim)

    def undone(self, batch_id: str, number: int = 101) -> str:
        claim = self.claim(batch_id, "undo")
        self.plan(claim, entry(1, action="delete", resource_id=number))
        did(self.db, claim, 1, "delete", number)
        with runs.fenced(self.db, claim) as connection:
            undo.mark_undone(connection, batch_id, claim.run_id, [("item", number)])
            plans.set_outcomes(connection, claim.run_id, [EntryOutcome(1, "undone", number)])
        return self.end(claim)

    # --- time and garbage -------------------------------------------------------------------------

    def let_pass(self, days: float) -> None:
        """As if everything had been done so much earlier."""
        let_pass(self.db, days)

    def collect(self, retention: Retention = RETENTION, **how: Any) -> dict[str, Line]:
        """What went, by kind; a dry run says the same before."""
        told = garbage.collect(self.db, self.blobs, retention, dry_run=True, **how)
        lines = garbage.collect(self.db, self.blobs, retention, **how)
        assert lines == told
        return {line.kind: line for line in lines}

    # --- what is there ----------------------------------------------------------------------------

    def count(self, table: Any, *conditions: Any) -> int:
        with self.db.read() as connection:
            statement = select(func.count()).select_from(table).where(*conditions)
            return connection.execute(statement).scalar_one()

    def phases(self, batch_id: str) -> list[str]:
        return [one.phase for one in reversed(runs.runs_of_batch(self.db, batch_id))]

    def there(self, digest: str) -> bool:
        return self.blobs.size(Digest(digest)) is not None


def let_pass(db: Database, days: float) -> None:
    back = int(days * DAY)
    with db.write() as connection:
        for table, names in (
            (batch, ("created_at",)),
            (batch_file, ("at",)),
            (run, ("scheduled_at", "started_at", "planned_at", "ended_at")),
            (upload, ("at",)),
            (control_file, ("created_at",)),
            (task, ("created_at", "ended_at")),
        ):
            values = {name: table.c[name] - back for name in names}
            connection.execute(update(table).values(values))
        connection.execute(
            update(blob).where(blob.c.created_at != held.GONE).values(created_at=blob.c.created_at - back)
        )


def now(db: Database) -> int:
    """By the database's clock, ms."""
    with db.read() as connection:
        return int(connection.execute(select(clock(connection))).scalar_one())
