"""Each answer that a target can give, in the middle of a whole run: what comes of it, and what is sent.

The words are those of the table in `docs/errors.md`; which answers belong to its rows says `tests.taxonomy`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from service.store import runs
from service.store.runs import RunFacts
from tests.acceptance.installation import CONTROL, rows, target_of
from tests.acceptance.workshop import Shop
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy
from tests.taxonomy import CASES, ROWS, Case, Row
from worker.targets.http import Failure, Patience, Reply

LOOKS = [0.02, 0.05, 0.1]
"""A lost write is looked for so many times before it is sent again."""
TIMEOUT = 1.0

ELSEWHERE = {"What was asked for", "No connection", "Not sent", "404 for a deletion"}
"""These have tests of their own, here or (what is not sent) where quiet hours have theirs."""
AMID = [next(case for case in CASES if case.row == name and "write" in case.columns) for name in ROWS]
AMID = [case for case in AMID if case.row not in ELSEWHERE]


@dataclass
class World:
    """A target behind a proxy, and an installation that sends it one request at a time."""

    omeka: StandIn
    proxy: FaultProxy
    shop: Shop

    def batch(self, title: str = "Work") -> str:
        records = [{**row, "title": f"{title} {row['acno']}"} for row in rows(3)]
        return self.shop.batch(CONTROL, {"data0": records})

    def requests(self) -> Counter[str]:
        """How many of which; the log is empty after that, and nothing is spoilt any more."""
        found = Counter(_request(one.method, one.target) for one in self.proxy.log)
        self.proxy.clear()
        return found

    def titles(self) -> list[str]:
        return sorted(str(item["o:title"]) for item in self.omeka.dump()["items"])

    def outcomes(self, run: RunFacts) -> list[str | None]:
        return [
            one.outcome for one in sorted(self.shop.entries(run.id), key=lambda one: one.identifier or "")
        ]

    def code(self, run: RunFacts) -> str | None:
        return self.shop.entries(run.id)[1].code


def _request(method: str, target: str) -> str:
    parts = urlsplit(target)
    path = parts.path.removeprefix("/api/")
    query = parse_qs(parts.query)
    if "return_scalar" in query:
        return f"{method} {path} {query['return_scalar'][0]}"
    if "id" in query:
        return f"{method} {path} by number"
    return f"{method} {path}"


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as omeka:
        yield omeka


@pytest.fixture
def world(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("worker.targets.backoff.FIRST", 0.02)
    monkeypatch.setattr("worker.targets.http.MAX_ANSWER", ENDLESS)
    quick = partial(Patience, first_pause=0.01, longest_pause=0.1, jitter=0.01)
    monkeypatch.setattr("worker.targets.http.Patience", quick)
    with FaultProxy(standin.url) as proxy:
        target = target_of(standin, proxy.url, connections=1, timeout=TIMEOUT)
        shop = Shop(tmp_path / "shop", standin, targets={"omeka": target}, look_again=LOOKS, outage=10.0)
        yield World(standin, proxy, shop)
        shop.close()
    with httpx2.Client(params=standin.key, verify=False) as client:
        for item in standin.dump()["items"]:
            client.delete(f"{standin.api}/items/{item['o:id']}")


ENDLESS = 200_000
_TOLD = ("location", "retry-after", "via", "x-varnish", "omeka-s-version", "omeka-s-total-results")


def spoilt(case: Case, *, acts: bool = False, **which: Any) -> Fault:
    """Answers with the case; `acts`: after the target has carried out what was asked."""
    match case.outcome:
        case Reply(status=status, headers=headers, body=body):
            return Fault(
                "act_then_500" if acts else "answer",
                status=status,
                headers={name: headers[name] for name in _TOLD if name in headers},
                body=body,
                content_type=headers.get("content-type", "text/html"),
                **which,
            )
        case Failure(reason="timeout"):
            return Fault("hold" if acts else "answer", seconds=2 * TIMEOUT, **which)
        case Failure(reason="broken"):
            return Fault("answer_lost" if acts else "drop_before", **which)
        case Failure(reason="too-large"):
            return Fault("act_then_500" if acts else "answer", status=200, body=bytes(ENDLESS + 1), **which)
    raise AssertionError(case)


BEFORE = Counter({"GET users": 1, "GET properties": 1, "GET items modified": 1})
"""What a run asks before it knows its plan."""
PLAIN = BEFORE + Counter({"GET items id": 1, "POST items": 3})
"""All that it takes to create three items."""


def test_what_was_asked_for_costs_what_it_must(world: World) -> None:
    run = world.shop.run(world.batch())
    assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3)
    assert world.requests() == PLAIN


# --- the first question, and other reads ----------------------------------------------------------


@pytest.mark.parametrize("case", [one for one in AMID if "first" in one.columns], ids=str)
def test_an_answer_to_the_first_question(world: World, case: Case) -> None:
    row = ROWS[case.row]
    world.proxy.add(spoilt(case, path="/api/users"))
    run = world.shop.run(world.batch())
    _came_of_a_read(world, run, row.first, row.first_code, "GET users", Counter({"GET users": 1}))


@pytest.mark.parametrize("case", AMID, ids=str)
def test_an_answer_to_another_read(world: World, case: Case) -> None:
    row = ROWS[case.row]
    world.proxy.add(spoilt(case, path="return_scalar=modified"))
    run = world.shop.run(world.batch())
    _came_of_a_read(world, run, row.read, row.code, "GET items modified", BEFORE)


def _came_of_a_read(
    world: World, run: RunFacts, word: str, code: str, asked: str, until_then: Counter[str]
) -> None:
    log = world.shop.log(run.id)
    if word == "fatal":
        assert (run.ending, run.code) == ("failed", code), log
        assert (world.requests(), world.titles()) == (until_then, [])
    else:
        assert word == "retriable"
        assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3), log
        assert world.requests() == PLAIN + Counter({asked: 1})
        assert len(world.titles()) == 3


# --- creates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", AMID, ids=str)
def test_an_answer_to_a_create_that_was_not_carried_out(world: World, case: Case) -> None:
    world.proxy.add(spoilt(case, method="POST", nth=2))
    batch = world.batch()
    run = world.shop.run(batch)
    row, log = ROWS[case.row], world.shop.log(run.id)
    match row.write:
        case "fatal":
            assert (run.ending, run.code) == ("failed", row.code), log
            assert world.requests() == PLAIN - Counter({"POST items": 1})
            assert world.titles() == ["Work A00001"]
        case "reject":
            assert (run.ending, world.outcomes(run)) == ("finished", ["created", "rejected", "created"]), log
            assert world.code(run) == row.code
            assert world.requests() == PLAIN + Counter({"GET items id": int(row.looks_once)})
        case "retriable":
            assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3), log
            assert world.requests() == PLAIN + Counter({"POST items": 1})
        case "unknown":
            assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3), log
            # The last listing of the run looks for what came late after all.
            looks = (1 if row.looks_once else len(LOOKS)) + 1
            assert world.requests() == PLAIN + Counter({"POST items": 1, "GET items id": looks})
            assert "superseded" in log
        case _:
            raise AssertionError(row)
    _all_is_there_in_the_end(world, batch)


UNKNOWN = [case for case in AMID if ROWS[case.row].write == "unknown" or ROWS[case.row].looks_once]


@pytest.mark.parametrize("case", UNKNOWN, ids=str)
def test_an_answer_to_a_create_that_was_carried_out(world: World, case: Case) -> None:
    world.proxy.add(spoilt(case, acts=True, method="POST", nth=2))
    batch = world.batch()
    run = world.shop.run(batch)
    log = world.shop.log(run.id)
    assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3), log
    assert world.requests() == PLAIN + Counter({"GET items id": 1, "GET items by number": 1})
    assert "found and adopted" in log
    _all_is_there_in_the_end(world, batch)


def _all_is_there_in_the_end(world: World, batch: str) -> None:
    """The same batch once more: what is there is left, what is not comes."""
    run = world.shop.run(batch)
    assert run.ending == "finished", world.shop.log(run.id)
    assert world.titles() == ["Work A00001", "Work A00002", "Work A00003"]
    assert len(world.omeka.dump()["items"]) == 3


def either_way(cases: Iterable[Case]) -> list[Any]:
    """Each as of a write that was not carried out, and, where that may be, as of one that was."""
    return [
        pytest.param(case, acts, id=f"{case}, {'carried out' if acts else 'not carried out'}")
        for case in cases
        for acts in ((False, True) if case in UNKNOWN else (False,))
    ]


# --- updates --------------------------------------------------------------------------------------

CHANGING = BEFORE + Counter(
    {"GET data_types": 1, "GET custom_vocabs": 1, "GET items by number": 1, "PATCH items": 3}
)
"""All that it takes to change three items."""


def _changing(requests: Counter[str]) -> Counter[str]:
    """Without the numbers of what was changed."""
    return Counter(
        {
            name: sum(n for other, n in requests.items() if other.split("/")[0] == name)
            for name in {one.split("/")[0] for one in requests}
        }
    )


@pytest.mark.parametrize(("case", "acts"), either_way(AMID))
def test_an_answer_to_an_update(world: World, case: Case, acts: bool) -> None:
    row = ROWS[case.row]
    world.shop.run(world.batch())
    world.proxy.clear()
    world.proxy.add(spoilt(case, acts=acts, method="PATCH", nth=2))
    batch = world.batch("New")
    run = world.shop.run(batch)
    log = world.shop.log(run.id)
    requests = _changing(world.requests())
    if row.write == "fatal":
        assert (run.ending, run.code) == ("failed", row.code), log
        assert requests == CHANGING - Counter({"PATCH items": 1})
    elif row.write == "reject" and not acts:
        assert (run.ending, world.outcomes(run)) == ("finished", ["updated", "rejected", "updated"]), log
        assert world.code(run) == row.code
        assert requests == CHANGING + Counter({"GET items by number": int(row.looks_once)})
        assert world.titles() == ["New A00001", "New A00003", "Work A00002"]
    else:
        assert (run.ending, world.outcomes(run)) == ("finished", ["updated"] * 3), log
        assert requests == CHANGING + _found_out(row, acts) + Counter({"PATCH items": int(not acts)})
    again_run = world.shop.run(batch)
    assert again_run.ending == "finished", world.shop.log(again_run.id)
    assert world.titles() == ["New A00001", "New A00002", "New A00003"]


def _found_out(row: Row, acts: bool) -> Counter[str]:
    """What it takes to find out what became of a change, and to make it ready to be sent again."""
    if row.write == "retriable":
        return Counter()
    looks = 1 if acts or row.looks_once else len(LOOKS)
    return Counter({"GET items by number": looks + int(not acts)})


# --- deletions ------------------------------------------------------------------------------------

DELETING = CHANGING - Counter({"PATCH items": 3}) + Counter({"DELETE items": 1})
ABSENT = {
    **CONTROL,
    "maxRemovals": "100%",
    "match": {"item": {**CONTROL["match"]["item"], "absent": "delete"}},
}
GONE = next(case for case in CASES if case.row == "404 for a deletion")
REMOVING = [case for case in AMID if case.row != "404 for the resource"]
"""To a deletion that answer means something else: see `GONE`."""


@pytest.mark.parametrize(("case", "acts"), [*either_way(REMOVING), pytest.param(GONE, True, id=str(GONE))])
def test_an_answer_to_a_deletion(world: World, case: Case, acts: bool) -> None:
    row = ROWS[case.row]
    world.shop.run(world.batch())
    world.proxy.clear()
    world.proxy.add(spoilt(case, acts=acts, method="DELETE"))
    batch = world.shop.batch(ABSENT, {"data0": [{**one, "title": f"Work {one['acno']}"} for one in rows(2)]})
    run = world.shop.run(batch)
    log = world.shop.log(run.id)
    requests, left = _changing(world.requests()), world.titles()
    if row.write == "fatal":
        assert (run.ending, run.code) == ("failed", row.code), log
        assert requests == DELETING
    elif row.write == "reject" and not acts:
        assert (run.ending, run.counts.get("rejected"), len(left)) == ("finished", 1, 3), log
        assert requests == DELETING + Counter({"GET items by number": int(row.looks_once)})
    else:
        assert (run.ending, run.counts.get("deleted"), len(left)) == ("finished", 1, 2), log
        assert requests == DELETING + _found_out(row, acts) + Counter({"DELETE items": int(not acts)})
    again = world.shop.run(batch)
    assert again.ending == "finished", world.shop.log(again.id)
    assert world.titles() == ["Work A00001", "Work A00002"]


# --- outages --------------------------------------------------------------------------------------

OUTAGES = [case for case in AMID if ROWS[case.row].outage]


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Each state and reason that a run has shown while it waited."""
    monkeypatch.setattr("worker.applying.outage.SHORT", 0.01)
    seen: list[tuple[str, str | None]] = []
    there = runs.set_waiting

    def noting(db: Any, claim: Any, why: Any, until: Any) -> None:
        there(db, claim, why, until)
        facts = runs.run_facts(db, claim.run_id)
        assert facts is not None
        seen.append((facts.state, facts.waiting_for))

    monkeypatch.setattr("service.store.runs.set_waiting", noting)
    return seen


@pytest.mark.parametrize(("case", "acts"), either_way(OUTAGES))
def test_an_outage_after_the_first_write_is_waited_for(
    world: World, waited: list[tuple[str, str | None]], case: Case, acts: bool
) -> None:
    """Three answers in a row, whatever was asked: the second create is the first to get one."""
    fault = spoilt(case, acts=acts, nth=PLAIN.total() - 1, times=3)
    world.proxy.add(fault)
    run = world.shop.run(world.batch())
    log = world.shop.log(run.id)
    assert fault.done == 3
    assert (run.ending, world.outcomes(run)) == ("finished", ["created"] * 3), log
    lost_writes = [one for one in world.proxy.log if one.method == "POST" and one.fault]
    again = 0 if acts else len(lost_writes)
    assert world.requests()["POST items"] == 3 + again
    assert world.titles() == ["Work A00001", "Work A00002", "Work A00003"]
    assert {state for state, _ in waited} == {"waiting", "running"}
    assert all(why for state, why in waited if state == "waiting")
    assert "warning target-down" in log
    assert "info target-back" in log
