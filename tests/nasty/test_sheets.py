"""xlsx and ods: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    SheetReader,
)
from tests.nasty.support import Case, check, damaged, ods, ods_row, texts, xlsx, zipped
from worker.readers.sniff import OLE2

CASES = (
    Case(
        "numbers as they are shown",
        SheetReader("xlsx"),
        xlsx(
            texts(1, "no", "price", "share", "when", "year")
            + (
                '<row r="2"><c s="1"><v>1998.1</v></c><c s="2"><v>-1200.5</v></c><c s="3"><v>0.256</v></c>'
                '<c s="4"><v>36253</v></c><c s="5"><v>36253</v></c></row>'
            ),
            formats={1: "0.00", 2: "#,##0.00 [$€-407]", 3: "0%", 4: "dd/mm/yy", 5: "yyyy"},
        ),
        rows={
            2: {"no": "1998.10", "price": "-1,200.50 €", "share": "26%", "when": "1999-04-03", "year": "1999"}
        },
        identity=("no",),
    ),
    Case(
        "numbers in the column of identifiers",
        SheetReader("xlsx"),
        xlsx(texts(1, "no") + '<row r="2"><c><v>1998.1</v></c></row><row r="3"><c><v>7</v></c></row>'),
        rows={2: {"no": "1998.1"}, 3: {"no": "7"}},
        notes=(
            'The column "no", by which records are known again, holds numbers in 2 rows (first: 1998.1 in '
            "row 2). A spreadsheet takes noughts off a number (007, 1998.10): compare them with the "
            "originals, and format the column as text.",
        ),
        identity=("no",),
    ),
    Case(
        "numbers, raw",
        SheetReader("xlsx", cells="raw"),
        xlsx(
            texts(1, "a", "b", "c", "d", "e")
            + (
                '<row r="2"><c s="1"><v>1998.1</v></c><c><v>7</v></c><c s="2"><v>36253</v></c><c t="b">'
                "<v>1</v></c></row>"
            ),
            formats={1: "0.00", 2: "dd/mm/yy"},
        ),
        rows={2: {"a": 1998.1, "b": 7, "c": "1999-04-03", "d": True, "e": None}},
    ),
    Case(
        "a formula and its result; one without",
        SheetReader("xlsx"),
        xlsx(
            texts(1, "a", "b")
            + (
                '<row r="2"><c><f>1+1</f><v>2</v></c><c t="str"><f>A1</f><v></v></c></row><row r="3"><c>'
                "<f>1+1</f></c></row>"
            )
        ),
        rows={2: {"a": "2", "b": ""}},
        bad=(
            (
                3,
                "cell-no-result",
                "The cell A3 holds a formula whose result is not in the file. Open the workbook in the "
                "spreadsheet program and save it again: that works the formulas out.",
            ),
        ),
    ),
    Case(
        "cells that show an error",
        SheetReader("xlsx"),
        xlsx(texts(1, "a") + '<row r="2"><c t="e"><v>#N/A</v></c></row>'),
        rows={2: {"a": "#N/A"}},
        notes=("1 cell with an error (first: #N/A in A2), read as that text.",),
    ),
    Case(
        "hidden and blank rows, a thousand at the end",
        SheetReader("xlsx"),
        xlsx(
            texts(1, "a")
            + '<row r="2" hidden="1"><c><v>1</v></c></row><row r="3"/>'
            + "".join(f'<row r="{n}"><c s="0"/></row>' for n in range(4, 1004))
        ),
        rows={2: {"a": "1"}},
        notes=("1 hidden row read like the others.", "1,001 blank rows skipped."),
    ),
    Case(
        "merged cells",
        SheetReader("xlsx"),
        xlsx(
            texts(1, "no", "size", "") + texts(2, "1", "3 cm", "") + texts(3, "", "4 cm", ""),
            after='<mergeCells><mergeCell ref="B1:C1"/><mergeCell ref="A2:A3"/></mergeCells>',
        ),
        rows={2: {"no": "1", "size": "3 cm"}, 3: {"no": "", "size": "4 cm"}},
        notes=(
            "Merged cells in the header: B1:C1. Only the first column of each has the name.",
            'Merged cells: A2:A3. The value stands in the first cell of each only; "fillDown" repeats it.',
        ),
    ),
    Case(
        "a merged header over values",
        SheetReader("xlsx"),
        xlsx(
            texts(1, "no", "size", "") + texts(2, "1", "3", "4"),
            after='<mergeCells><mergeCell ref="B1:C1"/></mergeCells>',
        ),
        bad=(
            (
                2,
                "row-too-long",
                "This row has 3 cells, but the header names 2 columns: «4» stands beyond the last one.",
            ),
        ),
        notes=("Merged cells in the header: B1:C1. Only the first column of each has the name.",),
    ),
    Case(
        "two columns of one name",
        SheetReader("xlsx"),
        xlsx(texts(1, "a", "b", "a")),
        error=(
            "[header-duplicate] data: Row 1: several columns have the same name, so a value could not be "
            'told from another: "a" (columns A, C). Give each its own name in the header.'
        ),
    ),
    Case(
        "the header further down",
        SheetReader("xlsx"),
        xlsx(texts(1) + texts(3, "no") + texts(4, "1")),
        error=(
            "[header-blank] data: Row 1, where the header should stand, is empty. The first row after it "
            'with anything in it is 3: say "headerRow": 3 if the header stands there.'
        ),
    ),
    Case(
        "the header further down, said",
        SheetReader("xlsx", header_row=3),
        xlsx(texts(1, "Register") + texts(3, "no") + texts(4, "1")),
        rows={4: {"no": "1"}},
        notes=("1 row above the header left out.",),
    ),
    Case(
        "an empty sheet",
        SheetReader("xlsx"),
        xlsx(""),
        error='[header-blank] data: The sheet "One" has nothing in row 1 or below it.',
    ),
    Case(
        "a sheet that is not there",
        SheetReader("xlsx", sheet="Two"),
        xlsx(texts(1, "a")),
        error='[sheet-missing] data: There is no sheet called "Two". The workbook has "One".',
    ),
    Case(
        "a sheet number that is not there",
        SheetReader("xlsx", sheet=2),
        xlsx(texts(1, "a")),
        error='[sheet-missing] data: There is no sheet number 2. The workbook has "One".',
    ),
    Case(
        "a row longer than the header",
        SheetReader("xlsx"),
        xlsx(texts(1, "a") + texts(2, "1", "2")),
        bad=(
            (
                2,
                "row-too-long",
                "This row has 2 cells, but the header names 1 column: «2» stands beyond the last one.",
            ),
        ),
    ),
    Case(
        "a zip bomb",
        SheetReader("xlsx"),
        xlsx(texts(1, "a"), **{"xl/media/x.xml": "0" * 40_000_000}),
        error=(
            "[zip-bomb] data: The workbook would unpack to 38 MB, 995 times its size. That is no ordinary "
            "workbook, and it is not opened. Save the sheet as CSV and upload that."
        ),
    ),
    Case(
        "a workbook that was cut off",
        SheetReader("xlsx"),
        xlsx(texts(1, "a"))[:-40],
        error=(
            "[other-format] data: This is not an Excel workbook but a zip archive that is damaged or was "
            "cut off. Upload it again."
        ),
    ),
    Case(
        "a workbook with a damaged part",
        SheetReader("xlsx"),
        damaged(xlsx(texts(1, "a") + texts(2, "b" * 5_000))),
        error=(
            "[sheet-damaged] data: The workbook is damaged or was cut off. Open it in the spreadsheet "
            "program, save it again and upload that."
        ),
    ),
    Case(
        "a workbook with a DTD",
        SheetReader("xlsx"),
        xlsx(texts(1, "a"), prolog='<!DOCTYPE x [<!ENTITY e "x">]>'),
        error=(
            "[xml-doctype] data, line 1: The document defines its own entities or structure (an internal "
            "DTD, <!DOCTYPE … [ … ]>), which is not read because it can be used to attack the reader. Take "
            "the DOCTYPE out."
        ),
    ),
    Case(
        "a text that is not in the table",
        SheetReader("xlsx"),
        xlsx(texts(1, "a") + '<row r="2"><c r="A2" t="s"><v>5</v></c></row>', shared=("x",)),
        error=(
            "[sheet-damaged] data: The workbook is damaged: its cell A2 refers to a text that is not there."
        ),
    ),
    Case(
        "cells out of order",
        SheetReader("xlsx"),
        xlsx(texts(1, "a", "b") + '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row>'),
        error="[sheet-damaged] data: The workbook is damaged: its cell A2 is out of order.",
    ),
    Case(
        "an encrypted workbook",
        SheetReader("xlsx"),
        OLE2 + b"\x00" * 512 + "EncryptedPackage".encode("utf-16-le"),
        error=(
            "[other-format] data: This is not an Excel workbook but a workbook that is locked with a "
            "password. Open it in the spreadsheet program, remove the password, save it and upload it "
            "again."
        ),
    ),
    Case(
        "CSV called .xlsx",
        SheetReader("xlsx"),
        b"id,title\n1,x\n",
        error=(
            "[other-format] register.xlsx: This is not an Excel workbook but a text file. If it is CSV, "
            'read it with "read": "csv".'
        ),
        file="register.xlsx",
    ),
    Case(
        "a zip of something else",
        SheetReader("xlsx"),
        zipped({"readme.txt": "x"}),
        error=(
            "[other-format] data: This is not an Excel workbook but a zip archive. Unpack it and upload "
            "the files inside."
        ),
    ),
    Case(
        "an ods read as xlsx",
        SheetReader("xlsx"),
        ods(ods_row("a")),
        error=(
            "[other-format] data: This is not an Excel workbook but an OpenDocument spreadsheet. Read it "
            'with "read": "ods".'
        ),
    ),
    Case(
        "escaped control characters",
        SheetReader("xlsx"),
        xlsx(texts(1, "a") + texts(2, "x_x000D_y_x0000_z_x0041_")),
        rows={2: {"a": "x\ry_x0000_zA"}},
    ),
    Case(
        "ods: what is shown, repeats and thousands of blank rows",
        SheetReader("ods"),
        ods(
            ods_row("no", "when")
            + ods_row(
                '<table:table-cell office:value-type="float" office:value="1998.1">'
                "<text:p>1998.10</text:p></table:table-cell>",
                '<table:table-cell office:value-type="date" office:date-value="1999-04-03">'
                "<text:p>3.4.99</text:p></table:table-cell>",
                attributes='table:number-rows-repeated="2"',
            )
            + ods_row("<table:table-cell/>", attributes='table:number-rows-repeated="1048573"')
        ),
        rows={2: {"no": "1998.10", "when": "1999-04-03"}, 3: {"no": "1998.10", "when": "1999-04-03"}},
        notes=("1 blank row skipped.",),
        identity=("no",),
    ),
    Case(
        "ods: errors, hidden rows, merged cells",
        SheetReader("ods"),
        ods(
            ods_row("no", "size")
            + ods_row(
                '<table:table-cell office:value-type="string" calcext:value-type="error">'
                "<text:p>#REF!</text:p></table:table-cell>",
                attributes='table:visibility="collapse"',
            )
            + ods_row(
                '<table:table-cell table:number-columns-spanned="2" office:value-type="string">'
                '<text:p>x<text:s text:c="2"/>y</text:p><text:p>z</text:p></table:table-cell>',
                "<table:covered-table-cell/>",
            )
        ),
        rows={2: {"no": "#REF!", "size": ""}, 3: {"no": "x  y\nz", "size": ""}},
        notes=(
            "1 cell with an error (first: #REF! in A2), read as that text.",
            "1 hidden row read like the others.",
            'Merged cells: A3:B3. The value stands in the first cell of each only; "fillDown" repeats it.',
        ),
    ),
    Case(
        "ods: a formula without a result",
        SheetReader("ods"),
        ods(ods_row("a") + ods_row('<table:table-cell table:formula="of:=1+1"/>')),
        bad=(
            (
                2,
                "cell-no-result",
                "The cell A2 holds a formula whose result is not in the file. Open the workbook in the "
                "spreadsheet program and save it again: that works the formulas out.",
            ),
        ),
    ),
    Case(
        "ods: a row repeated a thousand million times",
        SheetReader("ods"),
        ods(
            ods_row("a")
            + ods_row(
                *[
                    "<table:table-cell table:number-columns-repeated='999999999'>"
                    "<text:p>x</text:p></table:table-cell>"
                ],
                attributes='table:number-rows-repeated="999999999"',
            )
        ),
        error="[sheet-damaged] data: Row 2 has more cells than a sheet can have.",
    ),
    Case(
        "ods: encrypted",
        SheetReader("ods"),
        ods(ods_row("a"), manifest="<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"),
        error=(
            "[other-format] data: This is a workbook that is locked with a password. Open it in the "
            "spreadsheet program, remove the password, save it and upload it again."
        ),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
