"""fillDown and group: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    CsvReader,
    Group,
)
from tests.nasty.support import Case, check

CASES = (
    Case(
        "fillDown",
        CsvReader(),
        b"album,no\nA,1\n,2\nB,3\n",
        rows={2: {"album": "A", "no": "1"}, 3: {"album": "A", "no": "2"}, 4: {"album": "B", "no": "3"}},
        notes=("1 blank cell filled from the row above.",),
        fill_down=("album",),
    ),
    Case(
        "fillDown over a row that cannot be read",
        CsvReader(),
        b"album,no\nA,1\nB,2,3\n,4\nC,5\n",
        rows={2: {"album": "A", "no": "1"}, 5: {"album": "C", "no": "5"}},
        bad=(
            (
                3,
                "row-too-long",
                "This row has 3 cells, but the header names 2 columns: «3» stands beyond the last one. A "
                "separator inside a cell needs quotation marks around the cell.",
            ),
            (
                4,
                "fill-down-broken",
                '"album" should be filled from the row above, but that row (3) could not be read.',
            ),
        ),
        fill_down=("album",),
    ),
    Case(
        "fillDown of a column that is not there",
        CsvReader(),
        b"album,no\nA,1\n",
        error=(
            '[column-missing] data: There is no column "Album", which the control file names. The columns '
            'are "album", "no".'
        ),
        fill_down=("Album",),
    ),
    Case(
        "a group that comes again",
        CsvReader(),
        b"album,place,no\nA,x,1\nA,x,2\nB,x,3\nA,x,4\n",
        rows={
            2: {
                "album": "A",
                "place": "x",
                "photos": [{"album": "A", "place": "x", "no": "1"}, {"album": "A", "place": "x", "no": "2"}],
            },
            4: {"album": "B", "place": "x", "no": "3", "photos": [{"album": "B", "place": "x", "no": "3"}]},
        },
        bad=(
            (
                5,
                "group-again",
                'The group «A» began in row 2 and comes again here. Sort the table by "album".',
            ),
        ),
        notes=("3 records made of the rows.",),
        group=Group(("album",), "photos"),
    ),
    Case(
        "a group with a row that cannot be read",
        CsvReader(),
        b"album,no\nA,1\nA,2,3\nA,4\nB,5\n",
        rows={5: {"album": "B", "no": "5", "photos": [{"album": "B", "no": "5"}]}},
        bad=(
            (
                2,
                "group-broken",
                "Row 3, which may belong to this group, could not be read. Correct that row first.",
            ),
            (
                3,
                "row-too-long",
                "This row has 3 cells, but the header names 2 columns: «3» stands beyond the last one. A "
                "separator inside a cell needs quotation marks around the cell.",
            ),
        ),
        notes=("2 records made of the rows.",),
        group=Group(("album",), "photos"),
    ),
    Case(
        "a group beside a row that cannot be read",
        CsvReader(),
        b"album,no\nA,1\nA,2,3\nB,4\nC,5\n",
        rows={5: {"album": "C", "no": "5", "photos": [{"album": "C", "no": "5"}]}},
        bad=(
            (
                2,
                "group-broken",
                "Row 3, which may belong to this group, could not be read. Correct that row first.",
            ),
            (
                3,
                "row-too-long",
                "This row has 3 cells, but the header names 2 columns: «3» stands beyond the last one. A "
                "separator inside a cell needs quotation marks around the cell.",
            ),
            (
                4,
                "group-broken",
                "Row 3, which may belong to this group, could not be read. Correct that row first.",
            ),
        ),
        notes=("3 records made of the rows.",),
        group=Group(("album",), "photos"),
    ),
    Case(
        "a group of blank cells",
        CsvReader(),
        b"album,no\nA,1\n ,2\nA,3\n",
        rows={2: {"album": "A", "photos": [{"album": "A", "no": "1"}, {"album": "A", "no": "3"}]}},
        bad=(
            (
                3,
                "group-blank",
                'This row has nothing in "album", so it belongs to no record. "fillDown" can take it from '
                "the row above.",
            ),
        ),
        notes=("1 record made of the rows.",),
        group=Group(("album",), "photos"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
