"""A nasty input, what became of it, and small makers of files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.control.model import Group, ReaderSpec
from worker.errors import FileUnreadable
from worker.readers import BadRow, open_reader
from worker.records import Row


@dataclass(frozen=True)
class Stored:
    path: Path
    size: int


@dataclass
class Outcome:
    """Everything that a reading says. `rows`: number → fields; `bad`: (number, code, message)."""

    rows: dict[int, Any] = field(default_factory=dict)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    error: str = ""
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """`data` under the name `file`, read as `spec`, must become the outcome. Facts only where named."""

    name: str
    spec: ReaderSpec
    data: bytes | Callable[[], bytes]
    rows: dict[int, Any] = field(default_factory=dict)
    bad: tuple[tuple[int, str, str], ...] = ()
    error: str = ""
    facts: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    file: str = "data"
    fill_down: tuple[str, ...] = ()
    group: Group | None = None
    identity: tuple[str, ...] = ()


def outcome_of(case: Case, folder: Path) -> Outcome:
    data = case.data if isinstance(case.data, bytes) else case.data()
    path = folder / "blob"
    path.write_bytes(data)
    outcome = Outcome()
    try:
        reading = open_reader(
            case.spec,
            Stored(path, len(data)),
            case.file,
            fill_down=case.fill_down,
            group=case.group,
            identity=case.identity,
        )
        outcome.facts = reading.facts
        for item in reading:
            match item:
                case Row():
                    outcome.rows[item.number] = dict(item.fields)
                case BadRow():
                    outcome.bad.append((item.number, item.code, item.message))
    except FileUnreadable as error:
        outcome.error = f"[{error.code}] {error.message}"
    else:
        outcome.notes = reading.notes()
    return outcome


def check(case: Case, folder: Path) -> None:
    outcome = outcome_of(case, folder)
    expected = Outcome(dict(case.rows), list(case.bad), case.error, outcome.facts, case.notes)
    if case.facts is not None:
        expected.facts = case.facts
    assert outcome == expected


# --- makers of workbooks ------------------------------------------------------------------------------

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def zipped(parts: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def xlsx(
    rows: str,
    *,
    after: str = "",
    formats: dict[int, str] | None = None,
    shared: tuple[str, ...] = (),
    prolog: str = "",
    **parts: str,
) -> bytes:
    """A workbook with the sheet "One" of these `<row>`s; style n has the n-th of the formats, 0 General."""
    codes = formats or {}
    numbers = "".join(f'<numFmt numFmtId="{163 + n}" formatCode="{code}"/>' for n, code in codes.items())
    styles = "".join(
        f'<xf numFmtId="{163 + n if n in codes else 0}"/>' for n in range(max(codes, default=0) + 1)
    )
    strings = "".join(f"<si><t>{text}</t></si>" for text in shared)
    return zipped(
        {
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
            f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{numbers}</numFmts>'
            f"<cellXfs>{styles}</cellXfs></styleSheet>",
            "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
            "xl/worksheets/sheet1.xml": f'{prolog}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>'
            f"{after}</worksheet>",
            **parts,
        }
    )


def texts(number: int, *cells: str) -> str:
    """A row of inline texts."""
    inner = "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells)
    return f'<row r="{number}">{inner}</row>'


def ods(rows: str, *, manifest: str = "", name: str = "One") -> bytes:
    space = "urn:oasis:names:tc:opendocument:xmlns:"
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{space}manifest:1.0">{manifest}'
            "</manifest:manifest>",
            "content.xml": f'<office:document-content xmlns:office="{space}office:1.0" '
            f'xmlns:table="{space}table:1.0" xmlns:text="{space}text:1.0" '
            'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
            f'<office:body><office:spreadsheet><table:table table:name="{name}">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def ods_row(*cells: str, attributes: str = "") -> str:
    """A row; a cell is text, or an element as it stands."""
    inner = "".join(
        cell
        if cell.startswith("<")
        else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row {attributes}>{inner}</table:table-row>"


def damaged(workbook: bytes) -> bytes:
    """The workbook with some bytes of its sheet turned over."""
    at = workbook.index(b"xl/worksheets/sheet1.xml") + 40
    return workbook[:at] + bytes(byte ^ 0x55 for byte in workbook[at : at + 30]) + workbook[at + 30 :]


# --- MARC ---------------------------------------------------------------------------------------------


def marc(*fields: tuple[str, bytes], coding: bytes = b"a", wrong_lengths: bool = False) -> bytes:
    """A record in ISO 2709 of tags and contents. `coding` is the leader's: `a` is UTF-8, a blank MARC-8."""
    directory, data = b"", b""
    for tag, content in fields:
        length = 0 if wrong_lengths else len(content) + 1
        directory += b"%b%04d%05d" % (tag.encode(), length, len(data))
        data += content + b"\x1e"
    body = directory + b"\x1e" + data + b"\x1d"
    size = 0 if wrong_lengths else 24 + len(body)
    return b"%05dnam %b22%05d   4500" % (size, coding, 24 + len(directory) + 1) + body
