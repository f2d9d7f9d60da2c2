"""Reader `xlsx`: a sheet of an Excel workbook, streamed out of its zip, cells as a person sees them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from service.control.model import SheetReader
from worker.errors import FileUnreadable
from worker.readers.base import BlobSource
from worker.readers.number_format import BUILT_IN, general, is_date, is_general, moment_of, shown
from worker.readers.package import Package
from worker.readers.sheet import MOST_COLUMNS, SheetReading, SheetRow, choose_sheet, column_name
from worker.readers.sniff import binary_kind, head_of, not_a_workbook
from worker.readers.text_store import TextStore
from worker.readers.xml_stream import Selection, XmlRecords, is_element, namer
from worker.records import Json

_NAME = namer({})
_REFERENCE = re.compile(r"^([A-Z]{1,3})(\d+)$")
_ESCAPED = re.compile(r"_x(?!0000|[Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")
_ROWS = Selection(
    lambda chain: list(chain[1:]) in (["sheetData", "row"], ["mergeCells", "mergeCell"]),
    _NAME,
    ["row", "mergeCell"],
    required=False,
)
_TRUTH = {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}
_WORKBOOK = "xl/workbook.xml"


@dataclass(frozen=True, slots=True)
class _Listed:
    """A sheet as the workbook lists it."""

    name: str
    relation: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class _Styles:
    """The number formats of the cell styles, by the number of the style."""

    formats: tuple[str, ...]

    def of(self, style: str | None) -> str:
        index = int(style) if style and style.isdigit() else 0
        return self.formats[index] if index < len(self.formats) else "General"


class XlsxSheet:
    """One worksheet. See `worker.readers.sheet.Sheet`."""

    def __init__(self, package: Package, spec: SheetReader) -> None:
        self._package = package
        self._raw = spec.cells == "raw"
        with package.guarded():
            listed, self._from_1904 = _workbook(package)
            names = [sheet.name for sheet in listed]
            hidden = {sheet.name for sheet in listed if sheet.hidden}
            index = choose_sheet(spec.sheet, names, hidden, package.file)
            self._part = _target(package, listed[index])
            self._styles = _styles(package)
        self.name = names[index]
        self.others = names[:index] + names[index + 1 :]
        self.merged: list[tuple[int, int, str]] = []

    def rows(self) -> Iterator[SheetRow]:
        """Raises `FileUnreadable`."""
        self.merged.clear()
        with self._package.guarded(), TextStore() as texts:
            _read_shared(self._package, texts)
            elements = XmlRecords(
                self._package.document(self._part),
                self._package.file,
                _ROWS,
            )
            number = 0
            for element in elements:
                if _NAME(str(element.tag)) == "mergeCell":
                    self._merge(str(element.get("ref", "")))
                    continue
                given = str(element.get("r", ""))
                number = int(given) if given.isdigit() else number + 1
                yield self._row(element, number, texts)

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        from_row, to_row = _REFERENCE.match(first), _REFERENCE.match(last or first)
        if from_row and to_row:
            self.merged.append((int(from_row[2]), int(to_row[2]), reference))

    def _row(self, element: etree._Element, number: int, texts: TextStore) -> SheetRow:
        cells: list[Json] = []
        plain: list[int] = []
        errors: list[tuple[int, str]] = []
        unknown: list[int] = []
        for cell in element:
            if not is_element(cell):
                continue
            index = self._column(cell, len(cells))
            cells.extend([None] * (index - len(cells)))
            kind = str(cell.get("t", "n"))
            text, has_result = _content(cell, kind)
            if text is None:
                if not has_result:
                    unknown.append(index)
                cells.append(None)
                continue
            value = self._value(cell, kind, text, texts)
            cells.append(value)
            if kind == "n" and is_general(self._styles.of(cell.get("s"))):
                plain.append(index)
            elif kind == "e":
                errors.append((index, text))
        return SheetRow(
            number,
            cells,
            element.get("hidden") in ("1", "true"),
            frozenset(plain),
            tuple(errors),
            tuple(unknown),
        )

    def _column(self, cell: etree._Element, following: int) -> int:
        """The index of a cell's column; cells without a reference follow one another."""
        match = _REFERENCE.match(str(cell.get("r", "")))
        index = following
        if match is not None:
            index = 0
            for letter in match[1]:
                index = index * 26 + ord(letter) - 64
            index -= 1
        if index < following or index >= MOST_COLUMNS:
            raise self._damaged(f"its cell {cell.get('r') or column_name(index)} is out of order")
        return index

    def _value(self, cell: etree._Element, kind: str, text: str, texts: TextStore) -> Json:
        if kind == "s":
            if not text.isdigit() or int(text) >= len(texts):
                raise self._damaged(f"its cell {cell.get('r')} refers to a text that is not there")
            return texts[int(text)]
        if kind == "b":
            return (text in ("1", "true")) if self._raw else _TRUTH.get(text, text)
        if kind != "n":
            return text
        try:
            value = float(text)
        except ValueError:
            raise self._damaged(
                f"its cell {cell.get('r')} should be a number, but is «{text[:20]}»"
            ) from None
        code = self._styles.of(cell.get("s"))
        if not self._raw:
            return shown(value, code, from_1904=self._from_1904)
        if is_date(code):
            moment = moment_of(value, from_1904=self._from_1904)
            return general(value) if moment is None else moment.isoformat().removesuffix("T00:00:00")
        return int(value) if value == int(value) and abs(value) < 1e15 else value

    def _damaged(self, what: str) -> FileUnreadable:
        return FileUnreadable("sheet-damaged", f"The workbook is damaged: {what}.", self._package.file)


