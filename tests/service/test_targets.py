"""Targets, and the look at one that a worker takes."""

from __future__ import annotations

from typing import Any

from service.store import statuses, tasks
from tests.service.conftest import PREFIX, House

JSON = {"Accept": "application/json"}


def test_targets_are_listed_without_secrets_and_with_what_was_seen_last(house: House) -> None:
    statuses.record_status(
        house.db,
        target="tate",
        address="https://tate.example.org/api",
        ok=True,
        message="All well.",
        version="4.1.1",
    )
    statuses.record_status(
        house.db, target="other", address="https://moved.example.org/api", ok=True, message="Elsewhere."
    )
    assert house.client.get(f"{PREFIX}/targets").text == (
        "other\tomeka-s\thttps://other.example.org/api\tnever looked at\t\n"
        "tate\tomeka-s\thttps://tate.example.org\tgood\tAll well.\n"
    )
    shown = house.client.get(f"{PREFIX}/targets/tate", headers=JSON).json()
    assert shown == {
        "name": "tate",
        "kind": "omeka-s",
        "url": "https://tate.example.org",
        "default": True,
        "connections": 2,
        "state": "good",
        "message": "All well.",
        "version": "4.1.1",
        "checked": shown["checked"],
    }
    assert house.client.get(f"{PREFIX}/targets/tate").text.startswith(
        "tate\nkind: omeka-s\nurl: https://tate"
    )
    missing = house.client.get(f"{PREFIX}/targets/nosuch")
    assert [missing.status_code, missing.text] == [
        404,
        "Target not found: nosuch. Configured: other, tate.\n",
    ]


def worker(house: House, result: tasks.TargetCheck) -> Any:
    def answer(task_id: str) -> None:
        claim = tasks.claim_task(house.db, task_id, 10_000)
        assert claim is not None
        assert (claim.task.kind, claim.task.target) == ("target-check", "tate")
        tasks.end_task(house.db, claim, result)

    return answer


def test_a_check_is_answered_by_a_worker(house: House) -> None:
    house.bell.answer = worker(house, tasks.TargetCheck(ok=True, message="Answers.", version="4.1.1"))
    good = house.client.post(f"{PREFIX}/targets/tate/check")
    assert [good.status_code, good.text] == [200, "good\nmessage: Answers.\nversion: 4.1.1\n"]
    house.bell.answer = worker(house, tasks.TargetCheck(ok=False, message="The key is wrong.", code="key"))
    bad = house.client.post(f"{PREFIX}/targets/tate/check", headers=JSON).json()
    assert [bad["ok"], bad["message"], bad["code"]] == [False, "The key is wrong.", "key"]


def test_a_check_that_nobody_answers_is_202_with_the_address_to_ask_again(house: House) -> None:
    asked = house.client.post(f"{PREFIX}/targets/tate/check", data={"wait": "0.2"})
    assert asked.status_code == 202
    url = asked.headers["location"]
    assert asked.text == (
        "pending\nmessage: No worker has answered yet. Is one running? Ask again at the address below.\n"
        f"url: {url}\n"
    )
    assert house.client.get(url).status_code == 202
    task_id = url.rsplit("/", 1)[1]
    assert house.bell.rung == [("task", task_id)]
    worker(house, tasks.TargetCheck(ok=True, message="Late."))(task_id)
    assert [house.client.get(url).status_code, house.client.get(url).text] == [200, "good\nmessage: Late.\n"]
    bound = house.with_key(target="other")
    assert bound.get(url).status_code == 404
    assert house.client.get(f"{PREFIX}/task/nosuch").text == "Task not found: nosuch\n"
