"""What was not written is given back, mended and brought again; and runs that are about some records only."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.installation import CONTROL, PREFIX, Installation, rows, titles
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

DATED: dict[str, Any] = {
    **CONTROL,
    "files": {"works": {"read": "csv"}},
    "instructions": [
        *CONTROL["instructions"],
        {"source": "made", "name": "dcterms:date", "filters": [{"date": {"to": "edtf"}}]},
    ],
}
IN_A_SET: dict[str, Any] = {
    **CONTROL,
    "maxErrors": "50%",
    "match": {
        **CONTROL["match"],
        "item-set": {"source": "series", "by": "dcterms:identifier", "notFound": "reject"},
    },
    "instructions": [{"action": "load", "destination": "item-set"}, *CONTROL["instructions"]],
}
HEADER = '"acno";"title";"made"\r\n'
BAD = {7: "17th of Bluember", 100: "once", 200: "Zoë’s day"}


def line(number: int, made: str | None = None) -> str:
    """A row as an archive's own program writes it: semicolons, quotes, sometimes a line break in a cell."""
    title = f'Über ""{number}""\nzweite Zeile' if number % 50 == 0 else f"Café {number}"
    return f'"A{number:05}";"{title}";"{made or BAD.get(number, str(1800 + number))}"\r\n'


def works(*numbers: int, made: str | None = None) -> bytes:
    return (HEADER + "".join(line(number, made) for number in numbers)).encode("cp1252")


def failed(accession: Installation, batch: str, **query: str) -> httpx2.Response:
    return accession.get(f"batch/{batch}/failed", **query)


def outcomes(accession: Installation, batch: str) -> Counter[str]:
    return Counter(row["outcome"] for row in accession.report(batch))


def make_set(omeka: StandIn, identifier: str) -> None:
    keys = {"key_identity": omeka.key_identity, "key_credential": omeka.key_credential}
    value = {"type": "literal", "property_id": 10, "@value": identifier}
    answer = httpx2.post(
        f"{omeka.url}/api/item_sets", params=keys, json={"dcterms:identifier": [value]}, timeout=10
    )
    assert answer.status_code == 200, answer.text


def in_sets(*series: str) -> bytes:
    data = [{"acno": f"S{n}", "title": f"Sheet {n}", "series": one} for n, one in enumerate(series, 1)]
    return json.dumps(data).encode()


# --- given back -----------------------------------------------------------------------------------


def test_what_was_rejected_comes_back_byte_for_byte_and_corrected_it_is_imported(
    accession: Installation, omeka: StandIn, tmp_path: Path
) -> None:
    batch = accession.batch(DATED, {"works": works(*range(1, 201))})
    dry = accession.run(batch, "dry-run")
    assert (dry, failed(accession, batch).content) == ("dry-run", works(*BAD))
    assert accession.run(batch) == "complete-with-errors"
    assert outcomes(accession, batch) == {"created": 197, "rejected": 3}

    answer = failed(accession, batch)
    assert answer.content == works(*BAD)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="failed-works"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "3 records not written" in accession.log(batch)

    # From a shell: into a file, corrected there, and brought again.
    path = tmp_path / "rest.csv"
    accession.command(
        *("failed", batch, "-o", str(path)),
        *("--url", f"http://127.0.0.1:{accession.port}"),
        *_key(accession),
    )
    assert path.read_bytes() == works(*BAD)
    corrected = works(*BAD, made="1901")
    omeka.reset_requests()
    again = accession.batch(DATED, {"works": corrected}, corrects=batch)
    assert accession.run(again) == "complete"
    assert omeka.requests()["counts"]["POST /api/items"] == 3
    assert len(omeka.dump()["items"]) == 200
    assert [row["identifier"] for row in accession.report(again)] == ["A00007", "A00100", "A00200"]

    assert (accession.facts(again)["corrects"], accession.facts(batch)["corrected_by"]) == (batch, [again])
    assert f"\ncorrects: {batch}\n" in accession.ok(accession.get(f"batch/{again}"))
    assert f"\ncorrected-by: {again}\n" in accession.ok(accession.get(f"batch/{batch}"))
    nothing = failed(accession, again)
    assert (nothing.status_code, nothing.text) == (
        404,
        "No record of the batch failed: there is nothing to give back.\n",
    )


def _key(accession: Installation) -> tuple[str, str]:
    path = accession.folder / "key"
    path.write_text(accession.key, encoding="utf-8")
    return ("--key-file", str(path))


