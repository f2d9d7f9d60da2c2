"""A create whose answer was lost with its worker, and that the next worker would send otherwise.

As after a new release, or when what it links to has another number by now: what was sent can then no longer
be told, so its content does not tell what it made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.store.tables import operation
from tests.acceptance.installation import CONTROL, rows, target_of, titles
from tests.acceptance.workshop import Shop
from tests.standins.omeka_s import StandIn
from worker.applying import executor
from worker.applying.prepared import refuse
from worker.applying.preparing import Preparer
from worker.targets.omeka_s.adapter import OmekaSAdapter

ANONYMOUS = {**CONTROL, "match": {}}


@pytest.fixture
def shop(tmp_path: Path, omeka: StandIn) -> Iterator[Shop]:
    # One write at a time: one is under way when the worker dies.
    targets = {"omeka": target_of(omeka, connections=1)}
    shop = Shop(tmp_path / "shop", omeka, lease=0.6, targets=targets)
    yield shop
    shop.close()


def another_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on creates have another request: titles end in a full stop."""
    made = OmekaSAdapter.create_payload

    def other(self: OmekaSAdapter, *arguments: Any) -> bytes:
        body = json.loads(made(self, *arguments))
        for value in body["dcterms:title"]:
            value["@value"] += "."
        return json.dumps(body).encode()

    monkeypatch.setattr(OmekaSAdapter, "create_payload", other)


def died(shop: Shop, control: Any, number: int, *, sent: bool) -> str:
    """A run whose worker died at its first create."""
    run = shop.schedule(shop.batch(control, {"data0": rows(number)}))
    assert shop.run_dying(run, 1, sent=sent)
    return run


def outcomes(shop: Shop, run: str) -> list[str | None]:
    return [one.outcome for one in shop.entries(run)]


def journal_of(shop: Shop, run: str) -> list[tuple[str, str | None]]:
    with shop.db.read() as connection:
        found = connection.execute(
            select(operation.c.method, operation.c.outcome)
            .where(operation.c.run_id == run)
            .order_by(operation.c.seq, operation.c.attempt)
        )
        return [tuple(row) for row in found]


def test_it_is_named_and_nothing_is_chosen_where_the_record_has_no_identity(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, ANONYMOUS, 6, sent=True)
    sole = max(item["o:id"] for item in omeka.dump()["items"])
    another_release(monkeypatch)
    facts = shop.take_over(run)
    unclear = [one for one in shop.entries(run) if one.outcome == "uncertain"]
    assert len(unclear) == 1, shop.log(run)
    assert unclear[0].message is not None
    assert f"a resource could be this record: {sole}." in unclear[0].message
    assert (facts.counts["created"], facts.counts["uncertain"]) == (5, 1)
    assert len(omeka.dump()["items"]) == 6, "nothing was sent again, and nothing removed"


def test_where_the_record_has_one_it_is_adopted_and_the_next_import_compares(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, CONTROL, 6, sent=True)
    another_release(monkeypatch)
    facts = shop.take_over(run)
    assert facts.counts["created"] == 6, shop.log(run)
    assert "altered" not in facts.counts, "the target altered nothing"
    assert len(omeka.dump()["items"]) == 6
    adopted = [line for line in shop.log(run).splitlines() if "found and adopted" in line]
    assert len(adopted) == 1
    # Another thing than was meant may stand there: that is found out, not believed.
    edited = [{**one, "title": "Work 1, as it should be"} if n == 0 else one for n, one in enumerate(rows(6))]
    again = shop.run(shop.batch(CONTROL, {"data0": edited}))
    assert (again.counts["unchanged"], again.counts["updated"]) == (5, 1), shop.log(again.id)


def test_one_that_would_be_refused_by_now_is_adopted_all_the_same(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, CONTROL, 6, sent=True)
    create = Preparer.create

    def refuses(self: Preparer, entry: Any, *arguments: Any) -> Any:
        if entry.identifier == lost:
            return refuse(entry, "link-refused", "What it links to is not there any more.")
        return create(self, entry, *arguments)

    lost = next(one.identifier for one in shop.entries(run) if one.identifier == "A00001")
    with monkeypatch.context() as patched:
        patched.setattr(Preparer, "create", refuses)
        facts = shop.take_over(run)
    assert facts.counts["created"] == 6, shop.log(run)
    again = shop.run(shop.batch(CONTROL, {"data0": rows(6)}))
    assert again.counts["unchanged"] == 6, shop.log(again.id)
    assert titles(omeka.dump()) == [f"Work {n}" for n in range(1, 7)]


def test_the_ledger_holds_nothing_as_meant_that_was_sent_otherwise(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, CONTROL, 3, sent=True)
    with monkeypatch.context() as patched:
        another_release(patched)
        shop.take_over(run)
    with shop.db.read() as connection:
        found = connection.exec_driver_sql("SELECT identifier, meant FROM ledger ORDER BY identifier").all()
    assert [(row[0], row[1] == "") for row in found] == [
        ("A00001", True),
        ("A00002", False),
        ("A00003", False),
    ]


def test_one_that_never_arrived_is_sent_again_and_nothing_is_said(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, ANONYMOUS, 4, sent=False)
    another_release(monkeypatch)
    shop.take_over(run)
    assert outcomes(shop, run) == ["created"] * 4, shop.log(run)
    assert len(omeka.dump()["items"]) == 4
    assert "twin" not in shop.log(run)


def test_what_came_in_after_it_was_given_up_is_named_and_left(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = died(shop, ANONYMOUS, 4, sent=False)
    another_release(monkeypatch)
    settle = executor.settle_twins
    by_hand: list[int] = []

    async def late(*arguments: Any) -> None:
        by_hand.extend(
            omeka.seed([{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "Hand"}]}])[
                "items"
            ]
        )
        await settle(*arguments)

    monkeypatch.setattr(executor, "settle_twins", late)
    shop.take_over(run)
    lines = [line for line in shop.log(run).splitlines() if line.startswith("error twin-left")]
    assert len(lines) == 1, shop.log(run)
    assert f"item {by_hand[0]}. Look at them." in lines[0]
    assert journal_of(shop, run).count(("delete", "done")) == 0
    assert len(omeka.dump()["items"]) == 5


def test_one_that_was_sent_twice_with_an_identity_is_told_and_not_removed(
    shop: Shop, omeka: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second bears the identity; whether it is exactly what was sent first, nobody can tell."""
    run = died(shop, CONTROL, 4, sent=False)
    another_release(monkeypatch)
    settle = executor.settle_twins

    async def late(*arguments: Any) -> None:
        omeka.seed([_twin(omeka, "A00001")])
        await settle(*arguments)

    monkeypatch.setattr(executor, "settle_twins", late)
    shop.take_over(run)
    assert "bears the identity of this record too, and is not what was sent" in shop.log(run)
    assert len(omeka.dump()["items"]) == 5


def _twin(omeka: StandIn, identifier: str) -> dict[str, Any]:
    for item in omeka.dump()["items"]:
        if [one["@value"] for one in item["dcterms:identifier"]] == [identifier]:
            return {term: item[term] for term in ("dcterms:title", "dcterms:identifier")}
    raise AssertionError(identifier)
