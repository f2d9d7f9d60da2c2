"""Re-import is the daily job: only what changed is sent, only what the control file names is touched."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import CONTROL, Installation, rows
from tests.standins.omeka_s import StandIn

CONTENT = [
    {"action": "new", "destination": "item"},
    {"source": "title", "name": "dcterms:title"},
    {"source": "medium", "name": "dcterms:medium"},
]


def control(**match: Any) -> dict[str, Any]:
    item = {**CONTROL["match"]["item"], **match}
    return {**CONTROL, "match": {"item": item}, "instructions": CONTENT}


def data(records: list[dict[str, object]]) -> dict[str, bytes]:
    return {"data0": json.dumps(records).encode()}


def works(number: int) -> list[dict[str, object]]:
    return rows(number, medium="oil on canvas")


def by_identifier(dump: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["dcterms:identifier"][0]["@value"]: item for item in dump["items"]}


def writes(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Requests that write, sent meanwhile, by method and path without numbers."""
    new = {key: n - before.get(key, 0) for key, n in after.items()}
    return {key: n for key, n in new.items() if n and key.split()[0] in ("POST", "PATCH", "DELETE", "PUT")}


def test_only_what_changed_is_sent_and_the_rest_stays_as_it_was(
    accession: Installation, omeka: StandIn
) -> None:
    records = works(500)
    first = accession.batch(control(), data(records))
    assert accession.run(first) == "complete", accession.log(first)
    before = omeka.dump()
    requests = omeka.requests()["counts"]

    changed = [dict(record) for record in records]
    for record in changed[100:120]:
        record["title"] = f"{record['title']}, later"
    changed = changed[:490] + changed[495:]
    changed += [{"acno": f"B{n}", "title": f"New {n}", "medium": "ink"} for n in range(10)]
    second = accession.batch(control(absent="delete"), data(changed))
    assert accession.run(second, "dry-run") == "dry-run"
    assert omeka.dump() == before
    assert accession.run(second) == "complete", accession.log(second)

    sent = writes(requests, omeka.requests()["counts"])
    assert sent == {"PATCH /api/items/{id}": 20, "POST /api/items": 10, "DELETE /api/items/{id}": 5}, sent
    counts = accession.counts(second)
    assert {name: counts.get(name) for name in ("created", "updated", "unchanged", "deleted")} == {
        "created": 10,
        "updated": 20,
        "unchanged": 475,
        "deleted": 5,
    }
    now, then = by_identifier(omeka.dump()), by_identifier(before)
    untouched = [one for one in then if one in now and one not in {r["acno"] for r in changed[100:120]}]
    assert len(untouched) == 475
    assert {one: now[one] for one in untouched} == {one: then[one] for one in untouched}
    for record in changed[100:120]:
        item = now[str(record["acno"])]
        assert item["dcterms:title"][0]["@value"] == record["title"]

    third = accession.batch(control(absent="delete"), data(changed))
    assert accession.run(third, "dry-run") == "dry-run"
    assert accession.counts(third)["unchanged"] == 505


@pytest.mark.parametrize("more", [{}, {"found": "skip"}, {"found": "reject"}])
def test_what_the_control_file_says_of_found_ones(
    accession: Installation, omeka: StandIn, more: dict[str, str]
) -> None:
    batch = accession.batch(control(), data(works(3)))
    assert accession.run(batch) == "complete"
    changed = [{**record, "title": "Other"} for record in works(3)]
    again = accession.batch({**control(**more), "maxErrors": "100%"}, data(changed))
    accession.run(again)
    outcome = {"skip": "skipped", "reject": "rejected"}.get(more.get("found", ""), "updated")
    assert accession.counts(again)[outcome] == 3, accession.log(again)


def test_records_of_one_identity_can_be_merged(accession: Installation, omeka: StandIn) -> None:
    records = [
        {"acno": "A1", "title": "One", "medium": "oil"},
        {"acno": "A2", "title": "Two", "medium": "ink"},
        {"acno": "A1", "title": "One", "medium": "wood"},
        {"acno": "A1", "title": "Uno", "medium": "oil"},
    ]
    content = [{**one, "multivalue": True} if "source" in one else one for one in CONTENT]
    rules = {**control(duplicates="merge"), "instructions": content}
    batch = accession.batch(rules, data(records))
    assert accession.run(batch) == "complete", accession.log(batch)
    first, second = sorted(omeka.dump()["items"], key=lambda item: str(item["o:title"]))
    assert [value["@value"] for value in first["dcterms:title"]] == ["One", "Uno"]
    assert [value["@value"] for value in first["dcterms:medium"]] == ["oil", "wood"]
    assert second["o:title"] == "Two"
    rows = [(row["row"], row["outcome"], row["code"]) for row in accession.report(batch)]
    assert rows == [
        (1, "created", None),
        (2, "created", None),
        (3, "skipped", "merged"),
        (4, "skipped", "merged"),
    ]
    again = accession.batch(rules, data(records))
    assert accession.run(again) == "complete"
    assert accession.counts(again)["unchanged"] == 2


