"""How a ring travels on the queue: JSON, the same functions on both ends.

Not pickle: whoever can write to the queue must not be able to run code in a worker.
"""

from __future__ import annotations

from typing import Any

import orjson


def serialize(job: dict[str, Any]) -> bytes:
    """arq's description of a job (or of a result) as JSON. What JSON cannot say is written as its `str`."""
    return orjson.dumps(job, default=str)


def deserialize(data: bytes) -> dict[str, Any]:
    """The reverse of `serialize`; tuples come back as lists. Raises `ValueError` for anything else."""
    job = orjson.loads(data)
    if not isinstance(job, dict):
        raise ValueError("not a job: a JSON object was expected")
    return job
