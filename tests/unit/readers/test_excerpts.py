"""Chosen records are given back as they stand in the file, in a document that the same reader reads."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pytest

from service.control.model import (
    CsvReader,
    Group,
    JsonLinesReader,
    JsonReader,
    MarcReader,
    SheetReader,
    TsvReader,
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from tests.nasty.support import marc, ods, ods_row, texts, xlsx
from tests.unit.readers.support import cut, items, rows, write


@pytest.mark.parametrize(
    ("spec", "data", "numbers", "expected"),
    [
        (
            JsonReader(),
            b'[{"a": 1.10},\n {"b" :[ ]} , {"c":"\\u00e9"}]',
            {1, 3},
            b'[\n{"a": 1.10},\n{"c":"\\u00e9"}\n]\n',
        ),
        (JsonReader(), b"[]", set(), b"[\n\n]\n"),
        (
            JsonReader(at=("d", 'x"')),
            b'{"n": 1, "d": {"x\\"": [{"a": 1}, {"a": 2}], "z": 0}}',
            {2},
            b'{"d": {"x\\"": [\n{"a": 2}\n]}}\n',
        ),
        (JsonReader(single_record=True), b' {"a" : 1} ', {1}, b'{"a" : 1}\n'),
        (JsonReader(at=("d",), single_record=True), b'{"d": {"a" : 1}}', {1}, b'{"d": {"a" : 1}}\n'),
        (JsonLinesReader(), b'{"a":1}\r\n\r\n{"a": 2 }\r\n{"a":3}', {3, 4}, b'{"a": 2 }\r\n{"a":3}'),
        (CsvReader(), b'id;t\r\n1;a\r\n2;"b\r\nc"\r\n4;d', {3, 5}, b'id;t\r\n2;"b\r\nc"\r\n4;d'),
        (CsvReader(comments="#"), b"#x\nid,t\n1,a\n#y\n2,b\n", {5}, b"id,t\n2,b\n"),
        (CsvReader(), b"sep=;\nid;t\n1;a\n2;b\n", {3}, b"sep=;\nid;t\n1;a\n"),
        (CsvReader(), "id,t\n1,é\n2,ü\n".encode("utf-16"), {2}, "id,t\n1,é\n".encode("utf-16")),
        (CsvReader(), "id,t\n1,Zoë\n2,naïve\n".encode("cp1252"), {3}, "id,t\n2,naïve\n".encode("cp1252")),
        (CsvReader(), b"\xef\xbb\xbfid,t\n1,a\n2,b\n", {2}, b"\xef\xbb\xbfid,t\n1,a\n"),
        (CsvReader(header=("id", "t")), b"1,a\n2,b\n", {2}, b"2,b\n"),
        (CsvReader(), b'id,t\n1,"x"y\n2,b,c\n3,d\n', {2, 3}, b'id,t\n1,"x"y\n2,b,c\n'),
        (TsvReader(), b"a\tb\n1\t2\n3\t4\n", {3}, b"a\tb\n3\t4\n"),
        (
            XmlReader("r/l/x"),
            b'<?xml version="1.0"?>\n<r xmlns:q="u"><h/>\n <l><x q:i="1">a &amp; b</x> <x/><!-- c -->'
            b"<x>3</x></l><t/></r>",
            {1, 3},
            b'<?xml version="1.0"?>\n<r xmlns:q="u"><h/>\n <l><x q:i="1">a &amp; b</x>\n<x>3</x>\n</l></r>',
        ),
        (
            XmlReader("q:r/q:x", namespaces=(("q", "u"),)),
            b'<p:r xmlns:p="u"><p:x/><p:x>2</p:x></p:r>',
            {2},
            b'<p:r xmlns:p="u"><p:x>2</p:x>\n</p:r>',
        ),
        (XmlReader("r"), b'<r a="1"> <b/> </r>', {1}, b'<r a="1"> <b/> </r>'),
        (
            XmlReader("r/x"),
            '<?xml version="1.0" encoding="utf-16"?><r><x>é</x><x>ü</x></r>'.encode("utf-16"),
            {2},
            '<?xml version="1.0" encoding="utf-16"?><r><x>ü</x>\n</r>'.encode("utf-16"),
        ),
        (XmlChildrenReader(), b"<r> <v/> <w><a>1</a></w> </r>", {2}, b"<r> <w><a>1</a></w>\n</r>"),
        (XmlAttributesReader(), b'<r><v a="1"/><v a="2"/></r>', {2}, b'<r><v a="2"/>\n</r>'),
        (
            MarcReader(),
            marc(("001", b"a")) + b"\n" + marc(("001", b"b"), wrong_lengths=True),
            {2},
            marc(("001", b"b"), wrong_lengths=True),
        ),
        (
            MarcReader(),
            b"<collection><record><leader>1</leader></record>\n<record><leader>2</leader></record></collection>",
            {2},
            b"<collection><record><leader>2</leader></record>\n</collection>",
        ),
    ],
)
def test_an_excerpt_is_byte_true(spec, data, numbers, expected, tmp_path: Path) -> None:
    assert cut(spec, write(tmp_path, data), numbers) == expected


def test_an_excerpt_of_all_rows_reads_as_the_file_did(tmp_path: Path) -> None:
    data = b'id;t\n1;"a\n""b"""\n\n3;c;;\n4\n'
    path = write(tmp_path, data)
    before = rows(CsvReader(), path)
    again = write(tmp_path, cut(CsvReader(), path, set(before)))
    assert list(rows(CsvReader(), again).values()) == list(before.values())


