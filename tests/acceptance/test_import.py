"""The main job, as a script does it: dry run first, then import, then the same again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.acceptance.installation import CONTROL, PREFIX, ROOT, Installation, rows, titles
from tests.standins.omeka_s import StandIn

TATE = ROOT / "examples" / "tate"
PLAN_OF_THREE = """3 records: 3 to create.

What the new resources get
  dcterms:identifier  3  e.g. data0:1 [A00001]: A00001
  dcterms:title       3  e.g. data0:1 [A00001]: Work 1
  public              3  e.g. data0:1 [A00001]: true

To create (3)

+ data0:1 [A00001] item
    dcterms:title: Work 1
    dcterms:identifier: A00001
    public: true

+ data0:2 [A00002] item
    dcterms:title: Work 2
    dcterms:identifier: A00002
    public: true

+ data0:3 [A00003] item
    dcterms:title: Work 3
    dcterms:identifier: A00003
    public: true
"""


def test_500_artworks_cost_500_posts_and_the_same_again_nothing(
    accession: Installation, omeka: StandIn
) -> None:
    control = (TATE / "control.json").read_bytes()
    artworks = TATE / "artworks-500.json"
    batch = accession.batch(control, {"data0": artworks})

    assert accession.run(batch, "dry-run") == "dry-run"
    assert omeka.requests()["writes"] == 0
    assert accession.counts(batch)["action:create"] == 500

    omeka.reset_requests()
    assert accession.run(batch) == "complete"
    assert omeka.requests()["writes"] == 500
    assert omeka.requests()["counts"]["POST /api/items"] == 500
    assert accession.counts(batch)["created"] == 500
    given = json.loads(artworks.read_text(encoding="utf-8"))
    assert titles(omeka.dump()) == sorted(one["title"] for one in given)

    before = omeka.dump()
    omeka.reset_requests()
    again = accession.batch(control, {"data0": artworks})
    assert accession.run(again) == "complete"
    assert accession.counts(again)["unchanged"] == 500
    requests = omeka.requests()
    assert requests["writes"] == 0
    assert requests["total"] <= 10
    assert omeka.dump() == before


def test_the_plan_of_a_dry_run_can_be_read_before_anything_is_written(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(3)).encode()})
    assert accession.run(batch, "dry-run") == "dry-run"
    _, _, text = accession.ok(accession.get(f"batch/{batch}/plan")).partition("\n")
    assert text == PLAN_OF_THREE
    assert omeka.dump()["items"] == []


def test_the_report_names_each_record_with_its_outcome_and_address(
    accession: Installation, omeka: StandIn
) -> None:
    data = [*rows(2), {"acno": "A00002", "title": "Twice"}]
    control = {**CONTROL, "maxErrors": 5}
    batch = accession.batch(control, {"data0": json.dumps(data).encode()})
    assert accession.run(batch) == "complete-with-errors"
    report = accession.report(batch)
    assert [(r["file"], r["row"], r["identifier"], r["action"], r["outcome"]) for r in report] == [
        ("data0", 1, "A00001", "create", "created"),
        ("data0", 2, "A00002", "create", "created"),
        ("data0", 3, "A00002", "reject", "rejected"),
    ]
    item = omeka.dump()["items"][0]
    assert report[0]["id"] == item["o:id"]
    assert report[0]["url"] == f"{omeka.url}/admin/item/{item['o:id']}"
    assert (report[2]["code"], "data0 row 2" in report[2]["message"]) == ("duplicate-identity", True)
    table = list(csv.DictReader(io.StringIO(accession.ok(accession.get(f"batch/{batch}/report")))))
    assert [row["identifier"] for row in table] == ["A00001", "A00002", "A00002"]


def test_the_log_tells_the_story_and_ends_in_a_summary(accession: Installation, omeka: StandIn) -> None:
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(2)).encode()})
    accession.run(batch)
    log = accession.log(batch)
    assert "version 4.2.0" in log
    assert "A00002" in log
    last = log.rstrip().splitlines()[-1]
    assert "2 records read: 2 created" in last
    assert omeka.key_credential not in log


def test_a_file_that_is_broken_at_the_end_writes_nothing(accession: Installation, omeka: StandIn) -> None:
    broken = json.dumps(rows(300)).encode()[:-20]
    batch = accession.batch(CONTROL, {"data0": broken})
    assert accession.run(batch) == "failed"
    assert omeka.requests()["writes"] == 0
    assert "data0" in accession.log(batch)


def test_more_rejected_records_than_allowed_stop_the_run_before_the_first_write(
    accession: Installation, omeka: StandIn
) -> None:
    data = [{"acno": "A1", "title": f"Work {n}"} for n in range(10)]
    batch = accession.batch(CONTROL, {"data0": json.dumps(data).encode()})
    assert accession.run(batch) == "failed"
    assert omeka.requests()["writes"] == 0
    assert accession.facts(batch)["runs"][0]["code"] == "too-many-errors"

    # Whoever has seen them may allow them, this once; a dry run shows them anyway.
    assert accession.run(batch, "dry-run") == "dry-run"
    assert "too-many-errors" in accession.log(batch)
    assert accession.run(batch, maxErrors="90%") == "complete-with-errors"
    assert titles(omeka.dump()) == ["Work 0"]


def test_items_sets_and_media_are_created_from_one_record(accession: Installation, omeka: StandIn) -> None:
    control = {
        **CONTROL,
        "match": {},
        "instructions": [
            {"action": "new", "destination": "item-set"},
            {"source": "title", "destination": "item-set", "name": "dcterms:title"},
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            {"action": "new", "destination": "media"},
            {"source": "note", "destination": "media", "name": "html"},
        ],
    }
    batch = accession.batch(control, {"data0": json.dumps(rows(2, note="<p>seen</p>")).encode()})
    assert accession.run(batch) == "complete", accession.log(batch)
    dump = omeka.dump()
    assert (len(dump["items"]), len(dump["item_sets"]), len(dump["media"])) == (2, 2, 2)
    assert {one["o:item"]["o:id"] for one in dump["media"]} == {one["o:id"] for one in dump["items"]}
    # An item and its media are one request.
    assert omeka.requests()["writes"] == 4
    kinds = [row["outcome"] for row in accession.report(batch)]
    assert kinds == ["created"] * 6


def test_what_the_target_saves_otherwise_is_reported_as_altered(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(modules=["NumericDataTypes"])
    control = {
        **CONTROL,
        "instructions": [
            *CONTROL["instructions"],
            {"source": "when", "name": "dcterms:date", "type": "numeric:timestamp"},
        ],
    }
    good = accession.batch(control, {"data0": json.dumps(rows(1, when="1863")).encode()})
    assert accession.run(good) == "complete", accession.log(good)
    value = omeka.dump()["items"][0]["dcterms:date"][0]
    assert (value["type"], value["@value"]) == ("numeric:timestamp", "1863")


def test_a_batch_can_be_cancelled_while_it_runs(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=50, workers=1)
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(400)).encode()})
    accession.schedule(batch)
    while accession.counts(batch).get("created", 0) < 5:
        assert accession.state(batch) in {"scheduled", "running"}
    assert accession.post("batch/" + batch + "/cancel").status_code == 200
    assert accession.wait(batch) == "cancelled"
    created = accession.counts(batch)["created"]
    # Nothing is forgotten: what the target has is what the journal says.
    assert len(omeka.dump()["items"]) == created < 400


def test_two_targets_are_kept_apart(tmp_path: Path, omeka: StandIn) -> None:
    from tests.acceptance.installation import target_of

    with StandIn() as other:
        targets = {"one": target_of(omeka), "two": target_of(other)}
        with Installation(tmp_path / "a", targets) as accession:
            accession.start()
            data = json.dumps(rows(3)).encode()
            first = accession.batch(CONTROL, {"data0": data}, target="one")
            second = accession.batch(CONTROL, {"data0": data}, target="two")
            assert accession.run(first) == accession.run(second) == "complete"
            assert titles(omeka.dump()) == titles(other.dump()) == ["Work 1", "Work 2", "Work 3"]
            answer = accession.post("batch", data={"control": "0" * 64, "target": "three"})
            assert answer.status_code in {400, 404}, PREFIX
