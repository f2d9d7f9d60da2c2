"""Builds register.xlsx, the workbook of this example: `python build.py [FILE]`.

It needs openpyxl. What makes registers hard is all here: a title above the header, cells merged over the
rows of an album, numbers that are names, dates of four kinds, a hidden row.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

HEADER = ("Album no.", "Album", "Photo no.", "Caption", "Taken", "Place", "Process", "Remarks")

# (number, title, its photographs: number, caption, taken, place, process, remarks)
ALBUMS = (
    (
        "ALB 1",
        "Harbour works at Leith",
        (
            (1998.1, "Caisson before it is sunk", date(1905, 5, 12), "Leith", "silver print", None),
            (1998.11, "Caisson in its place", date(1905, 6, 3), "Leith", "silver print", None),
            (1998.12, "Divers' boat", "summer 1905", "Leith", "silver print", "torn at the lower edge"),
            (1998.13, "The outer mole, finished", 1906, "Leith", "silver print", None),
        ),
    ),
    (
        "ALB 2",
        "The Forth from the air",
        (
            ("1999.1/1", "Forth Bridge from the south", "c. 1928", "South Queensferry", "negative", None),
            ("1999.1/2", "Forth Bridge from the east", "c. 1928", "South Queensferry", "negative", None),
            ("1999.1/3", "Inchgarvie", "c. 1928–30", "Inchgarvie", "negative", "out of focus"),
        ),
    ),
    (
        "ALB 3",
        "Seaweeds of the shore",
        (
            ("2001.4.1", "Bladder wrack", "undated", "Oban", "cyanotype", None),
            ("2001.4.2", "Sugar kelp", "undated", "Oban", "cyanotype", None),
            ("2001.4.3", "Dulse", "undated", "Oban", "cyanotype", None),
            ("2001.4.4", "Thongweed", None, "Oban", "cyanotype", "label missing"),
        ),
    ),
    (
        "ALB 4",
        "High water at Perth",
        (
            ("2003.7", "Tay Street under water", date(1909, 1, 18), "Perth", "postcard", None),
            ("2003.8", "Boats in South Street", date(1909, 1, 18), "Perth", "postcard", "written on back"),
        ),
    ),
)


def build() -> Workbook:
    """The workbook, in memory."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Photographs"
    sheet["A1"] = "Register of photographs"
    sheet["A2"] = "One row a photograph. Album number and title stand once."
    for column, name in enumerate(HEADER, start=1):
        sheet.cell(4, column, name)
    row = 5
    for number, title, photographs in ALBUMS:
        _album(sheet, row, number, title, len(photographs))
        for photograph in photographs:
            _photograph(sheet, row, photograph)
            row += 1
    sheet.row_dimensions[7].hidden = True
    notes = book.create_sheet("Notes")
    notes["A1"] = "Numbers of ALB 1 are of the old series: year and two digits."
    return book


def _album(sheet: Worksheet, row: int, number: str, title: str, rows: int) -> None:
    sheet.cell(row, 1, number)
    sheet.cell(row, 2, title)
    for column in (1, 2):
        sheet.merge_cells(start_row=row, end_row=row + rows - 1, start_column=column, end_column=column)


def _photograph(sheet: Worksheet, row: int, values: tuple[str | int | float | date | None, ...]) -> None:
    for column, value in enumerate(values, start=3):
        cell = sheet.cell(row, column, value)
        assert isinstance(cell, Cell)
        if isinstance(value, float):
            cell.number_format = "0.00"  # 1998.1 is shown as 1998.10, and is the tenth of its year
        elif isinstance(value, date):
            cell.number_format = "d mmmm yyyy"


if __name__ == "__main__":
    build().save(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("register.xlsx"))
