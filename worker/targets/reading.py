"""What is alike in reading any Omeka: pages, lists of numbers, and answers that are none of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker.errors import Retriable
from worker.records import Json
from worker.targets.redact import excerpt

PAGE = 100
"""Full records that a page is asked for: larger ones are slower, and an Omeka Classic gives 50 unless its
administrator allows more."""
MAX_QUERY = 1_500
"""Characters of a list of numbers: `Link` repeats the query twice, and 3.5 KB of it are safe."""


def number_lists(ids: Iterable[int]) -> Iterator[list[int]]:
    """Each once, at most a page of them a request, and no longer than a query may be (a comma is `%2C`
    there)."""
    chunk: list[int] = []
    length = 0
    for number in dict.fromkeys(ids):
        size = len(str(number)) + 3
        if chunk and (len(chunk) == PAGE or length + size > MAX_QUERY):
            yield chunk
            chunk, length = [], 0
        chunk.append(number)
        length += size
    if chunk:
        yield chunk


def entries_of(body: Json) -> list[Mapping[str, Json]]:
    """The records of a page. Raises `Retriable` where the JSON is no list of objects."""
    entries = body if isinstance(body, list) else None
    if entries is None or not all(isinstance(entry, dict) for entry in entries):
        raise unreadable("a list was expected")
    return [entry for entry in entries if isinstance(entry, dict)]


def unreadable(why: str) -> Retriable:
    return Retriable(
        "target-answer-unreadable",
        f"The target's answer is not what Omeka's API answers ({excerpt(why)}). An outage page or a proxy "
        "may stand before it.",
    )
