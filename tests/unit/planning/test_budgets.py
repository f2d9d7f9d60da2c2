"""How much may go wrong, or away, before a run stops."""

from __future__ import annotations

import pytest

from service.control.model import Budget
from worker.planning.budgets import exceeds

TEN = Budget(10, percent=True)
FIVE = Budget(5, percent=False)


@pytest.mark.parametrize(
    ("said", "budget", "number", "of", "limit"),
    [
        (None, TEN, 10, 100, None),
        (None, TEN, 11, 100, "10%"),
        (None, TEN, 1, 9, "10%"),
        (None, FIVE, 5, 6, None),
        (None, FIVE, 6, 1000, "5"),
        (None, None, 1000, 1000, None),
        ("20%", TEN, 20, 100, None),
        ("20%", TEN, 21, 100, "20%"),
        ("3", TEN, 4, 1000, "3"),
        ("0", TEN, 1, 1000, "0"),
        ("0", TEN, 0, 1000, None),
        (None, Budget(2.5, percent=True), 3, 100, "2.5%"),
        (None, Budget(0, percent=True), 0, 0, None),
    ],
)
def test_a_limit_holds_for_what_is_over_it(
    said: str | None, budget: Budget | None, number: int, of: int, limit: str | None
) -> None:
    assert exceeds(said, budget, number, of) == limit
