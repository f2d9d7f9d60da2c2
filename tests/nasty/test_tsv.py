"""Haplo's tables separated by tabs: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    TsvReader,
)
from tests.nasty.support import Case, check

CASES = (
    Case(
        "quotation marks are text, empty cells are no keys",
        TsvReader(),
        b'ID\tVALUE\tX\n1234\t"PING"\n\n654\tPONG\tY\n',
        rows={2: {"ID": "1234", "VALUE": '"PING"'}, 4: {"ID": "654", "VALUE": "PONG", "X": "Y"}},
        facts=("Read as UTF-8.", "Separated by tabs.", '3 columns, named in line 1: "ID", "VALUE", "X".'),
        notes=("1 blank row skipped.",),
    ),
    Case(
        "a separator of two characters",
        TsvReader(separator=", "),
        b"ID, VALUE\n1234, PING2\n654, PONG3",
        rows={2: {"ID": "1234", "VALUE": "PING2"}, 3: {"ID": "654", "VALUE": "PONG3"}},
        facts=("Read as UTF-8.", 'Separated by ", ".', '2 columns, named in line 1: "ID", "VALUE".'),
    ),
    Case(
        "a cell too many",
        TsvReader(),
        b"a\tb\n1\t2\t3\n",
        bad=(
            (
                2,
                "row-too-long",
                "This row has 3 cells, but the header names 2 columns: «3» stands beyond the last one.",
            ),
        ),
        facts=("Read as UTF-8.", "Separated by tabs.", '2 columns, named in line 1: "a", "b".'),
    ),
    Case(
        "cp1252 that was not declared",
        TsvReader(),
        b"a\tb\n1\tcaf\xe9\n",
        error=(
            "[undecodable] data, line 2: The byte 0xE9 here is no utf-8 text. Name the encoding of the "
            'file with "charset", or save it as UTF-8.'
        ),
    ),
    Case(
        "cp1252 declared as in Java",
        TsvReader(charset="windows-1252"),
        b"a\tb\n1\tcaf\xe9\n",
        rows={2: {"a": "1", "b": "café"}},
        facts=(
            "Read as windows-1252, as the control file says.",
            "Separated by tabs.",
            '2 columns, named in line 1: "a", "b".',
        ),
    ),
    Case(
        "old Mac line ends and NUL",
        TsvReader(),
        b"a\tb\r1\t2\r3\t\x00\r",
        rows={2: {"a": "1", "b": "2"}},
        bad=((3, "row-nul", "This row holds a NUL character, which Omeka cannot store. Take it out."),),
        facts=("Read as UTF-8.", "Separated by tabs.", '2 columns, named in line 1: "a", "b".'),
    ),
    Case(
        "two columns of one name",
        TsvReader(),
        b"a\ta\n1\t2\n",
        error=(
            "[header-duplicate] data, line 1: Several columns have the same name, so a value could not be "
            'told from another: "a" (columns 1, 2). Give each its own name in the header.'
        ),
    ),
    Case(
        "only blank lines",
        TsvReader(),
        b"\n\n",
        error="[header-blank] data: The file holds nothing but blank lines.",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
