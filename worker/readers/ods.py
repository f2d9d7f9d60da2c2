"""Reader `ods`: a sheet of an OpenDocument workbook, streamed out of its zip. It stores what cells show."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from service.control.model import SheetReader
from worker.errors import FileUnreadable
from worker.readers.base import MEGABYTE, BlobSource
from worker.readers.number_format import general
from worker.readers.package import Package
from worker.readers.sheet import (
    MOST_COLUMNS,
    MOST_ROWS,
    SheetReading,
    SheetRow,
    choose_sheet,
    column_name,
)
from worker.readers.sniff import binary_kind, head_of, not_a_workbook
from worker.readers.xml_stream import Names, Selection, XmlRecords, is_element, namer
from worker.records import Json

_NAMESPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
}
_NAME = namer(_NAMESPACES)
_TABLE = ["office:document-content", "office:body", "office:spreadsheet", "table:table"]
_ROW_GROUPS = frozenset({"table:table-rows", "table:table-header-rows", "table:table-row-group"})
_CELLS = ("table:table-cell", "table:covered-table-cell")
_CONTENT = "content.xml"


def _attribute(element: etree._Element, prefix: str, name: str) -> str:
    return str(element.get(f"{{{_NAMESPACES[prefix]}}}{name}", ""))


def _is_table(chain: Names) -> bool:
    return list(chain) == _TABLE


def _is_row(chain: Names) -> bool:
    return (
        len(chain) > len(_TABLE)
        and chain[-1] == "table:table-row"
        and list(chain[: len(_TABLE)]) == _TABLE
        and all(name in _ROW_GROUPS for name in chain[len(_TABLE) : -1])
    )


_ROWS = Selection(_is_row, _NAME, ["table-row"], required=False)
_TABLES = Selection(_is_table, _NAME, ["table"], required=False, at_start=True)


@dataclass(frozen=True, slots=True)
class _Cell:
    value: Json
    plain_number: bool = False
    error: str = ""
    unknown: bool = False


class OdsSheet:
    """One table. See `worker.readers.sheet.Sheet`."""

    def __init__(self, package: Package, spec: SheetReader) -> None:
        self._package = package
        self._raw = spec.cells == "raw"
        with package.guarded():
            _refuse_encrypted(package)
            names = _table_names(package)
        self._index = choose_sheet(spec.sheet, names, (), package.file)
        self.name = names[self._index]
        self.others = names[: self._index] + names[self._index + 1 :]
        self.merged: list[tuple[int, int, str]] = []

    def rows(self) -> Iterator[SheetRow]:
        """Raises `FileUnreadable`."""
        self.merged.clear()
        with self._package.guarded():
            document = self._package.document(_CONTENT)
            elements = XmlRecords(document, self._package.file, _ROWS)
            number = 0
            for element in elements:
                if _attribute(_table_of(element), "table", "name") != self.name:
                    continue
                repeated = min(_repeated(element, "number-rows-repeated"), MOST_ROWS - number)
                row = self._row(element, number + 1)
                for copy in range(1, 1 if row.blank else repeated):
                    yield _renumbered(row, number + copy)
                number += repeated
                yield _renumbered(row, number)
                if number >= MOST_ROWS:
                    return

    def _row(self, element: etree._Element, number: int) -> SheetRow:
        cells: list[_Cell] = []
        waiting = 0
        for node in element:
            if not is_element(node) or _NAME(str(node.tag)) not in _CELLS:
                continue
            repeated = _repeated(node, "number-columns-repeated")
            cell = self._cell(node)
            self._merge(node, number, len(cells) + waiting)
            if cell.value is None and not cell.unknown:
                waiting += repeated  # blanks at the end of a row may be thousands
                continue
            if len(cells) + waiting + repeated > MOST_COLUMNS:
                raise FileUnreadable(
                    "sheet-damaged", f"Row {number} has more cells than a sheet can have.", self._package.file
                )
            cells.extend([_Cell(None)] * waiting)
            waiting = 0
            cells.extend([cell] * repeated)
        return SheetRow(
            number,
            [cell.value for cell in cells],
            _attribute(element, "table", "visibility") in ("collapse", "filter"),
            frozenset(index for index, cell in enumerate(cells) if cell.plain_number),
            tuple((index, cell.error) for index, cell in enumerate(cells) if cell.error),
            tuple(index for index, cell in enumerate(cells) if cell.unknown),
        )

    def _merge(self, node: etree._Element, row: int, column: int) -> None:
        columns = _repeated(node, "number-columns-spanned")
        rows = _repeated(node, "number-rows-spanned")
        if columns > 1 or rows > 1:
            last = row + rows - 1
            place = f"{column_name(column)}{row}:{column_name(column + columns - 1)}{last}"
            self.merged.append((row, last, place))

    def _cell(self, node: etree._Element) -> _Cell:
        kind = _attribute(node, "office", "value-type")
        text = "\n".join(_paragraph(part) for part in node if _is(part, "text:p"))
        if _attribute(node, "calcext", "value-type") == "error":
            return _Cell(text, error=text)
        if not kind:
            unknown = bool(_attribute(node, "table", "formula")) and not text
            return _Cell(text or None, unknown=unknown)
        if kind in ("float", "percentage", "currency"):
            return self._number(_attribute(node, "office", "value"), text)
        if kind == "date":
            return _Cell(_date(_attribute(node, "office", "date-value"), text, self._raw))
        if kind == "boolean":
            true = _attribute(node, "office", "boolean-value") == "true"
            return _Cell(true if self._raw else "TRUE" if true else "FALSE")
        return _Cell(text or _attribute(node, "office", "string-value") or None)

    def _number(self, stored: str, text: str) -> _Cell:
        try:
            value = float(stored)
        except ValueError:
            return _Cell(text or None)
        plain = general(value)
        if self._raw:
            whole = value == int(value) and abs(value) < 1e15
            return _Cell(int(value) if whole else value, plain_number=True)
        return _Cell(text or plain, plain_number=not text or text.replace(",", ".") == plain)


def _date(stored: str, text: str, raw: bool) -> str:
    """ISO 8601 as stored; a year where only a year is shown."""
    stored = stored.removesuffix("T00:00:00")
    if not raw and len(text) == 4 and text.isdigit() and stored.startswith(text):
        return text
    return stored or text


def _renumbered(row: SheetRow, number: int) -> SheetRow:
    return SheetRow(number, row.cells, row.hidden, row.plain_numbers, row.errors, row.unknown)


def _table_of(element: etree._Element) -> etree._Element:
    while (parent := element.getparent()) is not None:
        element = parent
        if _NAME(str(element.tag)) == "table:table":
            break
    return element


def _repeated(node: etree._Element, name: str) -> int:
    text = _attribute(node, "table", name)
    return max(1, int(text)) if text.isdigit() and len(text) < 10 else 1


def _is(node: etree._Element, name: str) -> bool:
    return is_element(node) and _NAME(str(node.tag)) == name


def _paragraph(element: etree._Element) -> str:
    """The text of a paragraph: runs of blanks, tabs and line breaks are elements there; notes are no text."""
    pieces = [element.text or ""]
    for child in element:
        name = _NAME(str(child.tag)) if is_element(child) else ""
        if name == "text:s":
            count = _attribute(child, "text", "c")
            pieces.append(" " * (min(int(count), 10_000) if count.isdigit() and len(count) < 10 else 1))
        elif name == "text:tab":
            pieces.append("\t")
        elif name == "text:line-break":
            pieces.append("\n")
        elif name and name not in ("office:annotation", "text:note"):
            pieces.append(_paragraph(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _table_names(package: Package) -> list[str]:
    tables = XmlRecords(package.document(_CONTENT), package.file, _TABLES)
    names = [_attribute(table, "table", "name") for table in tables]
    if not names:
        raise FileUnreadable("sheet-missing", "The workbook has no sheet.", package.file)
    return names


def _refuse_encrypted(package: Package) -> None:
    if "META-INF/manifest.xml" not in package.names:
        return
    with package.open("META-INF/manifest.xml") as stream:
        manifest = stream.read(4 * MEGABYTE)
    if b"encryption-data" in manifest:
        raise FileUnreadable(
            "other-format",
            "This is a workbook that is locked with a password. Open it in the spreadsheet program, remove "
            "the password, save it and upload it again.",
            package.file,
        )


def open_ods(path: Path, spec: SheetReader, file: str) -> OdsSheet:
    """Raises `FileUnreadable` for what is no workbook of this format, encrypted, damaged or a bomb."""
    kind = binary_kind(path, head_of(path))
    if kind is None or not kind.startswith("an OpenDocument spreadsheet"):
        raise not_a_workbook(path, file, "an OpenDocument spreadsheet")
    return OdsSheet(Package(path, file), spec)


def read_ods(spec: SheetReader, blob: BlobSource, file: str, identity: Collection[str] = ()) -> SheetReading:
    return SheetReading(spec, open_ods(blob.path, spec, file), file, identity)
