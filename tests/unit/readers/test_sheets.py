"""Workbooks that other programs wrote are read as those programs show them."""

from __future__ import annotations

import io
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from python_calamine import load_workbook

from service.control.model import SheetReader
from tests.unit.readers.support import Blob, rows, write
from worker.readers import open_reader
from worker.readers.text_store import TextStore


def saved(workbook: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def register() -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Register"
    sheet.append(["no", "title", "when", "seen", "at", "price", "ok", "note"])
    sheet.append(
        [
            1998.1,
            "Émile & Zoë",
            date(1999, 4, 3),
            datetime.fromisoformat("2001-02-03T04:05"),
            time(6, 7),
            12.5,
            True,
            None,
        ]
    )
    sheet.append([7, " two\nlines ", date(1899, 12, 31), None, None, -3, False, "x"])
    for cell, code in {"A2": "0.00", "C2": "dd/mm/yyyy", "F2": '#,##0.00 "€"', "A3": "0000"}.items():
        sheet[cell].number_format = code
    workbook.create_sheet("Hidden").sheet_state = "hidden"
    workbook.move_sheet("Hidden", -1)
    return saved(workbook)


def test_a_person_s_view_of_a_workbook(tmp_path: Path) -> None:
    path = write(tmp_path, register())
    assert rows(SheetReader("xlsx"), path) == {
        2: {
            "no": "1998.10",
            "title": "Émile & Zoë",
            "when": "1999-04-03",
            "seen": "2001-02-03T04:05:00",
            "at": "06:07:00",
            "price": "12.50 €",
            "ok": "TRUE",
            "note": "",
        },
        3: {
            "no": "0007",
            "title": " two\nlines ",
            "when": "1899-12-31",
            "seen": "",
            "at": "",
            "price": "-3",
            "ok": "FALSE",
            "note": "x",
        },
    }


def test_the_first_sheet_that_is_not_hidden_is_read_and_said(tmp_path: Path) -> None:
    reading = open_reader(SheetReader("xlsx"), Blob(write(tmp_path, register())), "data")
    assert reading.facts[0] == 'Sheet "Register". Other sheets, not read: "Hidden".'
    assert reading.columns == ("no", "title", "when", "seen", "at", "price", "ok", "note")
    del reading  # the workbook is closed with it: an open file would be a warning, and so an error


def test_raw_cells_are_what_calamine_reads(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(["a", "b", "c"])
    for number in range(1, 200):
        sheet.append([number, number / 7, f"text {number % 5}"])
    path = write(tmp_path, saved(workbook))
    ours = [list(fields.values()) for fields in rows(SheetReader("xlsx", cells="raw"), path).values()]
    assert ours == load_workbook(path).get_sheet_by_index(0).to_python()[1:]


def test_an_ods_of_another_program(tmp_path: Path) -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Blatt")
    document.spreadsheet.addElement(table)
    for cells in (
        [{"text": "Nr."}, {"text": "Preis"}, {"text": "Datum"}, {"text": "Anteil"}],
        [
            {"text": "1998,10", "valuetype": "float", "value": "1998.1"},
            {"text": "12,50 €", "valuetype": "currency", "value": "12.5", "currency": "EUR"},
            {"text": "03.04.99", "valuetype": "date", "datevalue": "1999-04-03"},
            {"text": "26 %", "valuetype": "percentage", "value": "0.256"},
        ],
    ):
        row = TableRow()
        table.addElement(row)
        for cell in cells:
            element = TableCell(**{"valuetype": "string", **{k: v for k, v in cell.items() if k != "text"}})
            element.addElement(P(text=cell["text"]))
            row.addElement(element)
    target = io.BytesIO()
    document.save(target)
    path = write(tmp_path, target.getvalue())
    assert rows(SheetReader("ods"), path) == {
        2: {"Nr.": "1998,10", "Preis": "12,50 €", "Datum": "1999-04-03", "Anteil": "26 %"}
    }
    assert rows(SheetReader("ods", cells="raw"), path) == {
        2: {"Nr.": 1998.1, "Preis": 12.5, "Datum": "1999-04-03", "Anteil": 0.256}
    }


def test_texts_are_given_back_by_number() -> None:
    with TextStore() as store:
        for text in ("", "é", "a\nb", "x" * 100_000):
            store.append(text)
        store.flush()
        assert [store[index] for index in (3, 0, 2, 1)] == ["x" * 100_000, "", "a\nb", "é"]
        assert len(store) == 4
