"""What a run leaves when it ends in the middle: found out later, so that nothing is lost or made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx2
import pytest
from sqlalchemy import select

from service.store import journal
from service.store.runs import RunFacts
from service.store.tables import operation, stray_effect
from service.store.unsettled import unsettled_runs
from tests.acceptance.laws import check_once, same
from tests.acceptance.scenes import Scene
from tests.standins.proxy import Fault
from worker.targets.base import Answer, Operation
from worker.targets.omeka_s.adapter import OmekaSAdapter


def cancelled_in_a_write(scene: Scene, fault: Fault, batch: str, mode: str = "import") -> RunFacts:
    """Import, and cancel when the fault has struck: before anybody looks for what it did."""
    assert scene.proxy is not None
    scene.proxy.add(fault)
    run = scene.shop.schedule(batch, mode)
    facts = scene.shop.run_losing(run)
    assert facts.ending == "cancelled", scene.shop.log(run)
    return facts


def open_writes(scene: Scene, run: str) -> list[str]:
    with scene.shop.db.read() as connection:
        unknown = select(operation.c.key).where(operation.c.run_id == run, operation.c.outcome.is_(None))
        return list(connection.execute(unknown).scalars())


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_whose_answer_was_lost_when_a_person_cancelled_is_found_out_and_can_be_undone(
    scenes: Callable[..., Scene], method: str
) -> None:
    scene = scenes(spoiled=True, look_again=[0.3, 1.0])
    before = scene.state()
    batch = scene.import_all()
    facts = cancelled_in_a_write(scene, Fault("answer_lost", method=method), batch)
    assert facts.phase == "settle"
    assert len(open_writes(scene, facts.id)) == 1
    done = sum(facts.counts.get(word, 0) for word in ("created", "updated", "deleted"))
    assert unsettled_runs(scene.shop.db) == [facts.id]

    log = scene.shop.settle(facts.id)
    assert open_writes(scene, facts.id) == []
    assert unsettled_runs(scene.shop.db) == []
    now = scene.shop.facts(facts.id)
    assert now.ending == "cancelled"
    assert sum(now.counts.get(word, 0) for word in ("created", "updated", "deleted")) == done + 1, log

    scene.site.tick()
    undo = scene.shop.run(batch, "undo")
    same(scene.state(), before, scene.shop.log(undo.id))


def test_an_undo_waits_until_it_is_known_what_there_is_to_undo(scenes: Callable[..., Scene]) -> None:
    scene = scenes(spoiled=True, look_again=[0.1, 0.3])
    batch = scene.import_all()
    facts = cancelled_in_a_write(scene, Fault("answer_lost", method="POST"), batch)
    undo = scene.shop.schedule(batch, "undo")
    asyncio.run(scene.shop._carry_out(undo))
    assert scene.shop.facts(undo).started_at is None
    scene.shop.settle(facts.id)
    asyncio.run(scene.shop._carry_out(undo))
    assert scene.shop.facts(undo).ending == "finished"


def test_a_write_that_never_arrived_is_not_sent_after_the_run_has_ended(scenes: Callable[..., Scene]) -> None:
    scene = scenes(spoiled=True, look_again=[0.1, 0.3])
    batch = scene.import_all()
    facts = cancelled_in_a_write(scene, Fault("drop_before", method="POST"), batch)
    assert scene.proxy is not None
    scene.proxy.clear()
    log = scene.shop.settle(facts.id)
    assert [one.method for one in scene.proxy.log if one.method != "GET"] == []
    assert "The run had ended, so it was not sent again" in log
    assert open_writes(scene, facts.id) == []
    # Imported again, each record is there once.
    scene.site.tick()
    again = scene.shop.run(batch)
    assert again.ending == "finished"
    check_once(scene.site.dump())


def test_what_a_run_left_while_the_target_is_away_is_looked_for_until_it_is_back(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes(spoiled=True, look_again=[0.1, 0.3], sweep=0.1)
    assert scene.proxy is not None
    facts = cancelled_in_a_write(scene, Fault("answer_lost", method="POST"), scene.import_all())
    lines = scene.shop.log(facts.id)
    down = Fault("answer", times=0, status=503)
    scene.proxy.add(down)
    asyncio.run(scene.shop._carry_out(facts.id))
    assert scene.shop.facts(facts.id).phase == "settle"
    assert scene.shop.log(facts.id) == lines, "nothing is said of each try"
    scene.proxy.clear()
    scene.shop.settle(facts.id)
    assert open_writes(scene, facts.id) == []


def test_an_answer_that_came_when_its_run_had_ended_is_looked_into_and_the_twin_goes(
    scenes: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a worker had been frozen in a send until another had finished the run."""
    scene = scenes()
    sent: dict[str, Operation] = {}
    carry_out = OmekaSAdapter.carry_out

    async def noted(self: OmekaSAdapter, group: Sequence[Operation]) -> list[Answer]:
        sent.update({one.key: one for one in group})
        return await carry_out(self, group)

    monkeypatch.setattr(OmekaSAdapter, "carry_out", noted)
    run = scene.shop.run(scene.import_all())
    stood = scene.state()
    late = next(one for one in sent.values() if one.method == "create" and b'"K4"' in one.payload)
    twin, answer = _sent_again(scene, late)
    journal.record_stray(scene.shop.db, run.id, late.key, twin, answer)
    assert unsettled_runs(scene.shop.db) == [run.id]

    asyncio.run(scene.shop._carry_out(run.id))
    log = scene.shop.log(run.id)
    assert "twin-removed" in log
    same(scene.state(), stood, log)
    with scene.shop.db.read() as connection:
        found = connection.execute(select(stray_effect.c.operation_key, stray_effect.c.resolution)).all()
    assert [tuple(one) for one in found] == [(late.key, "removed")]
    assert scene.shop.facts(run.id).state == run.state
    assert unsettled_runs(scene.shop.db) == []


def _sent_again(scene: Scene, late: Operation) -> tuple[int, bytes]:
    omeka = scene.site.omeka
    with httpx2.Client(params=omeka.key, verify=False) as client:
        answer = client.post(
            f"{omeka.api}/items", content=late.payload, headers={"content-type": "application/json"}
        )
    return int(answer.json()["o:id"]), answer.content
