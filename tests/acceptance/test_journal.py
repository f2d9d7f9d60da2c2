"""The journal of a run in the hands of its worker: what stands in it, when, and who may write there."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event, select

from service.store import journal, runs
from service.store.database import Database
from service.store.tables import operation, run
from tests.acceptance.installation import CONTROL, rows, target_of, titles
from tests.acceptance.scenes import Scene
from tests.acceptance.workshop import Shop
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy
from worker.applying import executor, images
from worker.targets.base import Answer, Operation
from worker.targets.omeka_s.adapter import OmekaSAdapter

# --- the fence ------------------------------------------------------------------------------------

FREE = {"run", "run_scope", "stray_effect", "target_status", "worker_heartbeat"}
"""What may be written without the fence: claims and leases (they move it), late answers (the point of them),
and what belongs to no run."""
OF_A_RUN = {"operation", "plan_entry", "plan_link", "plan_key", "ledger", "log_line", "run_count"}
_WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)")
_FENCE = re.compile(r"UPDATE run SET fence=run\.fence WHERE run\.id = \S+ AND run\.fence = ")


@contextmanager
def transactions(db: Database) -> Iterator[list[list[str]]]:
    """The statements of each transaction that is committed meanwhile."""
    open_ones: dict[int, list[str]] = {}
    committed: list[list[str]] = []

    def begin(connection: Any) -> None:
        open_ones[id(connection)] = []

    def note(connection: Any, _: Any, statement: str, *__: Any) -> None:
        open_ones.setdefault(id(connection), []).append(statement)

    def commit(connection: Any) -> None:
        committed.append(open_ones.pop(id(connection), []))

    listeners: list[tuple[str, Callable[..., None]]] = [
        ("begin", begin),
        ("before_cursor_execute", note),
        ("commit", commit),
    ]
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    try:
        yield committed
    finally:
        for name, listener in listeners:
            event.remove(db.engine, name, listener)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_transaction_in_which_a_run_writes_begins_with_the_fence(
    scenes: Callable[..., Scene], request: pytest.FixtureRequest, kind: str
) -> None:
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else ""
    scene = scenes(url, spoiled=True)
    assert scene.proxy is not None
    batch = scene.import_all()
    scene.proxy.add(Fault("answer_lost", method="POST"), Fault("drop_before", method="PATCH"))
    ways = {"import": scene.shop.schedule(batch)}
    with transactions(scene.shop.db) as committed:
        asyncio.run(scene.shop._carry_out(ways["import"]))
    scene.site.tick()
    ways["undo"] = scene.shop.schedule(batch, "undo")
    with transactions(scene.shop.db) as more:
        asyncio.run(scene.shop._carry_out(ways["undo"]))
    assert all(scene.shop.facts(one).ending == "finished" for one in ways.values())

    seen: set[str] = set()
    for statements in [*committed, *more]:
        writes = [one for one in statements if _WRITES.match(one)]
        touched = {found[1] for one in writes if (found := _WRITES.match(one))}
        seen |= touched
        if touched - FREE:
            assert _FENCE.match(writes[0]), writes
    assert seen >= OF_A_RUN, "otherwise this would show nothing"


def test_a_ring_for_a_run_that_has_ended_or_is_another_s_changes_nothing(
    tmp_path: Path, omeka: StandIn
) -> None:
    shop = Shop(tmp_path / "shop", omeka)
    ended = shop.run(shop.batch(CONTROL, {"data0": rows(3)}))
    held = shop.schedule(shop.batch({**CONTROL, "match": {}}, {"data0": rows(3)}))
    assert runs.claim_run(shop.db, held, "another", 60_000) is not None
    told = shop.log(ended.id)
    omeka.reset_requests()
    for one in (ended.id, held, "no such run"):
        asyncio.run(shop._carry_out(one))
    assert sum(omeka.requests()["counts"].values()) == 0
    assert (shop.facts(ended.id), shop.log(ended.id), shop.log(held)) == (ended, told, "")
    assert shop.facts(held).owner == "another"
    shop.close()


# --- intents and outcomes -------------------------------------------------------------------------


def test_an_intent_says_what_is_sent_to_what_and_what_stood_there(
    scenes: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scenes()
    batch = scene.import_all()
    before = {one["o:id"]: one for one in scene.site.dump().items}
    sent: dict[str, Operation] = {}
    known_at: dict[str, Any] = {}
    carry_out = OmekaSAdapter.carry_out

    async def noted(self: OmekaSAdapter, group: Sequence[Operation]) -> list[Answer]:
        for one in group:
            sent[one.key] = one
            with scene.shop.db.read() as connection:
                asked = select(operation).where(operation.c.key == one.key, operation.c.run_id == run_id)
                known_at[one.key] = connection.execute(asked).one()
        return await carry_out(self, group)

    monkeypatch.setattr(OmekaSAdapter, "carry_out", noted)
    run_id = scene.shop.schedule(batch)
    asyncio.run(scene.shop._carry_out(run_id))
    assert {one.method for one in sent.values()} == {"create", "update", "delete"}
    changed = 0
    for key, one in sent.items():
        row = known_at[key]
        assert (row.method, row.kind, row.resource_id) == (one.method, one.kind, one.resource_id)
        assert row.payload_digest == hashlib.sha256(one.payload).hexdigest()
        assert row.outcome is None
        if one.method == "create":
            assert (row.pre_image, row.above_id) == (None, max(before))
        elif one.resource_id in before:
            stood = orjson.loads(images.unpack(row.pre_image).saved)
            for name in ("o:id", "o:title", "dcterms:subject", "dcterms:description"):
                assert stood.get(name) == before[one.resource_id].get(name)
            changed += 1
    assert changed >= 3


@contextmanager
def under_way(shop: Shop, proxy: FaultProxy, batch: str, nth: int) -> Iterator[str]:
    """A run whose `nth` create is under way, and has been for a moment; it ends after the block."""
    finish = threading.Event()
    fault = Fault("hold", method="POST", path="/api/items", nth=nth, until=finish)
    proxy.add(fault)
    run_id = shop.schedule(batch)
    carrying = threading.Thread(target=lambda: asyncio.run(shop._carry_out(run_id)))
    carrying.start()
    try:
        until(lambda: fault.done)
        yield run_id
    finally:
        finish.set()
        carrying.join()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def shop(tmp_path: Path, omeka: StandIn, proxy: FaultProxy) -> Iterator[Shop]:
    targets = {"omeka": target_of(omeka, proxy.url, connections=1)}
    shop = Shop(tmp_path / "shop", omeka, lease=0.6, targets=targets)
    yield shop
    shop.close()


def test_an_outcome_is_written_down_while_the_next_write_is_under_way(shop: Shop, proxy: FaultProxy) -> None:
    assert executor.RECORD_EVERY <= 0.5, "seconds"
    batch = shop.batch(CONTROL, {"data0": rows(20)})
    with under_way(shop, proxy, batch, nth=4) as run_id:
        until(lambda: shop.facts(run_id).counts.get("created", 0) == 3)
        # And of the others no more is meant than the target answers in a second, which is three by now.
        assert 1 <= len(journal.open_operations(shop.db, run_id)) <= 3
    assert shop.facts(run_id).counts["created"] == 20


def test_a_run_that_takes_longer_than_its_lease_stays_its_worker_s(shop: Shop, proxy: FaultProxy) -> None:
    with under_way(shop, proxy, shop.batch(CONTROL, {"data0": rows(3)}), nth=2) as run_id:
        for _ in range(15):
            time.sleep(0.1)
            assert runs.claim_run(shop.db, run_id, "another", 60_000) is None
            assert runs.unclaimed_runs(shop.db) == []
    with shop.db.read() as connection:
        assert connection.execute(select(run.c.fence).where(run.c.id == run_id)).scalar_one() == 1


def test_other_records_go_on_while_a_lost_one_is_looked_for(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy
) -> None:
    targets = {"omeka": target_of(omeka, proxy.url, connections=1)}
    shop = Shop(tmp_path / "shop", omeka, look_again=[0.1, 3.0], targets=targets)
    proxy.add(Fault("drop_before", method="POST", path="/api/items"))
    facts = shop.run(shop.batch(CONTROL, {"data0": rows(12)}))
    assert facts.counts["created"] == 12, shop.log(facts.id)
    made = [item["o:title"] for item in sorted(omeka.dump()["items"], key=lambda one: one["o:id"])]
    assert made == [*(f"Work {n}" for n in range(2, 13)), "Work 1"]
    assert titles(omeka.dump()) == sorted(made)
    shop.close()
