"""A first meeting with what stands in a target: looked at once, a page at a time, and never again."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.standins.omeka_s import StandIn

THEN = "2026-01-01T00:00:00+00:00"
TITLE, IDENTIFIER = 1, 10


def literal(number: int, text: str) -> dict[str, Any]:
    return {"type": "literal", "property_id": number, "@value": text}


def by_hand(number: int, first: int = 1, **more: Any) -> Iterator[dict[str, Any]]:
    """Items that somebody made in Omeka, long ago, as the records of `rows` describe them."""
    for i in range(first, first + number):
        yield {
            "dcterms:title": [literal(TITLE, f"Work {i}")],
            "dcterms:identifier": [literal(IDENTIFIER, f"A{i:05}")],
            "o:modified": THEN,
            **more,
        }


def others(number: int) -> Iterator[dict[str, Any]]:
    """Items without any identifier."""
    for i in range(number):
        yield {"dcterms:title": [literal(TITLE, f"Other {i}")], "o:modified": THEN}


def data(records: list[dict[str, object]]) -> dict[str, bytes]:
    return {"data0": json.dumps(records).encode()}


def control(**match: Any) -> dict[str, Any]:
    return {**CONTROL, "match": {"item": {**CONTROL["match"]["item"], **match}}}


def reads(omeka: StandIn) -> dict[str, int]:
    """What was asked of the target since the count began, by what for."""
    return dict(Counter(_purpose(one) for one in omeka.requests(5000)["recent"]))


def _purpose(one: dict[str, Any]) -> str:
    path, query = one["path"].removeprefix("/api/"), one["query"]
    if one["method"] != "GET":
        return f"{one['method']} {path}"
    if "return_scalar=modified" in query:
        return f"{path} listed"
    if "return_scalar=id" in query:
        return f"{path} that bear"
    if "property%5B0%5D" in query:
        return f"{path} page"
    return f"{path} by number" if "id=" in query.replace("vocabulary_id", "") else path


START = {"users": 1, "properties": 1, "items listed": 1}
"""What every run asks: for the key, for the names, for what stands there."""
COMPARING = {"data_types": 1, "custom_vocabs": 1}
"""What a run asks once that has to compare a record with a resource."""


def meet(accession: Installation, omeka: StandIn, number: int, seconds: float = 60) -> None:
    """A first meeting with so many items made by hand, among as many that bear no identifier."""
    omeka.seed(by_hand(number))
    omeka.seed(others(number))
    batch = accession.batch(control(), data(rows(number)))
    omeka.reset_requests()
    accession.schedule(batch, "dry-run")
    assert accession.wait(batch, seconds) == "dry-run", accession.log(batch)
    assert accession.counts(batch)["action:unchanged"] == number
    # Listed once more at the end: while pages were read, things may have moved.
    first = {**START, "items listed": 2, "items page": number // 100, "items that bear": 1, **COMPARING}
    assert omeka.requests()["counts"] == counted(first)

    omeka.reset_requests()
    accession.schedule(batch, "dry-run")
    assert accession.wait(batch, seconds) == "dry-run", accession.log(batch)
    assert accession.counts(batch)["action:unchanged"] == number
    assert reads(omeka) == {**START, **COMPARING}


def counted(purposes: dict[str, int]) -> dict[str, int]:
    """The same as the stand-in counts: by path."""
    paths: Counter[str] = Counter()
    for purpose, number in purposes.items():
        paths[f"GET /api/{purpose.split()[0]}"] += number
    return dict(paths)


def test_500_items_made_by_hand_are_five_pages_and_a_second_dry_run_reads_none(
    accession: Installation, omeka: StandIn
) -> None:
    meet(accession, omeka, 500)


@pytest.mark.full
def test_50_000_items_made_by_hand_are_500_pages_and_a_second_dry_run_reads_none(
    accession: Installation, omeka: StandIn
) -> None:
    meet(accession, omeka, 50_000, 1800)


def test_a_survey_whose_worker_is_killed_goes_on_at_its_page_and_misses_nothing(
    accession: Installation, omeka: StandIn
) -> None:
    ids = omeka.seed(by_hand(3000))["items"]
    omeka.knobs(delay_ms=20)
    batch = accession.batch(control(notFound="create"), data(rows(3001)))
    omeka.reset_requests()
    accession.schedule(batch, "dry-run")
    deadline = time.monotonic() + 30
    while reads(omeka).get("items page", 0) < 12:
        assert time.monotonic() < deadline, accession.log(batch)
        time.sleep(0.005)
    accession.kill("worker")
    # Meanwhile, all in pages that were read already: 60 are deleted, so that those behind them move
    # forward; one gets another identifier; and a new one is made.
    omeka.knobs(delay_ms=0)
    for number in ids[:120:2]:
        call(omeka, "DELETE", f"items/{number}")
    call(omeka, "PATCH", f"items/{ids[1]}", {"dcterms:identifier": [literal(IDENTIFIER, "B1")]})
    call(omeka, "POST", "items", next(by_hand(1, 3001)))
    accession.start_worker()

    assert accession.wait(batch) == "dry-run", accession.log(batch)
    # Those that were on their way to the killed worker are asked for again, the others not.
    assert 30 <= reads(omeka)["items page"] <= 30 + 4
    assert "Going on to look" in accession.log(batch)
    created = [row["identifier"] for row in accession.report(batch) if row["action"] == "create"]
    assert created == [f"A{n:05}" for n in [1, 2, *range(3, 121, 2)]]


def call(omeka: StandIn, method: str, path: str, body: Any = None) -> Any:
    """A request of somebody else."""
    answer = httpx2.request(method, f"{omeka.api}/{path}", params=omeka.key, json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_where_narrows_the_first_meeting_and_what_comes_later(
    accession: Installation, omeka: StandIn
) -> None:
    (number,) = omeka.seed(item_sets=[{"dcterms:title": [literal(TITLE, "Tate")]}])["item_sets"]
    inside = {"o:item_set": [{"o:id": number}]}
    (mine,) = omeka.seed(by_hand(1, **inside))["items"]
    omeka.seed(by_hand(250))  # the same identifier once more, outside of the set
    first = accession.batch(control(where={"item-set": "Tate"}), data(rows(2)))
    omeka.reset_requests()
    assert accession.run(first, "dry-run") == "dry-run", accession.log(first)
    assert reads(omeka)["items page"] == 1
    assert [(row["action"], row["id"]) for row in accession.report(first)] == [
        ("unchanged", mine),
        ("create", None),
    ]

    call(omeka, "POST", "items", next(by_hand(1, 2)))
    (later,) = [call(omeka, "POST", "items", {**next(by_hand(1, 2)), **inside})["o:id"]]
    assert accession.run(first, "dry-run") == "dry-run", accession.log(first)
    assert [row["id"] for row in accession.report(first)] == [mine, later]

    # Without it, the identifier of the first record is that of several items.
    second = accession.batch({**control(), "maxErrors": "100%"}, data(rows(1)))
    assert accession.run(second, "dry-run") == "dry-run", accession.log(second)
    assert accession.report(second)[0]["code"] == "ambiguous-identity"


def test_alternatives_are_looked_for_in_each_property(accession: Installation, omeka: StandIn) -> None:
    source = {"dcterms:source": [literal(11, "A00002")], "dcterms:title": [literal(TITLE, "Work 2")]}
    one, two = omeka.seed([next(by_hand(1)), source])["items"]
    either = control(by={"any": ["dcterms:identifier", "dcterms:source"]})
    batch = accession.batch(either, data(rows(3)))
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert [row["id"] for row in accession.report(batch)] == [one, two, None]
    # What bears the one and what bears the other: nobody can tell which is meant.
    omeka.seed([{**source, "dcterms:identifier": [literal(IDENTIFIER, "A00009")]}])
    omeka.seed([{"dcterms:source": [literal(11, "A00001")]}])
    again = accession.batch({**either, "maxErrors": "100%"}, data(rows(1)))
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert accession.report(again)[0]["code"] == "ambiguous-identity"


def test_links_find_what_stands_in_the_target_by_a_property_that_no_match_names(
    accession: Installation, omeka: StandIn
) -> None:
    (maker,) = omeka.seed([{"dcterms:title": [literal(TITLE, "William Blake")], "o:modified": THEN}])["items"]
    linked = {
        **CONTROL,
        "instructions": [
            *CONTROL["instructions"],
            {"source": "maker", "name": "dcterms:creator", "type": "resource",
             "link": {"to": "item", "by": "dcterms:title"}},
        ],
    }  # fmt: skip
    batch = accession.batch(linked, data(rows(1, maker="William Blake")))
    assert accession.run(batch) == "complete", accession.log(batch)
    work = next(item for item in omeka.dump()["items"] if item["o:id"] != maker)
    assert work["dcterms:creator"][0]["value_resource_id"] == maker

    # And what an earlier batch wrote: out of the ledger's own copies, without a read.
    omeka.reset_requests()
    second = accession.batch(linked, data([{"acno": "B1", "title": "Copy", "maker": "Work 1"}]))
    assert accession.run(second, "dry-run") == "dry-run", accession.log(second)
    assert accession.counts(second)["action:create"] == 1
    assert reads(omeka) == START


def test_what_another_scope_wrote_is_not_met_and_a_misspelt_scope_is_named(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(control(scope="tate-gallery"), data(rows(3)))
    assert accession.run(batch) == "complete", accession.log(batch)
    other = accession.batch(control(scope="Tate Galery"), data(rows(3)))
    assert accession.run(other, "dry-run") == "dry-run"
    assert accession.counts(other)["action:create"] == 3
    (line,) = [line for line in accession.log(other).splitlines() if "scope-close" in line]
    assert "“Tate Galery”" in line
    assert "3 resources were under “tate-gallery”" in line
    # The same scope by another property knows its own.
    same = control(scope="tate-gallery", source="title", by="dcterms:title")
    again = accession.batch(same, data(rows(3)))
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert "scope-close" not in accession.log(again)
    assert sorted(row["id"] for row in accession.report(again)) == sorted(
        item["o:id"] for item in omeka.dump()["items"]
    )


def test_another_site_behind_the_same_name_is_not_written_to(tmp_path: Path, omeka: StandIn) -> None:
    with StandIn() as other, Installation(tmp_path / "a", {"omeka": target_of(omeka)}) as accession:
        accession.start()
        records = data(rows(20))
        assert accession.run(accession.batch(CONTROL, records)) == "complete"
        accession.point_to({"omeka": target_of(other)})

        # There is nothing there.
        batch = accession.batch(CONTROL, records)
        assert accession.run(batch) == "failed"
        run = accession.facts(batch)["runs"][0]
        assert run["code"] == "target-not-the-same"
        assert "Of 20 items that were imported, 20 are not there any more" in run["reason"]

        # Under the same numbers, there is something else.
        other.seed(by_hand(20, 500, **{"o:modified": THEN}))
        before = other.dump()
        for mode in ("dry-run", "import"):
            assert accession.run(batch, mode) == "failed"
            run = accession.facts(batch)["runs"][0]
            assert run["code"] == "target-not-the-same"
            assert "20 do not bear the identifier" in run["reason"]
        assert (other.requests()["writes"], other.dump()) == (0, before)

        # Whoever knows better says so.
        assert accession.run(batch, force="true") == "complete", accession.log(batch)
        assert "target-not-the-same" in accession.log(batch)
        assert len(titles(other.dump())) == 40


def test_a_few_deletions_and_changes_by_hand_do_not_stop_a_run(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(CONTROL, data(rows(20)))
    assert accession.run(batch) == "complete"
    ids = [row["id"] for row in accession.report(batch)]
    time.sleep(1.1)  # a stamp has whole seconds: an edit in the second of the import would not be seen
    for number in ids[:5]:
        call(omeka, "DELETE", f"items/{number}")
    renamed = {"dcterms:identifier": [literal(IDENTIFIER, "C1")]}
    call(omeka, "PATCH", f"items/{ids[5]}", renamed)
    again = accession.batch(CONTROL, data(rows(20)))
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    # What no longer bears its identifier is not that resource any more.
    assert [row["action"] for row in accession.report(again)] == (
        ["skip"] * 5 + ["create"] + ["unchanged"] * 14
    )
