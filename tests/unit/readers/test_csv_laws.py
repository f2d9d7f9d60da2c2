"""A table is read as it was written, in whatever dialect and encoding."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.control.model import CsvReader
from tests.unit.readers.support import Blob, cut, rows, write
from worker.errors import FileUnreadable
from worker.readers import csv as csv_reader
from worker.readers import encoding as encodings
from worker.readers import open_reader

cells = st.text(st.characters(codec="cp1252", exclude_characters="\x00"), max_size=8)
tables = st.lists(st.tuples(cells.filter(lambda cell: cell.strip()), cells, cells), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tables,
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_was_written_is_read(tmp_path: Path, table, separator, encoding, end) -> None:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *table])
    data = target.getvalue().encode(encoding)
    # Bytes that are UTF-8 throughout are read as that, whatever is declared.
    assume(encoding != "cp1252" or data.isascii() or not is_utf8(data))
    path = write(tmp_path, data)
    spec = CsvReader(separator=separator, encoding=encoding.removesuffix("-sig"))
    read = rows(spec, path)
    assert [tuple(fields.values()) for fields in read.values()] == table
    again = write(tmp_path, cut(spec, path, set(read)))
    assert list(rows(spec, again).values()) == list(read.values())


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_numbers_are_the_lines_where_rows_begin(tmp_path: Path) -> None:
    data = b'id,t\n1,"a\nb\r\nc\rd"\n\n2,e\n'
    assert list(rows(CsvReader(), write(tmp_path, data))) == [2, 7]


def test_a_far_away_byte_decides_the_encoding(tmp_path: Path) -> None:
    data = b"id,t\n" + b"1,plain\n" * 300_000 + "2,Café in Zürich – naïve\n".encode("cp1252")
    path = write(tmp_path, data)
    reading = open_reader(CsvReader(), Blob(path), "data")
    *_, last = reading
    assert last.fields == {"id": "2", "t": "Café in Zürich – naïve"}
    assert reading.facts[0] == (
        "Read as cp1252, guessed: line 300002 is not UTF-8 (byte 0xE9). "
        'Say "encoding" in the control file to be sure.'
    )


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_character_across_two_chunks_is_one(tmp_path: Path, offset: int) -> None:
    data = b"id,t\n1," + b"x" * (1024 * 1024 - 8 + offset) + "é€".encode() + b"\n"
    assert rows(CsvReader(), write(tmp_path, data))[2]["t"].endswith("xé€")


def test_a_line_of_no_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LONGEST_RECORD", 1000)
    with pytest.raises(FileUnreadable) as caught:
        rows(CsvReader(), write(tmp_path, b"a,b\n1," + b"x" * 2000))
    assert (caught.value.code, caught.value.line) == ("record-too-large", 2)


def test_a_row_of_many_lines_and_no_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "LONGEST_RECORD", 1000)
    with pytest.raises(FileUnreadable) as caught:
        rows(CsvReader(), write(tmp_path, b'a,b\n1,"' + b"x\n" * 2000 + b'"\n'))
    assert (caught.value.code, caught.value.line) == ("record-too-large", 2)


def test_a_far_away_undecodable_byte_is_found_by_line(tmp_path: Path) -> None:
    data = "a,b\r\n".encode("cp1252") + b"1,x\r\n" * 100_000 + b"2,\x81\r\n"
    with pytest.raises(FileUnreadable) as caught:
        rows(CsvReader(encoding="cp1252"), write(tmp_path, data))
    assert (caught.value.code, caught.value.line) == ("undecodable", 100_002)