def test_of_several_files_it_must_be_said_which(accession: Installation) -> None:
    control = {**CONTROL, "maxErrors": "90%", "files": {"a.json": {"read": "json"}, "b/*": {"read": "jsonl"}}}
    first = b'[{"acno": "A1", "title": "One"},\n {"acno": "A1",  "title": "Twice"}]'
    second = b'{"acno": "A1", "title":"Thrice"}\n{"acno": "A2", "title":"Two"}\n'
    batch = accession.batch(control, {"a.json": first, "b/c": second})
    assert accession.run(batch) == "complete-with-errors"
    answer = failed(accession, batch)
    said = "file is missing: records of several files failed."
    assert (answer.status_code, answer.text) == (
        400,
        f'{said} Of "a.json" 1: GET batch/{batch}/failed?file=a.json\n'
        f'{said} Of "b/c" 1: GET batch/{batch}/failed?file=b/c\n',
    )
    assert failed(accession, batch, file="a.json").content == b'[\n{"acno": "A1",  "title": "Twice"}\n]\n'
    assert failed(accession, batch, file="b/c").content == b'{"acno": "A1", "title":"Thrice"}\n'
    unknown = failed(accession, batch, file="c")
    assert (unknown.status_code, unknown.text) == (404, 'The batch has no file "c".\n')


def test_a_run_that_stopped_early_gives_back_what_it_knows(accession: Installation) -> None:
    data = [{"acno": "A1", "title": f"Work {n}"} for n in range(3)]
    batch = accession.batch(CONTROL, {"data0": json.dumps(data).encode()})
    assert accession.run(batch) == "failed"
    assert json.loads(failed(accession, batch).content) == data[1:]
    # Nothing was written: there is no run whose records could be retried, they can only be imported.
    refused = accession.post("schedule", data={"batch": batch, "mode": "retry"})
    assert refused.status_code == 409
    assert "Schedule it with mode=import" in refused.text


def test_a_worker_killed_while_it_gives_rows_back_leaves_nothing_wrong(
    accession: Installation, omeka: StandIn
) -> None:
    # Every row fails, and they are many: writing them out takes a while.
    data = HEADER + "".join(line(n, "once") for n in range(1, 40_001))
    control = {**DATED, "maxErrors": "100%"}
    batch = accession.batch(control, {"works": data.encode("cp1252")})
    accession.schedule(batch)
    incoming = accession.folder / "data" / "blobs" / "incoming"
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 4096 for path in incoming.glob("*/*") if path.is_file()):
        assert time.monotonic() < deadline, accession.log(batch)
        time.sleep(0.002)
    accession.kill("worker")
    assert accession.state(batch) in {"running", "interrupted"}
    assert failed(accession, batch).status_code == 404
    accession.start_worker()
    assert accession.wait(batch) == "complete-with-errors"
    assert failed(accession, batch).content == data.encode("cp1252")
    assert omeka.requests()["writes"] == 0


# --- retry ----------------------------------------------------------------------------------------


def test_a_retry_plans_only_what_was_not_written_and_mends_the_batch(
    accession: Installation, omeka: StandIn
) -> None:
    make_set(omeka, "blue")
    data = in_sets("blue", "red", "blue", "green", "red")
    batch = accession.batch(IN_A_SET, {"data0": data})
    assert accession.run(batch, maxErrors="70%") == "complete-with-errors"
    assert titles(omeka.dump()) == ["Sheet 1", "Sheet 3"]

    # Half is mended: the others keep the batch from being complete.
    make_set(omeka, "red")
    omeka.reset_requests()
    assert accession.run(batch, "retry", maxErrors="70%") == "complete-with-errors"
    assert omeka.requests()["writes"] == 2
    assert json.loads(failed(accession, batch).content) == [json.loads(data)[3]]
    counts = accession.counts(batch)
    assert (counts["read"], counts["left-out"], counts["created"]) == (5, 2, 2)
    assert accession.facts(batch)["counts"] == {"created": 4, "rejected": 2, "unchanged": 4}

    make_set(omeka, "green")
    assert accession.run(batch, "retry") == "complete"
    assert "5 records read, 4 left out: 1 created" in accession.log(batch)
    assert titles(omeka.dump()) == [f"Sheet {n}" for n in range(1, 6)]
    assert failed(accession, batch).status_code == 404
    assert [one["state"] for one in accession.facts(batch)["runs"]] == [
        "complete",
        "complete-with-errors",
        "complete-with-errors",
    ]
    listed = accession.ok(accession.get("batch"))
    assert listed.split("\t")[:2] == [batch, "complete"]
    refused = accession.post("schedule", data={"batch": batch, "mode": "retry"})
    assert (refused.status_code, refused.text) == (
        409,
        "mode: there is nothing to retry in this batch: it is complete. A retry is possible when it is"
        " cancelled, complete-with-errors, failed. Schedule it with mode=import.\n",
    )


def test_a_retry_that_writes_all_it_planned_leaves_the_rest_of_the_batch_as_it_was(
    accession: Installation, omeka: StandIn
) -> None:
    make_set(omeka, "blue")
    batch = accession.batch(IN_A_SET, {"data0": in_sets("blue", "red", "green")})
    assert accession.run(batch, maxErrors="70%") == "complete-with-errors"
    make_set(omeka, "red")
    assert accession.run(batch, "retry", only="identifier:S2") == "complete-with-errors"
    facts = accession.facts(batch)
    assert (facts["runs"][0]["state"], facts["state"]) == ("complete", "complete-with-errors")
    rejected = [(row["row"], row["code"]) for row in accession.report(batch) if row["outcome"] == "rejected"]
    assert rejected == [(3, "not-found"), (3, "record-refused")]


