"""Readers `omeka-s` and `omeka-classic`: what was read from a source, which is JSON Lines by then.

A record that could not be read from the source stands there as such, and is a rejected one.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.control.model import JsonLinesReader, SiteReader
from worker.readers.base import BlobSource, Item, Reading
from worker.readers.classic_site import ClassicSite
from worker.readers.classic_to_classic import ClassicToClassic
from worker.readers.jsonl import JsonLinesReading
from worker.records import Row
from worker.sources.site import FAILED

UNTOLD = (
    "The site does not tell which of its texts are HTML (its option “filter element texts” is on): all of "
    "them were taken for plain text. Switch it off there and make a new batch, where that matters."
)


class SiteReading(Reading):
    """Row numbers count the records as they were read."""

    def __init__(self, spec: SiteReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._lines = JsonLinesReading(JsonLinesReader(), blob, file)
        self._untold = False
        self._ready = _ready(spec)
        self.facts = (f"Records of the source {spec.source}, as they were read for this batch.",)

    def __iter__(self) -> Iterator[Item]:
        for item in self._lines:
            failed = item.fields.get(FAILED) if isinstance(item, Row) else None
            if isinstance(item, Row):
                self._untold = self._untold or _lacks_html(item)
            if isinstance(failed, dict):
                yield self._bad(item.number, str(failed.get("code")), str(failed.get("message")))
            elif self._ready is not None and isinstance(item, Row):
                yield Row(item.file, item.number, self._ready.ready(item.fields))
            else:
                yield item

    def notes(self) -> tuple[str, ...]:
        own = self._ready.notes() if self._ready is not None else ()
        return (*self._lines.notes(), *own, *((UNTOLD,) if self._untold else ()))


def _ready(spec: SiteReader) -> ClassicSite | ClassicToClassic | None:
    """What makes records ready for a preset; None without one."""
    if spec.preset is None:
        return None
    if spec.preset.model == "omeka-classic":
        return ClassicToClassic(spec.preset, spec.source)
    return ClassicSite(spec.preset, spec.source)


def _lacks_html(row: Row) -> bool:
    texts = row.fields.get("element_texts")
    return isinstance(texts, list) and any(isinstance(one, dict) and "html" not in one for one in texts)
