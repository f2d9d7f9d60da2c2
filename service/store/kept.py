"""Files of media that runs have deleted: their bytes stay as long as the run can be undone."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from service.store.blobs import Digest
from service.store.database import Database
from service.store.held import hold_within
from service.store.runs import Claim, fenced
from service.store.tables import kept_file


def keep_files(db: Database, claim: Claim, sizes: Mapping[Digest, int]) -> None:
    """These bytes (digest → size), which are in the store, are needed to undo the run."""
    if not sizes:
        return
    with fenced(db, claim) as connection:
        hold_within(connection, sizes)
        there = set(
            connection.execute(
                select(kept_file.c.digest).where(
                    kept_file.c.run_id == claim.run_id, kept_file.c.digest.in_(list(sizes))
                )
            ).scalars()
        )
        new = sorted(set(sizes) - there)
        if new:
            connection.execute(
                kept_file.insert(), [{"run_id": claim.run_id, "digest": digest} for digest in new]
            )
