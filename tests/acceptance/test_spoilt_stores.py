"""A store that is away at any moment of a run: the run ends as it would have, and the journal is true.

The database fails at a statement or at a commit, the blobs at a call, once or for a while; and a commit that
was one may be answered by nothing but a broken connection, and must not be done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest

from service.store import runs
from service.store.blobs import DiskBlobs
from service.store.database import StoreUnavailableError
from service.store.failed_files import failed_files
from tests.acceptance.installation import CONTROL
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene, journal_is_true, outcomes
from tests.acceptance.spoiling import How, Spoiler
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Json
from worker.planning import phase

Mode = Literal["import", "undo", "dry-run"]
MODES: tuple[Mode, ...] = ("import", "undo", "dry-run")
HOW: tuple[How, ...] = ("away", "kept")
NEVER = 1_000_000

Scenes = Callable[..., Scene]
Moments = Mapping[tuple[Mode, How], int]


def begun(scenes: Scenes, mode: Mode, database_url: str = "") -> tuple[Scene, str]:
    """A scene in which a run of this mode is about to begin."""
    scene = scenes(database_url)
    batch = scene.import_all()
    if mode == "undo":
        scene.shop.run(batch)
        scene.site.tick()
    return scene, scene.shop.schedule(batch, mode)


def take_over(shop: Shop, run: str) -> None:
    """As the sweepers of workers would: again and again, whatever the stores say."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreUnavailableError):
            shop.take_over(run)
            return
    raise AssertionError("it does not end")


@pytest.fixture(scope="module")
def moments(scenes: Scenes) -> Moments:
    """How often a run that nothing disturbs asks its stores for something, and how often it commits."""
    found = {}
    for mode in MODES:
        for how in HOW:
            scene, run = begun(scenes, mode)
            with Spoiler(scene.shop.db, NEVER, 1, how).at_work() as spoiler:
                take_over(scene.shop, run)
            found[mode, how] = spoiler.asked
    return found


def spoil(scenes: Scenes, undisturbed: Any, mode: Mode, spoiled: tuple[How, int, int], url: str = "") -> None:
    """`spoiled`: how, from which moment on, how often in a row."""
    how, first, times = spoiled
    while True:
        scene, run = begun(scenes, mode, url)
        shop, before = scene.shop, scene.state()
        with Spoiler(shop.db, first, times, how).at_work() as spoiler:
            take_over(shop, run)
        if spoiler.failed or first == 1:
            break
        # A run that renews its lease once less than the one that was counted has fewer moments.
        first = min(first - 1, spoiler.asked)
    log = f"{mode} {spoiled}\n{shop.log(run)}"
    assert spoiler.failed, log
    facts = shop.facts(run)
    assert facts.ending == "finished", log
    after: Mapping[Mode, Json] = {"import": undisturbed[0], "undo": undisturbed[1], "dry-run": before}
    same(scene.state(), after[mode], log)
    if mode != "dry-run":
        assert outcomes(shop, run) == undisturbed[2 if mode == "import" else 3], log
    journal_is_true(shop, run)
    entries = shop.entries(run)
    counted = Counter(one.outcome for one in entries if one.outcome and one.action != "complete")
    assert {name: n for name, n in facts.counts.items() if name in counted} == counted, log
    assert facts.counts["planned"] == len(entries), log


def chosen(seed: str, most: int) -> tuple[int, int]:
    chance = random.Random(seed)
    return chance.randint(1, most), chance.choice((1, 1, 2, 5, 40))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("seed", range(4))
def test_a_store_that_is_away_at_some_moment_changes_nothing_of_what_a_run_does(
    scenes: Scenes, undisturbed: Any, moments: Moments, mode: Mode, how: How, seed: int
) -> None:
    first, times = chosen(f"{mode} {how} {seed}", moments[mode, how])
    spoil(scenes, undisturbed, mode, (how, first, times))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mode", MODES)
def test_the_same_holds_on_postgresql_whose_connections_break(
    scenes: Scenes, undisturbed: Any, moments: Moments, postgresql_url: str, mode: Mode, how: How
) -> None:
    first, times = chosen(f"{mode} {how}", moments[mode, how] // 2)
    spoil(scenes, undisturbed, mode, (how, first, times), postgresql_url)


def test_a_run_that_waits_for_a_disk_says_so_and_goes_on(
    scenes: Scenes, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the blob store that cannot be read is no fault of the data, nor of the program."""
    scene, run = begun(scenes, "import")
    opened = phase.open_reader

    def fails(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(phase, "open_reader", fails)
    asyncio.run(scene.shop._carry_out(run))
    facts = scene.shop.facts(run)
    text = "A file on the worker's machine cannot be read or written: Input/output error."
    assert (facts.state, facts.waiting_for, facts.ending) == ("waiting", text, None)
    assert runs.unclaimed_runs(scene.shop.db) == []
    monkeypatch.setattr(phase, "open_reader", opened)
    facts = scene.shop.take_over(run)
    assert (facts.ending, facts.waiting_for) == ("finished", None), scene.shop.log(run)
    same(scene.state(), undisturbed[0], scene.shop.log(run))


def test_a_run_whose_failed_records_cannot_be_kept_yet_ends_once_they_can(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = scenes().shop
    batch = shop.batch(CONTROL, {"data0": [{"acno": "A1", "title": "One"}, {"title": "Without a number"}]})
    run = shop.schedule(batch)
    text = "The disk that holds the uploaded files is full. Free some space on it, then try again."
    begin = DiskBlobs.begin

    def full(_: DiskBlobs) -> Any:
        raise StoreUnavailableError(text)

    monkeypatch.setattr(DiskBlobs, "begin", full)
    asyncio.run(shop._carry_out(run))
    assert (shop.facts(run).state, shop.facts(run).waiting_for) == ("waiting", text), shop.log(run)
    monkeypatch.setattr(DiskBlobs, "begin", begin)
    facts = shop.take_over(run)
    assert facts.counts["rejected"] >= 1, shop.log(run)
    assert [one.name for one in failed_files(shop.db, run)] == ["data0"]


@pytest.mark.full
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", HOW)
def test_the_same_holds_for_every_moment(
    scenes: Scenes, undisturbed: Any, moments: Moments, mode: Mode, how: How
) -> None:
    for first in range(1, moments[mode, how] + 1):
        spoil(scenes, undisturbed, mode, (how, first, 1))
