"""What was answered is kept: the power may go right after any answer of the service."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store.blobs import Digest, DiskBlobs
from service.store.database import Database
from service.store.tables import batch_file, blob, control_file, upload
from tests.service.conftest import CONTROL, DATA, PREFIX, Bell, House
from tests.standins.disk import Recording, cut_back, read_log

JSON = {"Accept": "application/json"}


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    # Made before the service, so that its databases are opened on this disk.
    with Recording(tmp_path / "events", tmp_path) as recording:
        yield recording


@pytest.fixture
def house(recording: Recording, make_house: Callable[..., House]) -> House:
    return make_house()


class After:
    """The service as it comes back on what the disk kept, were the power cut now."""

    def __init__(self, house: House, events: int | None = None) -> None:
        folder = house.settings.data_dir
        cut = folder.with_name("cut")
        cut_back(read_log(folder.with_name("events"))[:events]).restore(folder, cut)
        self.settings = Settings(
            data_dir=cut, targets=house.settings.targets, default_target=house.settings.default_target
        )
        self.db = Database(self.settings.database)
        self._client = TestClient(create_app(self.settings, self.db, Bell()))
        self._client.auth = ("haplo", house.key.secret)

    def __enter__(self) -> After:
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__(None, None, None)
        self.db.dispose()

    def get(self, path: str) -> Any:
        answer = self._client.get(f"{PREFIX}/{path}", headers=JSON)
        assert answer.status_code == 200, answer.text
        return answer

    def offset(self, address: str) -> tuple[int, str]:
        answer = self._client.head(address)
        return answer.status_code, answer.headers.get("upload-offset", "")

    def put(self, address: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = self._client.put(address, content=body, headers=headers)
        return answer.status_code, answer.text

    def status(self, path: str) -> int:
        return self._client.get(f"{PREFIX}/{path}").status_code


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_each_of_the_four_steps_answered_is_there_after_a_power_cut(house: House) -> None:
    control = json.dumps(CONTROL).encode()
    with_comment = {"files": {"file": ("control.json", control)}, "data": {"comment": "Tate"}}
    assert house.client.post(f"{PREFIX}/control", **with_comment).status_code == 200
    with After(house) as after:
        assert after.get(f"file/{sha256(control)}").content == control
    # By its comment: that it was saved under this name is kept too.
    batch = house.client.post(f"{PREFIX}/batch", data={"control": "Tate"}).text
    with After(house) as after:
        assert after.get(f"batch/{batch}").json()["control"] == sha256(control)
    for name, data in (("data0", DATA), ("more/again", DATA), ("more/other", b"[]")):
        given = {"data": {"batch": batch, "name": name}, "files": {"file": ("d.json", data)}}
        assert house.client.post(f"{PREFIX}/file", **given).text == sha256(data)
        with After(house) as after:
            files = {one["name"]: one["digest"] for one in after.get(f"batch/{batch}").json()["files"]}
            assert files[name] == sha256(data)
            assert after.get(f"file/{sha256(data)}").content == data
    run = house.schedule(batch)
    with After(house) as after:
        facts = after.get(f"batch/{batch}").json()
        assert [(one["run"], one["state"]) for one in facts["runs"]] == [(run, "scheduled")]
    assert house.client.post(f"{PREFIX}/batch/{batch}/cancel").status_code == 200
    with After(house) as after:
        assert [one["state"] for one in after.get(f"batch/{batch}").json()["runs"]] == ["cancelled"]
    assert house.client.delete(f"{PREFIX}/batch/{batch}").status_code == 200
    with After(house) as after:
        assert after.status(f"batch/{batch}") == 404


def test_what_is_said_to_be_there_of_a_file_that_comes_in_pieces_is_there_after_a_power_cut(
    house: House,
) -> None:
    whole = bytes(range(256)) * 4
    path = f"{PREFIX}/file/{sha256(whole)}"
    for first, stop in ((0, 100), (100, 130), (50, 700), (700, 1023)):
        headers = {"Content-Range": f"bytes {first}-{stop - 1}/1024"}
        assert house.client.put(path, content=whole[first:stop], headers=headers).text == str(stop)
        with After(house) as after:
            assert after.offset(path) == (202, str(stop))
            # And they are the right ones.
            ends = {"Content-Range": f"bytes {stop}-1023/1024"}
            assert after.put(path, whole[stop:], ends) == (200, sha256(whole))
    assert house.client.put(path, content=whole[1023:], headers={"Content-Range": "bytes 1023-1023/1024"})
    with After(house) as after:
        assert after.offset(path) == (200, "1024")
        assert after.get(path.removeprefix(f"{PREFIX}/")).content == whole


def test_whenever_the_power_goes_a_file_that_comes_in_pieces_can_be_gone_on_with(
    house: House, tmp_path: Path
) -> None:
    whole = bytes(range(256)) * 4
    path = f"{PREFIX}/file/{sha256(whole)}"
    begun = len(read_log(tmp_path / "events"))
    for first, stop in ((0, 300), (300, 600), (600, 900), (900, 1024)):
        headers = {"Content-Range": f"bytes {first}-{stop - 1}/1024"}
        answer = house.client.put(path, content=whole[first:stop], headers=headers)
    assert answer.text == sha256(whole)
    seen = set()
    for place in range(begun, len(read_log(tmp_path / "events")) + 1):
        with After(house, place) as after:
            status, offset = after.offset(path)
            seen.add((status, offset))
            if status != 200:
                first = int(offset or 0)
                ends = {"Content-Range": f"bytes {first}-1023/1024"}
                assert after.put(path, whole[first:], ends) == (200, sha256(whole))
            assert after.get(path.removeprefix(f"{PREFIX}/")).content == whole
    assert seen == {
        (404, ""),
        (202, "0"),
        (202, "300"),
        (202, "600"),
        (202, "900"),
        (202, "1023"),
        (200, "1024"),
    }


def test_whenever_the_power_goes_the_database_names_no_bytes_that_are_not_there(
    house: House, tmp_path: Path
) -> None:
    batch = house.filled()
    for name in ("more/1", "more/2"):
        given = {"data": {"batch": batch, "name": name}, "files": {"file": (name, b"[] " + name.encode())}}
        assert house.client.post(f"{PREFIX}/file", **given).status_code == 200
    house.schedule(batch)
    events = read_log(tmp_path / "events")
    folder, cut = house.settings.data_dir, tmp_path / "cut"
    seen: set[str] = set()
    for place, event in enumerate(events, start=1):
        if event[0] != "synced":
            continue
        cut_back(events[:place]).restore(folder, cut)
        blobs = DiskBlobs(cut / "blobs")
        for digest in named(cut):
            assert sha256(b"".join(blobs.open_range(Digest(digest)))) == digest
            seen.add(digest)
    assert len(seen) == 4


def named(folder: Path) -> set[str]:
    """Every digest that the database speaks of."""
    db = Database(f"sqlite:///{folder / 'accession.db'}")
    with db.read() as connection:
        found = {
            digest
            for table in (blob, upload, control_file, batch_file)
            for digest in connection.execute(select(table.c.digest)).scalars()
        }
    db.dispose()
    return found
