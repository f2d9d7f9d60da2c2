"""Excerpts of workbooks: a new workbook of the same format with the header and chosen rows.

A workbook cannot be cut byte for byte. The new one has a sheet of the same name in the same place, the
header in the same row, and every cell as text, as it was read: the same control file reads it again.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from service.control.model import SheetReader
from worker.readers.ods import open_ods
from worker.readers.outlet import Outlet
from worker.readers.sheet import SheetRow, column_name
from worker.readers.xlsx import open_xlsx

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"


def excerpt_sheet(spec: SheetReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """A workbook in pieces."""
    sheet = open_xlsx(path, spec, path.name) if spec.format == "xlsx" else open_ods(path, spec, path.name)
    before = spec.sheet - 1 if isinstance(spec.sheet, int) else 0
    chosen = (
        _with_marks(row) for row in sheet.rows() if row.number in numbers or row.number == spec.header_row
    )
    outlet = Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        if spec.format == "xlsx":
            parts = _write_xlsx(archive, sheet.name, before, _rows_of_xlsx(chosen, spec.header_row))
        else:
            parts = _write_ods(archive, sheet.name, before, _rows_of_ods(chosen, spec.header_row))
        for _ in parts:
            yield outlet.take()
    yield outlet.take()


def _with_marks(row: SheetRow) -> SheetRow:
    """Formulas whose result is not known are said to be there: an empty cell would pass for a blank."""
    for index in row.unknown:
        row.cells[index] = "(formula without a result)"
    return row


def _write_xlsx(archive: zipfile.ZipFile, name: str, before: int, rows: Iterable[str]) -> Iterator[None]:
    titles = [f"Sheet{index + 1} " for index in range(before)] + [name]
    numbers = range(1, len(titles) + 1)
    sheets = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
        for title, number in zip(titles, numbers, strict=True)
    )
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
        for number in numbers
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}'
        "</Relationships>",
    }
    for number in numbers[:-1]:
        parts[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>'
    for part, content in parts.items():
        archive.writestr(part, _HEAD + content)
    start, end = f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>', "</sheetData></worksheet>"
    yield from _stream(archive, f"xl/worksheets/sheet{len(titles)}.xml", start, rows, end)


def _rows_of_xlsx(rows: Iterable[SheetRow], header_row: int) -> Iterator[str]:
    for number, row in enumerate(rows, header_row):
        cells = "".join(
            f'<c r="{column_name(index)}{number}" t="inlineStr"><is><t '
            f'xml:space="preserve">{_text(cell)}</t></is></c>'
            for index, cell in enumerate(row.cells)
            if cell is not None
        )
        yield f'<row r="{number}">{cells}</row>'


def _write_ods(archive: zipfile.ZipFile, name: str, before: int, rows: Iterable[str]) -> Iterator[None]:
    archive.writestr("mimetype", _ODS_TYPE, zipfile.ZIP_STORED)
    archive.writestr(
        "META-INF/manifest.xml",
        f'{_HEAD}<manifest:manifest xmlns:manifest="{_OASIS}manifest:1.0" '
        'manifest:version="1.2"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{_ODS_TYPE}"/><manifest:file-entry manifest:full-path="content.xml" '
        'manifest:media-type="text/xml"/></manifest:manifest>',
    )
    empty = "".join(f'<table:table table:name="Sheet{index + 1} "/>' for index in range(before))
    start = (
        f'{_HEAD}<office:document-content xmlns:office="{_OASIS}office:1.0" xmlns:table="{_OASIS}table:1.0" '
        f'xmlns:text="{_OASIS}text:1.0" office:version="1.2"><office:body><office:spreadsheet>{empty}'
        f"<table:table table:name={quoteattr(name)}>"
    )
    end = "</table:table></office:spreadsheet></office:body></office:document-content>"
    yield from _stream(archive, "content.xml", start, rows, end)


def _rows_of_ods(rows: Iterable[SheetRow], header_row: int) -> Iterator[str]:
    if header_row > 1:
        above = f'table:number-rows-repeated="{header_row - 1}"'
        yield f"<table:table-row {above}><table:table-cell/></table:table-row>"
    for row in rows:
        cells = "".join(
            "<table:table-cell/>"
            if cell is None
            else f'<table:table-cell office:value-type="string">{_paragraphs(_text(cell))}</table:table-cell>'
            for cell in row.cells
        )
        yield f"<table:table-row>{cells}</table:table-row>"


def _paragraphs(text: str) -> str:
    lines = text.replace("\t", "<text:tab/>").replace("  ", ' <text:s text:c="1"/>').split("\n")
    return "".join(f"<text:p>{line}</text:p>" for line in lines)


def _text(cell: object) -> str:
    return escape(str(cell))


def _stream(archive: zipfile.ZipFile, part: str, start: str, rows: Iterable[str], end: str) -> Iterator[None]:
    with archive.open(part, "w", force_zip64=True) as stream:
        stream.write(start.encode())
        for number, row in enumerate(rows):
            stream.write(row.encode())
            if number % 500 == 499:
                yield
        stream.write(end.encode())
    yield
