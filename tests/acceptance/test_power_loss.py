"""The power goes: the database holds what was synchronised, the target all that it was sent."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store.database import Database
from service.store.journal import recorded_operation
from tests.acceptance.laws import check_once, same
from tests.acceptance.power import Moment, run_until_dark
from tests.acceptance.scenes import AFTER, Scene, journal_is_true, outcomes
from tests.acceptance.worlds import Json
from tests.standins.disk import cut_back

Wanted = tuple[Json, Json, Any, Any]
MODES = ("import", "undo")


def begun(scene: Scene, mode: str) -> str:
    """A run of the import, or of its undo, that nobody has begun."""
    batch = scene.import_all()
    if mode == "undo":
        assert scene.shop.run(batch).ending == "finished"
        scene.site.tick()
    return scene.shop.schedule(batch, mode)


def lights_out(
    scene: Scene, mode: str, moment: Moment, wanted: Wanted, landed: random.Random | None = None
) -> bool:
    """Whether the power went before the run had ended."""
    run_id = begun(scene, mode)
    darkness = run_until_dark(scene.shop, run_id, moment, landed)
    about = f"{mode}, {moment}, landed {landed is not None}\n{scene.shop.log(run_id)}"
    unknown = [key for key in darkness.sent if recorded_operation(scene.shop.db, run_id, key) is None]
    assert unknown == [], f"sent, and nothing on disk knows of it: {about}"
    scene.site.tick()
    facts = scene.shop.take_over(run_id)
    about = f"{mode}, {moment}, landed {landed is not None}\n{scene.shop.log(run_id)}"
    assert facts.ending == "finished", about
    undone = mode == "undo"
    same(scene.state(), wanted[1 if undone else 0], about)
    assert outcomes(scene.shop, run_id) == wanted[3 if undone else 2], about
    journal_is_true(scene.shop, run_id)
    check_once(scene.site.dump())
    scene.site.tick()
    again = scene.shop.run(scene.shop.batch(AFTER.control, AFTER.files), "dry-run")
    left = {"action:create", "action:update", "action:delete"} & again.counts.keys()
    assert bool(left) is undone, about
    return darkness.went_dark


@pytest.mark.parametrize("mode", MODES)
def test_no_write_leaves_before_its_intent_is_synchronised(
    scenes: Callable[..., Scene], tmp_path: Path, mode: str
) -> None:
    scene = scenes()
    run_id = begun(scene, mode)
    scene.site.omeka.reset_requests()
    darkness = run_until_dark(scene.shop, run_id, None)
    assert not darkness.went_dark
    assert scene.site.omeka.requests()["writes"] == len(darkness.sent) >= 8
    for place, event in enumerate(darkness.events):
        if event[0] != "mark":
            continue
        folder = tmp_path / str(place)
        cut_back(darkness.events[:place]).restore(scene.shop.folder, folder)
        db = Database(f"sqlite:///{folder / 'accession.db'}")
        recorded = recorded_operation(db, run_id, event[1].key)
        db.dispose()
        assert recorded is not None, f"{event[1].key} left, and the disk does not know of it"


def sample(seed: int, number: int) -> list[tuple[Moment, bool]]:
    """Moments that a short run has, and whether parts of what was not synchronised reached the disk."""
    chance = random.Random(seed)
    every = [Moment("sync", one) for one in range(1, 25)]
    every += [Moment(what, one) for what in ("sent", "answered") for one in range(1, 9)]  # type: ignore[arg-type]
    return [(moment, chance.random() < 0.5) for moment in chance.sample(every, number)]


@pytest.mark.parametrize(("moment", "landed"), sample(1, 4))
@pytest.mark.parametrize("mode", MODES)
def test_a_run_goes_on_after_a_power_cut_as_if_there_had_been_none(
    scenes: Callable[..., Scene], undisturbed: Wanted, mode: str, moment: Moment, landed: bool
) -> None:
    lights_out(scenes(), mode, moment, undisturbed, random.Random(1) if landed else None)


@pytest.mark.full
@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("what", ["sync", "sent", "answered"])
@pytest.mark.parametrize("mode", MODES)
def test_the_same_at_every_moment(
    scenes: Callable[..., Scene], undisturbed: Wanted, mode: str, what: Any, landed: bool
) -> None:
    number = 1
    while lights_out(
        scenes(), mode, Moment(what, number), undisturbed, random.Random(number) if landed else None
    ):
        number += 1
    assert number > 8, "it was to go dark at many moments"
