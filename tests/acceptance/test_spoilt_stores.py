"""A store that is away at any moment of a run: the run ends as it would have, and the journal is true."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from service.store.database import StoreUnavailableError
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene, journal_is_true, outcomes
from tests.acceptance.spoiling import How, Spoiler, chosen
from tests.acceptance.workshop import Shop

SEEDS = [int(x) for x in os.environ.get("SEEDS", "0-6").split("-")]


@pytest.mark.parametrize("mode", ["import", "undo", "dry-run"])
@pytest.mark.parametrize("how", ["away", "kept"])
@pytest.mark.parametrize("seed", range(*SEEDS))
def test_x(scenes: Callable[..., Scene], undisturbed: Any, mode: str, how: How, seed: int) -> None:
    scene = scenes()
    shop = scene.shop
    batch = scene.import_all()
    if mode == "undo":
        shop.run(batch)
        scene.site.tick()
    before = scene.state()
    run = shop.schedule(batch, mode)
    first, times = chosen(seed, 250 if how == "away" else 60)
    with Spoiler(shop.db, first, times, how).at_work() as spoiler:
        print("spoil", first, times)
        _take_over(shop, run)
    facts = shop.facts(run)
    log = f"{spoiler}\n{shop.log(run)}"
    print(spoiler.asked, spoiler.failed)
    assert facts.ending == "finished", log
    after = {"import": undisturbed[0], "undo": undisturbed[1], "dry-run": before}[mode]
    same(scene.state(), after, log)
    if mode != "dry-run":
        assert outcomes(shop, run) == undisturbed[2 if mode == "import" else 3], log
    journal_is_true(shop, run)
    entries = [one for one in shop.entries(run) if one.action != "complete"]
    counted = Counter(one.outcome for one in entries if one.outcome)
    assert {name: n for name, n in facts.counts.items() if name in counted} == counted, log
    assert facts.counts["planned"] == len(shop.entries(run)), log


def _take_over(shop: Shop, run: str) -> None:
    """As the sweepers of a worker would: again and again, whatever the stores say."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreUnavailableError):
            shop.take_over(run)
            return
    raise AssertionError("it does not end")
