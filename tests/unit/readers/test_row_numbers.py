from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from worker.readers.numbers import RowNumbers


@given(st.sets(st.integers(0, 5000)))
def test_it_is_the_set_of_its_numbers_in_ascending_order(numbers: set[int]) -> None:
    found = RowNumbers(numbers)
    assert (list(found), len(found), found == numbers) == (sorted(numbers), len(numbers), True)
    assert all((one in found) == (one in numbers) for one in range(-1, 5010))
    assert "1" not in found


def test_a_million_rows_take_less_than_a_megabyte() -> None:
    found = RowNumbers(range(1, 1_000_001))
    assert (len(found), sys.getsizeof(found._bits) < 200_000) == (1_000_000, True)