def test_what_no_record_mentions_is_unpublished_and_regains_its_state_when_it_returns(
    accession: Installation, omeka: StandIn
) -> None:
    rules = {**control(absent="unpublish"), "maxRemovals": 3}
    first = accession.batch(rules, data(works(5)))
    assert accession.run(first) == "complete"
    before = omeka.dump()

    second = accession.batch(rules, data(works(3)))
    assert accession.run(second, "dry-run") == "dry-run"
    assert "2 to unpublish" in accession.ok(accession.get(f"batch/{second}/plan"))
    assert accession.run(second) == "complete", accession.log(second)
    assert accession.counts(second)["unpublished"] == 2
    public = [item["o:is_public"] for item in omeka.dump()["items"]]
    assert public == [True, True, True, False, False]
    again = accession.batch(rules, data(works(3)))
    assert accession.run(again) == "complete"
    assert accession.counts(again).get("unpublished", 0) == 0

    third = accession.batch(rules, data(works(5)))
    assert accession.run(third) == "complete", accession.log(third)
    assert accession.counts(third)["updated"] == 2
    stamps = ("o:modified",)
    assert [{k: v for k, v in one.items() if k not in stamps} for one in omeka.dump()["items"]] == [
        {k: v for k, v in one.items() if k not in stamps} for one in before["items"]
    ]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([], "holds no records"),
        ([{"acno": "A00001", "title": "Work 1"}, {"title": "Without"}], "whose identity was not read"),
    ],
)
def test_nothing_is_removed_on_a_suspicion(
    accession: Installation, omeka: StandIn, records: list[dict[str, object]], why: str
) -> None:
    rules = {**control(absent="delete"), "maxErrors": "100%", "maxRemovals": "100%"}
    batch = accession.batch(rules, data(works(4)))
    accession.run(batch, "dry-run")
    assert accession.run(batch) == "complete"
    again = accession.batch(rules, data(records))
    assert accession.post("schedule", data={"batch": again}).status_code == 409
    accession.run(again, "dry-run")
    accession.run(again)
    assert len(omeka.dump()["items"]) == 4
    assert why in accession.log(again)
    partial = accession.batch(rules, data(works(1)))
    accession.run(partial, "dry-run")
    accession.run(partial, limit="1")
    assert len(omeka.dump()["items"]) == 4
    assert "about some of the records only" in accession.log(partial)


def test_more_removals_than_allowed_stop_the_run_unless_allowed_once(
    accession: Installation, omeka: StandIn
) -> None:
    rules = control(absent="delete")
    batch = accession.batch(rules, data(works(10)))
    accession.run(batch, "dry-run")
    assert accession.run(batch) == "complete"
    again = accession.batch(rules, data(works(5)))
    assert accession.run(again, "dry-run") == "dry-run"
    assert "An import would stop here." in accession.log(again)
    assert accession.run(again) == "failed"
    assert "too-many-removals" in accession.ok(accession.get(f"batch/{again}"))
    assert len(omeka.dump()["items"]) == 10
    assert accession.run(again, maxRemovals="5") == "complete", accession.log(again)
    assert len(omeka.dump()["items"]) == 5


def test_an_edit_that_was_kept_is_judged_anew_when_the_control_file_says_otherwise(
    accession: Installation, omeka: StandIn
) -> None:
    """Neither the record nor the resource has changed since: only `onConflict` has."""
    records = works(3)
    assert accession.run(accession.batch(control(), data(records))) == "complete"
    time.sleep(1.1)  # an edit is known by its time, in whole seconds
    edited = by_identifier(omeka.dump())["A00002"]
    title = {**edited["dcterms:title"][0], "@value": "Mine"}
    address = f"{omeka.api}/items/{edited['o:id']}"
    httpx2.patch(address, params=omeka.key, json={**edited, "dcterms:title": [title]}).raise_for_status()

    def again(on_conflict: str) -> dict[str, int]:
        writes = omeka.requests(0)["writes"]
        batch = accession.batch({**control(), "onConflict": on_conflict}, data(records))
        assert accession.run(batch, "dry-run") == "dry-run"
        accession.run(batch)
        counts = {name: accession.counts(batch).get(name, 0) for name in ("updated", "unchanged", "rejected")}
        return {"writes": omeka.requests(0)["writes"] - writes, **counts}

    for _ in range(2):
        assert again("keep") == {"writes": 0, "updated": 0, "unchanged": 3, "rejected": 0}
    assert by_identifier(omeka.dump())["A00002"]["dcterms:title"][0]["@value"] == "Mine"
    assert again("reject") == {"writes": 0, "updated": 0, "unchanged": 2, "rejected": 1}
    assert again("overwrite") == {"writes": 1, "updated": 1, "unchanged": 2, "rejected": 0}
    assert by_identifier(omeka.dump())["A00002"]["dcterms:title"][0]["@value"] == "Work 2"
    assert again("overwrite") == {"writes": 0, "updated": 0, "unchanged": 3, "rejected": 0}
