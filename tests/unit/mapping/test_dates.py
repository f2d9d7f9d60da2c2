"""The `date` filter, from text to EDTF, interval and timestamp."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.dates import DateOptions, DateRefused, compile_date

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

EDTF = compile_date(DateOptions())
INTERVAL = compile_date(DateOptions(to="interval", circa=5))
TIMESTAMP = compile_date(DateOptions(to="timestamp"))


def outcome(convert, text: str) -> str:
    """The date, `-` for none, `!code` for a refusal."""
    try:
        found = convert(text)
    except DateRefused as refused:
        return f"!{refused.code}"
    return "-" if found is None else found


def shapes() -> list[list[str]]:
    with (HERE / "date_shapes.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def test_the_fixture_holds_every_shape_of_the_collection_once() -> None:
    found = [re.sub(r"\d", "9", text) for text, _, _ in shapes()]
    assert len(found) == len(set(found)) == 215


@pytest.mark.parametrize(("text", "edtf", "interval"), shapes(), ids=lambda value: value)
def test_a_shape_of_the_tate_collection(text: str, edtf: str, interval: str) -> None:
    assert (outcome(EDTF, text), outcome(INTERVAL, text)) == (edtf, interval)


def documented() -> list[tuple[str, ...]]:
    """The rows of the tables of docs/dates.md."""
    lines = (ROOT / "docs" / "dates.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return [tuple(cell.strip().strip("`") for cell in row) for row in rows if len(row) == 4]


def test_the_tables_of_the_docs_are_found() -> None:
    assert len(documented()) > 90


@pytest.mark.parametrize(("text", "edtf", "interval", "timestamp"), documented(), ids=lambda value: value)
def test_a_documented_date(text: str, edtf: str, interval: str, timestamp: str) -> None:
    assert (outcome(EDTF, text), outcome(INTERVAL, text), outcome(TIMESTAMP, text)) == (
        edtf,
        interval,
        timestamp,
    )


def test_an_ambiguous_date_is_an_error_that_says_what_decides() -> None:
    with pytest.raises(DateRefused) as refused:
        EDTF("01/02/1999")
    assert (refused.value.code, refused.value.message) == (
        "date-ambiguous",
        '“01/02/1999” is ambiguous: day or month first? Say so with "order": "dmy" or "order": "mdy" in the '
        "date filter.",
    )


@pytest.mark.parametrize(("order", "date"), [("dmy", "1999-02-01"), ("mdy", "1999-01-02")])
def test_order_decides(order, date: str) -> None:
    assert compile_date(DateOptions(order=order))("01/02/1999") == date


def test_order_does_not_make_the_thirteenth_month() -> None:
    assert outcome(compile_date(DateOptions(order="mdy")), "13/02/1999") == "!date-impossible"


def test_what_is_no_date_is_refused_showing_it() -> None:
    with pytest.raises(DateRefused, match="“not a date at all” is not understood as a date"):
        EDTF("not a date at all")


def test_two_events_are_refused_naming_the_second() -> None:
    with pytest.raises(DateRefused, match="speaks of more than one event \\(“printed 1890”\\)"):
        EDTF("1863, printed 1890")


def test_formats_are_tried_first() -> None:
    convert = compile_date(DateOptions(formats=("dd/MM/yy", "yyyy.MM")))
    assert [convert("01/02/99"), convert("1999.02"), convert("c. 1920")] == ["1999-02-01", "1999-02", "1920~"]


def test_none_adds_to_the_words_for_no_date() -> None:
    convert = compile_date(DateOptions(none=("Date Not Recorded",)))
    assert [convert(" date not recorded "), convert("n.d."), convert("Undated"), convert("  ")] == [None] * 4


@pytest.mark.parametrize(("circa", "interval"), [(0, "1920/1920"), (5, "1915/1925"), (10, "1910/1930")])
def test_circa_is_how_far_an_interval_widens(circa: int, interval: str) -> None:
    assert compile_date(DateOptions(to="interval", circa=circa))("c. 1920") == interval


def test_widening_a_leap_day_stays_in_the_calendar() -> None:
    assert INTERVAL("c. 29 February 1920") == "1915-02-28/1925-02-28"


def test_a_very_long_text_is_no_date() -> None:
    assert outcome(EDTF, "1920 or " * 10_000) == "!date-not-understood"


YEARS = st.integers(min_value=1000, max_value=2100)


@given(YEARS)
def test_edtf_reads_what_it_writes(year: int) -> None:
    for text in (f"c. {year}", f"?{year}", f"{year}–{year + 7}", f"before {year}", f"{year} or {year + 3}"):
        written = EDTF(text)
        assert EDTF(written) == written


@given(st.text(max_size=60) | st.from_regex(r"[c?0-9/.,\-– a-z]{0,25}", fullmatch=True))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    for convert in (EDTF, INTERVAL, TIMESTAMP):
        result = outcome(convert, text)
        assert result.startswith(("!date-", "-")) or result[0] in "0123456789[{Y." or result == "-"


@given(st.dates())
def test_an_iso_date_is_itself(day) -> None:
    assert [EDTF(day.isoformat()), TIMESTAMP(day.isoformat())] == [day.isoformat()] * 2
