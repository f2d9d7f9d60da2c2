from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.applying.remnants import assigned


@pytest.mark.parametrize(
    ("fitting", "expected"),
    [
        ([], []),
        ([[0]], [0]),
        ([[0, 1], [0]], [1, 0]),
        ([[0], [0, 1], [1, 2]], [0, 1, 2]),
        ([[0], [0]], [None, None]),
        ([[0], [0], [1]], [None, None, 1]),
        ([[0, 1], [0, 1], [0, 1], [1, 2]], [None, None, None, 2]),
    ],
)
def test_each_remnant_has_a_create_of_its_own_or_is_in_doubt(
    fitting: list[list[int]], expected: list[int | None]
) -> None:
    assert assigned(fitting) == expected


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), max_size=4))
def test_none_is_in_doubt_where_all_can_be_explained(fitting: list[list[int]]) -> None:
    found = assigned(fitting)
    certain = [(number, fits) for number, fits in zip(found, fitting, strict=True) if number is not None]
    assert all(number in fits for number, fits in certain)
    assert len({number for number, _ in certain}) == len(certain)
    explicable = any(
        all(create in fits for create, fits in zip(order, fitting, strict=False))
        for order in permutations(range(4), len(fitting))
    )
    assert (None not in found) == explicable
