"""Answers that came to a worker which had lost its run: each is accounted for, and changes nothing unseen.

What such a worker does, processes show (`test_frozen_worker`); here its answers are put where it would have.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select

from service.store import journal, steering
from service.store.tables import operation, plan_entry, stray_effect
from service.store.unsettled import unsettled_runs
from tests.acceptance.installation import CONTROL, rows, target_of
from tests.acceptance.test_updates import control, works
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import literal, property_values
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

ANONYMOUS = {**CONTROL, "match": {}}
Json = dict[str, Any]


@pytest.fixture
def shop(tmp_path: Path, omeka: StandIn, proxy: FaultProxy) -> Iterator[Shop]:
    # One write at a time: one is under way when the worker dies.
    targets = {"omeka": target_of(omeka, proxy.url, connections=1)}
    shop = Shop(tmp_path / "shop", omeka, lease=0.6, targets=targets)
    yield shop
    shop.close()


def call(omeka: StandIn, method: str, path: str, body: Json | None = None) -> Json:
    """What another hand does in the target; the answer."""
    with httpx2.Client(params=omeka.key, verify=False) as client:
        answer = client.request(method, f"{omeka.api}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def strays(shop: Shop, run: str) -> list[tuple[str, str | None]]:
    with shop.db.read() as connection:
        found = connection.execute(
            select(stray_effect.c.operation_key, stray_effect.c.resolution).where(
                stray_effect.c.run_id == run
            )
        )
        return [tuple(row) for row in found]


def given_up(shop: Shop, run: str) -> tuple[str, int]:
    """The write that was given up for lost: its key, and the resource that it was about."""
    with shop.db.read() as connection:
        row = connection.execute(
            select(operation.c.key, operation.c.resource_id).where(
                operation.c.run_id == run, operation.c.outcome == "superseded"
            )
        ).one()
    return row.key, row.resource_id


def told(shop: Shop, run: str, code: str) -> list[str]:
    return [line for line in shop.log(run).splitlines() if line.split()[1] == code]


def look_into(shop: Shop, run: str) -> None:
    """A sweep finds the run, and a worker takes it."""
    assert unsettled_runs(shop.db) == [run]
    asyncio.run(shop._carry_out(run))
    assert unsettled_runs(shop.db) == []


# --- what is left before it is done -----------------------------------------------------------------


@pytest.mark.parametrize("why", ["cancelled", "failed"])
def test_a_run_that_is_left_before_it_reaches_the_target_ends_and_its_late_answers_are_looked_into(
    shop: Shop, omeka: StandIn, proxy: FaultProxy, why: str
) -> None:
    run = shop.schedule(shop.batch(CONTROL, {"data0": rows(4)}))
    assert shop.run_dying(run, 1, sent=True)
    (made,) = omeka.dump()["items"]
    journal.record_stray(shop.db, run, "1.1", made["o:id"], json.dumps(made).encode())
    if why == "cancelled":
        assert steering.request_cancel(shop.db, run)
        assert shop.take_over(run).ending == "cancelled"
    else:
        # With a key that Omeka does not know, what is private seems not to be there.
        denied = json.dumps({"errors": {"error": "Permission denied for the current user."}}).encode()
        headers = {"content-type": "application/ld+json", "omeka-s-version": "4.2.0"}
        proxy.add(Fault("answer", method="GET", path="/api/users", status=403, body=denied, headers=headers))
        assert shop.take_over(run).code == "target-key-refused"
    look_into(shop, run)
    assert shop.facts(run).counts["created"] == 1, shop.log(run)
    assert shop.log(run).count(" summary ") == 1
    assert strays(shop, run) == [("1.1", "adopted")]
    assert len(omeka.dump()["items"]) == 1


# --- creates --------------------------------------------------------------------------------------


def test_a_create_that_no_look_can_find_is_adopted_by_its_answer(shop: Shop, omeka: StandIn) -> None:
    run = shop.schedule(shop.batch(ANONYMOUS, {"data0": rows(4)}))
    assert shop.run_dying(run, 1, sent=True)
    (made,) = omeka.dump()["items"]
    journal.record_stray(shop.db, run, "1.1", made["o:id"], json.dumps(made).encode())
    # Somebody has edited it meanwhile, so its content is not what was sent.
    call(omeka, "PATCH", f"items/{made['o:id']}", {"dcterms:title": [literal("dcterms:title", "Edited")]})
    facts = shop.take_over(run)
    assert facts.counts["created"] == 4, shop.log(run)
    assert sorted(item["o:title"] for item in omeka.dump()["items"]) == [
        "Edited",
        "Work 2",
        "Work 3",
        "Work 4",
    ]
    assert strays(shop, run) == [("1.1", "adopted")]
    assert told(shop, run, "twin-removed") == []


def test_one_of_several_that_it_could_be_is_the_one_that_its_answer_names(shop: Shop, omeka: StandIn) -> None:
    run = shop.schedule(shop.batch(ANONYMOUS, {"data0": rows(3)}))
    assert shop.run_dying(run, 1, sent=True)
    (made,) = omeka.dump()["items"]
    # Another hand makes the very same.
    other = call(omeka, "POST", "items", {**property_values(made), "o:is_public": True, "o:site": []})
    facts = shop.take_over(run)
    assert facts.counts["uncertain"] == 1, shop.log(run)
    unclear = next(one for one in shop.entries(run) if one.outcome == "uncertain")
    assert unclear.message is not None
    assert f"could be this record: {made['o:id']}, {other['o:id']}." in unclear.message
    assert len(omeka.dump()["items"]) == 4, "nothing was chosen"

    journal.record_stray(shop.db, run, "1.1", made["o:id"], json.dumps(made).encode())
    look_into(shop, run)
    now = shop.facts(run)
    assert (now.counts["created"], now.counts["uncertain"], now.state) == (3, 0, "complete")
    assert shop.entries(run)[0].outcome_id == made["o:id"]
    assert len(omeka.dump()["items"]) == 4, "and nothing removed"
    assert strays(shop, run) == [("1.1", "adopted")]


def test_an_answer_that_the_journal_holds_already_is_moot(shop: Shop, omeka: StandIn) -> None:
    run = shop.schedule(shop.batch(CONTROL, {"data0": rows(3)}))
    assert shop.run_dying(run, 1, sent=True)
    (made,) = omeka.dump()["items"]
    shop.take_over(run)
    journal.record_stray(shop.db, run, "1.1", made["o:id"], json.dumps(made).encode())
    look_into(shop, run)
    assert strays(shop, run) == [("1.1", "moot")]
    assert len(omeka.dump()["items"]) == 3


def test_a_twin_that_somebody_has_edited_is_told_and_left(shop: Shop, omeka: StandIn) -> None:
    run = shop.run(shop.batch(CONTROL, {"data0": rows(3)})).id
    first = min(omeka.dump()["items"], key=lambda one: one["o:id"])
    late = call(omeka, "POST", "items", {**property_values(first), "o:is_public": True, "o:site": []})
    edit = {**property_values(first), "dcterms:creator": [literal("dcterms:creator", "mine")]}
    call(omeka, "PATCH", f"items/{late['o:id']}", edit)
    journal.record_stray(shop.db, run, "1.1", late["o:id"], json.dumps(late).encode())
    look_into(shop, run)
    assert len(told(shop, run, "twin-left")) == 1, shop.log(run)
    assert len(omeka.dump()["items"]) == 4


def test_an_answer_so_late_that_the_plan_is_kept_no_longer_ends_nothing_but_itself(
    shop: Shop, omeka: StandIn
) -> None:
    run = shop.run(shop.batch(CONTROL, {"data0": rows(3)})).id
    with shop.db.write() as connection:
        connection.execute(delete(plan_entry).where(plan_entry.c.run_id == run))
    late = call(omeka, "POST", "items", {"o:is_public": True})
    journal.record_stray(shop.db, run, "1.1", late["o:id"], json.dumps(late).encode())
    look_into(shop, run)
    assert strays(shop, run) == [("1.1", "moot")]
    assert len(omeka.dump()["items"]) == 4


# --- updates and deletions ------------------------------------------------------------------------


def updated(shop: Shop, proxy: FaultProxy, number: int = 3) -> str:
    """A run that gave an update up for lost and sent it again."""
    shop.run(shop.batch(control(), {"data0": works(number)}))
    proxy.add(Fault("drop_before", method="PATCH", path="/api/items"))
    changed = [{**one, "title": f"{one['title']}, later"} for one in works(number)]
    facts = shop.run(shop.batch(control(), {"data0": changed}))
    assert facts.counts["updated"] == number, shop.log(facts.id)
    return facts.id


def test_an_update_that_went_over_what_came_between_is_told(
    shop: Shop, omeka: StandIn, proxy: FaultProxy
) -> None:
    run = updated(shop, proxy)
    key, number = given_up(shop, run)
    omeka.knobs(clock=1_900_000_000)
    answer = call(omeka, "PATCH", f"items/{number}", {"o:is_public": True})
    journal.record_stray(shop.db, run, key, number, json.dumps(answer).encode())
    look_into(shop, run)
    (line,) = told(shop, run, "late-write")
    assert f"item {number} was changed once more, at {answer['o:modified']['@value'][:10]}" in line
    assert "What somebody has changed in it meanwhile may be lost: look at it." in line
    assert strays(shop, run) == [(key, "moot")]


def test_the_batch_that_changed_it_meanwhile_is_named(shop: Shop, omeka: StandIn, proxy: FaultProxy) -> None:
    run = updated(shop, proxy)
    key, number = given_up(shop, run)
    omeka.knobs(clock=1_900_000_000)
    newest = [{**one, "title": "Newest"} for one in works(3)]
    between = shop.batch(control(), {"data0": newest})
    assert shop.run(between).counts["updated"] == 3
    answer = call(omeka, "PATCH", f"items/{number}", {"o:is_public": True})
    journal.record_stray(shop.db, run, key, number, json.dumps(answer).encode())
    look_into(shop, run)
    (line,) = told(shop, run, "late-write")
    assert f"What batch {between} “Batch 3” has changed in it meanwhile may be lost" in line


def as_seen(answer: Json, omeka: StandIn, proxy: FaultProxy) -> bytes:
    """An answer as the worker gets it, with the address by which it knows the target."""
    return json.dumps(answer).replace(omeka.url, proxy.url).encode()


@pytest.mark.parametrize("since", ["nothing", "an edit"])
def test_what_a_late_update_of_ours_wrote_is_taken_back_too_unless_somebody_has_edited_it_since(
    shop: Shop, omeka: StandIn, proxy: FaultProxy, since: str
) -> None:
    run = updated(shop, proxy)
    key, number = given_up(shop, run)
    standing = next(one for one in omeka.dump()["items"] if one["o:id"] == number)
    omeka.knobs(clock=1_900_000_000)
    answer = call(omeka, "PATCH", f"items/{number}", property_values(standing))
    assert answer["o:modified"] != standing["o:modified"]
    journal.record_stray(shop.db, run, key, number, as_seen(answer, omeka, proxy))
    if since == "an edit":
        omeka.knobs(clock=1_900_000_100)
        call(omeka, "PATCH", f"items/{number}", {"o:is_public": False})
    look_into(shop, run)
    assert len(told(shop, run, "late-write")) == 1
    undo = shop.run(shop.facts(run).batch_id, "undo")
    assert undo.counts["undone"] == (3 if since == "nothing" else 2), shop.log(undo.id)
    title = next(one for one in omeka.dump()["items"] if one["o:id"] == number)["o:title"]
    assert title.endswith(", later") == (since == "an edit")


def test_a_deletion_that_took_effect_late_is_told(shop: Shop, omeka: StandIn, proxy: FaultProxy) -> None:
    shop.run(shop.batch(control(), {"data0": works(3)}))
    batch = shop.batch({**control(absent="delete"), "maxRemovals": "100%"}, {"data0": works(2)})
    shop.run(batch, "dry-run")
    proxy.add(Fault("drop_before", method="DELETE", path="/api/items"))
    facts = shop.run(batch)
    assert facts.counts["deleted"] == 1, shop.log(facts.id)
    key, number = given_up(shop, facts.id)
    journal.record_stray(shop.db, facts.id, key, number, None)
    look_into(shop, facts.id)
    (line,) = told(shop, facts.id, "late-write")
    assert f"item {number} was deleted by a request that had been given up for lost." in line


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_nothing_is_told_of_a_change_that_is_the_one_that_the_journal_holds(
    shop: Shop, omeka: StandIn, proxy: FaultProxy, method: str
) -> None:
    shop.run(shop.batch(control(), {"data0": works(3)}))
    if method == "PATCH":
        records = [{**one, "title": "Newest"} for one in works(3)]
        batch = shop.batch(control(), {"data0": records})
    else:
        batch = shop.batch({**control(absent="delete"), "maxRemovals": "100%"}, {"data0": works(2)})
    shop.run(batch, "dry-run")
    proxy.add(Fault("answer_lost", method=method, path="/api/items"))
    run = shop.run(batch).id
    with shop.db.read() as connection:
        adopted = select(operation.c.key, operation.c.resource_id).where(
            operation.c.run_id == run, operation.c.adopted
        )
        row = connection.execute(adopted).one()
    standing = [one for one in omeka.dump()["items"] if one["o:id"] == row.resource_id]
    answer = json.dumps(standing[0]).encode() if standing else None
    journal.record_stray(shop.db, run, row.key, row.resource_id, answer)
    look_into(shop, run)
    assert told(shop, run, "late-write") == []
    assert strays(shop, run) == [(row.key, "moot")]


def test_a_successor_waits_as_long_as_the_slowest_answer_that_the_first_worker_saw(
    shop: Shop, omeka: StandIn, proxy: FaultProxy
) -> None:
    """Although nothing was under way when it took the run over, and all that it sees itself is fast."""
    run = shop.schedule(shop.batch(CONTROL, {"data0": rows(6)}))
    slow = Fault("hold", method="POST", path="/api/items", seconds=0.7)
    proxy.add(slow)
    assert shop.run_pausing(run, 2, sent=True), shop.log(run)
    assert slow.done
    shop.resume(run)
    proxy.add(Fault("drop_before", method="POST", path="/api/items"))
    facts = shop.take_over(run)
    assert facts.counts["created"] == 6, shop.log(run)
    lost = next(place for place, one in enumerate(proxy.log) if one.fault == "drop_before")
    # With one connection and nothing else left to look for, what is sent after the others is that one again.
    again = [one for one in proxy.log[lost + 1 :] if one.method == "POST"][-1]
    assert again.at - proxy.log[lost].at >= 3 * 0.7
