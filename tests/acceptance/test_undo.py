"""An undo takes back what a batch did, and nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.installation import CONTROL, Installation, target_of, titles
from tests.acceptance.test_links import control as linked_control
from tests.acceptance.test_links import graph, record
from tests.acceptance.test_surveys import THEN, by_hand
from tests.acceptance.test_updates import control, data, works
from tests.standins.omeka_s import StandIn

STAMPS = ("o:modified", "o:created")


def state(omeka: StandIn) -> dict[str, Any]:
    """Everything in the target, but when it was touched last."""
    dump = omeka.dump()
    return {
        kind: [{key: value for key, value in one.items() if key not in STAMPS} for one in several]
        for kind, several in dump.items()
    }


def edit(omeka: StandIn, number: int, **body: object) -> None:
    key = {"key_identity": omeka.key_identity, "key_credential": omeka.key_credential}
    answer = httpx2.patch(f"{omeka.url}/api/items/{number}", params=key, json=body)
    assert answer.status_code == 200, answer.text


def test_undo_takes_back_creates_updates_and_deletions(accession: Installation, omeka: StandIn) -> None:
    first = accession.batch(control(), data(works(12)))
    assert accession.run(first) == "complete"
    before = state(omeka)
    changed = [{**one, "title": "Other"} for one in works(6)] + works(10)[6:]
    changed += [{"acno": f"N{n}", "title": f"New {n}", "medium": "ink"} for n in range(3)]
    second = accession.batch({**control(absent="delete"), "maxRemovals": "50%"}, data(changed))
    accession.run(second, "dry-run")
    assert accession.run(second) == "complete", accession.log(second)
    after = state(omeka)
    assert len(after["items"]) == 13

    accession.schedule(second, "undo", **{"dry-run": "true"})
    assert accession.wait(second) == "complete", accession.log(second)
    assert state(omeka) == after
    plan = accession.ok(accession.get(f"batch/{second}/plan"))
    assert "3" in plan
    assert accession.run(second, "undo") == "undone", accession.log(second)
    now = state(omeka)
    recreated = {one["o:id"] for one in now["items"]} - {one["o:id"] for one in before["items"]}
    assert len(recreated) == 2
    assert without_numbers(now, recreated) == without_numbers(
        before, {one["o:id"] for one in before["items"]} - {one["o:id"] for one in now["items"]}
    )
    assert accession.counts(second)["undone"] == 11

    again = accession.batch({**control(absent="delete"), "maxRemovals": "50%"}, data(changed))
    accession.run(again, "dry-run")
    counts = accession.counts(again)
    actions = ("create", "update", "delete", "unchanged")
    assert [counts.get(f"action:{name}") for name in actions] == [3, 6, 2, 4]


def without_numbers(state: dict[str, Any], numbers: set[int]) -> list[dict[str, Any]]:
    """The items, those that have other numbers now without them."""
    items = []
    for item in state["items"]:
        shown = dict(item)
        if shown["o:id"] in numbers:
            shown.pop("o:id")
            shown.pop("@id")
        items.append(shown)
    return sorted(items, key=lambda one: one["dcterms:identifier"][0]["@value"])


def test_what_somebody_or_a_later_batch_changed_is_left_unless_forced(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(control(), data(works(5)))
    assert accession.run(batch) == "complete"
    numbers = {one["dcterms:identifier"][0]["@value"]: one["o:id"] for one in omeka.dump()["items"]}
    time.sleep(1.1)  # stamps have whole seconds
    edit(omeka, numbers["A00002"], **{"o:is_public": False})
    later = accession.batch(control(), data([{**works(3)[2], "title": "Later"}]))
    assert accession.run(later) == "complete"
    assert accession.run(batch, "undo") == "undone"
    left = {one["o:title"] for one in omeka.dump()["items"]}
    assert left == {"Work 2", "Later"}
    log = accession.log(batch)
    assert f"was changed by the later batch {later}" in log
    assert "was edited by somebody since" in log
    assert accession.run(batch, "undo", force="true") == "undone", accession.log(batch)
    assert omeka.dump()["items"] == []


def test_links_come_back_with_what_they_led_to(accession: Installation, omeka: StandIn) -> None:
    records = [record("A", "B"), record("B", "C"), record("C", "A"), record("D", "B")]
    first = accession.batch(linked_control(), {"data0": json.dumps(records).encode()})
    assert accession.run(first) == "complete", accession.log(first)
    before = graph(omeka)
    gone = [record("A"), record("D")]
    second = accession.batch(
        linked_control(
            match={
                "item": {"source": "no", "by": "dcterms:identifier", "scope": "links", "absent": "delete"}
            },
            maxRemovals="100%",
        ),
        {"data0": json.dumps(gone).encode()},
    )
    accession.run(second, "dry-run")
    assert accession.run(second) == "complete", accession.log(second)
    assert graph(omeka) == {"A": [], "D": []}
    assert accession.run(second, "undo") == "undone", accession.log(second)
    assert graph(omeka) == before, accession.log(second)


def test_an_undo_of_chosen_records_leaves_the_others_for_a_later_one(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(control(), data(works(6)))
    assert accession.run(batch) == "complete"
    assert accession.run(batch, "undo", only="row:2-3") == "undone", accession.log(batch)
    # Two are created at a time, so that numbers need not follow the records.
    assert titles(omeka.dump()) == ["Work 1", "Work 4", "Work 5", "Work 6"]
    assert accession.run(batch, "undo", only="identifier:A00006") == "undone"
    assert accession.run(batch, "undo", limit="1") == "undone"
    assert len(omeka.dump()["items"]) == 2
    assert accession.run(batch, "undo") == "undone"
    assert omeka.dump()["items"] == []
    answer = accession.post("schedule", data={"batch": batch, "mode": "undo"})
    assert (answer.status_code, answer.text) == (
        409,
        "mode: there is nothing to undo in this batch: nothing that it wrote still stands.\n",
    )


def test_item_sets_come_back_with_their_members(accession: Installation, omeka: StandIn) -> None:
    def rules(absent: str) -> dict[str, Any]:
        return {
            **CONTROL,
            "maxRemovals": "100%",
            "match": {
                "item-set": {
                    "source": "album",
                    "by": "dcterms:identifier",
                    "scope": "albums",
                    "absent": absent,
                },
                "item": {"source": "acno", "by": "dcterms:identifier", "scope": "works", "absent": absent},
            },
            "instructions": [
                {
                    "action": "if-exists",
                    "source": "album",
                    "then": [
                        {"action": "new", "destination": "item-set"},
                        {"source": "album", "destination": "item-set", "name": "dcterms:title"},
                    ],
                },
                {
                    "action": "if-exists",
                    "source": "acno",
                    "then": [
                        {"action": "new", "destination": "item"},
                        {"source": "title", "name": "dcterms:title"},
                        {"source": "in", "name": "item-set"},
                    ],
                },
            ],
        }

    albums = [{"album": "Red"}, {"album": "Blue"}]
    assert accession.run(accession.batch(rules("keep"), data(albums))) == "complete"
    members = [{"acno": f"A{n}", "title": f"Work {n}", "in": "Red"} for n in range(3)]
    first = accession.batch(rules("keep"), data([*albums, *members]))
    assert accession.run(first) == "complete", accession.log(first)
    # One member goes with the set, the others stay and lose their membership with it.
    left = [{"album": "Blue"}, *({"acno": f"A{n}", "title": f"Work {n}"} for n in range(2))]
    second = accession.batch(rules("delete"), data(left))
    accession.run(second, "dry-run")
    assert accession.run(second) == "complete", accession.log(second)
    assert [item["o:item_set"] for item in omeka.dump()["items"]] == [[], []]
    assert accession.run(second, "undo") == "undone", accession.log(second)
    dump = omeka.dump()
    red = next(one["o:id"] for one in dump["item_sets"] if one["o:title"] == "Red")
    belonging = {item["o:title"]: [one["o:id"] for one in item["o:item_set"]] for item in dump["items"]}
    assert belonging == {"Work 0": [red], "Work 1": [red], "Work 2": [red]}, accession.log(second)


def test_an_undo_on_another_site_behind_the_same_name_stops_before_any_write(
    tmp_path: Path, omeka: StandIn
) -> None:
    with StandIn() as other, Installation(tmp_path / "a", {"omeka": target_of(omeka)}) as accession:
        accession.start()
        batch = accession.batch(control(), data(works(20)))
        assert accession.run(batch) == "complete", accession.log(batch)
        accession.point_to({"omeka": target_of(other)})
        # Under the same numbers there is something else, which an undo of creates would delete.
        other.seed(by_hand(20, 500, **{"o:modified": THEN}))
        before = other.dump()
        for options in ({"dry-run": "true"}, {}):
            accession.schedule(batch, "undo", **options)
            accession.wait(batch)
            run = accession.facts(batch)["runs"][0]
            assert (run["mode"], run["state"], run["code"]) == ("undo", "failed", "target-not-the-same")
            assert "20 do not bear the identifier" in run["reason"]
        assert (other.requests()["writes"], other.dump()) == (0, before)
