"""An undo after a cancel, of an import or of an undo: in the end nothing stands, and that is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.store import undo
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene
from tests.acceptance.test_settling import cancelled_in_a_write
from tests.acceptance.worlds import Order, Row
from tests.standins.proxy import Fault


def one_record(scene: Scene) -> str:
    order = Order((Row("K9", "One"),))
    batch = scene.shop.batch(order.control, order.files)
    assert scene.shop.run(batch, "dry-run").ending == "finished"
    return batch


@pytest.mark.parametrize("kind", ["answer_lost", "drop_before"])
def test_an_import_cancelled_in_its_only_write_can_be_undone_at_once(
    scenes: Callable[..., Scene], kind: str
) -> None:
    scene = scenes(spoiled=True, look_again=[0.6, 1.0])
    before = scene.state()
    batch = one_record(scene)
    assert not undo.anything_stands(scene.shop.db, batch)
    facts = cancelled_in_a_write(scene, Fault(kind, method="POST"), batch)  # type: ignore[arg-type]
    assert facts.phase == "settle"

    assert undo.anything_stands(scene.shop.db, batch), "nobody knows that there is nothing to undo"
    run = scene.shop.schedule(batch, "undo")
    assert scene.proxy is not None
    scene.proxy.clear()
    scene.shop.settle(facts.id)
    assert scene.shop.take_over(run).state == "undone", scene.shop.log(run)
    same(scene.state(), before, scene.shop.log(run))
    assert not undo.anything_stands(scene.shop.db, batch)


def test_an_undo_cancelled_in_its_last_write_can_be_finished_at_once(scenes: Callable[..., Scene]) -> None:
    scene = scenes(spoiled=True, look_again=[0.6, 1.0])
    before = scene.state()
    batch = one_record(scene)
    assert scene.shop.run(batch).ending == "finished"
    scene.site.tick()
    first = cancelled_in_a_write(scene, Fault("answer_lost", method="DELETE"), batch, "undo")
    assert undo.anything_stands(scene.shop.db, batch)
    run = scene.shop.schedule(batch, "undo")
    scene.shop.settle(first.id)

    assert scene.shop.take_over(run).state == "undone", scene.shop.log(run)
    same(scene.state(), before, scene.shop.log(run))


@pytest.mark.parametrize("mode", ["import", "undo"])
@pytest.mark.parametrize("moment", range(1, 11))
def test_what_was_cancelled_at_any_write_is_undone_whole(
    scenes: Callable[..., Scene], mode: str, moment: int
) -> None:
    scene = scenes(look_again=[0.1, 0.3])
    before = scene.state()
    batch = scene.import_all()
    if mode == "undo":
        assert scene.shop.run(batch).ending == "finished"
        scene.site.tick()
    run = scene.shop.schedule(batch, mode)
    cancelled = scene.shop.run_cancelling(run, moment, sent=True)
    assert cancelled or moment > 8, scene.shop.log(run)
    scene.site.tick()

    if undo.anything_stands(scene.shop.db, batch):
        again = scene.shop.run(batch, "undo")
        run = again.id
        assert again.state == "undone", scene.shop.log(run)
    same(scene.state(), before, scene.shop.log(run))
    assert not undo.anything_stands(scene.shop.db, batch)


def test_an_undo_cancelled_twice_before_it_has_linked_again_is_finished(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes(look_again=[0.1, 0.3])
    before = scene.state()
    batch = scene.import_all()
    assert scene.shop.run(batch).ending == "finished"
    for moment in (1, 1, 2):
        scene.site.tick()
        run = scene.shop.schedule(batch, "undo")
        assert scene.shop.run_cancelling(run, moment, sent=True), scene.shop.log(run)
    scene.site.tick()
    last = scene.shop.run(batch, "undo")
    assert last.state == "undone", scene.shop.log(last.id)
    same(scene.state(), before, scene.shop.log(last.id))
