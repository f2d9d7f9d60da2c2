"""Files and their readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from service.control.model.instructions import Instruction
from service.control.model.names import OnError
from service.control.model.presets import RecordProcessor

# --- files and readers ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JsonReader:
    """An array of records, or the one at `at` (keys from the root), or, with `single_record`, one record."""

    at: tuple[str, ...] = ()
    single_record: bool = False


@dataclass(frozen=True, slots=True)
class JsonLinesReader:
    """One JSON object a line."""


@dataclass(frozen=True, slots=True)
class CsvReader:
    """`separator`, `encoding` None: detected and reported. `header` None: the first row; else the names
    are given and every row is data. `comments`: rows that begin with this are left out."""

    separator: str | None = None
    quote: str = '"'
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    comments: str | None = None


@dataclass(frozen=True, slots=True)
class TsvReader:
    """Haplo's `tsv-with-name-row`: no quoting; a cell that is empty is no key of the record."""

    separator: str = "\t"
    charset: str = "utf-8"


@dataclass(frozen=True, slots=True)
class SheetReader:
    """A sheet of a workbook, by name or by number from 1; None: the only or first one. Rows count from 1."""

    format: Literal["xlsx", "ods"]
    sheet: str | int | None = None
    header_row: int = 1
    cells: Literal["shown", "raw"] = "shown"


@dataclass(frozen=True, slots=True)
class XmlReader:
    """`record`: names of elements from the root, separated by `/`; the last is a record.

    `repeat`: names of children that are lists even when there is one. `namespaces`: prefix → URI, so
    that keys bear those prefixes; names in other namespaces are local names.
    """

    record: str
    repeat: tuple[str, ...] = ()
    namespaces: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MarcReader:
    """ISO 2709 or MARCXML, told apart by content. `encoding` None: as the leader says."""

    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class XmlChildrenReader:
    """Haplo's `xml-text-of-children`: records are the root's children; keys their children's local names."""

    single_record: bool = False


@dataclass(frozen=True, slots=True)
class XmlAttributesReader:
    """Haplo's `xml-attributes`: records are the root's children; keys their attributes."""

    single_record: bool = False


@dataclass(frozen=True, slots=True)
class SiteReader:
    """Another Omeka, by the name of a source in the settings; nothing is uploaded for it.

    `resources`: what become records, by the words of its API. `since`: only what was changed after a moment
    (ISO 8601), or after the `last` reading that was imported; "": everything.
    """

    kind: Literal["omeka-s", "omeka-classic"]
    source: str
    resources: tuple[str, ...] = ("items",)
    since: str = ""
    preset: RecordProcessor | None = None
    """What its records are made ready for; None: they are what the API gives."""


@dataclass(frozen=True, slots=True)
class AttachmentReader:
    """Bytes for media. `archive`: a zip, whose members are meant. `records`: each file is a row too."""

    archive: bool = False
    records: bool = False


ReaderSpec: TypeAlias = (
    "JsonReader | JsonLinesReader | CsvReader | TsvReader | SheetReader | XmlReader | MarcReader"
    " | XmlChildrenReader | XmlAttributesReader | SiteReader | AttachmentReader"
)


@dataclass(frozen=True, slots=True)
class Group:
    """Adjacent rows that agree in `by` become one record; every row of it stands in `rows`."""

    by: tuple[str, ...]
    rows: str


@dataclass(frozen=True, slots=True)
class FileSpec:
    """How files of a logical name are read. `pattern` is an exact name, a glob, or `DEFAULT`."""

    pattern: str
    reader_name: str
    reader: ReaderSpec
    required: bool = False
    instructions: tuple[Instruction, ...] | None = None
    """Replace the root list for this file; None: the root list."""
    on_error: OnError | None = None
    fill_down: tuple[str, ...] = ()
    group: Group | None = None
    pointer: str = ""

    @property
    def is_default(self) -> bool:
        return self.pattern == "DEFAULT"

    @property
    def is_glob(self) -> bool:
        return "*" in self.pattern
