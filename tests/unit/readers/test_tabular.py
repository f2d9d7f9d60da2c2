"""Grouped rows say which columns differ, and when the columns named are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import CsvReader, Group
from tests.unit.readers.support import items, write
from worker.errors import FileUnreadable
from worker.mapping.problems import Unconvertible
from worker.readers import GroupedFields
from worker.readers import tabular as tabular_reader


def test_a_column_that_differs_is_not_at_the_top_and_names_its_rows(tmp_path: Path) -> None:
    path = write(tmp_path, b"album,place,no\nA,x,1\nA,x,2\nA,y,3\n")
    [record] = items(CsvReader(), path, group=Group(("album",), "photos"))
    assert isinstance(record.fields, GroupedFields)
    assert record.fields["album"] == "A"
    assert record.fields.differing == {"place": (2, 4), "no": (2, 3)}
    assert [row["no"] for row in record.fields["photos"]] == ["1", "2", "3"]


def test_several_columns_group_together(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,b,n\nx,y z,1\nx y,z,2\nx y,z,3\n")
    found = items(CsvReader(), path, group=Group(("a", "b"), "rows"))
    assert [(item.number, len(item.fields["rows"])) for item in found] == [(2, 1), (3, 2)]


def test_the_rows_must_not_take_the_place_of_a_column(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable) as caught:
        items(CsvReader(), write(tmp_path, b"a,b\n1,2\n"), group=Group(("a",), "b"))
    assert caught.value.code == "column-taken"


def test_a_group_that_swallows_the_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular_reader, "_LARGEST_GROUP", 3)
    with pytest.raises(FileUnreadable) as caught:
        items(CsvReader(), write(tmp_path, b"a,b\n" + b"1,2\n" * 9), group=Group(("a",), "rows"))
    assert caught.value.message == (
        'data: More than 3 rows agree in "a", from row 2 on. Name columns that tell records apart.'
    )


@pytest.mark.parametrize("key", ["place", "no"])
def test_what_differs_cannot_be_read_at_the_top(tmp_path: Path, key: str) -> None:
    path = write(tmp_path, b"album,place,no\nA,x,1\nA,y,2\n")
    [record] = items(CsvReader(), path, group=Group(("album",), "photos"))
    with pytest.raises(Unconvertible) as caught:
        record.fields.get(key)
    assert caught.value.message == (
        f"“{key}” is not the same in all rows of the group: rows 2 and 3 differ. "
        "Read it with a for-each over the rows, or make the rows agree."
    )
