"""Whatever dies in the middle of updates, deletions, circles and their undo: the end is the same.

Most of it in the test's own process and one that dies (`workshop`), so that every single moment can be
tried; some with whole installations.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.installation import Installation
from tests.acceptance.laws import check_once, same
from tests.acceptance.scenes import AFTER, Scene, journal_is_true, outcomes
from tests.acceptance.test_undo import edit
from tests.acceptance.test_updates import control, data, works
from tests.acceptance.worlds import Json, literal, property_values
from tests.standins.omeka_s import StandIn

WRITES = 10
"""At least as many as the import of a scene sends, and its undo."""


def moments(seed: int, number: int) -> list[tuple[int, bool]]:
    every = [(moment, sent) for moment in range(1, WRITES + 1) for sent in (False, True)]
    return random.Random(seed).sample(every, number)


def die_while_importing(scene: Scene, moment: int, sent: bool, wanted: tuple[Json, Json, Any, Any]) -> None:
    batch = scene.import_all()
    run_id = scene.shop.schedule(batch)
    died = scene.shop.run_dying(run_id, moment, sent=sent)
    facts = scene.shop.take_over(run_id)
    assert facts.ending == "finished", scene.shop.log(run_id)
    about = f"moment {moment}, sent {sent}, died {died}\n{scene.shop.log(run_id)}"
    same(scene.state(), wanted[0], about)
    assert outcomes(scene.shop, run_id) == wanted[2], about
    journal_is_true(scene.shop, run_id)
    scene.site.tick()
    again = scene.shop.run(scene.shop.batch(AFTER.control, AFTER.files), "dry-run")
    assert not {"action:create", "action:update", "action:delete"} & again.counts.keys(), about
    undo = scene.shop.run(batch, "undo")
    same(scene.state(), wanted[1], f"undone after {about}\n{scene.shop.log(undo.id)}")


def die_while_undoing(scene: Scene, moment: int, sent: bool, wanted: tuple[Json, Json, Any, Any]) -> None:
    batch = scene.import_all()
    assert scene.shop.run(batch).ending == "finished"
    scene.site.tick()
    run_id = scene.shop.schedule(batch, "undo")
    died = scene.shop.run_dying(run_id, moment, sent=sent)
    scene.site.tick()
    facts = scene.shop.take_over(run_id)
    about = f"moment {moment}, sent {sent}, died {died}\n{scene.shop.log(run_id)}"
    assert facts.ending == "finished", about
    same(scene.state(), wanted[1], about)
    assert outcomes(scene.shop, run_id) == wanted[3], about
    journal_is_true(scene.shop, run_id)
    check_once(scene.site.dump())
    scene.site.tick()
    again = scene.shop.batch(AFTER.control, AFTER.files)
    scene.shop.run(again, "dry-run")
    run = scene.shop.run(again)
    same(scene.state(), wanted[0], f"imported again after {about}\n{scene.shop.log(run.id)}")


@pytest.mark.parametrize(("moment", "sent"), moments(1, 5))
def test_an_import_that_dies_at_any_write_ends_as_if_it_had_not(
    scenes: Callable[..., Scene], undisturbed: Any, moment: int, sent: bool
) -> None:
    die_while_importing(scenes(), moment, sent, undisturbed)


@pytest.mark.parametrize(("moment", "sent"), moments(2, 5))
def test_an_undo_that_dies_at_any_write_ends_as_if_it_had_not(
    scenes: Callable[..., Scene], undisturbed: Any, moment: int, sent: bool
) -> None:
    die_while_undoing(scenes(), moment, sent, undisturbed)


def test_the_same_holds_on_postgresql(
    scenes: Callable[..., Scene], undisturbed: Any, postgresql_url: str
) -> None:
    die_while_importing(scenes(postgresql_url), 5, True, undisturbed)


@pytest.mark.full
@pytest.mark.parametrize("die", [die_while_importing, die_while_undoing])
def test_the_same_at_every_write(
    scenes: Callable[..., Scene], undisturbed: Any, die: Callable[..., None]
) -> None:
    for moment, sent in moments(0, 2 * WRITES):
        die(scenes(), moment, sent, undisturbed)


# --- whole installations ----------------------------------------------------------------------------


def updates(accession: Installation, number: int) -> str:
    """A batch that changes as many works, which stand already."""
    first = accession.batch(control(), data(works(number)))
    assert accession.run(first) == "complete", accession.log(first)
    changed = [{**one, "title": f"{one['title']}, later"} for one in works(number)]
    return accession.batch(control(), data(changed))


def until(accession: Installation, batch: str, number: int, word: str = "updated") -> None:
    deadline = time.monotonic() + 60
    while accession.counts(batch).get(word, 0) < number:
        assert time.monotonic() < deadline, accession.log(batch)
        time.sleep(0.02)


def test_a_worker_killed_at_random_moments_of_an_update_and_its_undo_changes_each_record_once(
    accession: Installation, omeka: StandIn
) -> None:
    chance = random.Random(4)
    batch = updates(accession, 120)
    before = [{**one, "o:modified": None} for one in omeka.dump()["items"]]
    omeka.knobs(delay_ms=10, workers=2)
    for mode in ("import", "undo"):
        accession.schedule(batch, mode)
        for _ in range(3):
            time.sleep(chance.uniform(0.2, 1.2))
            accession.kill("worker")
            accession.start_worker()
        assert accession.wait(batch, 100) in ("complete", "undone"), accession.log(batch)
        counts = accession.counts(batch)
        assert counts["updated" if mode == "import" else "undone"] == 120, accession.log(batch)
        if mode == "import":
            assert sorted(one["o:title"] for one in omeka.dump()["items"]) == sorted(
                f"Work {n}, later" for n in range(1, 121)
            )
    assert [{**one, "o:modified": None} for one in omeka.dump()["items"]] == before


def test_a_worker_that_was_frozen_past_its_lease_overwrites_nothing_that_came_meanwhile(
    accession: Installation, omeka: StandIn
) -> None:
    batch = updates(accession, 90)
    omeka.knobs(delay_ms=30, workers=2)
    accession.schedule(batch)
    until(accession, batch, 15)
    accession.freeze("worker")
    accession.start_worker("second")
    until(accession, batch, 45)
    accession.freeze("second")
    omeka.knobs(delay_ms=0)
    numbers = [one["o:id"] for one in omeka.dump()["items"]]
    written = [one["o:id"] for one in omeka.dump()["items"] if one["o:title"].endswith("later")]
    for number in written:
        edit(
            omeka, number, **{"o:is_public": False, "o:resource_class": {"o:id": 26}, **noted(omeka, number)}
        )
    omeka.knobs(delay_ms=30)
    accession.signal("worker", signal.SIGCONT)
    time.sleep(1.0)
    accession.signal("second", signal.SIGCONT)
    assert accession.wait(batch, 90) == "complete", accession.log(batch)
    items = {one["o:id"]: one for one in omeka.dump()["items"]}
    assert [one for one in numbers if not items[one]["o:title"].endswith("later")] == []
    lost = [
        one for one in written if [v["@value"] for v in items[one].get("dcterms:creator", ())] != ["mine"]
    ]
    assert lost == [], accession.log(batch)
    accession.kill("second")


def noted(omeka: StandIn, number: int) -> Json:
    """All values of an item and one more, as another program would send them."""
    item = next(one for one in omeka.dump()["items"] if one["o:id"] == number)
    return {**property_values(item), "dcterms:creator": [literal("dcterms:creator", "mine")]}
