"""What is kept no longer is removed, and a batch that can be undone still can: exactly as without that."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.store import garbage, journal, plans, runs
from service.store.outcomes import counts_of, state_of
from service.store.retention import Retention
from service.store.tables import operation
from tests.acceptance.installation import CONTROL, PREFIX, Installation, rows, target_of
from tests.acceptance.scenes import AFTER, Scene, outcomes
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Json
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy
from tests.store.garbage_world import let_pass

DAYS = 1000
NOTHING_ELSE = Retention(uploads=1, dry_runs=1, batches=1, reports=1)
"""All goes that may, but batches can be undone for ever."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


def clear(shop: Shop, retention: Retention = NOTHING_ELSE, days: float = DAYS) -> dict[str, int]:
    """Time passes, and what may go goes: how many of each kind."""
    let_pass(shop.db, days)
    return {line.kind: line.n for line in garbage.collect(shop.db, shop.blobs, retention)}


def test_an_undo_after_everything_went_that_may_restores_the_same(
    scenes: Callable[..., Scene], undisturbed: tuple[Json, Json, Any, Any], database: str
) -> None:
    """Creates, updates and deletions, taken back by what is left of the batch."""
    after, undone, _, told = undisturbed
    scene = scenes(database)
    batch = scene.import_all()
    run = scene.shop.run(batch)
    assert scene.state() == after
    scene.site.tick()
    gone = clear(scene.shop)
    assert gone["reports"] == 2
    assert gone["files"] > 0
    facts = runs.runs_of_batch(scene.shop.db, batch)
    assert [one.phase for one in facts] == ["reduced", "removed"]
    undo = scene.shop.run(batch, "undo")
    assert scene.state() == undone, scene.shop.log(undo.id)
    assert outcomes(scene.shop, undo.id) == told
    assert run.id != undo.id


def test_an_undo_of_the_batch_before_works_as_well(scenes: Callable[..., Scene]) -> None:
    """What the undo of the later batch put back under new numbers is known when the earlier one goes."""
    states = []
    for clears in (False, True):
        scene = scenes()
        batch = scene.import_all()
        scene.shop.run(batch)
        scene.site.tick()
        first = _first_batch(scene.shop)
        if clears:
            clear(scene.shop)
        scene.shop.run(batch, "undo")
        scene.site.tick()
        if clears:
            assert clear(scene.shop)["batches"] == 1
        undo = scene.shop.run(first, "undo")
        states.append((scene.state(), outcomes(scene.shop, undo.id)))
    assert states[0] == states[1]


def _first_batch(shop: Shop) -> str:
    with shop.db.read() as connection:
        first = connection.execute(select(operation.c.run_id).order_by(operation.c.run_id).limit(1)).scalar()
    return shop.facts(str(first)).batch_id


def test_the_same_data_are_unchanged_afterwards(scenes: Callable[..., Scene]) -> None:
    """The ledger is no garbage."""
    scene = scenes()
    batch = scene.import_all()
    scene.shop.run(batch)
    scene.site.tick()
    clear(scene.shop, Retention(1, 1, 1, 1, 1))
    again = scene.shop.run(scene.shop.batch(AFTER.control, AFTER.files), "dry-run")
    planned = {name: n for name, n in again.counts.items() if name.startswith("action:") and n}
    # What was to be deleted is gone.
    assert planned == {"action:unchanged": 5, "action:reject": 1}, scene.shop.log(again.id)


def test_a_retry_and_a_plan_within_their_time_work(tmp_path: Path, omeka: StandIn) -> None:
    shop = Shop(tmp_path / "shop", omeka)
    data = [*rows(3), {"acno": "", "title": "No identifier"}]
    batch = shop.batch({**CONTROL, "maxErrors": "50%"}, {"data0": data})
    dry = shop.run(batch, "dry-run")
    keeps = Retention(1, 30, 90, 365)
    clear(shop, keeps, days=29)
    done = shop.run(batch, plan=dry.id)
    assert (done.counts["created"], done.counts["rejected"]) == (3, 1), shop.log(done.id)
    clear(shop, keeps, days=364)
    retry = shop.run(batch, "retry")
    assert (retry.counts.get("created", 0), retry.counts["rejected"]) == (0, 1), shop.log(retry.id)
    before = _shown(shop, batch)
    clear(shop, keeps, days=366)
    assert _shown(shop, batch) == before
    assert plans.read_plan(shop.db, retry.id) == []
    shop.close()


def _shown(shop: Shop, batch: str) -> tuple[str, dict[str, int]]:
    facts = runs.runs_of_batch(shop.db, batch)
    return state_of(shop.db, facts), dict(counts_of(shop.db, facts))


def test_a_lost_answer_is_found_though_the_journal_of_its_doubles_is_gone(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy
) -> None:
    """Items of a batch whose journal went are the same to the letter as what is looked for: but they stood in
    the target before that was sent, below the number from which on it is looked for."""
    shop = Shop(tmp_path / "shop", omeka, url=proxy.url)
    control = {name: value for name, value in CONTROL.items() if name != "match"}
    old = shop.batch(control, {"data0": rows(4)})
    shop.run(old)
    clear(shop, Retention(1, 1, 1, 1, 1))
    with shop.db.read() as connection:
        assert connection.execute(select(operation)).first() is None
    doubles = {one["o:id"] for one in omeka.dump()["items"]}
    assert journal.journaled_ids(shop.db, "omeka", "item", sorted(doubles)) == set()
    proxy.add(Fault("answer_lost", method="POST", path="/api/items", nth=2, times=2))
    done = shop.run(shop.batch(control, {"data0": rows(4)}))
    assert done.counts["created"] == 4, shop.log(done.id)
    assert "answer-lost" in shop.log(done.id)
    assert len(omeka.dump()["items"]) == 8
    assert {one.outcome_id for one in shop.entries(done.id)}.isdisjoint(doubles)
    shop.close()


# --- a whole installation -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_clears_up_by_itself(tmp_path: Path, omeka: StandIn) -> None:
    settings = {"ACCESSION_RETENTION_EVERY": "0.0001", "ACCESSION_RETENTION_DRY_RUNS": "0.00001"}
    with Installation(tmp_path, {"omeka": target_of(omeka)}, settings) as accession:
        accession.start()
        batch = accession.batch(CONTROL, {"data0": json.dumps(rows(5)).encode()})
        assert accession.run(batch, "dry-run") == "dry-run"
        dry = accession.facts(batch)["runs"][0]["run"]
        assert accession.run(batch) == "complete"
        deadline = time.monotonic() + 30
        while accession.facts(batch)["runs"][1]["phase"] != "removed":
            assert time.monotonic() < deadline, accession.output("worker")
            time.sleep(0.1)
        answer = accession.get(f"batch/{batch}/plan", run=dry)
        assert (answer.status_code, "ACCESSION_RETENTION_DRY_RUNS" in answer.text) == (410, True)
        assert "removed: 1 dry-runs" in accession.output("worker")
        assert len(accession.report(batch)) == 5
        assert accession.run(batch, "undo") == "undone"
        assert omeka.dump()["items"] == []
        assert accession.client.get(f"{PREFIX}/batch/{batch}").status_code == 200
