"""What is answered of batches and bytes that are kept no longer; and `accession gc`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from service.api import check, control, file
from service.cli import app
from service.store import garbage
from service.store.blobs import DiskBlobs
from service.store.plans import Entry
from service.store.retention import retention_of
from tests.service.conftest import CONTROL, DATA, PREFIX, House
from tests.store.garbage_world import let_pass


def entries(*outcomes: Any) -> list[Entry]:
    return [
        Entry(n, "data0", n, 0, "item", "item", "create", identifier=f"a{n}", outcome=outcome, outcome_id=n)
        for n, outcome in enumerate(outcomes, 1)
    ]


def clear(house: House, days: float) -> None:
    let_pass(house.db, days)
    garbage.collect(house.db, DiskBlobs(house.settings.blobs), retention_of(house.settings))


def get(house: House, path: str, **parameters: str) -> tuple[int, str]:
    answer = house.client.get(f"{PREFIX}/{path}", params=parameters)
    return answer.status_code, answer.text


def code(house: House, path: str) -> tuple[int, str]:
    answer = house.client.get(f"{PREFIX}/{path}", headers={"Accept": "application/json"})
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.fixture
def removed(house: House) -> str:
    """A batch that was imported, found everything as it should be, and was not used for 91 days."""
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    counts = {"read": 2, "unchanged": 1, "rejected": 1}
    house.finish(house.schedule(batch), entries=entries("unchanged", "rejected"), counts=counts)
    clear(house, 91)
    return batch


def test_state_and_counts_of_a_removed_batch_are_answered(house: House, removed: str) -> None:
    status, text = get(house, f"batch/{removed}")
    assert (status, text.splitlines()[0]) == (200, "complete-with-errors")
    answer = house.client.get(f"{PREFIX}/batch/{removed}", headers={"Accept": "application/json"}).json()
    assert answer["counts"] == {"unchanged": 1, "rejected": 1}
    assert [one["phase"] for one in answer["runs"]] == ["removed", "removed"]
    assert answer["runs"][0]["counts"] == {"read": 2, "unchanged": 1, "rejected": 1}
    assert house.client.get(f"{PREFIX}/batch").status_code == 200


@pytest.mark.parametrize("path", ["plan", "report", "failed"])
def test_what_is_gone_of_it_says_so_and_why(house: House, removed: str, path: str) -> None:
    status, text = get(house, f"batch/{removed}/{path}")
    assert status == 410
    assert "were removed 90 days after the batch was last used (ACCESSION_RETENTION_BATCHES)" in text
    assert code(house, f"batch/{removed}/{path}") == (410, "removed")


def test_its_log_is_one_line_a_run(house: House, removed: str) -> None:
    status, text = get(house, f"batch/{removed}/log")
    assert (status, [line.split()[2] for line in text.splitlines()]) == (200, ["removed", "removed"])


def test_its_bytes_are_gone_and_its_name_for_them_is_not(house: House, removed: str) -> None:
    file = house.client.get(f"{PREFIX}/batch/{removed}", headers={"Accept": "application/json"}).json()
    digest, control = file["files"][0]["digest"], file["control"]
    assert code(house, f"file/{digest}") == (410, "removed")
    assert code(house, f"control/{control}") == (410, "removed")
    answer = house.client.post(f"{PREFIX}/batch", data={"control": control})
    assert (answer.status_code, "Upload it again" in answer.text) == (410, True)
    batch = house.batch()
    form = {"batch": batch, "name": "data0", "digest": digest}
    answer = house.client.post(f"{PREFIX}/file", data=form)
    assert (answer.status_code, "were removed" in answer.text) == (410, True)
    again = house.client.post(
        f"{PREFIX}/file", data={"batch": batch, "name": "data0"}, files={"file": ("data.json", DATA)}
    )
    assert again.text == digest
    assert get(house, f"file/{digest}") == (200, DATA.decode())
    clear(house, 8)
    assert get(house, f"file/{digest}")[0] == 200


@pytest.mark.parametrize("mode", ["import", "dry-run", "retry", "undo"])
def test_nothing_can_be_scheduled_of_it(house: House, removed: str, mode: str) -> None:
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": removed, "mode": mode})
    assert (answer.status_code, answer.text.endswith("Make a new batch.\n")) == (410, True)


def test_a_check_with_its_files_says_so(house: House, removed: str) -> None:
    answer = house.client.post(f"{PREFIX}/control/check", data={"batch": removed})
    assert answer.status_code == 410


def test_it_takes_no_files_and_cannot_be_deleted(house: House, removed: str) -> None:
    answer = house.client.post(
        f"{PREFIX}/file", data={"batch": removed, "name": "only/a"}, files={"file": ("a", b"a1\n")}
    )
    assert (answer.status_code, "ACCESSION_RETENTION_BATCHES" in answer.text) == (410, True)
    assert house.client.delete(f"{PREFIX}/batch/{removed}").status_code == 409


def test_a_plan_that_is_gone_is_not_imported(house: House) -> None:
    batch = house.filled()
    old, new = house.schedule(batch, "dry-run"), ""
    house.finish(old)
    new = house.schedule(batch, "dry-run")
    house.finish(new)
    clear(house, 31)
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "plan": old})
    assert answer.status_code == 410
    assert answer.text.endswith("Schedule mode=dry-run again, look, and name the new run.\n")
    assert get(house, f"batch/{batch}/plan", run=old)[0] == 410
    assert get(house, f"batch/{batch}/plan")[0] == 200
    assert house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "plan": new}).status_code == 200


# --- while bytes come -----------------------------------------------------------------------------

MOMENTS = ("before the bytes are kept", "after the bytes were kept", "before the rows", "after the rows")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], None]], None]:
    """Has something done at one of these moments of an upload, once."""

    def at(moment: str, does: Callable[[], None]) -> None:
        left = [does]

        def around(function: Any, before: str, after: str) -> Any:
            def call(*arguments: Any, **named: Any) -> Any:
                if moment == before and left:
                    left.pop()()
                result = function(*arguments, **named)
                if moment == after and left:
                    left.pop()()
                return result

            return call

        monkeypatch.setattr(DiskBlobs, "commit", around(DiskBlobs.commit, *MOMENTS[:2]))
        monkeypatch.setattr(file, "add_files", around(file.add_files, *MOMENTS[2:]))
        monkeypatch.setattr(control, "save_control", around(control.save_control, *MOMENTS[2:]))
        monkeypatch.setattr(check, "save_uploads", around(check.save_uploads, *MOMENTS[2:]))

    return at


def bring_file(house: House, batch: str, **_: str) -> Any:
    return house.client.post(
        f"{PREFIX}/file", data={"batch": batch, "name": "data0"}, files={"file": ("data.json", DATA)}
    )


def name_file(house: House, batch: str, digest: str) -> Any:
    return house.client.post(f"{PREFIX}/file", data={"batch": batch, "name": "data0", "digest": digest})


def bring_control(house: House, **_: str) -> Any:
    return house.client.post(f"{PREFIX}/control", files={"file": ("control.json", DATA_AS_CONTROL)})


def bring_check(house: House, **_: str) -> Any:
    return house.client.post(
        f"{PREFIX}/control/check",
        data={"name": "data0", "target": "tate", "wait": "0"},
        files=[("file", ("control.json", json.dumps(CONTROL).encode())), ("file", ("d", DATA))],
    )


DATA_AS_CONTROL = json.dumps({**CONTROL, "sites": ["x"]}).encode()
"""Used by no batch."""


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("bring", [bring_file, name_file, bring_control, bring_check])
def test_bytes_that_are_brought_while_they_are_removed_are_there(
    house: House, meanwhile: Any, moment: str, bring: Any
) -> None:
    digest, batch = _old_garbage(house, bring)
    meanwhile(moment, lambda: clear(house, 0))
    answer = bring(house, batch=batch, digest=digest)
    assert answer.status_code in (200, 202), answer.text
    clear(house, 0)
    assert get(house, f"file/{digest}")[0] == 200


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("bring", [bring_file, name_file, bring_control, bring_check])
def test_a_service_that_slept_over_it_says_so_or_has_them(
    house: House, meanwhile: Any, moment: str, bring: Any
) -> None:
    digest, batch = _old_garbage(house, bring)
    # Longer than bytes, or a control file, are kept that nobody uses.
    meanwhile(moment, lambda: clear(house, 100 if bring is bring_control else 8))
    answer = bring(house, batch=batch, digest=digest)
    # Once a batch has them they stay.
    too_late = {name_file: MOMENTS[2:3], bring_file: MOMENTS[1:3]}.get(bring, MOMENTS[1:])
    if moment not in too_late:
        assert answer.status_code in (200, 202), answer.text
    else:
        assert (answer.status_code, "Send them again" in answer.text) == (503, True)
        assert bring_file(house, batch or house.batch()).status_code == 200
        assert bring_control(house).status_code == 200
    if bring is not bring_control:
        assert get(house, f"file/{digest}")[0] == 200


def _old_garbage(house: House, bring: Any) -> tuple[str, str]:
    """Bytes of which the time is over, and a batch that takes files."""
    if bring is bring_control:
        digest = bring_control(house).text
        let_pass(house.db, 100)
        return digest, ""
    body = house.client.post(f"{PREFIX}/control/new", data={"wait": "0"}, files={"file": ("data.json", DATA)})
    assert body.status_code == 202
    (stored,) = DiskBlobs(house.settings.blobs).listed()
    let_pass(house.db, 8)
    return stored.digest, house.batch()


def test_bytes_that_were_lost_were_not_removed(house: House) -> None:
    batch, other = house.filled(), house.batch()
    facts = house.client.get(f"{PREFIX}/batch/{batch}", headers={"Accept": "application/json"}).json()
    blobs = DiskBlobs(house.settings.blobs)
    for digest in (facts["control"], facts["files"][0]["digest"]):
        blobs.delete(digest)
    answer = name_file(house, other, facts["files"][0]["digest"])
    assert (answer.status_code, answer.text.startswith("File not found")) == (404, True)
    answer = house.client.post(f"{PREFIX}/batch", data={"control": facts["control"]})
    assert (answer.status_code, answer.text.startswith("Control file not found")) == (404, True)


def test_gc_says_what_it_would_remove_then_removes_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESSION_DATA_DIR", str(house.settings.data_dir))
    monkeypatch.chdir(house.settings.data_dir)
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"), entries=entries(None, None))
    house.client.post(
        f"{PREFIX}/control", files={"file": ("c", json.dumps({**CONTROL, "sites": []}).encode())}
    )
    assert _gc("--dry-run") == "Would be removed: nothing.\n"
    let_pass(house.db, 91)
    told = _gc("--dry-run")
    assert told.startswith(
        "Would be removed:\n"
        "  1 batch of which nothing is to be undone, 4 rows, 4 bytes (ACCESSION_RETENTION_BATCHES: 90 days)\n"
        "  1 file that no batch uses, "
    ), told
    assert "  2 files of batches that are done with, " in told
    as_json = json.loads(_gc("--dry-run", "--json"))
    assert [(one["kind"], one["n"]) for one in as_json["lines"]] == [
        ("batches", 1),
        ("uploads", 1),
        ("files", 2),
    ]
    assert len(house.blob_files()) == 3
    assert _gc() == told.replace("Would be removed", "Removed")
    assert house.blob_files() == []
    assert _gc("--json") == '{"dry_run":false,"lines":[]}\n'


def test_gc_leaves_files_that_no_row_knows_unless_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESSION_DATA_DIR", str(house.settings.data_dir))
    monkeypatch.chdir(house.settings.data_dir)
    blobs = DiskBlobs(house.settings.blobs)
    stored = blobs.put([b"nobody's"])
    os.utime(blobs.path(stored.digest), (1, 1))
    assert _gc() == "Removed: nothing.\n"
    assert "1 file that the database does not know, 8 bytes\n" in _gc("--unknown-files")
    assert blobs.size(stored.digest) is None


def _gc(*words: str) -> str:
    done = CliRunner().invoke(app, ["gc", *words])
    assert done.exit_code == 0, done.output
    return done.stdout
