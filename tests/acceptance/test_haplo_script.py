"""The curl script of Haplo's batch import API page works against this service.

The calls stand here as that page has them; only what it says to replace is replaced (the key, the server),
and `https`, which a proxy in front of the service would speak. The comments are ours.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.standins.omeka_s import StandIn

pytestmark = pytest.mark.slow

HAPLO_SCRIPT = r"""
#!/bin/sh
set -e

API_KEY=API_KEY_GOES_HERE
FILE_DIRECTORY=.
SERVER=research.example.ac.uk

# First call
CONTROL_DIGEST=`curl -s -X POST -F "comment=Example control" -F file=@${FILE_DIRECTORY}/control.json --user haplo:${API_KEY} https://${SERVER}/api/haplo-data-import-batch/control`
echo "CONTROL DIGEST: " $CONTROL_DIGEST

# Second call
BATCH_ID=`curl -s -X POST -d "comment=Example import" -d "control=$CONTROL_DIGEST" --user haplo:${API_KEY} https://${SERVER}/api/haplo-data-import-batch/batch`
echo "BATCH ID: " $BATCH_ID

# Third call
curl -X POST -F "batch=$BATCH_ID" -F name=data0 -F file=@${FILE_DIRECTORY}/data.json --user haplo:${API_KEY} https://${SERVER}/api/haplo-data-import-batch/file
echo

# Fourth call
curl -X POST -d "batch=$BATCH_ID" -d mode=dry-run --user haplo:${API_KEY} https://${SERVER}/api/haplo-data-import-batch/schedule
echo
""".lstrip()  # noqa: E501 - the lines are that page's

CONTROL_BYTES = json.dumps(CONTROL).encode()
DATA_BYTES = json.dumps(rows(3)).encode()


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, standin: StandIn) -> Iterator[Installation]:
    with Installation(tmp_path, {"omeka": target_of(standin)}) as installed:
        yield installed.start()


def run_script(script: str, installation: Installation, folder: Path) -> list[str]:
    (folder / "control.json").write_bytes(CONTROL_BYTES)
    (folder / "data.json").write_bytes(DATA_BYTES)
    script = (
        script.replace("API_KEY_GOES_HERE", installation.key)
        .replace("research.example.ac.uk", f"127.0.0.1:{installation.port}")
        .replace("https://", "http://")
    )
    path = folder / "upload.sh"
    path.write_text(script, encoding="utf-8")
    path.chmod(0o700)
    done = subprocess.run([path], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_haplos_own_script_uploads_and_schedules_a_dry_run_that_writes_nothing(
    installation: Installation, standin: StandIn, tmp_path: Path
) -> None:
    told = run_script(HAPLO_SCRIPT, installation, tmp_path)

    batch = told[1].removeprefix("BATCH ID:  ")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", batch)
    assert told == [
        f"CONTROL DIGEST:  {hashlib.sha256(CONTROL_BYTES).hexdigest()}",
        f"BATCH ID:  {batch}",
        hashlib.sha256(DATA_BYTES).hexdigest(),
        "SCHEDULED",
    ]
    assert installation.wait(batch) == "dry-run"
    assert standin.requests()["writes"] == 0


def test_without_its_mode_haplos_script_imports(
    installation: Installation, standin: StandIn, tmp_path: Path
) -> None:
    told = run_script(HAPLO_SCRIPT.replace("-d mode=dry-run ", ""), installation, tmp_path)

    assert told[3] == "SCHEDULED"
    assert installation.wait(told[1].removeprefix("BATCH ID:  ")) == "complete"
    assert titles(standin.dump()) == ["Work 1", "Work 2", "Work 3"]


def test_a_failed_first_call_is_named_by_the_second(installation: Installation, tmp_path: Path) -> None:
    # `curl -s` keeps an error message as if it were the digest: the next answer must say what happened.
    script = HAPLO_SCRIPT.replace(
        "-F file=@${FILE_DIRECTORY}/control.json", "-F file=@${FILE_DIRECTORY}/data.json"
    )
    told = run_script(script, installation, tmp_path)
    assert "the first call probably failed" in told[1]
    assert "SCHEDULED" not in told
