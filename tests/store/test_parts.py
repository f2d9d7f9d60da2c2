"""Parts of uploads on a disk: what counts as held, and when."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from pathlib import Path

import pytest

from service.store import parts
from service.store.blobs import Digest, DiskBlobs
from service.store.database import StoreUnavailableError
from service.store.parts import DiskPart, ListedPart, PartBusyError, PartTotalError, Progress

WHOLE = random.Random(3).randbytes(1000)
DIGEST = Digest(hashlib.sha256(WHOLE).hexdigest())


@pytest.fixture
def blobs(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def opened(blobs: DiskBlobs, total: int = 1000, *, anew: bool = False) -> DiskPart:
    part = blobs.parts.open(DIGEST, 7, total, anew=anew)
    assert isinstance(part, DiskPart)
    return part


def write(part: DiskPart, stop: int) -> None:
    part.write(memoryview(WHOLE)[part.held : stop])


def test_only_what_was_synchronised_counts_for_who_finds_the_part_after_a_death(
    blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "CHECKPOINT", 250)
    part = opened(blobs)
    write(part, 249)
    assert blobs.parts.progress(DIGEST, 7) == Progress(0, 1000)
    write(part, 260)
    assert blobs.parts.progress(DIGEST, 7) == Progress(260, 1000)
    write(part, 500)
    assert blobs.parts.progress(DIGEST, 7) == Progress(260, 1000)
    # Its process dies: the lock is gone, nothing else happens.
    os.close(part._note)
    again = opened(blobs)
    assert again.held == 260
    write(again, 1000)
    # The last byte counts with the digest only.
    assert blobs.parts.progress(DIGEST, 7) == Progress(999, 1000)
    assert again.finish() == DIGEST
    assert blobs.parts.progress(DIGEST, 7) == Progress(999, 1000)
    assert again.keep() is True
    assert blobs.parts.progress(DIGEST, 7) == Progress(999, 1000)
    again.discard()
    again.close()
    assert blobs.parts.progress(DIGEST, 7) is None
    assert b"".join(blobs.open_range(DIGEST)) == WHOLE
    assert list((blobs.root / "parts").iterdir()) == []


def test_a_disk_that_failed_once_is_not_believed_the_next_time(
    blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = opened(blobs)
    write(part, 300)
    part.close()
    part = opened(blobs)
    write(part, 600)
    fsync, failures = os.fsync, [OSError(5, "Input/output error")]

    def failing_once(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_once)
    monkeypatch.setattr(parts, "CHECKPOINT", 100)
    with pytest.raises(StoreUnavailableError, match="does not work"):
        write(part, 700)
    part.close()
    assert blobs.parts.progress(DIGEST, 7) == Progress(300, 1000)


def test_who_closes_waits_for_who_still_writes(blobs: DiskBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    part = opened(blobs)
    pwrite, begun, go = os.pwrite, threading.Event(), threading.Event()

    def slow(descriptor: int, data: memoryview, offset: int) -> int:
        if len(data) == 500:
            begun.set()
            assert go.wait(30)
        return pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    writer = threading.Thread(target=write, args=(part, 500))
    writer.start()
    assert begun.wait(30)
    closer = threading.Thread(target=part.close)
    closer.start()
    with pytest.raises(PartBusyError):
        opened(blobs)
    go.set()
    writer.join()
    closer.join()
    assert blobs.parts.progress(DIGEST, 7) == Progress(500, 1000)
    with pytest.raises(AssertionError, match="closed"):
        write(part, 600)


def test_a_part_has_one_writer_and_one_length(blobs: DiskBlobs) -> None:
    part = opened(blobs)
    write(part, 10)
    with pytest.raises(PartBusyError):
        opened(blobs)
    with pytest.raises(PartBusyError):
        opened(blobs, anew=True)
    with pytest.raises(PartBusyError):
        DiskBlobs(blobs.root).parts.open(DIGEST, 7, 1000)
    assert blobs.parts.open(DIGEST, 8, 20).held == 0
    part.close()
    with pytest.raises(PartTotalError) as caught:
        opened(blobs, 999)
    assert caught.value.progress == Progress(10, 1000)
    begun = opened(blobs, 999, anew=True)
    assert (begun.held, begun.total) == (0, 999)
    begun.close()
    assert blobs.parts.progress(DIGEST, 7) is None


@pytest.mark.parametrize("note", [b"", b"x" * 42, b"\0" * 42, b"7" * 300])
def test_a_note_that_says_nothing_is_no_part(blobs: DiskBlobs, note: bytes) -> None:
    part = opened(blobs)
    write(part, 500)
    part.close()
    (blobs.root / "parts" / f"{DIGEST}.7.note").write_bytes(note)
    assert blobs.parts.progress(DIGEST, 7) is None
    assert opened(blobs).held == 0


def test_bytes_that_somebody_took_away_do_not_count(blobs: DiskBlobs) -> None:
    part = opened(blobs)
    write(part, 500)
    part.close()
    path = blobs.root / "parts" / f"{DIGEST}.7"
    os.truncate(path, 100)
    assert blobs.parts.progress(DIGEST, 7) == Progress(100, 1000)
    path.unlink()
    assert blobs.parts.progress(DIGEST, 7) == Progress(0, 1000)
    # Also where the same bytes stand as somebody else's: these were never all sent by this owner.
    blobs.put([WHOLE])
    assert blobs.parts.progress(DIGEST, 7) == Progress(0, 1000)
    part = opened(blobs)
    assert (part.held, part.proven) == (0, False)


def test_what_is_removed_is_gone_and_what_is_written_to_stays(blobs: DiskBlobs) -> None:
    assert list(blobs.parts.listed()) == []
    part = opened(blobs)
    write(part, 500)
    (blobs.root / "parts" / "somebody's").write_bytes(b"x")
    (listed,) = blobs.parts.listed()
    assert listed == ListedPart(DIGEST, 7, 500, listed.written_at)
    assert blobs.parts.remove(listed) is False
    part.close()
    later = listed.written_at / 1000 + 60
    os.utime(blobs.root / "parts" / f"{DIGEST}.7", (later, later))
    assert blobs.parts.remove(listed) is False
    (listed,) = blobs.parts.listed()
    assert blobs.parts.remove(listed) is True
    assert list(blobs.parts.listed()) == []
    assert [path.name for path in (blobs.root / "parts").iterdir()] == ["somebody's"]
    # Bytes whose note has gone before them, as its remover died.
    (blobs.root / "parts" / f"{DIGEST}.9").write_bytes(b"left")
    (orphan,) = blobs.parts.listed()
    assert (orphan.owner, orphan.size) == (9, 4)
    assert blobs.parts.progress(DIGEST, 9) is None
    assert blobs.parts.remove(orphan) is True
    assert [path.name for path in (blobs.root / "parts").iterdir()] == ["somebody's"]


def test_a_store_that_vanished_takes_no_part(blobs: DiskBlobs, tmp_path: Path) -> None:
    blobs.put([b"x"])
    blobs.root.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailableError, match="is its disk mounted"):
        opened(blobs)
    assert not blobs.root.exists()
