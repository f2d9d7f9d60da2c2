"""The blob store on a disk."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from service.store.blobs import BlobMissingError, Digest, DiskBlobs, Stored
from service.store.database import StoreUnavailableError


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


def files(root: Path) -> list[str]:
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


@pytest.fixture
def blobs(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def test_bytes_are_found_by_their_digest(blobs: DiskBlobs) -> None:
    data = random.Random(1).randbytes(3_000_001)
    stored = blobs.put(data[at : at + 70_001] for at in range(0, len(data), 70_001))
    assert stored == Stored(digest_of(data), len(data), new=True)
    assert blobs.size(stored.digest) == len(data)
    assert b"".join(blobs.open_range(stored.digest)) == data
    assert blobs.local_path(stored.digest).read_bytes() == data
    assert files(blobs.root) == [f"{stored.digest[:2]}/{stored.digest}"]


def test_the_same_bytes_are_kept_once(blobs: DiskBlobs) -> None:
    first = blobs.put([b"same"])
    path = blobs.local_path(first.digest)
    inode = path.stat().st_ino
    assert blobs.put([b"sa", b"me"]) == Stored(first.digest, 4, new=False)
    assert path.stat().st_ino == inode
    assert files(blobs.root) == [f"{first.digest[:2]}/{first.digest}"]


def test_no_bytes_are_a_blob_too(blobs: DiskBlobs) -> None:
    assert blobs.put([]) == Stored(digest_of(b""), 0, new=True)
    assert list(blobs.open_range(digest_of(b""))) == []


@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 0), (5, 9), (5, None), (5, 5), (8, 5), (90, None)]
)
def test_a_range_is_what_a_slice_would_be(blobs: DiskBlobs, start: int, stop: int | None) -> None:
    data = bytes(range(64))
    digest = blobs.put([data]).digest
    assert b"".join(blobs.open_range(digest, start, stop)) == data[start:stop]


def test_what_breaks_off_leaves_nothing_behind(blobs: DiskBlobs) -> None:
    def breaking() -> object:
        yield b"x" * 100_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(breaking())  # type: ignore[arg-type]
    incoming = blobs.begin()
    incoming.write(b"half")
    incoming.discard()
    incoming.discard()
    assert files(blobs.root) == []


def test_bytes_are_judged_before_they_are_kept(blobs: DiskBlobs) -> None:
    incoming = blobs.begin()
    incoming.write(memoryview(b"to be judged"))
    digest = incoming.finish()
    assert incoming.read_back() == b"to be judged"
    assert blobs.size(digest) is None
    incoming.commit()
    incoming.discard()
    assert blobs.size(digest) == 12


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, f"{'0' * 63}\n"])
def test_what_is_no_digest_never_becomes_a_path(blobs: DiskBlobs, name: str) -> None:
    for ask in (blobs.size, blobs.open_range, blobs.local_path):
        with pytest.raises(BlobMissingError):
            ask(Digest(name))


def test_missing_bytes_are_missed_before_the_first_chunk(blobs: DiskBlobs) -> None:
    missing = digest_of(b"never")
    blobs.put([b"another"])
    assert blobs.size(missing) is None
    with pytest.raises(BlobMissingError):
        blobs.open_range(missing)
    with pytest.raises(BlobMissingError):
        blobs.local_path(missing)


def test_a_file_that_was_cut_short_is_replaced_by_a_whole_one(blobs: DiskBlobs) -> None:
    digest = blobs.put([b"whole"]).digest
    blobs.local_path(digest).write_bytes(b"who")
    assert blobs.put([b"whole"]) == Stored(digest, 5, new=True)
    assert b"".join(blobs.open_range(digest)) == b"whole"


def test_bytes_are_on_disk_before_their_name_and_the_name_before_the_answer(
    blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs.put([b"warm up, so that the folders stand"])
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"
        steps.append(f"sync {kind}")
        fsync(descriptor)

    def noted_replace(source: Path, to: Path) -> None:
        steps.append("rename")
        replace(source, to)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    incoming = blobs.begin()
    incoming.write(b"warm up, so that the folders stand!")
    incoming.commit()
    # The first folder is that in which the new one's name stands.
    assert steps == ["sync file", "sync folder", "rename", "sync folder"]
    steps.clear()
    # Bytes that stand there: whoever brought them first may not have come as far.
    blobs.put([b"warm up, so that the folders stand!"])
    assert steps == ["sync file", "sync folder"]


def test_of_several_that_are_kept_together_each_file_and_each_folder_is_synchronised_once(
    blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [b"%d" % number for number in range(60)]
    for data in contents[:30]:
        blobs.put([data])
    lost = digest_of(contents[0])[:2]
    shutil.rmtree(blobs.root / lost)
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    incomings = []
    for data in [*contents, contents[-1]]:
        incomings.append(blobs.begin())
        incomings[-1].write(data)
        assert incomings[-1].end() == digest_of(data)
    assert synced == []
    blobs.sync(incomings[:20])
    assert sorted(synced) == sorted(str(one.path) for one in incomings[:20])
    stored = blobs.commit(incomings)
    new = [data not in contents[:30] or digest_of(data)[:2] == lost for data in contents]
    assert stored == [
        *(Stored(digest_of(data), len(data), one) for data, one in zip(contents, new, strict=True)),
        Stored(digest_of(contents[-1]), 2, new=False),
    ]
    folders = {str(blobs.root / digest_of(data)[:2]) for data in contents}
    assert sorted(synced) == sorted({*folders, str(blobs.root), *(str(one.path) for one in incomings)})
    assert all(b"".join(blobs.open_range(digest_of(data))) == data for data in contents)
    assert [path for path in files(blobs.root) if path.startswith("incoming/")] == []


def test_of_several_of_which_one_cannot_be_synchronised_none_is_kept(
    blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    incomings = []
    for number in range(9):
        incomings.append(blobs.begin())
        incomings[-1].write(b"%d" % number)
    fsync, bad = os.fsync, str(incomings[4].path)

    def failing(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == bad:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreUnavailableError, match="is full"):
        blobs.commit(incomings)
    for one in incomings:
        one.discard()
    assert files(blobs.root) == []


def test_many_who_bring_the_same_bytes_at_once_keep_one(blobs: DiskBlobs) -> None:
    data = random.Random(2).randbytes(300_000)
    results: list[Stored] = []
    threads = [threading.Thread(target=lambda: results.append(blobs.put([data]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(one.digest, one.size) for one in results} == {(digest_of(data), len(data))}
    assert files(blobs.root) == [f"{digest_of(data)[:2]}/{digest_of(data)}"]


def test_a_store_that_cannot_be_used_says_so_without_a_path(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    blobs = DiskBlobs(blocked / "blobs")
    with pytest.raises(StoreUnavailableError) as caught:
        blobs.put([b"x"])
    assert str(tmp_path) not in str(caught.value)
    assert blobs.reachable() is False
    assert DiskBlobs(tmp_path / "blobs").reachable() is True


def test_a_store_that_vanished_is_away_and_not_empty_and_serves_again_once_it_is_back(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    digest = blobs.put([b"kept"]).digest
    blobs.root.rename(tmp_path / "elsewhere")
    for another in (blobs, DiskBlobs(blobs.root)):
        with pytest.raises(StoreUnavailableError, match="is its disk mounted"):
            another.open_range(digest)
        with pytest.raises(StoreUnavailableError):
            another.local_path(digest)
    with pytest.raises(StoreUnavailableError, match="is its disk mounted"):
        blobs.put([b"new"])
    assert blobs.reachable() is False
    assert not blobs.root.exists()
    (tmp_path / "elsewhere").rename(blobs.root)
    assert b"".join(blobs.open_range(digest)) == b"kept"
    assert blobs.put([b"new"]).new
    shutil.rmtree(blobs.root / "incoming")
    assert blobs.put([b"newer"]).new


WRITER = """
import sys
from pathlib import Path
from service.store.blobs import DiskBlobs
incoming = DiskBlobs(Path(sys.argv[1])).begin()
incoming.write(b"half an upload")
print("ready", flush=True)
sys.stdin.read()
incoming.finish()
print(incoming.commit().digest, flush=True)
"""


@pytest.mark.slow
def test_what_a_killed_process_left_is_taken_away_and_a_living_ones_is_not(blobs: DiskBlobs) -> None:
    command = [sys.executable, "-c", WRITER, str(blobs.root)]
    dead, living = (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    with dead, living:
        for process in (dead, living):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        assert len(files(blobs.root)) == 2
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        blobs.put([b"the next process begins"])
        assert len([path for path in files(blobs.root) if path.startswith("incoming/")]) == 1
        answer, _ = living.communicate("")
    assert answer.strip() == digest_of(b"half an upload")
    assert blobs.size(digest_of(b"half an upload")) == 14


def test_a_closed_store_leaves_no_folder_and_can_be_used_again(blobs: DiskBlobs) -> None:
    blobs.put([b"x"])
    blobs.close()
    assert list((blobs.root / "incoming").iterdir()) == []
    assert blobs.put([b"y"]).new is True


def test_what_is_deleted_is_gone_and_what_is_listed_is_there(tmp_path: Path) -> None:
    store = DiskBlobs(tmp_path / "blobs")
    assert list(store.listed()) == []
    one, other = store.put([b"one"]), store.put([b"other"])
    (store.root / "ab").mkdir(exist_ok=True)
    (store.root / "ab" / "no digest").write_bytes(b"somebody's")
    assert {(each.digest, each.size) for each in store.listed()} == {(one.digest, 3), (other.digest, 5)}
    assert all(abs(each.written_at - time.time() * 1000) < 600_000 for each in store.listed())
    store.delete(one.digest)
    store.delete(one.digest)
    assert [each.digest for each in store.listed()] == [other.digest]
    assert store.size(one.digest) is None
    assert store.put([b"one"]).new
    store.close()


def test_nothing_but_a_digest_is_ever_deleted(tmp_path: Path) -> None:
    store = DiskBlobs(tmp_path / "blobs")
    with pytest.raises(BlobMissingError):
        store.delete(Digest("../../etc"))
