"""Each state that a batch can be in, through HTTP, and what is possible there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx2 import Response
from sqlalchemy import update

from service.store import runs, tables
from service.store.plans import Entry
from tests.service.conftest import PREFIX, UNMATCHED, House

JSON = {"Accept": "application/json"}
CALLS = ("cancel", "pause", "resume", "file", "import", "dry-run", "retry", "undo")


def state(house: House, batch: str) -> str:
    return house.client.get(f"{PREFIX}/batch/{batch}").text.splitlines()[0]


def steer(house: House, batch: str, verb: str) -> Response:
    return house.client.post(f"{PREFIX}/batch/{batch}/{verb}")


def entry(outcome: str) -> Entry:
    return Entry(
        seq=1,
        file="data0",
        row=1,
        ordinal=0,
        destination="item",
        kind="item",
        action="create",
        outcome=outcome,
        outcome_id=7 if outcome == "created" else None,
    )


def done(house: House, run_id: str) -> None:
    """As if the run had created item 7."""
    house.wrote(run_id)
    with house.db.write() as connection:
        connection.execute(update(tables.operation).values(outcome="done", answer_id=7, outcome_at=1))


def uploading(house: House) -> str:
    return house.filled()


def scheduled(house: House) -> str:
    batch = house.filled()
    house.schedule(batch)
    return batch


def running(house: House) -> str:
    batch = house.filled()
    house.claim(house.schedule(batch))
    return batch


def waiting_for_the_target(house: House) -> str:
    batch = house.filled()
    claim = house.claim(house.schedule(batch))
    runs.set_waiting(house.db, claim, "The target is down.", 10**13)
    return batch


def waiting_for_a_scope(house: House) -> str:
    running(house)
    return scheduled(house)


def paused(house: House) -> str:
    batch = house.filled()
    claim = house.claim(house.schedule(batch))
    assert steer(house, batch, "pause").status_code == 200
    runs.release_run(house.db, claim)
    return batch


def interrupted(house: House) -> str:
    batch = house.filled()
    assert runs.claim_run(house.db, house.schedule(batch), "dead", -1) is not None
    return batch


def dry(house: House) -> str:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    return batch


def complete(house: House) -> str:
    batch = house.filled()
    run_id = house.schedule(batch)
    house.finish(run_id, entries=[entry("created")], counts={"created": 1})
    done(house, run_id)
    return batch


def complete_with_errors(house: House) -> str:
    batch = house.filled()
    run_id = house.schedule(batch)
    house.finish(run_id, entries=[entry("rejected")], counts={"rejected": 1})
    return batch


def failed(house: House) -> str:
    batch = house.filled()
    house.finish(house.schedule(batch), "failed", entries=[entry("failed")], counts={"failed": 1})
    return batch


def cancelled(house: House) -> str:
    batch = house.filled()
    house.finish(house.schedule(batch), "cancelled", entries=[entry("failed")], counts={"failed": 1})
    return batch


def undone(house: House) -> str:
    batch = complete(house)
    house.finish(house.schedule(batch, "undo"))
    with house.db.write() as connection:
        connection.execute(update(tables.operation).values(undone_by="x"))
    return batch


ACTIVE = {"cancel": 200, "pause": 200, "resume": 409}
IDLE = {"cancel": 409, "pause": 409, "resume": 409}
BUSY = {"file": 409, "import": 409, "dry-run": 409, "retry": 409, "undo": 409}
FREE = {"file": 200, "import": 200, "dry-run": 200, "retry": 409, "undo": 409}
STATES = [
    (uploading, "uploading", IDLE | FREE),
    (scheduled, "scheduled", ACTIVE | BUSY),
    (running, "running", ACTIVE | BUSY),
    (waiting_for_the_target, "waiting", ACTIVE | BUSY),
    (waiting_for_a_scope, "waiting", ACTIVE | BUSY),
    (paused, "paused", {"cancel": 200, "pause": 409, "resume": 200} | BUSY),
    (interrupted, "interrupted", ACTIVE | BUSY),
    (dry, "dry-run", IDLE | FREE),
    (complete, "complete", IDLE | FREE | {"file": 409, "undo": 200}),
    (complete_with_errors, "complete-with-errors", IDLE | FREE | {"retry": 200}),
    (failed, "failed", IDLE | FREE | {"retry": 200}),
    (cancelled, "cancelled", IDLE | FREE | {"retry": 200}),
    (undone, "undone", IDLE | FREE | {"file": 409}),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("make", "name", "possible"), STATES, ids=[make.__name__ for make, _, _ in STATES])
def test_each_state_is_shown_and_allows_what_the_table_says(
    house: House, make: Callable[[House], str], name: str, possible: dict[str, int], call: str
) -> None:
    batch = make(house)
    assert state(house, batch) == name
    if call in ("cancel", "pause", "resume"):
        answer = steer(house, batch, call)
    elif call == "file":
        form = {"batch": batch, "name": "more/1"}
        answer = house.client.post(f"{PREFIX}/file", data=form, files={"file": ("m.json", b"[]")})
    else:
        answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "mode": call})
    assert answer.status_code == possible[call], answer.text
    if answer.status_code == 409:
        # It says which state it is in, and changes nothing.
        assert state(house, batch) == name
        if call in ("cancel", "pause", "resume"):
            assert name in answer.text


def test_a_pause_is_answered_in_words_and_as_json(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    claim = house.claim(run)
    answer = house.client.post(f"{PREFIX}/batch/{batch}/pause", headers=JSON)
    assert answer.json() == {"run": run, "batch": batch, "state": "running"}
    shown = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()["runs"][0]
    assert (shown["state"], shown["pause_requested"]) == ("running", True)
    again = house.client.post(f"{PREFIX}/batch/{batch}/pause", headers=JSON)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "batch-paused")
    assert again.json()["errors"][0]["message"] == (
        "The run is being paused (it is running) already. What is possible: resume it (POST"
        f" batch/{batch}/resume), or cancel it (POST batch/{batch}/cancel)."
    )
    runs.release_run(house.db, claim)
    assert state(house, batch) == "paused"
    assert steer(house, batch, "pause").text == (
        f"The run is paused already. What is possible: resume it (POST batch/{batch}/resume), or cancel it"
        f" (POST batch/{batch}/cancel).\n"
    )
    house.bell.rung.clear()
    assert steer(house, batch, "resume").text == "RESUMING\n"
    assert house.bell.rung == [("run", run)]
    assert state(house, batch) == "scheduled"
    assert steer(house, batch, "resume").text == (
        f"The run is not paused: it is scheduled. What is possible: pause it (POST batch/{batch}/pause), or"
        f" cancel it (POST batch/{batch}/cancel).\n"
    )
    assert steer(house, batch, "pause").text == "PAUSING\n"
    assert state(house, batch) == "paused"


def test_a_run_that_is_being_cancelled_is_neither_paused_nor_resumed(house: House) -> None:
    batch = paused(house)
    house.bell.rung.clear()
    assert steer(house, batch, "cancel").text == "CANCELLING\n"
    assert len(house.bell.rung) == 1  # a worker has to end it
    for verb in ("pause", "resume"):
        answer = house.client.post(f"{PREFIX}/batch/{batch}/{verb}", headers=JSON)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "batch-cancelling")
    assert steer(house, batch, "cancel").status_code == 200


def test_who_waits_for_a_scope_is_told_for_which_and_woken_by_a_cancel(house: House) -> None:
    first, second = scheduled(house), scheduled(house)
    shown = house.client.get(f"{PREFIX}/batch/{first}", headers=JSON).json()
    run = shown["runs"][0]["run"]
    status = house.client.get(f"{PREFIX}/batch/{second}").text
    assert (
        "waiting-for: Another run was scheduled for the scope “tests” before this one: run "
        f"{run} of batch {first}.\n"
    ) in status
    waiting = house.client.get(f"{PREFIX}/batch/{second}", headers=JSON).json()["runs"][0]
    house.bell.rung.clear()
    assert steer(house, first, "cancel").status_code == 200
    assert ("run", waiting["run"]) in house.bell.rung
    assert state(house, second) == "scheduled"


def test_who_waits_is_woken_when_the_run_before_it_is_paused_unbegun(house: House) -> None:
    first, second = scheduled(house), scheduled(house)
    waiting = house.client.get(f"{PREFIX}/batch/{second}", headers=JSON).json()["runs"][0]
    house.bell.rung.clear()
    assert steer(house, first, "pause").status_code == 200
    assert ("run", waiting["run"]) in house.bell.rung


def test_control_files_without_a_match_wait_for_nobody(house: House) -> None:
    first, second = house.filled(UNMATCHED), house.filled(UNMATCHED)
    house.claim(house.schedule(first))
    house.schedule(second)
    assert state(house, second) == "scheduled"


def test_a_dry_run_and_an_undo_wait_for_the_scope_too(house: House) -> None:
    batch = complete(house)
    running(house)
    house.schedule(batch, "undo")
    assert state(house, batch) == "waiting"
    other = house.filled()
    house.schedule(other, "dry-run")
    assert state(house, other) == "waiting"
