from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.targets.backoff import LONGEST, SCATTER, pause


@pytest.mark.parametrize(
    ("attempt", "asked", "chance", "seconds"),
    [
        (1, None, 0.5, 0.5),
        (2, None, 0.5, 1.0),
        (3, None, 0.5, 2.0),
        (7, None, 0.5, 32.0),
        (8, None, 0.5, 60.0),
        (4_000, None, 0.5, 60.0),
        (3, None, 0.0, 1.5),
        (3, None, 1.0, 2.5),
        # what the target asked for is never made shorter, whatever chance says, nor longer by much
        (1, 10.0, 0.0, 10.0),
        (9, 10.0, 0.5, 10.5),
        (1, 3600.0, 1.0, 3960.0),
        (1, 0.0, 1.0, 0.0),
    ],
)
def test_a_pause_grows_is_scattered_and_keeps_to_what_was_asked(
    attempt: int, asked: float | None, chance: float, seconds: float
) -> None:
    assert pause(attempt, asked, lambda: chance) == pytest.approx(seconds)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_no_pause_is_longer_than_the_longest_and_its_scatter(attempt: int, chance: float) -> None:
    assert 0 < pause(attempt, None, lambda: chance) <= LONGEST * (1 + SCATTER)
