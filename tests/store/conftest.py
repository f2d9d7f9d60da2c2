"""A batch to run, without the service that makes batches for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from service.store.blobs import DiskBlobs
from service.store.database import Database
from service.store.keys import create_key
from service.store.tables import api_key, batch, blob
from tests.store.garbage_world import World


@pytest.fixture
def batch_id(database: Database) -> str:
    return fill(database)


def fill(db: Database) -> str:
    """A batch and a key in an empty database; the batch."""
    with db.write() as connection:
        connection.execute(
            insert(api_key).values(id=1, label="nightly", prefix="p", digest="d", scopes="", created_at=0)
        )
        connection.execute(insert(blob).values(digest="c", size=1, created_at=0))
        connection.execute(
            insert(batch).values(
                id="b1", control_digest="c", comment="", target="omeka", key_id=1, created_at=0
            )
        )
    return "b1"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    blobs = DiskBlobs(tmp_path / "blobs")
    yield World(database, blobs, create_key(database, "tests").key)
    blobs.close()
