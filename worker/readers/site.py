"""Readers `omeka-s` and `omeka-classic`: what was read from a source, which is JSON Lines by then.

A record that could not be read from the source stands there as such, and is a rejected one.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.control.model import JsonLinesReader, SiteReader
from worker.readers.base import BlobSource, Item, Reading
from worker.readers.jsonl import JsonLinesReading
from worker.records import Row
from worker.sources.site import FAILED


class SiteReading(Reading):
    """Row numbers count the records as they were read."""

    def __init__(self, spec: SiteReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._lines = JsonLinesReading(JsonLinesReader(), blob, file)
        self.facts = (f"Records of the source {spec.source}, as they were read for this batch.",)

    def __iter__(self) -> Iterator[Item]:
        for item in self._lines:
            failed = item.fields.get(FAILED) if isinstance(item, Row) else None
            if isinstance(failed, dict):
                yield self._bad(item.number, str(failed.get("code")), str(failed.get("message")))
            else:
                yield item

    def notes(self) -> tuple[str, ...]:
        return self._lines.notes()
