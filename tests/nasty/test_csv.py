"""CSV: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from service.control.model import (
    CsvReader,
)
from tests.nasty.support import Case, check, texts, xlsx
from worker.readers.sniff import OLE2

CASES = (
    Case(
        "an empty file",
        CsvReader(),
        b"",
        error="[file-empty] data: The file is empty (0 bytes). Export or upload it again.",
    ),
    Case(
        "nothing but line ends",
        CsvReader(),
        b"\n\r\n\n",
        error="[header-blank] data: The file holds nothing but blank rows.",
    ),
    Case(
        "nothing but a header",
        CsvReader(),
        b"id,title\n",
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "line breaks and separators in quotation marks",
        CsvReader(),
        b'id,title\n1,"a\nb, ""c"""\n2,x\n',
        rows={2: {"id": "1", "title": 'a\nb, "c"'}, 4: {"id": "2", "title": "x"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a stray quotation mark in a quoted cell",
        CsvReader(),
        b'id,title\n1,"5" disk"\n2,x\n',
        rows={3: {"id": "2", "title": "x"}},
        bad=(
            (
                2,
                "row-quotes",
                "A cell goes on after its closing quotation mark. A quotation mark inside a quoted cell is "
                'written twice (""); say "quote": "" if quotation marks are ordinary text in this file.',
            ),
        ),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "inches, quotation marks being text",
        CsvReader(quote=""),
        b'id,title\n1,"5" disk"\n2,x"\n',
        rows={2: {"id": "1", "title": '"5" disk"'}, 3: {"id": "2", "title": 'x"'}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a quotation mark that is never closed",
        CsvReader(),
        b'id,title\n1,a\n2,"b\n3,c\n',
        rows={2: {"id": "1", "title": "a"}},
        error=(
            "[quote-unclosed] data, line 3: A quotation mark that opens in this row is never closed, so "
            'everything after it would be one cell. Close it, or say "quote": "" if quotation marks are '
            "ordinary text in this file."
        ),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a cell of ten megabytes",
        CsvReader(),
        lambda: b'id,title\n1,"' + b"x" * 10_000_000 + b'"\n2,y\n',
        rows={2: {"id": "1", "title": "x" * 10_000_000}, 3: {"id": "2", "title": "y"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a cell that is too large",
        CsvReader(),
        lambda: b'id,title\n1,a\n2,"' + b"x" * (17 * 1024 * 1024) + b'"\n',
        rows={2: {"id": "1", "title": "a"}},
        error=(
            "[record-too-large] data, line 3: The row that begins here has a cell of more than 16 million "
            "characters. A quotation mark that is not closed does this."
        ),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "rows too long and too short",
        CsvReader(),
        b"a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n1,2,3\n",
        rows={
            2: {"a": "1", "b": "2", "c": ""},
            4: {"a": "1", "b": "2", "c": "3"},
            5: {"a": "1", "b": "2", "c": "3"},
        },
        bad=(
            (
                3,
                "row-too-long",
                "This row has 4 cells, but the header names 3 columns: «4» stands beyond the last one. A "
                "separator inside a cell needs quotation marks around the cell.",
            ),
        ),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '3 columns, named in line 1: "a", "b", "c".',
        ),
        notes=(
            "1 row shorter than the header; the missing cells were read as empty (first: 2). If a line "
            "break inside a cell broke them, put the cell in quotation marks.",
        ),
    ),
    Case(
        "a separator at every end",
        CsvReader(),
        b"a;b;\n1;2;\n3;4;\n",
        rows={2: {"a": "1", "b": "2"}, 3: {"a": "3", "b": "4"}},
        facts=(
            "Read as UTF-8.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "a", "b".',
        ),
    ),
    Case(
        "two columns of one name",
        CsvReader(),
        b"id,Subject,Title,Subject , subject\n1,a,b,c,d\n",
        error=(
            "[header-duplicate] data, line 1: Several columns have the same name, so a value could not be "
            'told from another: "Subject" (columns 2, 4). Give each its own name in the header.'
        ),
    ),
    Case(
        "a column without a name, with values",
        CsvReader(),
        b"id,,title\n1,,x\n2,y,z\n",
        rows={2: {"id": "1", "title": "x"}},
        error=(
            "[header-blank] data, line 3: Column 2 has no name in the header, but «y» stands in it. Give "
            "the column a name, or empty it."
        ),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a column without a name, empty",
        CsvReader(),
        b"id,,title\n1,,x\n",
        rows={2: {"id": "1", "title": "x"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a header without any name",
        CsvReader(),
        b" , ,\n1,2,3\n",
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '3 columns, named in line 2: "1", "2", "3".',
        ),
        notes=("1 blank row skipped.",),
    ),
    Case(
        "blank rows between and thousands at the end",
        CsvReader(),
        b"id,title\n\n1,x\n,\n  ,  \n2,y\n" + b",\n" * 5_000,
        rows={3: {"id": "1", "title": "x"}, 6: {"id": "2", "title": "y"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
        notes=("5,003 blank rows skipped.",),
    ),
    Case(
        "comments",
        CsvReader(comments="#"),
        b'# export of "today\nid,title\n1,x\n#2,y\n3,#z\n',
        rows={3: {"id": "1", "title": "x"}, 5: {"id": "3", "title": "#z"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 2: "id", "title".',
        ),
        notes=("2 comment rows skipped.",),
    ),
    Case(
        "the sep= line of Excel",
        CsvReader(),
        b"sep=|\r\nid|title, full\r\n1|x\r\n",
        rows={3: {"id": "1", "title, full": "x"}},
        facts=(
            "Read as UTF-8.",
            "Separated by vertical bars, as its first line says.",
            '2 columns, named in line 2: "id", "title, full".',
        ),
    ),
    Case(
        "commas in a table with semicolons",
        CsvReader(),
        b"id;maker\n1;Blake, William\n2;Constable, John\n",
        rows={2: {"id": "1", "maker": "Blake, William"}, 3: {"id": "2", "maker": "Constable, John"}},
        facts=(
            "Read as UTF-8.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "id", "maker".',
        ),
    ),
    Case(
        "tabs",
        CsvReader(),
        b"id\ttitle\n1\ta, b; c\n",
        rows={2: {"id": "1", "title": "a, b; c"}},
        facts=(
            "Read as UTF-8.",
            "Separated by tabs, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "the wrong separator declared",
        CsvReader(separator=","),
        b"id;title\n1;x\n",
        rows={2: {"id;title": "1;x"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, as the control file says.",
            '1 column, named in line 1: "id;title".',
        ),
    ),
    Case(
        "a header given",
        CsvReader(header=("id", "title")),
        b"1,x\n2,y\n",
        rows={1: {"id": "1", "title": "x"}, 2: {"id": "2", "title": "y"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named by the control file: "id", "title".',
        ),
    ),
    Case(
        "formulas and paths, as text",
        CsvReader(),
        b'id,title\n=1+1,../../etc/passwd\n@SUM(A1),"<b>x</b>"\n',
        rows={2: {"id": "=1+1", "title": "../../etc/passwd"}, 3: {"id": "@SUM(A1)", "title": "<b>x</b>"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "a header with line breaks",
        CsvReader(),
        b'id,"Title\n(main)"\n1,x\n',
        rows={3: {"id": "1", "Title (main)": "x"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "Title (main)".',
        ),
    ),
    Case(
        "an Excel workbook called .csv",
        CsvReader(),
        xlsx(texts(1, "id")),
        error=(
            '[other-format] register.csv: This is not CSV but an Excel workbook. Read it with "read": "xlsx".'
        ),
        file="register.csv",
    ),
    Case(
        "gzip",
        CsvReader(),
        gzip.compress(b"id,title\n1,x\n", mtime=0),
        error=(
            "[other-format] data.csv: This is not CSV but a gzip archive. Unpack it and upload the file "
            "inside."
        ),
        file="data.csv",
    ),
    Case(
        "HTML",
        CsvReader(),
        b"\n<html><head><title>Login</title></head></html>",
        error=(
            "[other-format] data: This is not CSV but an HTML page, often the login or error page of the "
            "system it was exported from. Export the records again."
        ),
    ),
    Case(
        "JSON",
        CsvReader(),
        b'[{"a": 1}]',
        error='[other-format] data: This is not CSV but a JSON array. Read it with "read": "json".',
    ),
    Case(
        "XML",
        CsvReader(),
        b'<?xml version="1.0"?><a/>',
        error='[other-format] data: This is not CSV but XML. Read it with "read": "xml".',
    ),
    Case(
        "a PDF",
        CsvReader(),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        error=(
            "[other-format] data: This is not CSV but a PDF document. Export the records as a spreadsheet, "
            "CSV, JSON or XML."
        ),
    ),
    Case(
        "the old Excel format",
        CsvReader(),
        OLE2 + b"\x00" * 512 + "Workbook".encode("utf-16-le"),
        error=(
            "[other-format] data: This is not CSV but a workbook in the old Excel format (.xls). Open it, "
            'save it as .xlsx and upload that with "read": "xlsx".'
        ),
    ),
    Case(
        "an encrypted workbook",
        CsvReader(),
        OLE2 + b"\x00" * 512 + "EncryptedPackage".encode("utf-16-le"),
        error=(
            "[other-format] data: This is not CSV but a workbook that is locked with a password. Open it "
            "in the spreadsheet program, remove the password, save it and upload it again."
        ),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
