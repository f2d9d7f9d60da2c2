"""Updates and deletions whose answers do not come, or not at once: looked into, and done once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from service.store.database import StoreUnavailableError
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene, journal_is_true, outcomes
from tests.acceptance.worlds import Edit, Json
from tests.standins.proxy import Fault, Kind
from worker.applying.executor import MOST_SENT

SPOILT: tuple[Kind, ...] = ("answer_lost", "drop_before", "act_then_500", "cut_body")


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_lost_answer_of_an_update_or_a_deletion_is_looked_into_and_nothing_is_done_twice(
    scenes: Callable[..., Scene], undisturbed: Any, kind: Kind, method: str
) -> None:
    scene = scenes(spoiled=True)
    assert scene.proxy is not None
    batch = scene.import_all()
    scene.proxy.add(Fault(kind, method=method, nth=1, times=2))
    run = scene.shop.run(batch)
    log = scene.shop.log(run.id)
    same(scene.state(), undisturbed[0], log)
    assert outcomes(scene.shop, run.id) == undisturbed[2], log
    journal_is_true(scene.shop, run.id)
    scene.proxy.clear()
    scene.proxy.add(Fault(kind, method=method, nth=1, times=2))
    scene.site.tick()
    undo = scene.shop.run(batch, "undo")
    log = scene.shop.log(undo.id)
    same(scene.state(), undisturbed[1], log)
    assert outcomes(scene.shop, undo.id) == undisturbed[3], log
    journal_is_true(scene.shop, undo.id)


def test_what_makes_the_target_itself_fail_is_given_up_after_a_few_times_and_the_run_ends(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes(spoiled=True, look_again=[0.05, 0.1])
    assert scene.proxy is not None
    batch = scene.import_all()
    item = scene.site.dump().named("K6")
    assert item is not None
    words = b'{"errors": {"error": "Call to a member function getId() on null"}}'
    fault = Fault(
        "answer",
        method="PATCH",
        path=rf"/api/items/{item['o:id']}\b",
        times=0,
        status=500,
        body=words,
        content_type="application/json",
    )
    scene.proxy.add(fault)
    run = scene.shop.run(batch)
    log = scene.shop.log(run.id)
    assert run.ending == "finished", log
    assert fault.done == MOST_SENT
    refused = [one for one in scene.shop.entries(run.id) if one.outcome == "rejected"]
    assert [(one.identifier, one.code) for one in refused] == [("K6", "given-up")], log
    assert run.counts["rejected"] == 1
    journal_is_true(scene.shop, run.id)
    scene.proxy.clear()
    scene.site.tick()
    again = scene.shop.run(batch, "retry")
    assert again.counts["updated"] == 1, scene.shop.log(again.id)


def test_an_edit_made_while_the_target_put_us_off_is_not_overwritten_by_what_was_read_before(
    scenes: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.applying.sending.FRESH", 0.5)
    scene = scenes(spoiled=True)
    assert scene.proxy is not None
    batch = scene.import_all()
    busy = Fault("answer", method="PATCH", status=429, headers={"retry-after": "1"})
    scene.proxy.add(busy)
    editing = threading.Thread(target=_edit_once, args=(scene, busy))
    editing.start()
    run = scene.shop.run(batch)
    editing.join()
    item = scene.site.dump().named(EDITED.name)
    assert item is not None
    log = scene.shop.log(run.id)
    assert [one["@value"] for one in item["dcterms:creator"] if "@value" in one][-1:] == ["mine"], log
    assert item["o:title"] == "Two"


@pytest.mark.parametrize("place", ["service.store.runs.set_waiting", "service.store.journal.attempts"])
def test_a_store_that_is_away_while_the_target_puts_us_off_ends_the_worker_and_not_the_run(
    scenes: Callable[..., Scene], undisturbed: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """When the outage is written down, or when what was read long ago is made ready again."""
    monkeypatch.setattr("worker.applying.sending.FRESH", 0.5)
    scene = scenes(spoiled=True)
    assert scene.proxy is not None
    run = scene.shop.schedule(scene.import_all())
    busy = Fault("answer", method="PATCH", status=429, headers={"retry-after": "1.5"})
    scene.proxy.add(busy)
    module, name = place.rsplit(".", 1)
    there, failed = getattr(import_module(module), name), threading.Event()

    def away(*arguments: Any) -> Any:
        if busy.done and not failed.is_set():
            failed.set()
            raise StoreUnavailableError("the disk is full")
        return there(*arguments)

    monkeypatch.setattr(place, away)
    facts = scene.shop.take_over(run)
    log = scene.shop.log(run)
    assert failed.is_set(), log
    assert facts.ending == "finished", log
    same(scene.state(), undisturbed[0], log)
    assert outcomes(scene.shop, run) == undisturbed[2], log
    journal_is_true(scene.shop, run)


EDITED = Edit("K1", "add", "dcterms:creator", "mine")


def _edit_once(scene: Scene, fault: Fault) -> None:
    """Edit what the first PATCH was about, once that was put off."""
    deadline = time.monotonic() + 30
    while not fault.done and time.monotonic() < deadline:
        time.sleep(0.01)
    scene.site.tick()
    scene.site.edit(EDITED)


def test_what_somebody_adds_to_a_new_item_before_it_is_adopted_is_not_taken_for_the_targets_doing(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes(spoiled=True, look_again=[0.5, 1.0])
    assert scene.proxy is not None
    lost = Fault("answer_lost", method="POST")
    scene.proxy.add(lost)
    edit = Edit("K3", "add", "dcterms:creator", "mine")
    editing = threading.Thread(target=_edit_new, args=(scene, lost, edit))
    editing.start()
    run = scene.shop.run(scene.import_all())
    editing.join()
    log = scene.shop.log(run.id)
    assert ("K3", "created") in outcomes(scene.shop, run.id), log
    assert "found and adopted" in log
    item = scene.site.dump().named("K3")
    assert item is not None
    assert [one["@value"] for one in item["dcterms:creator"]] == ["mine"], log


def _edit_new(scene: Scene, fault: Fault, edit: Edit) -> None:
    deadline = time.monotonic() + 30
    while not (fault.done and scene.site.dump().named(edit.name)) and time.monotonic() < deadline:
        time.sleep(0.01)
    scene.site.edit(edit)


SETS: Json = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "visibility": "public",
    "maxRemovals": "100%",
    "match": {"item-set": {"source": "no", "by": "dcterms:identifier", "scope": "sets", "absent": "delete"}},
    "files": {"data0": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item-set"},
        {"source": "title", "name": "dcterms:title", "destination": "item-set"},
    ],
}


def test_a_deletion_of_an_item_set_that_answers_500_although_it_is_gone_is_a_deletion(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes(spoiled=True)
    assert scene.proxy is not None
    records = [{"no": "S1", "title": "One"}, {"no": "S2", "title": "Two"}]
    scene.shop.run(scene.shop.batch(SETS, {"data0": records}))
    before = scene.site.dump()
    number = next(one["o:id"] for one in before.tables["item_sets"] if one["o:title"] == "Two")
    item = before.named("K7")
    assert item is not None
    scene.site.tick()
    scene.site.edit(Edit("K7", "sets", "", str(number)))
    stood = scene.state()
    batch = scene.shop.batch(SETS, {"data0": records[:1]})
    scene.shop.run(batch, "dry-run")
    scene.site.tick()
    scene.proxy.add(Fault("act_then_500", method="DELETE", path="/api/item_sets"))
    run = scene.shop.run(batch)
    assert run.counts["deleted"] == 1, scene.shop.log(run.id)
    assert [one["o:title"] for one in scene.site.dump().tables["item_sets"]] == ["Set A", "Set B", "One"]
    journal_is_true(scene.shop, run.id)
    undo = scene.shop.run(batch, "undo")
    assert undo.counts["undone"] == 1, scene.shop.log(undo.id)
    now = scene.state()
    assert sets_of(now, "K7") == sets_of(stood, "K7") == ["Two"], scene.shop.log(undo.id)
    again = scene.shop.run(scene.shop.batch(SETS, {"data0": records}), "dry-run")
    assert again.counts["action:unchanged"] == 2, scene.shop.log(again.id)


def sets_of(state: Json, name: str) -> list[str]:
    titles = {one["o:id"]: one["o:title"] for one in state["item_sets"].values()}
    return [titles[one["o:id"]] for one in state["items"][name]["o:item_set"]]
