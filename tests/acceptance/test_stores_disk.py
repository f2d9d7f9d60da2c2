"""A database that somebody else holds, disks that are full, and a data folder that vanishes for a while.

A full disk is made of the limit that a system sets to the size of the files of a process: nobody needs a
right for that, and it can be lifted from a process that runs.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.acceptance.test_recovery import payload, until_created
from tests.standins.omeka_s import StandIn

AWAY = 4.0
"""Seconds: two leases."""
MIB = 1024 * 1024


@contextlib.contextmanager
def full_disk(accession: Installation, largest: int, *names: str) -> Iterator[None]:
    """No file of these processes grows beyond `largest` bytes."""
    limits = {}
    for name in names:
        pid = accession.pid(name)
        limits[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, limits[pid][1]))
    try:
        yield
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def incoming(accession: Installation) -> list[Path]:
    folder = accession.folder / "data" / "blobs" / "incoming"
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.fixture
def hasty(tmp_path: Path, omeka: StandIn) -> Iterator[Installation]:
    """An installation that gives a busy database up soon."""
    settings = {"ACCESSION_DATABASE_WAIT": "0.3"}
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka)}, settings) as accession:
        yield accession.start()


def test_a_database_that_another_program_holds_is_a_503_and_holds_an_import_up(
    hasty: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=15, workers=2)
    batch = hasty.batch(CONTROL, {"data0": payload(200)})
    other = hasty.batch(CONTROL, {"data0": payload(1)})
    hasty.schedule(batch)
    until_created(hasty, batch, 20)
    worker = hasty.pid("worker")
    held = sqlite3.connect(hasty.folder / "data" / "accession.db", isolation_level=None)
    held.execute("PRAGMA busy_timeout=10000")
    held.execute("BEGIN IMMEDIATE")
    until = time.monotonic() + AWAY
    refused = hasty.post("schedule", data={"batch": other})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10"), refused.text
    assert "what you sent now was not taken" in refused.text
    assert hasty.get(f"batch/{other}").text.splitlines()[0] == "uploading"
    time.sleep(max(0.0, until - time.monotonic()))
    held.execute("ROLLBACK")
    held.close()
    assert hasty.wait(batch) == "complete", hasty.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 201))
    assert hasty.counts(batch)["created"] == 200
    assert hasty.pid("worker") == worker
    assert hasty.run(other) == "complete"


def test_an_upload_to_a_full_disk_is_a_503_that_says_so_and_leaves_nothing(
    accession: Installation, omeka: StandIn
) -> None:
    big = json.dumps(rows(3, note="x" * 2 * MIB)).encode()
    batch = accession.batch(CONTROL, {})
    before = accession.facts(batch)
    form = {"data": {"batch": batch, "name": "data0"}, "files": {"file": ("data0", big)}}
    with full_disk(accession, 4 * MIB, "service"):
        answer = accession.post("file", **form)
        assert answer.status_code == 503
        assert answer.text.startswith("The disk that holds the uploaded files is full. Free some space on it")
        assert incoming(accession) == []
        assert accession.facts(batch) == before
    with full_disk(accession, 1000, "service"):
        ready = accession.client.get("/readyz")
        assert (ready.status_code, "blobs: not writable. Is the disk" in ready.text) == (503, True)
    assert accession.client.get("/readyz").status_code == 200
    assert accession.ok(accession.post("file", **form))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert len(omeka.dump()["items"]) == 3


def test_a_disk_that_is_full_of_the_database_holds_an_import_up_until_there_is_space(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=15, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(200)})
    other = accession.batch(CONTROL, {"data0": payload(1)})
    accession.schedule(batch)
    until_created(accession, batch, 20)
    processes = [accession.pid(name) for name in ("service", "worker")]
    with full_disk(accession, 100, "service", "worker"):
        until = time.monotonic() + AWAY
        for call, form in (
            ("schedule", {"batch": other}),
            ("batch", {"control": accession.facts(batch)["control"]}),
            (f"batch/{batch}/cancel", {}),
        ):
            answer = accession.post(call, data=form)
            assert answer.status_code == 503, (call, answer.text)
            assert answer.text.startswith("The disk that holds the database fails (is it full?)"), call
        ready = accession.client.get("/readyz")
        assert (ready.status_code, "database: not writable. Is its disk full" in ready.text) == (503, True), (
            ready.text
        )
        assert accession.state(other) == "uploading"
        time.sleep(max(0.0, until - time.monotonic()))
        assert accession.counts(batch)["created"] < 200
    assert accession.wait(batch) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 201))
    assert accession.counts(batch)["created"] == 200
    assert [accession.pid(name) for name in ("service", "worker")] == processes
    assert accession.run(other) == "complete"


def test_a_data_folder_that_vanishes_for_a_while_is_waited_for(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=15, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(200)})
    coming = accession.batch(CONTROL, {"data0": payload(2)})
    accession.schedule(batch)
    until_created(accession, batch, 20)
    data = accession.folder / "data"
    data.rename(accession.folder / "elsewhere")
    accession.post("schedule", data={"batch": coming, "mode": "dry-run"})
    upload = accession.post("file", data={"batch": batch, "name": "data0"}, files={"file": ("f", b"[]")})
    assert upload.status_code in (503, 409), upload.text
    control = accession.post("control", files={"file": ("control.json", json.dumps(CONTROL).encode() + b" ")})
    assert control.status_code == 503, control.text
    assert control.text.startswith("The folder of the uploaded files is not there"), control.text
    time.sleep(AWAY)
    assert not data.exists()
    (accession.folder / "elsewhere").rename(data)
    assert accession.wait(batch) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 201))
    assert accession.wait(coming) in ("dry-run", "uploading"), accession.log(coming)
    assert accession.run(coming, "dry-run") == "dry-run", accession.log(coming)
    assert "Unexpected error" not in accession.output("service")
