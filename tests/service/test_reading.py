"""Reading and steering batches: state, list, log, report, plan, cancel, delete, bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
import time
from typing import Any

import msgspec
import pytest

from service.store import runs
from service.store.logs import LogLine, append_lines
from service.store.plans import Entry
from tests.service.conftest import DATA, PREFIX, House

JSON = {"Accept": "application/json"}
NDJSON = {"Accept": "application/x-ndjson"}


def get(house: House, path: str, **more: Any) -> Any:
    return house.client.get(f"{PREFIX}/{path}", **more)


# --- one batch ----------------------------------------------------------------------------------


def test_the_first_line_is_the_state_alone_and_the_rest_are_facts(house: House) -> None:
    batch = house.filled(comment="Tate\u202e artworks")
    assert get(house, f"batch/{batch}").text.splitlines()[0] == "uploading"
    run = house.schedule(batch, "dry-run")
    lines = get(house, f"batch/{batch}").text.splitlines()
    facts = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "scheduled"
    assert facts["comment"] == "Tate\\u202e artworks"
    assert facts["file"] == f"data0 {hashlib.sha256(DATA).hexdigest()} {len(DATA)}"
    assert (facts["run"], facts["mode"], facts["by"], facts["run-by"]) == (run, "dry-run", "tests", "tests")


def test_waiting_ends_when_the_run_does(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    assert get(house, f"batch/{batch}?wait=0.3").text.splitlines()[0] == "scheduled"
    ending = threading.Timer(0.5, house.finish, [run])
    ending.start()
    answer = get(house, f"batch/{batch}?wait=60")
    ending.join()
    assert answer.text.splitlines()[0] == "complete"


def test_waiting_lets_go_when_the_service_closes(house: House) -> None:
    batch = house.filled()
    house.schedule(batch)
    threading.Timer(0.3, house.app.state.services.closing.begin).start()
    assert get(house, f"batch/{batch}?wait=3600").text.splitlines()[0] == "scheduled"


@pytest.mark.parametrize("wait", ["-1", "soon", "nan", "1e9", "3601"])
def test_a_wait_that_is_none_is_refused(house: House, wait: str) -> None:
    answer = get(house, f"batch/{house.batch()}?wait={wait}")
    assert answer.status_code == 400
    assert answer.text.startswith(f'wait is "{wait}": ')


# --- the list -----------------------------------------------------------------------------------


def test_batches_are_listed_newest_first_in_pages_linked_to_each_other(house: House) -> None:
    ids = [house.batch(comment=f"number {n}") for n in range(5)]
    for n, batch in enumerate(ids):
        house.at(batch, 1_000_000 + n)
    first = get(house, "batch?limit=2", headers=JSON)
    assert [one["batch"] for one in first.json()["batches"]] == [ids[4], ids[3]]
    assert first.headers["link"] == f'<{first.json()["next"]}>; rel="next"'
    second = house.client.get(first.json()["next"], headers=JSON).json()
    assert [one["batch"] for one in second["batches"]] == [ids[2], ids[1]]
    third = house.client.get(second["next"], headers=JSON)
    assert [one["batch"] for one in third.json()["batches"]] == [ids[0]]
    assert third.json()["next"] is None
    assert "link" not in third.headers
    line = get(house, "batch?limit=1").text
    assert line == f"{ids[4]}\tuploading\t1970-01-01T00:16:40.004Z\ttate\tnumber 4\n"


def test_batches_are_found_by_state_target_and_comment(house: House) -> None:
    uploading = house.batch(comment="100% plain")
    elsewhere = house.batch(comment="Other", target="other")
    dry = house.filled(comment="Dry")
    house.finish(house.schedule(dry, "dry-run"))

    def found(query: str) -> set[str]:
        return {one["batch"] for one in get(house, f"batch?{query}", headers=JSON).json()["batches"]}

    assert found("state=dry-run") == {dry}
    assert found("state=uploading&state=dry-run") == {uploading, elsewhere, dry}
    assert found("state=uploading&target=tate") == {uploading}
    assert found("comment=DRY") == {dry}
    assert found("comment=100%25") == {uploading}
    assert found("comment=%25") == {uploading}
    assert found("state=failed") == set()


# --- cancel and delete --------------------------------------------------------------------------


def test_a_scheduled_run_is_cancelled_at_once_and_only_once(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    answer = house.client.post(f"{PREFIX}/batch/{batch}/cancel", headers=JSON)
    assert answer.json() == {"run": run, "batch": batch, "state": "cancelled"}
    again = house.client.post(f"{PREFIX}/batch/{batch}/cancel")
    assert [again.status_code, again.text] == [
        409,
        "No run of the batch is active: it is cancelled. There is nothing to cancel.\n",
    ]


def test_a_running_run_is_asked_to_end(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    claim = house.claim(run)
    answer = house.client.post(f"{PREFIX}/batch/{batch}/cancel")
    assert [answer.status_code, answer.text] == [200, "CANCELLING\n"]
    assert runs.renew_lease(house.db, claim, 1000) == runs.Wishes(cancel=True, pause=False)
    assert ("run", run) in house.bell.rung


def test_only_a_batch_that_never_wrote_is_deleted(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch, "dry-run")
    active = house.client.delete(f"{PREFIX}/batch/{batch}")
    assert active.status_code == 409
    house.finish(run, entries=[entry(1), entry(2)])
    assert house.client.delete(f"{PREFIX}/batch/{batch}").text == "DELETED\n"
    assert get(house, f"batch/{batch}").status_code == 404
    assert get(house, f"file/{hashlib.sha256(DATA).hexdigest()}").content == DATA

    applied = house.filled()
    run = house.schedule(applied)
    house.wrote(run)
    house.finish(run)
    answer = house.client.delete(f"{PREFIX}/batch/{applied}")
    assert answer.status_code == 409
    assert answer.text.startswith("The batch has written to its target")
    assert get(house, f"batch/{applied}").status_code == 200


def test_a_batch_that_another_corrects_is_kept(house: House) -> None:
    first = house.batch()
    second = house.batch(corrects=first)
    answer = house.client.delete(f"{PREFIX}/batch/{first}")
    assert [answer.status_code, answer.text] == [
        409,
        f"The batch {second} corrects this one. Delete that first.\n",
    ]


# --- bytes --------------------------------------------------------------------------------------


def test_bytes_come_back_as_an_attachment_that_no_browser_opens(house: House) -> None:
    control = house.control()
    batch = house.filled(data=b"<script>alert(1)</script>")
    digest = hashlib.sha256(b"<script>alert(1)</script>").hexdigest()
    answer = get(house, f"file/{digest}")
    assert answer.content == b"<script>alert(1)</script>"
    headers = {
        name: answer.headers[name]
        for name in (
            "content-type",
            "content-length",
            "content-disposition",
            "content-security-policy",
            "x-content-type-options",
        )
    }
    assert headers == {
        "content-type": "application/octet-stream",
        "content-length": "25",
        "content-disposition": f'attachment; filename="{digest}"',
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }
    head = house.client.head(f"{PREFIX}/file/{digest}")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "25")
    assert hashlib.sha256(get(house, f"control/{control}").content).hexdigest() == control
    missing = get(house, f"file/{'0' * 64}")
    assert [missing.status_code, missing.text] == [404, f"File not found: {'0' * 64}\n"]
    assert get(house, "control/../../x").status_code == 404
    assert batch


# --- log ----------------------------------------------------------------------------------------


def say(house: House, claim: runs.Claim, *lines: LogLine) -> None:
    with runs.fenced(house.db, claim) as connection:
        append_lines(connection, lines)


def line(run: str, seq: int, message: str, level: Any = "info", **more: Any) -> LogLine:
    return LogLine(run, seq, 1_700_000_000_000 + seq, level, "told", message, **more)


def test_the_log_has_one_line_a_line_whatever_a_message_holds(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    claim = house.claim(run)
    say(
        house,
        claim,
        line(run, 1, "Begins"),
        line(run, 2, "Evil\n\x1b[2Jline\u202e", "error", file="data0", row=7, identifier="a\u00e91"),
        line(run, 3, "hidden", "debug"),
    )
    assert get(house, f"batch/{batch}/log").text.splitlines() == [
        "2023-11-14T22:13:20.001Z info    told Begins",
        "2023-11-14T22:13:20.002Z error   told data0:7 [aé1] Evil\\n\\x1b[2Jline\\u202e",
    ]
    assert len(get(house, f"batch/{batch}/log?level=debug").text.splitlines()) == 3
    assert get(house, f"batch/{batch}/log?level=error").text.count("\n") == 1
    assert [
        json.loads(one) for one in get(house, f"batch/{batch}/log?after=1", headers=NDJSON).iter_lines()
    ] == [
        {
            "run": run,
            "seq": 2,
            "time": "2023-11-14T22:13:20.002Z",
            "level": "error",
            "code": "told",
            "message": "Evil\n\x1b[2Jline\u202e",
            "file": "data0",
            "row": 7,
            "identifier": "aé1",
        }
    ]


def test_the_log_of_all_runs_goes_on_after_a_line_of_any(house: House) -> None:
    batch = house.filled()
    first = house.schedule(batch, "dry-run")
    claim = house.claim(first)
    say(house, claim, line(first, 1, "one"), line(first, 2, "two"))
    runs.end_run(house.db, claim, "finished")
    second = house.schedule(batch)
    say(house, house.claim(second), line(second, 1, "three"))

    def messages(query: str) -> list[str]:
        answer = get(house, f"batch/{batch}/log{query}", headers=NDJSON)
        return [json.loads(one)["message"] for one in answer.iter_lines()]

    assert messages("") == ["one", "two", "three"]
    assert messages(f"?after={first}:1") == ["two", "three"]
    assert messages(f"?run={first}") == ["one", "two"]
    assert messages(f"?run={first}&after=1") == ["two"]
    assert messages("?after=0") == ["three"]
    assert get(house, f"batch/{batch}/log?run=nosuch").status_code == 404
    assert get(house, f"batch/{batch}/log?after=x").status_code == 400
    assert get(house, f"batch/{batch}/log?level=loud").status_code == 400


@pytest.mark.parametrize("accept", ["text/plain", "application/x-ndjson", "text/event-stream"])
def test_a_followed_log_grows_until_the_run_ends(house: House, accept: str) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    claim = house.claim(run)
    say(house, claim, line(run, 1, "before"))

    def go_on() -> None:
        time.sleep(0.4)
        say(house, claim, line(run, 2, "meanwhile"))
        time.sleep(0.4)
        say(house, claim, line(run, 3, "at last"))
        runs.end_run(house.db, claim, "finished")

    worker = threading.Thread(target=go_on)
    worker.start()
    answer = get(house, f"batch/{batch}/log?follow=true", headers={"Accept": accept})
    worker.join()
    assert answer.headers["content-type"].startswith(accept)
    positions = [answer.text.index(word) for word in ("before", "meanwhile", "at last")]
    assert positions == sorted(positions)
    if accept == "text/event-stream":
        assert answer.text.startswith(f"id: {run}:1\nevent: line\ndata: {{")
        assert answer.text.endswith("event: end\ndata: {}\n\n")
        again = get(house, f"batch/{batch}/log", headers={"Accept": accept, "Last-Event-ID": f"{run}:2"})
        assert "meanwhile" not in again.text
        assert "at last" in again.text


def test_a_followed_log_lets_go_when_the_service_closes(house: House) -> None:
    batch = house.filled()
    house.schedule(batch)
    threading.Timer(0.3, house.app.state.services.closing.begin).start()
    assert get(house, f"batch/{batch}/log?follow=true").text == ""


# --- report and plan ----------------------------------------------------------------------------


def entry(seq: int, **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "data0",
        "row": seq,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "action": "create",
        "identifier": f"a{seq}",
    }
    return Entry(**{**given, **more})


DRAFT = {
    "destination": "item",
    "kind": "item",
    "ordinal": 0,
    "properties": [
        {
            "term": "dcterms:title",
            "values": [{"text": "One\nline", "language": "en"}, {"text": "Eins", "language": "de"}],
        },
        {"term": "dcterms:source", "values": [{"type": "uri", "uri": "https://x.org", "label": "X"}]},
        {"term": "dcterms:date", "values": [{"type": "numeric:timestamp", "text": "1900"}]},
    ],
    "fields": {"public": True, "sites": ["a", "b"], "resource_class": None},
}
PROBLEMS = [{"severity": "reject", "code": "no-identity", "message": "No identifier in row 3."}]


@pytest.fixture
def reported(house: House) -> str:
    """A batch whose dry run planned three records."""
    batch = house.filled()
    entries = [
        entry(1, draft=msgspec.json.encode(DRAFT)),
        entry(2, action="unchanged", outcome="unchanged", resource_id=77, identifier='=HYPERLINK("x")'),
        entry(
            3, action="reject", outcome="rejected", identifier=None, problems=msgspec.json.encode(PROBLEMS)
        ),
    ]
    house.finish(house.schedule(batch, "dry-run"), entries=entries)
    return batch


def test_the_report_has_a_row_a_record_and_no_formula(house: House, reported: str) -> None:
    answer = get(house, f"batch/{reported}/report")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["file", "row", "identifier", "action", "outcome", "resource", "id", "url", "code", "message"],
        ["data0", "1", "a1", "create", "", "item", "", "", "", ""],
        [
            "data0",
            "2",
            '\'=HYPERLINK("x")',
            "unchanged",
            "unchanged",
            "item",
            "77",
            "https://tate.example.org/admin/item/77",
            "",
            "",
        ],
        ["data0", "3", "", "reject", "rejected", "item", "", "", "no-identity", "No identifier in row 3."],
    ]


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(house: House, beginning: str) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"), entries=[entry(1, identifier=f"{beginning}1+1")])
    rows = list(csv.reader(io.StringIO(get(house, f"batch/{batch}/report").text, newline="")))
    assert rows[1][2] == f"'{beginning}1+1"


def test_the_report_is_filtered_and_had_in_other_forms(house: House, reported: str) -> None:
    def rows(query: str, accept: dict[str, str] = NDJSON) -> list[int]:
        answer = get(house, f"batch/{reported}/report?{query}", headers=accept)
        return [json.loads(one)["row"] for one in answer.iter_lines()]

    assert rows("") == [1, 2, 3]
    assert rows("row=2") == [2]
    assert rows("row=2-3") == [2, 3]
    assert rows("outcome=rejected&outcome=unchanged") == [2, 3]
    assert rows("action=create") == [1]
    assert rows("identifier=a1") == [1]
    assert rows("file=data1") == []
    assert [one["row"] for one in get(house, f"batch/{reported}/report", headers=JSON).json()] == [1, 2, 3]
    assert get(house, f"batch/{reported}/report?file=x", headers=JSON).json() == []
    assert get(house, f"batch/{reported}/report?row=x").status_code == 400


@pytest.mark.parametrize("what", ["", "/log?follow=true", "/report", "/plan"])
def test_head_has_the_headers_and_no_body(house: House, reported: str, what: str) -> None:
    answer = house.client.head(f"{PREFIX}/batch/{reported}{what}")
    assert [answer.status_code, answer.content] == [200, b""]
    assert answer.headers["content-type"] == get(house, f"batch/{reported}{what}").headers["content-type"]


def test_a_long_report_is_paged_whole(house: House) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"), entries=[entry(n) for n in range(1, 1203)])
    answer = get(house, f"batch/{batch}/report", headers=NDJSON)
    assert [json.loads(one)["row"] for one in answer.iter_lines()] == list(range(1, 1203))


def test_a_plan_that_is_not_complete_is_not_shown(house: House) -> None:
    batch = house.filled()
    house.schedule(batch, "dry-run")
    answer = get(house, f"batch/{batch}/plan")
    assert answer.status_code == 409
    assert answer.text.startswith("No plan is complete yet")
    assert get(house, f"batch/{batch}/plan?run=nosuch").status_code == 404


@pytest.mark.parametrize("what", ["", "/log", "/report", "/plan", "/cancel", "/pause", "/resume"])
def test_an_unknown_batch_is_not_found(house: House, what: str) -> None:
    path = f"{PREFIX}/batch/{'0' * 26}{what}"
    steers = what in ("/cancel", "/pause", "/resume")
    answer = house.client.post(path) if steers else house.client.get(path)
    assert [answer.status_code, answer.text] == [404, f"Batch not found: {'0' * 26}\n"]
