from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from service.store.samples import Measured
from worker import sampling
from worker.sampling import Sampler


def test_a_run_is_measured_every_few_seconds_and_a_long_one_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[tuple[float, Measured]] = []
    now = 100.0
    monkeypatch.setattr(sampling, "record_sample", lambda _db, _claim, one: kept.append((now, one)))
    adapter, limiter = SimpleNamespace(requests=0), SimpleNamespace(latency=None, allowed=2)
    context: Any = SimpleNamespace(db=None, claim=None, adapter=None, limiter=None)
    sampler = Sampler(context, 5.0, clock=lambda: now)
    assert not sampler.due
    now += 5
    assert sampler.due
    sampler.take()
    context.adapter, context.limiter = adapter, limiter
    adapter.requests, limiter.latency = 40, 0.0644
    now += 6
    sampler.take()
    assert [one for _, one in kept] == [Measured(5000, 0, None, None), Measured(6000, 40, 64, 2)]
    # A day of it, looked at twice a second.
    kept.clear()
    for _ in range(2 * 86_400):
        now += 0.5
        if sampler.due:
            sampler.take()
    assert 800 < len(kept) < 1300
