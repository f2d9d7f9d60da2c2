"""Readers: one file of any format in, numbered rows out, streaming.

    reading = open_reader(file_spec.reader, blob, "artworks.csv")
    log(reading.facts)
    for item in reading:          # Row | BadRow
        …
    log(reading.notes())

`excerpt` gives chosen records back in the format they came in. `docs/readers.md` is for those who write
control files.
"""

from worker.readers.base import BadRow, BlobSource, Item, Reading
from worker.readers.json_values import Number
from worker.readers.opening import excerpt, open_reader
from worker.readers.tabular import GroupedFields

__all__ = ["BadRow", "BlobSource", "GroupedFields", "Item", "Number", "Reading", "excerpt", "open_reader"]
