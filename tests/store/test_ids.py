"""Identifiers sort by when they were made, whatever the clock does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.store.ids import new_id


@pytest.mark.parametrize("ahead", [0, -1_000_000_000, -1])
def test_what_one_process_makes_sorts_in_that_order(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    first = new_id()
    now = time.time_ns() + ahead
    monkeypatch.setattr(time, "time_ns", lambda: now)
    made = [first, *(new_id() for _ in range(2000))]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}


def test_threads_never_make_the_same() -> None:
    with ThreadPoolExecutor(4) as several:
        made = list(several.map(lambda _: new_id(), range(2000)))
    assert len(set(made)) == 2000
