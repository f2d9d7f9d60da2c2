"""Encodings and line ends, by way of CSV: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    CsvReader,
)
from tests.nasty.support import Case, check

CASES = (
    Case(
        "a byte order mark",
        CsvReader(),
        b"\xef\xbb\xbfid,title\n1,x\n",
        rows={2: {"id": "1", "title": "x"}},
        facts=(
            "Read as UTF-8, by its byte order mark.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        'UTF-16 from Excel ("Unicode text")',
        CsvReader(),
        "\ufeffid\ttitle\r\n1\té\r\n".encode("utf-16-le"),
        rows={2: {"id": "1", "title": "é"}},
        facts=(
            "Read as UTF-16, by its byte order mark.",
            "Separated by tabs, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "UTF-16 without a byte order mark",
        CsvReader(),
        "id;title\r\n1;abc\r\n".encode("utf-16-be"),
        rows={2: {"id": "1", "title": "abc"}},
        facts=(
            "Read as UTF-16-BE without a byte order mark, guessed from its zero bytes.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "cp1252 with curly quotation marks",
        CsvReader(),
        "id;title\n1;“Zoë” – a life\n".encode("cp1252"),
        rows={2: {"id": "1", "title": "“Zoë” – a life"}},
        facts=(
            'Read as cp1252, guessed: line 2 is not UTF-8 (byte 0x93). Say "encoding" in the control file '
            "to be sure.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "Latin-1 declared",
        CsvReader(encoding="iso-8859-1"),
        "id;title\n1;Zoë\n".encode("latin-1"),
        rows={2: {"id": "1", "title": "Zoë"}},
        facts=(
            "Read as iso-8859-1, as the control file says.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "UTF-8, declared as something else",
        CsvReader(encoding="windows-1252"),
        "id;title\n1;Zoë\n".encode(),
        rows={2: {"id": "1", "title": "Zoë"}},
        facts=(
            "Read as UTF-8, which it is, though the control file says windows-1252.",
            "Separated by semicolons, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "an encoding that does not exist",
        CsvReader(encoding="utf-9"),
        b"a,b\n1,2\n",
        error=(
            '[unknown-encoding] data: There is no encoding called "utf-9". Names are, for example, utf-8, '
            "windows-1252, iso-8859-1, utf-16."
        ),
    ),
    Case(
        "Mac Roman with old line ends",
        CsvReader(),
        "id,titre\r1,Café à Orléans\r2,Noël déjà passé\r".encode("mac_roman"),
        rows={2: {"id": "1", "titre": "Café à Orléans"}, 3: {"id": "2", "titre": "Noël déjà passé"}},
        facts=(
            'Read as mac-roman, guessed: line 2 is not UTF-8 (byte 0x8E). Say "encoding" in the control '
            "file to be sure.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "titre".',
        ),
    ),
    Case(
        "Polish cp1250",
        CsvReader(),
        ("id,tytuł\n1,Żółta łódź i gęś\n2,Święto w Łodzi, część druga\n".replace("Łodzi, ", "Łodzi ")).encode(
            "cp1250"
        ),
        rows={
            2: {"id": "1", "tytuł": "Żółta łódź i gęś"},
            3: {"id": "2", "tytuł": "Święto w Łodzi część druga"},
        },
        facts=(
            'Read as cp1250, guessed: line 1 is not UTF-8 (byte 0xB3). Say "encoding" in the control file '
            "to be sure.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "tytuł".',
        ),
    ),
    Case(
        "UTF-8 with one damaged byte",
        CsvReader(),
        "id,title\n1,Zoë\n2,Café\n".encode() + b"3,\x92broken\n",
        error=(
            "[undecodable] data, line 4: The file is UTF-8, but the byte 0x92 here does not belong there. "
            'Correct the line, or name the encoding with "encoding".'
        ),
    ),
    Case(
        "a byte that the declared encoding lacks",
        CsvReader(encoding="windows-1252"),
        b"id,title\n1,a\n2,\xe9\x81b\n",
        error=(
            "[undecodable] data, line 3: The byte 0x81 here is no cp1252 text. Name the encoding of the "
            'file with "encoding", or save it as UTF-8.'
        ),
    ),
    Case(
        "cut off within a character",
        CsvReader(encoding="utf-16-le"),
        "id,title\n1,é".encode("utf-16-le")[:-1],
        error=(
            "[undecodable] data, line 2: The end of the file is no utf-16-le text. Name the encoding of "
            'the file with "encoding", or save it as UTF-8.'
        ),
        facts=(
            "Read as utf-16-le, as the control file says.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "mixed line ends",
        CsvReader(),
        b"id,title\r\n1,a\n2,b\r3,c",
        rows={2: {"id": "1", "title": "a"}, 3: {"id": "2", "title": "b"}, 4: {"id": "3", "title": "c"}},
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
    Case(
        "NUL characters",
        CsvReader(),
        b"id,title\n1,a\x00b\n2,c\n",
        rows={3: {"id": "2", "title": "c"}},
        bad=((2, "row-nul", "This row holds a NUL character, which Omeka cannot store. Take it out."),),
        facts=(
            "Read as UTF-8.",
            "Separated by commas, guessed from the first lines.",
            '2 columns, named in line 1: "id", "title".',
        ),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
