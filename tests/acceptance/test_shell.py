"""`accession import` and what follows it: the four steps from a shell, without curl."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.standins.omeka_s import StandIn

pytestmark = pytest.mark.slow


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with Installation(tmp_path, {"omeka": target_of(standin)}) as installed:
        installed.start()
        (tmp_path / "control.json").write_text(json.dumps(CONTROL), encoding="utf-8")
        (tmp_path / "data.json").write_text(json.dumps(rows(5)), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        for name, value in installed.environment.items():
            if name.startswith("ACCESSION_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("ACCESSION_KEY", installed.key)
        yield installed


def shell(*words: str) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert "Traceback" not in done.output
    return done


def test_a_dry_run_then_the_import_of_the_same_batch(installation: Installation, standin: StandIn) -> None:
    done = shell("import", "control.json", "--file", "data0=data.json", "--dry-run", "--wait")
    assert done.exit_code == 0, done.stderr
    batch = done.stdout.strip()
    assert "dry-run\n" in done.stderr
    assert standin.requests()["writes"] == 0

    plan = shell("plan", batch)
    assert (plan.exit_code, "A00001" in plan.stdout) == (0, True)

    done = shell("schedule", batch, "--wait")
    assert done.exit_code == 0, done.stderr
    assert titles(standin.dump()) == [f"Work {number}" for number in range(1, 6)]

    status = shell("status", batch, "--wait")
    assert status.stdout.splitlines()[0] == "complete"
    assert "created: 5" in status.stdout.splitlines()
    assert "5" in shell("log", batch).stdout.splitlines()[-1]

    report = shell("report", batch).stdout.splitlines()
    assert report[0] == "file,row,identifier,action,outcome,resource,id,url,code,message"
    assert [line.split(",")[2:5:2] for line in report[1:]] == [
        [f"A{number:05}", "created"] for number in range(1, 6)
    ]
    ndjson = shell("report", batch, "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line)["identifier"] for line in ndjson] == [f"A{number:05}" for number in range(1, 6)]


def test_an_import_that_does_not_end_well_has_an_exit_code_of_its_own(
    installation: Installation, standin: StandIn
) -> None:
    records = [*rows(20), {"title": "Without a number"}]  # below the limit that stops a run
    (installation.folder / "data.json").write_text(json.dumps(records), encoding="utf-8")
    done = shell("import", "control.json", "--file", "data0=data.json", "--wait")
    assert done.exit_code == 5
    batch = done.stdout.strip()
    assert done.stderr.splitlines()[-1] == (
        f"The batch ended as complete-with-errors. See `accession log {batch}`."
    )
    assert shell("status", batch, "--wait").exit_code == 5
    assert titles(standin.dump()) == sorted(f"Work {number}" for number in range(1, 21))


def test_what_the_service_refuses_is_printed_as_it_says_it(installation: Installation) -> None:
    (installation.folder / "control.json").write_text('{"model": 1}', encoding="utf-8")
    done = shell("import", "control.json", "--file", "data0=data.json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) >= 2  # all problems at once, a line each
    missing = shell("status", "nothing")
    assert (missing.exit_code, missing.stderr) == (1, "Batch not found: nothing\n")


def test_a_wrong_key_is_told(installation: Installation) -> None:
    (installation.folder / "key").write_text("acc_" + "x" * 43, encoding="utf-8")
    done = shell("status", "nothing", "--key-file", "key")
    assert done.exit_code == 1
    assert "key" in done.stderr


def test_a_target_is_checked_through_the_service(installation: Installation, standin: StandIn) -> None:
    done = shell("targets", "check")
    assert done.exit_code == 0, done.stderr
    assert "4.2.0" in done.stdout
    assert standin.key_credential not in done.stdout + done.stderr


def test_a_batch_can_be_stopped_and_its_log_followed_to_the_end(
    installation: Installation, standin: StandIn
) -> None:
    standin.knobs(delay_ms=100.0, workers=1)
    (installation.folder / "data.json").write_text(json.dumps(rows(300)), encoding="utf-8")
    batch = shell("import", "control.json", "--file", "data0=data.json").stdout.strip()
    while not standin.dump()["items"]:
        time.sleep(0.05)
    assert shell("cancel", batch).exit_code == 0
    followed = shell("log", batch, "--follow")
    assert followed.exit_code == 0
    assert shell("status", batch).stdout.splitlines()[0] == "cancelled"
    assert len(standin.dump()["items"]) < 300


def test_some_records_are_chosen_and_failed_ones_given_back_from_a_shell(
    installation: Installation, standin: StandIn
) -> None:
    twice = json.dumps([*rows(3), {"acno": "A00001", "title": "Twice"}])
    Path("data.json").write_text(twice, encoding="utf-8")
    lenient = {**CONTROL, "maxErrors": "50%"}
    Path("control.json").write_text(json.dumps(lenient), encoding="utf-8")
    first = shell("import", "control.json", "--file", "data0=data.json", "--limit", "1", "--wait")
    batch = first.stdout.split()[0]
    assert (first.exit_code, titles(standin.dump())) == (0, ["Work 1"])
    nothing = shell("failed", batch, "-o", "rest.json")
    assert (nothing.exit_code, "No record of the batch failed" in nothing.stderr) == (1, True)
    assert not Path("rest.json").exists()

    Path("ids").write_text("A00003\n", encoding="utf-8")
    chosen = ("--file", "only/ids=ids", "--only", "file:only/ids", "--only", "row:2-3")
    assert shell("schedule", batch, *chosen, "--wait").exit_code == 0
    assert titles(standin.dump()) == ["Work 1", "Work 3"]

    assert shell("schedule", batch, "--only", "row:4", "--mode", "import", "--wait").exit_code == 5
    assert shell("failed", batch).stdout == '[\n{"acno": "A00001", "title": "Twice"}\n]\n'
    given = shell("failed", batch, "--file", "data0", "-o", "rest.json")
    assert (given.exit_code, Path("rest.json").read_text(encoding="utf-8")) == (
        0,
        '[\n{"acno": "A00001", "title": "Twice"}\n]\n',
    )
    assert f"--corrects {batch}" in given.stderr
    again = shell("schedule", batch, "--mode", "retry", "--wait")
    assert (again.exit_code, "left-out: 3" in again.stderr) == (5, True)

    Path("rest.json").write_text('[{"acno": "A00004", "title": "Once"}]', encoding="utf-8")
    corrected = ("--file", "data0=rest.json", "--corrects", batch, "--wait")
    assert shell("import", "control.json", *corrected).exit_code == 0
    assert titles(standin.dump()) == ["Once", "Work 1", "Work 3"]
    unclear = shell("schedule", batch, "--dry-run", "--mode", "retry")
    assert (unclear.exit_code, "say different things" in unclear.stderr) == (1, True)
