"""Failed records given back, retries, choices and corrections, as the service answers them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.store import runs
from service.store.failed_files import FailedFile, set_failed_files
from service.store.plans import Entry, insert_entries
from service.store.runs import run_facts
from tests.service.conftest import CONTROL, PREFIX, UNMATCHED, House

JSON = {"Accept": "application/json"}


def entry(row: int, outcome: Any, seq: int = 0) -> Entry:
    action = "reject" if outcome == "rejected" else "create"
    return Entry(seq or row, "data0", row, 0, "item", "item", action, outcome=outcome, key_digest=f"k{row}")  # type: ignore[arg-type]


def ended(house: House, batch: str, entries: list[Entry], mode: str = "import", **failed: bytes) -> str:
    """A run of the batch as a worker would have ended it, with the bytes of its failed records by file."""
    run_id = house.schedule(batch, mode)
    claim = house.claim(run_id)
    counts: dict[str, int] = {}
    for one in entries:
        if one.outcome:
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
    kept = []
    for name, content in failed.items():
        stored = house.app.state.services.blobs.put([content])
        kept.append(FailedFile(name, stored.digest, stored.size, 1))
    with runs.fenced(house.db, claim) as connection:
        insert_entries(connection, run_id, entries)
        runs.add_counts(connection, run_id, counts)
        runs.set_phase(connection, claim, "apply", planned_at=1, records_total=len(entries))
        set_failed_files(connection, run_id, kept)
    runs.end_run(house.db, claim, "finished")
    return run_id


def failed(house: House, batch: str, **query: str) -> Any:
    return house.client.get(f"{PREFIX}/batch/{batch}/failed", params=query)


def refused(house: House, batch: str, **fields: Any) -> tuple[int, list[tuple[str, str | None]], str]:
    """Status, (code, parameter) of each problem, and the text, of a schedule that is refused."""
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, **fields}, headers=JSON)
    document = answer.json()
    problems = [(one["code"], one.get("parameter")) for one in document["errors"]]
    return answer.status_code, problems, document["detail"]


# --- failed ---------------------------------------------------------------------------------------


def test_failed_records_are_a_download_that_no_browser_takes_for_a_page(house: House) -> None:
    batch = house.filled()
    content = b'[\n{"id": "a2", "title": "<script>"}\n]\n'
    ended(house, batch, [entry(1, "created"), entry(2, "rejected")], data0=content)
    answer = failed(house, batch)
    assert (answer.status_code, answer.content) == (200, content)
    assert {
        name: answer.headers[name]
        for name in ("content-type", "content-disposition", "content-length", "x-content-type-options")
    } == {
        "content-type": "application/octet-stream",
        "content-disposition": 'attachment; filename="failed-data.json"',
        "content-length": str(len(content)),
        "x-content-type-options": "nosniff",
    }
    assert failed(house, batch, file="data0").content == content
    head = house.client.head(f"{PREFIX}/batch/{batch}/failed")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
    # They are the batch's: who may not see it gets nothing, not even by their digest.
    assert house.with_key(target="other").get(f"{PREFIX}/batch/{batch}/failed").status_code == 404
    assert house.with_key("upload").get(f"{PREFIX}/batch/{batch}/failed").status_code == 403


def test_what_did_not_fail_is_said_in_a_sentence(house: House) -> None:
    batch = house.filled()
    assert (failed(house, batch).status_code, failed(house, batch).text) == (
        404,
        "Nothing has failed: the batch was never run.\n",
    )
    run_id = house.schedule(batch, "dry-run")
    assert failed(house, batch).text == (
        "Nothing is known to have failed: no run of the batch has ended yet. Wait: GET batch/ID?wait=60\n"
    )
    house.finish(run_id)
    assert failed(house, batch).text == "No record of the batch failed: there is nothing to give back.\n"
    assert failed(house, batch, file="data0").text == 'No record of "data0" failed.\n'
    assert failed(house, batch, file="data1").text == 'The batch has no file "data1".\n'
    assert failed(house, batch, fiel="data0").status_code == 400


# --- retry ----------------------------------------------------------------------------------------


def test_a_retry_is_scheduled_only_where_there_is_something_to_retry(house: House) -> None:
    batch = house.filled()
    status, problems, text = refused(house, batch, mode="retry")
    assert (status, problems) == (409, [("nothing-to-retry", "mode")])
    assert text.startswith("mode: there is nothing to retry in this batch: it was not imported yet.")
    ended(house, batch, [entry(1, "created"), entry(2, "rejected")])
    # A look at the plan in between does not matter.
    ended(house, batch, [entry(2, None)], "dry-run")
    ended(house, batch, [entry(2, "created")], "retry")
    status, problems, text = refused(house, batch, mode="retry")
    assert (status, problems) == (409, [("nothing-to-retry", "mode")])
    assert "it is complete." in text


def test_what_the_target_saved_otherwise_is_not_retried(house: House) -> None:
    batch = house.filled()
    ended(house, batch, [entry(1, "altered")])
    status, problems, text = refused(house, batch, mode="retry")
    assert (status, problems) == (409, [("nothing-to-retry", "mode")])
    assert "it is complete-with-errors, but no record is known to be rejected, failed or uncertain." in text


def test_a_batch_tells_the_newest_word_about_its_records(house: House) -> None:
    batch = house.filled()
    ended(house, batch, [entry(1, "created"), entry(2, "rejected"), entry(3, "rejected")])
    ended(house, batch, [entry(2, "created")], "retry")
    status = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()
    assert (status["state"], status["counts"]) == ("complete-with-errors", {"created": 2, "rejected": 1})
    assert [one["state"] for one in status["runs"]] == ["complete", "complete-with-errors"]
    lines = house.client.get(f"{PREFIX}/batch/{batch}").text.splitlines()
    assert lines[0] == "complete-with-errors"
    assert {"batch-created: 2", "batch-rejected: 1", "created: 1"} <= set(lines)
    listed = house.client.get(f"{PREFIX}/batch", params={"state": "complete-with-errors"}).text
    assert listed.split("\t")[:2] == [batch, "complete-with-errors"]
    assert house.client.get(f"{PREFIX}/batch", params={"state": "complete"}).text == ""


# --- only, limit ----------------------------------------------------------------------------------


def test_what_is_asked_for_is_kept_with_the_run(house: House) -> None:
    fields = {"batch": house.filled(), "only": ["row:1-2", "identifier:a1"], "limit": "5"}
    answer = house.client.post(f"{PREFIX}/schedule", data=fields, headers=JSON)
    run = run_facts(house.db, answer.json()["run"])
    assert run is not None
    assert (run.options.only, run.options.limit) == (("row:1-2", "identifier:a1"), 5)


@pytest.mark.parametrize(
    ("fields", "parameter", "said"),
    [
        ({"only": "rows:1"}, "only", "only takes row:12-40, identifier:X, action:A, outcome:O or file:"),
        ({"only": "action:make"}, "only", "only=action:make is no action: it may be create, created, update"),
        ({"only": "file:list.csv"}, "only", "Upload it under the name only/list.csv"),
        ({"only": ["identifier:a"] * 501}, "only", "only is given 501 times, 500 are possible."),
        ({"limit": "0"}, "limit", "limit is \"0\": it must be int >= 1."),
        ({"limit": "ten"}, "limit", "limit is \"ten\": not a whole number."),
    ],
)  # fmt: skip
def test_a_choice_that_makes_no_sense_is_refused(
    house: House, fields: dict[str, Any], parameter: str, said: str
) -> None:
    status, problems, text = refused(house, house.filled(), **fields)
    assert (status, problems) == (400, [("parameter-invalid", parameter)])
    assert said in text
    assert house.bell.rung == []


def test_identifiers_need_a_match_and_lists_an_upload(house: House) -> None:
    status, problems, text = refused(house, house.filled(UNMATCHED), only="identifier:a1")
    assert (status, problems) == (400, [("parameter-invalid", "only")])
    assert "the control file has no match, so no record has an identifier." in text
    batch = house.filled()
    status, problems, text = refused(house, batch, only="file:only/a.csv")
    assert (status, problems) == (400, [("file-missing", "only")])
    assert text == (
        'only=file:only/a.csv: the batch has no list "only/a.csv". Upload it:'
        f" -F batch={batch} -F name=only/a.csv -F file=@FILE"
    )


def upload(house: House, batch: str, name: str, content: bytes = b"a1\n") -> Any:
    return house.client.post(
        f"{PREFIX}/file", data={"batch": batch, "name": name}, files={"file": ("list.csv", content)}
    )


def test_a_list_is_taken_by_an_applied_batch_and_changes_nothing_of_what_it_is_made_of(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    assert upload(house, batch, "only/a.csv").status_code == 409  # the run may be reading it
    house.wrote(run)
    house.finish(run)
    assert upload(house, batch, "only/a.csv").status_code == 200
    assert upload(house, batch, "more/b").status_code == 409
    assert upload(house, batch, "only/a.csv", b"a2\n").status_code == 409  # other bytes, without replace=true
    again = house.client.post(
        f"{PREFIX}/schedule", data={"batch": batch, "only": "file:only/a.csv"}, headers=JSON
    )
    first, second = run_facts(house.db, run), run_facts(house.db, again.json()["run"])
    assert first is not None and second is not None
    assert first.inputs_digest == second.inputs_digest


def test_a_list_is_no_data(house: House) -> None:
    everything = {**CONTROL, "files": {"DEFAULT": {"read": "json"}}}
    batch = house.batch(everything)
    assert upload(house, batch, "only/a.csv").status_code == 200
    status, problems, _ = refused(house, batch)
    assert (status, problems) == (400, [("file-missing", "batch")])
    claimed = {**CONTROL, "files": {"only/data": {"read": "json"}}}
    answer = house.client.post(f"{PREFIX}/control", files={"file": ("c.json", _json(claimed))})
    assert answer.status_code == 400
    assert "/files/only~1data" in answer.text and "begins lists of identifiers" in answer.text


def _json(control: Any) -> bytes:
    return json.dumps(control).encode()


# --- corrects -------------------------------------------------------------------------------------


def test_a_correction_and_what_it_corrects_name_each_other(house: House) -> None:
    first = house.filled()
    second, third = house.filled(corrects=first), house.filled(corrects=first)

    def named(batch: str) -> tuple[Any, Any]:
        status = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()
        return status["corrects"], status["corrected_by"]

    assert [named(one) for one in (first, second, third)] == [
        (None, [second, third]),
        (first, []),
        (first, []),
    ]
    assert f"corrected-by: {second} {third}\n" in house.client.get(f"{PREFIX}/batch/{first}").text


def test_only_a_batch_that_the_key_sees_and_of_the_same_target_is_corrected(house: House) -> None:
    batch = house.filled()
    control = house.control()
    elsewhere = {"control": control, "corrects": batch, "target": "other"}
    answer = house.client.post(f"{PREFIX}/batch", data=elsewhere)
    assert (answer.status_code, answer.text) == (
        400,
        "corrects: that batch is for the target tate, this one for other.\n",
    )
    foreign = house.with_key(target="other")
    own = foreign.post(f"{PREFIX}/control", files={"file": ("c.json", _json(CONTROL))}).text
    answer = foreign.post(f"{PREFIX}/batch", data={"control": own, "corrects": batch})
    assert (answer.status_code, answer.text) == (404, f"Batch not found: {batch}\n")