def test_a_retry_makes_nothing_twice_that_only_the_journal_knows(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    control = {
        **CONTROL,
        "match": {},
        "instructions": [
            {"action": "new", "destination": "item-set"},
            {"source": "title", "destination": "item-set", "name": "dcterms:title"},
            *CONTROL["instructions"],
        ],
    }
    proxy.add(Fault("answer", method="POST", path="/api/items", nth=2, status=413))
    batch = troubled.batch(control, {"data0": json.dumps(rows(3)).encode()})
    assert troubled.run(batch) == "complete-with-errors"
    dump = omeka.dump()
    assert (len(dump["item_sets"]), len(dump["items"])) == (3, 2)
    assert troubled.run(batch, "retry") == "complete", troubled.log(batch)
    assert titles(omeka.dump()) == ["Work 1", "Work 2", "Work 3"]
    assert len(omeka.dump()["item_sets"]) == 3


def test_a_cancelled_import_is_gone_on_with_by_a_retry(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=30, workers=1)
    batch = accession.batch({**CONTROL, "match": {}}, {"data0": json.dumps(rows(120)).encode()})
    accession.schedule(batch)
    while accession.counts(batch).get("created", 0) < 5:
        time.sleep(0.02)
    assert accession.post(f"batch/{batch}/cancel").status_code == 200
    assert accession.wait(batch) == "cancelled"
    written = len(omeka.dump()["items"])
    assert written < 120
    omeka.knobs(delay_ms=0, workers=2)
    assert accession.run(batch, "retry") == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 121))
    assert accession.counts(batch)["left-out"] == written


# --- some records only ----------------------------------------------------------------------------


def test_only_rows_identifiers_and_a_limit_choose_the_records(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(20)).encode()})
    assert accession.run(batch, only=["row:3-5", "row:9"], limit="3") == "complete"
    assert titles(omeka.dump()) == ["Work 3", "Work 4", "Work 5"]
    log = accession.log(batch)
    assert "Of the records are chosen: only row:3-5; only row:9; the first 3." in log
    assert "3 of 20 records are chosen, 17 left out." in log

    choice = ["identifier:A00002", "identifier:A00019", "identifier:A99999", "row:1-10"]
    assert accession.run(batch, only=choice) == "complete"
    assert titles(omeka.dump()) == ["Work 2", "Work 3", "Work 4", "Work 5"]
    assert "No record that was looked at has the identifier “A00019”, “A99999”." in accession.log(batch)

    accession.run(batch, "dry-run", only="action:created", limit="2")
    assert [row["row"] for row in _plan(accession, batch)] == [1, 6]
    accession.run(batch, "dry-run", only="action:unchanged")
    assert [row["row"] for row in _plan(accession, batch)] == [2, 3, 4, 5]
    assert accession.run(batch, only="row:30") == "complete"
    assert accession.run(batch) == "complete"
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 21))


def _plan(accession: Installation, batch: str) -> list[dict[str, Any]]:
    answer = accession.client.get(f"{PREFIX}/batch/{batch}/plan", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    plan: list[dict[str, Any]] = answer.json()
    return plan


def test_only_an_outcome_is_that_of_the_report(accession: Installation, omeka: StandIn) -> None:
    data = [*rows(4), {"acno": "A00002", "title": "Twice"}]
    batch = accession.batch({**CONTROL, "maxErrors": "50%"}, {"data0": json.dumps(data).encode()})
    assert accession.run(batch) == "complete-with-errors"
    accession.run(batch, "dry-run", only="outcome:rejected")
    assert [row["row"] for row in _plan(accession, batch)] == [5]


def test_a_list_of_identifiers_is_taken_by_an_applied_batch_and_is_no_data(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(9)).encode()})
    assert accession.run(batch, limit="2") == "complete"
    report = accession.ok(accession.get(f"batch/{batch}/report"))
    table = io.StringIO()
    csv.writer(table).writerows([["outcome", "identifier"], ["", "A00004"], ["", "A00008"]])
    missing = accession.post("schedule", data={"batch": batch, "only": "file:only/some.csv"})
    assert (missing.status_code, missing.text) == (
        400,
        'only=file:only/some.csv: the batch has no list "only/some.csv". Upload it:'
        f" -F batch={batch} -F name=only/some.csv -F file=@FILE\n",
    )
    for name, content in (("only/some.csv", table.getvalue()), ("only/report.csv", report)):
        answer = accession.post("file", data={"batch": batch, "name": name}, files={"file": (name, content)})
        assert answer.status_code == 200, answer.text
    assert accession.run(batch, only="file:only/some.csv") == "complete"
    assert titles(omeka.dump()) == ["Work 1", "Work 2", "Work 4", "Work 8"]
    # The report itself is such a list, and the data of the batch are the same as before.
    accession.run(batch, "dry-run", only="file:only/report.csv")
    assert [row["row"] for row in _plan(accession, batch)] == [1, 2]
