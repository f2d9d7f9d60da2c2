"""What a power cut leaves of the store: all that was committed durably, and of the rest what it may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from service.store.blobs import BlobMissingError, Digest, DiskBlobs
from service.store.database import Database
from service.store.migrate import upgrade
from tests.standins.disk import Recording, cut_back, read_log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def recording(tmp_path: Path, folder: Path) -> Iterator[Recording]:
    folder.mkdir()
    with Recording(tmp_path / "events", folder) as recording:
        yield recording


def after_the_cut(folder: Path) -> Path:
    """The folder as it would stand now, were the power cut."""
    cut = folder.with_name("cut")
    cut_back(read_log(folder.with_name("events"))).restore(folder, cut)
    return cut


def note(connection: Connection, word: str) -> None:
    connection.execute(text("INSERT INTO words VALUES (:word)"), {"word": word})


def words(folder: Path) -> list[str]:
    db = Database(f"sqlite:///{folder / 'accession.db'}")
    with db.read() as connection:
        found = [row[0] for row in connection.execute(text("SELECT word FROM words ORDER BY rowid"))]
    db.dispose()
    return found


def test_a_durable_commit_and_all_before_it_outlast_a_power_cut_and_nothing_after_need(
    recording: Recording, folder: Path
) -> None:
    db = Database(f"sqlite:///{folder / 'accession.db'}")
    with db.write(durable=True) as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
    assert words(after_the_cut(folder)) == []
    with db.write() as connection:
        note(connection, "not yet")
    # The next one that is durable takes it along. Until then it may be lost: this tells that the disk of this
    # test loses anything at all.
    assert words(after_the_cut(folder)) == []
    with db.write(durable=True) as connection:
        note(connection, "durable")
    assert words(after_the_cut(folder)) == ["not yet", "durable"]
    with db.write() as connection:
        note(connection, "later")
    assert words(after_the_cut(folder)) == ["not yet", "durable"]
    db.dispose()


def test_what_is_durable_stays_so_while_the_log_is_folded_into_the_database(
    recording: Recording, folder: Path
) -> None:
    db = Database(f"sqlite:///{folder / 'accession.db'}")
    with db.write(durable=True) as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
    recording.mark("there is a table")
    for number in range(60):
        with db.write(durable=number % 7 == 0) as connection:
            note(connection, f"{number} {'x' * 90_000}")
    db.dispose()
    events = read_log(folder.with_name("events"))
    begin = events.index(("mark", "there is a table"))
    folded = [event for event in events if event[0] == "synced" and event[1].endswith("accession.db")]
    assert len(folded) > 1, "it was to be folded in several times"
    certain = 0
    for place, event in enumerate(events[begin:], start=begin):
        if event[0] not in ("sync", "synced"):
            continue
        cut = folder.with_name("cut")
        cut_back(events[: place + 1]).restore(folder, cut)
        found = words(cut)
        assert [int(one.split()[0]) for one in found] == list(range(len(found)))
        assert len(found) >= certain, "what was durable once is so for ever"
        certain = len(found)
    assert certain == 60


def test_bytes_that_were_committed_outlast_a_power_cut_under_their_digest(
    recording: Recording, folder: Path
) -> None:
    blobs = DiskBlobs(folder / "blobs")
    stored = blobs.put([b"some", b" bytes"])
    kept = DiskBlobs(after_the_cut(folder) / "blobs")
    assert b"".join(kept.open_range(stored.digest)) == b"some bytes"
    incoming = blobs.begin()
    incoming.write(b"finished, and not committed")
    digest = incoming.finish()
    kept = DiskBlobs(after_the_cut(folder) / "blobs")
    with pytest.raises(BlobMissingError):
        kept.open_range(Digest(digest))
    incoming.commit()
    kept = DiskBlobs(after_the_cut(folder) / "blobs")
    assert b"".join(kept.open_range(digest)) == b"finished, and not committed"
    blobs.close()


def test_the_folder_of_a_new_installation_outlasts_a_power_cut(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    with Recording(tmp_path / "events", house):
        db = Database(f"sqlite:///{house / 'var' / 'data' / 'accession.db'}")
        upgrade(db)
        events = read_log(tmp_path / "events")
        db.dispose()
    cut_back(events).restore(house, tmp_path / "cut")
    found = Database(f"sqlite:///{tmp_path / 'cut' / 'var' / 'data' / 'accession.db'}")
    with found.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM run")).scalar() == 0
    found.dispose()