def _content(cell: etree._Element, kind: str) -> tuple[str | None, bool]:
    """The stored text of a cell, None where it is empty; and whether a formula's result is there."""
    has_formula = False
    for part in cell:
        name = _NAME(str(part.tag)) if is_element(part) else ""
        if name == "v":
            text = part.text or ""
            return (text, True) if text or kind == "str" else (None, not has_formula)
        if name == "is":
            return _rich_text(part), True
        has_formula = has_formula or name == "f"
    return None, not has_formula


def _rich_text(element: etree._Element) -> str:
    """The text of a shared or inline string, without the pronunciation that East Asian texts carry."""
    pieces = []
    for part in element:
        name = _NAME(str(part.tag)) if is_element(part) else ""
        if name == "t":
            pieces.append(part.text or "")
        elif name == "r":
            pieces.append(_rich_text(part))
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    """`_x000D_` stands for a character that XML cannot hold (NUL and half characters stay as they are)."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _elements(package: Package, part: str, paths: list[list[str]]) -> Iterator[etree._Element]:
    """The elements at these paths below the root of a part."""
    names = sorted({path[-1] for path in paths})
    document = package.document(part)
    selection = Selection(lambda chain: list(chain[1:]) in paths, _NAME, names, required=False)
    yield from XmlRecords(document, package.file, selection)


def _workbook(package: Package) -> tuple[list[_Listed], bool]:
    sheets: list[_Listed] = []
    from_1904 = False
    for element in _elements(package, _WORKBOOK, [["sheets", "sheet"], ["workbookPr"]]):
        if _NAME(str(element.tag)) == "workbookPr":
            from_1904 = element.get("date1904") in ("1", "true")
            continue
        relation = next(
            (str(v) for k, v in element.attrib.items() if _NAME(str(k)) == "id" and str(k) != "id"), ""
        )
        hidden = element.get("state", "visible") != "visible"
        sheets.append(_Listed(str(element.get("name", "")), relation, hidden))
    return sheets, from_1904


def _target(package: Package, sheet: _Listed) -> str:
    """The part that holds a sheet."""
    for element in _elements(package, "xl/_rels/workbook.xml.rels", [["Relationship"]]):
        if element.get("Id") == sheet.relation:
            if not str(element.get("Type", "")).endswith("/worksheet"):
                break
            return posixpath.normpath(posixpath.join("/xl", str(element.get("Target", "")))).lstrip("/")
    raise FileUnreadable(
        "sheet-missing",
        f'"{sheet.name}" is no sheet with cells (a chart or a macro?). Name another.',
        package.file,
    )


def _styles(package: Package) -> _Styles:
    if "xl/styles.xml" not in package.names:
        return _Styles(())
    own: dict[int, str] = {}
    formats: list[str] = []
    for element in _elements(package, "xl/styles.xml", [["numFmts", "numFmt"], ["cellXfs", "xf"]]):
        number = str(element.get("numFmtId", "0"))
        index = int(number) if number.isdigit() else 0
        if _NAME(str(element.tag)) == "numFmt":
            own[index] = str(element.get("formatCode", "General"))
        else:
            formats.append(own.get(index) or BUILT_IN.get(index, "General"))
    return _Styles(tuple(formats))


def _read_shared(package: Package, texts: TextStore) -> None:
    if "xl/sharedStrings.xml" in package.names:
        for element in _elements(package, "xl/sharedStrings.xml", [["si"]]):
            texts.append(_rich_text(element))
    texts.flush()


def open_xlsx(path: Path, spec: SheetReader, file: str) -> XlsxSheet:
    """Raises `FileUnreadable` for what is no workbook of this format, encrypted, damaged or a bomb."""
    kind = binary_kind(path, head_of(path))
    if kind is None or not kind.startswith("an Excel workbook"):
        raise not_a_workbook(path, file, "an Excel workbook")
    return XlsxSheet(Package(path, file), spec)


def read_xlsx(spec: SheetReader, blob: BlobSource, file: str, identity: Collection[str] = ()) -> SheetReading:
    return SheetReading(spec, open_xlsx(blob.path, spec, file), file, identity)