def test_an_excerpt_of_a_grouped_record_holds_all_its_rows(tmp_path: Path) -> None:
    path = write(tmp_path, b"album,no\nA,1\nA,2\nB,3\nB,4,5\nB,6\nC,7\n")
    group = Group(("album",), "photos")
    assert cut(CsvReader(), path, {4}, group=group) == b"album,no\nB,3\nB,4,5\nB,6\n"
    assert cut(CsvReader(), path, {2, 7}, group=group) == b"album,no\nA,1\nA,2\nC,7\n"


def test_an_excerpt_of_filled_rows_groups_by_what_was_filled(tmp_path: Path) -> None:
    path = write(tmp_path, b"album,no\nA,1\n,2\nB,3\n")
    group = Group(("album",), "photos")
    assert cut(CsvReader(), path, {2}, fill_down=("album",), group=group) == b"album,no\nA,1\n,2\n"


def test_an_excerpt_of_a_workbook_is_a_workbook_that_spreadsheet_programs_open(tmp_path: Path) -> None:
    register = xlsx(
        texts(1, "Register of &lt;all&gt; &amp; sundry")
        + texts(3, "no", "title")
        + '<row r="4"><c s="1"><v>1998.1</v></c><c t="inlineStr"><is><t> a &lt; b </t></is></c></row>'
        + texts(5, "2", "x"),
        formats={1: "0.00"},
    )
    spec = SheetReader("xlsx", sheet="One", header_row=3)
    made = cut(spec, write(tmp_path, register), {4})
    sheet = openpyxl.load_workbook(io.BytesIO(made))["One"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3)] == [
        ["no", "title"],
        ["1998.10", " a < b "],
    ]
    assert rows(spec, write(tmp_path, made)) == {4: {"no": "1998.10", "title": " a < b "}}


def test_an_excerpt_of_a_workbook_has_the_sheet_in_the_same_place(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.create_sheet("Second").append(["no"])
    workbook["Second"].append(["=1+1"])
    target = io.BytesIO()
    workbook.save(target)
    spec = SheetReader("xlsx", sheet=2)
    path = write(tmp_path, target.getvalue())
    assert [(item.number, item.code) for item in items(spec, path)] == [(2, "cell-no-result")]
    made = cut(spec, path, {2})
    assert rows(spec, write(tmp_path, made)) == {2: {"no": "(formula without a result)"}}


def test_an_excerpt_of_an_ods_is_an_ods(tmp_path: Path) -> None:
    spec = SheetReader("ods", header_row=2)
    data = ods(
        ods_row("x") + ods_row("no", "t") + ods_row("1", "a") + ods_row("2", "b  c") + ods_row("3", "d")
    )
    made = cut(spec, write(tmp_path, data), {4})
    assert rows(spec, write(tmp_path, made)) == {3: {"no": "2", "t": "b  c"}}
