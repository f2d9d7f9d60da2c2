"""Where and how often lost creates are looked for: the target is asked for little, however long it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from service.store.tables import operation
from tests.acceptance.installation import CONTROL, rows, titles
from tests.acceptance.workshop import Shop
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy


def data(number: int) -> dict[str, object]:
    return {"data0": json.dumps(rows(number)).encode()}


def test_a_lost_create_is_looked_for_among_the_newest_only(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.applying.executor.MARGIN", 20)
    omeka.knobs(delay_ms=20, workers=2)
    proxy.add(Fault("answer_lost", method="POST", nth=290))
    shop = Shop(tmp_path, omeka, url=proxy.url)
    run = shop.run(shop.batch(CONTROL, data(300)))
    assert (run.ending, run.counts["created"]) == ("finished", 300), shop.log(run.id)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 301))
    with shop.db.read() as connection:
        found = connection.execute(select(operation).order_by(operation.c.seq)).all()
    # What was answered before a record is meant stands below its number; and all but the newest are passed.
    assert all(one.above_id < one.answer_id for one in found)
    (adopted,) = [one for one in found if one.adopted]
    assert 0 < adopted.above_id <= adopted.answer_id - 20
    assert found[-1].above_id > 50
    shop.close()


def test_many_lost_creates_take_a_few_listings(tmp_path: Path, omeka: StandIn, proxy: FaultProxy) -> None:
    omeka.knobs(delay_ms=5, workers=2)
    proxy.add(Fault("answer_lost", method="POST", probability=0.1, times=0))
    shop = Shop(tmp_path, omeka, url=proxy.url)
    run = shop.run(shop.batch(CONTROL, data(400)))
    assert (run.ending, run.counts["created"]) == ("finished", 400), shop.log(run.id)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 401))
    lost = sum(entry.fault is not None for entry in proxy.log)
    listings = sum("return_scalar" in entry.target for entry in proxy.log)
    assert lost >= 25
    # One for every sixty writes, the first, and those of the end; and one that tells the highest number.
    assert 400 // 60 <= listings <= 400 // 60 + 4 < lost
    shop.close()
