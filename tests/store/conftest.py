"""A batch to run, without the service that makes batches for people."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from service.store.database import Database
from service.store.tables import api_key, batch, blob


@pytest.fixture
def batch_id(database: Database) -> str:
    with database.write() as connection:
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
