"""JSON is read the same wherever the window's edges fall, and numbers keep their text."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.control.model import JsonReader
from tests.unit.readers.support import rows, write
from worker.errors import FileUnreadable
from worker.readers import Number, json_window
from worker.readers.json_values import Decoder
from worker.readers.json_window import JsonWindow

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


class Piecemeal(io.StringIO):
    """Gives so many characters a time, however many are asked for."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text)
        self._size = size

    def read(self, size: int | None = -1) -> str:
        return super().read(self._size)


@given(values, st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_a_value_reads_the_same_in_pieces_of_any_size(value, size, ascii_only, indent) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    window = JsonWindow(Piecemeal(text, size), "data", Decoder())
    assert window.value() == value
    assert window.raw == text
    assert window.peek() == ""


@given(values, st.integers(1, 9), st.sampled_from([None, 1]))
def test_skipping_a_value_ends_where_reading_it_does(value, size, indent) -> None:
    text = json.dumps(value, indent=indent) + " !"
    window = JsonWindow(Piecemeal(text, size), "data", Decoder())
    window.skip()
    assert window.peek() == "!"


@given(values, st.integers(1, 9), st.data())
def test_a_text_that_was_cut_is_refused_in_pieces_of_any_size(value, size, data) -> None:
    text = json.dumps([value, 1])
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(FileUnreadable):
        JsonWindow(Piecemeal(cut, size), "data", Decoder()).value()
    with pytest.raises(FileUnreadable):
        JsonWindow(Piecemeal(cut, size), "data", Decoder()).skip()


def test_lines_are_counted_across_windows() -> None:
    window = JsonWindow(Piecemeal("[1,\n2,\n\n nope]", 2), "data", Decoder())
    with pytest.raises(FileUnreadable) as caught:
        window.value()
    assert caught.value.line == 4


def test_a_record_of_no_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_window, "LONGEST_RECORD", 1000)
    window = JsonWindow(Piecemeal('"' + "x" * 5000, 100), "data", Decoder())
    with pytest.raises(FileUnreadable) as caught:
        window.value()
    assert caught.value.code == "record-too-large"


@pytest.mark.parametrize(
    "text", ["1998.10", "1e5", "1E+2", "-0.50", "0.1000", "1.0e-7", "12345678901234567890.5"]
)
def test_a_number_keeps_its_text(text: str, tmp_path: Path) -> None:
    value = rows(JsonReader(), write(tmp_path, f'[{{"a": {text}}}]'.encode()))[1]["a"]
    assert (str(value), f"{value}", float(value)) == (text, text, float(text))
    assert isinstance(value, Number)
    assert str(pickle.loads(pickle.dumps(value))) == text


@pytest.mark.parametrize("text", ["1.5", "0.1", "-2.25", "7", "12345678901234567890123"])
def test_a_number_that_python_writes_alike_is_an_ordinary_one(text: str, tmp_path: Path) -> None:
    value = rows(JsonReader(), write(tmp_path, f'[{{"a": {text}}}]'.encode()))[1]["a"]
    assert type(value) in (int, float)
    assert str(value) == text
