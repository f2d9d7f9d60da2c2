"""`examples/upload-folder`, started as a user would start it."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.database import Database
from service.store.keys import create_key
from tests.acceptance.installation import PREFIX, ROOT, Installation

pytestmark = pytest.mark.slow

NOWHERE = {"url": "http://127.0.0.1:9", "key_identity": "none", "key_credential": "none"}
"""An upload asks no target."""
CONTROL = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "files": {pattern: {"read": "json"} for pattern in ("in/**", "in/*")},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}
JSON = {"Accept": "application/json"}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path / "installation", {"omeka": NOWHERE}) as installed:
        yield installed.start(worker=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "the folder"
    made.mkdir()
    return made


def started(
    installation: Installation, folder: Path, batch: str, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "examples" / "upload-folder", "-p", "in/", *options, folder, batch],
        env={
            "PATH": os.environ["PATH"],
            "ACCESSION_URL": f"http://127.0.0.1:{installation.port}",
            "ACCESSION_KEY": installation.key,
            "ACCESSION_LARGE": "1000000",
            "ACCESSION_PAUSE": "0.2",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=100,
    )


def files(installation: Installation, batch: str) -> dict[str, str]:
    answer = installation.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()
    return {one["name"]: one["digest"] for one in answer["files"]}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


NAMES = (
    "plain.json",
    "two words.json",
    " spaces around ",
    "it's.json",
    'say "hello".json',
    "back\\slash.json",
    "semi;colon, comma=equals.json",
    "-dash",
    "-",
    "@at",
    "<less",
    "$(touch hit) `touch hit` $HOME *?[a] # %41.json",
    "ümläut – ‘quotes’ 🙂.json",
    "deeper/and deeper/plain.json",
)


def test_every_name_arrives_as_it_is_and_nothing_is_sent_twice(
    installation: Installation, folder: Path
) -> None:
    contents = {name: f"[{number}]".encode() for number, name in enumerate(NAMES)}
    contents["empty"] = b""
    contents["large.bin"] = random.Random(1).randbytes(3_000_000)
    contents["deeper/twice"] = contents["plain.json"]
    contents["deeper/large again.bin"] = contents["large.bin"]
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "a link").symlink_to(folder / "empty")
    expected = {f"in/{name}": sha256(data) for name, data in contents.items()}
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "Files in the batch: 18. Sent: 17. Held already: 1.\n"
    assert files(installation, batch) == expected
    # Again, and into another batch: the service holds all of it.
    (folder / "new").write_bytes(b"[new]")
    other = installation.batch(CONTROL, {})
    for where in (batch, other):
        done = started(installation, folder, where)
        assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "Files in the batch: 19. Sent: 0. Held already: 19.\n"
    assert (
        files(installation, batch) == files(installation, other) == {**expected, "in/new": sha256(b"[new]")}
    )
    assert not (folder / "hit").exists()


def test_several_hundred_files_go_in_a_few_calls(installation: Installation, folder: Path) -> None:
    for number in range(450):
        (folder / str(number)).write_bytes(b"%d" % number)
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch)
    assert (done.stderr, done.returncode) == ("", 0)
    assert files(installation, batch) == {f"in/{number}": sha256(b"%d" % number) for number in range(450)}


def test_a_name_that_can_be_none_is_told_before_anything_is_sent(
    installation: Installation, folder: Path
) -> None:
    for name in ("good", "line\nbreak", "tab\tulator", "fol\nder/inside"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"[]")
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch)
    assert (done.returncode, done.stdout) == (3, "")
    assert sorted(done.stderr.splitlines()) == [
        "  fol?der",
        "  line?break",
        "  tab?ulator",
        "upload-folder: These names hold a line break or another control character, shown as ?."
        " No name in a batch may. Rename:",
    ]
    assert files(installation, batch) == {}


def test_what_the_service_refuses_is_told_in_its_words(installation: Installation, folder: Path) -> None:
    (folder / "one").write_bytes(b"[]")
    (folder / ("x" * 253)).write_bytes(b"[]")
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "name has 256 characters; 1 to 255 are possible.\n"
        "upload-folder: The service took none of these 2 files (status 400).\n"
    )
    (folder / ("x" * 253)).unlink()
    done = started(installation, folder, batch, "-p", "out/")
    assert done.stderr.startswith('name "out/one" is not expected: the control file takes')
    done = started(installation, folder, batch, ACCESSION_KEY="wrong")
    assert done.returncode == 1
    assert done.stderr.startswith("The API key is unknown or was revoked")
    assert done.stderr.endswith("upload-folder: The service does not tell what it holds (status 401).\n")
    done = started(installation, folder, "0" * 26)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, f"Batch not found: {'0' * 26}")
    assert files(installation, batch) == {}


def test_a_key_that_may_upload_is_enough(installation: Installation, folder: Path) -> None:
    (folder / "one").write_bytes(b"[]")
    (folder / "large").write_bytes(bytes(1_000_000))
    db = Database(f"sqlite:///{installation.folder / 'data' / 'accession.db'}")
    key = create_key(db, "uploads", ("upload",)).secret
    db.dispose()
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch, ACCESSION_KEY=key)
    assert (done.stderr, done.returncode) == ("", 0)
    assert files(installation, batch) == {"in/one": sha256(b"[]"), "in/large": sha256(bytes(1_000_000))}


def test_a_large_file_that_was_begun_is_gone_on_with(installation: Installation, folder: Path) -> None:
    data = random.Random(2).randbytes(2_000_000)
    (folder / "large").write_bytes(data)
    headers = {"Content-Range": "bytes 0-1499999/2000000"}
    begun = installation.client.put(
        f"{PREFIX}/file/{sha256(data)}", content=data[:1_500_000], headers=headers
    )
    assert begun.status_code == 202
    batch = installation.batch(CONTROL, {})
    done = started(installation, folder, batch)
    assert (done.stderr, done.returncode) == ("", 0)
    assert files(installation, batch) == {"in/large": sha256(data)}
    assert done.stdout == "Files in the batch: 1. Sent: 1. Held already: 0.\n"


def test_a_service_that_is_away_for_a_while_is_waited_for(installation: Installation, folder: Path) -> None:
    (folder / "one").write_bytes(b"[]")
    batch = installation.batch(CONTROL, {})
    installation.terminate("service")
    with subprocess.Popen(
        [ROOT / "examples" / "upload-folder", "-p", "in/", folder, batch],
        env={
            "PATH": os.environ["PATH"],
            "ACCESSION_URL": f"http://127.0.0.1:{installation.port}",
            "ACCESSION_KEY": installation.key,
            "ACCESSION_PAUSE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        installation.start_service()
        out, err = script.communicate(timeout=60)
    assert (err, script.returncode) == ("", 0)
    assert files(installation, batch) == {"in/one": sha256(b"[]")}
    installation.terminate("service")
    done = started(installation, folder, batch, ACCESSION_PAUSE="0")
    assert done.returncode == 1
    assert done.stderr.endswith("upload-folder: The service does not tell what it holds (status 000).\n"), out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "It takes a folder and a batch."),
        (["nowhere", "x"], "There is no folder nowhere."),
        (["."], "It takes a folder and a batch."),
        ([".", "x"], "There are no files in ."),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [ROOT / "examples" / "upload-folder", *arguments],
        env={"PATH": os.environ["PATH"], "ACCESSION_KEY": "x"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"upload-folder: {message}")
