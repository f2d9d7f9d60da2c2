"""From a reader's specification to the reader."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from service.control.model import (
    AttachmentReader,
    CsvReader,
    Group,
    JsonLinesReader,
    JsonReader,
    MarcReader,
    ReaderSpec,
    SheetReader,
    SiteReader,
    TsvReader,
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from worker.readers.attachment import AttachmentReading, excerpt_attachments
from worker.readers.base import BlobSource, Reading
from worker.readers.csv import CsvReading, excerpt_csv
from worker.readers.haplo_xml import HaploXmlReading, excerpt_haplo_xml
from worker.readers.json import JsonReading, excerpt_json
from worker.readers.jsonl import JsonLinesReading, excerpt_json_lines
from worker.readers.marc import MarcReading, excerpt_marc
from worker.readers.ods import read_ods
from worker.readers.sheet_writing import excerpt_sheet
from worker.readers.site import SiteReading
from worker.readers.tabular import expand_groups, shaped
from worker.readers.tsv import TsvReading, excerpt_tsv
from worker.readers.xlsx import read_xlsx
from worker.readers.xml import XmlReading, excerpt_xml


def open_reader(
    spec: ReaderSpec,
    blob: BlobSource,
    file_name: str,
    *,
    fill_down: tuple[str, ...] = (),
    group: Group | None = None,
    identity: Collection[str] = (),
) -> Reading:
    """The records of a file. `file_name` is the logical name, as messages give it.

    `fill_down` and `group` are those of the file's entry in the control file. `identity` are the columns
    by which records are known again: numbers in such a column of a spreadsheet are warned of.

    Raises `FileUnreadable`, here or while the rows are read, for a file that cannot be read as a whole.
    """
    return shaped(_open(spec, blob, file_name, identity), fill_down, group)


def _open(spec: ReaderSpec, blob: BlobSource, file: str, identity: Collection[str]) -> Reading:
    match spec:
        case JsonReader():
            return JsonReading(spec, blob, file)
        case JsonLinesReader():
            return JsonLinesReading(spec, blob, file)
        case CsvReader():
            return CsvReading(spec, blob, file)
        case TsvReader():
            return TsvReading(spec, blob, file)
        case SheetReader(format="xlsx"):
            return read_xlsx(spec, blob, file, identity)
        case SheetReader():
            return read_ods(spec, blob, file, identity)
        case XmlReader():
            return XmlReading(spec, blob, file)
        case XmlChildrenReader() | XmlAttributesReader():
            return HaploXmlReading(spec, blob, file)
        case MarcReader():
            return MarcReading(spec, blob, file)
        case AttachmentReader():
            return AttachmentReading(spec, blob, file)
        case SiteReader():
            return SiteReading(spec, blob, file)
        case _:
            assert_never(spec)


def excerpt(
    spec: ReaderSpec,
    path: Path,
    numbers: Set[int],
    *,
    fill_down: tuple[str, ...] = (),
    group: Group | None = None,
) -> Iterator[bytes]:
    """The records of these numbers as a document, in pieces, that the same reader reads again.

    Records are byte for byte as they stand in the file, in its encoding, with its header or envelope;
    only of a workbook a new workbook of the same format is made, with the cells as they were read.
    With `group`, all rows of a record; a blank cell that `fill_down` would fill is as it stands.
    """
    if group is not None:
        blob = _Blob(path, path.stat().st_size)
        numbers = expand_groups(open_reader(spec, blob, path.name, fill_down=fill_down), group, numbers)
    match spec:
        case JsonReader():
            return excerpt_json(spec, path, numbers)
        case JsonLinesReader() | SiteReader():
            return excerpt_json_lines(path, numbers)
        case CsvReader():
            return excerpt_csv(spec, path, numbers)
        case TsvReader():
            return excerpt_tsv(spec, path, numbers)
        case SheetReader():
            return excerpt_sheet(spec, path, numbers)
        case XmlReader():
            return excerpt_xml(spec, path, numbers)
        case XmlChildrenReader() | XmlAttributesReader():
            return excerpt_haplo_xml(spec, path, numbers)
        case MarcReader():
            return excerpt_marc(spec, path, numbers)
        case AttachmentReader():
            return excerpt_attachments(spec, path, numbers)
        case _:
            assert_never(spec)


@dataclass(frozen=True, slots=True)
class _Blob:
    path: Path
    size: int
