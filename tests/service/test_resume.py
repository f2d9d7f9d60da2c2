"""`PUT file/DIGEST`: pieces in any order that has no gap, and nobody hears of them but who sends them."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from service.api import resume
from service.store import garbage, parts
from service.store.retention import Retention
from tests.service.conftest import PREFIX, House

JSON = {"Accept": "application/json"}
WHOLE = random.Random(5).randbytes(1000)
DIGEST = hashlib.sha256(WHOLE).hexdigest()
PATH = f"{PREFIX}/file/{DIGEST}"


def put(
    client: TestClient, first: int, stop: int, *, total: int = 1000, data: bytes = WHOLE, path: str = PATH
) -> Any:
    headers = {"Content-Range": f"bytes {first}-{stop - 1}/{total}"}
    return client.put(path, content=data[first:stop], headers=headers)


def held(client: TestClient, path: str = PATH) -> tuple[int, str, str]:
    """Status of HEAD, how much there is, and of how much."""
    answer = client.head(path)
    return (
        answer.status_code,
        answer.headers.get("upload-offset", ""),
        answer.headers.get("upload-length", ""),
    )


def told(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.text, answer.headers.get("upload-offset", "")


GONE = (404, "", "")
DONE = (200, DIGEST, "1000")


def test_pieces_become_a_file_that_a_batch_takes_by_its_digest(house: House) -> None:
    assert held(house.client) == GONE
    assert told(put(house.client, 0, 300)) == (202, "300", "300")
    assert held(house.client) == (202, "300", "1000")
    assert told(put(house.client, 300, 999)) == (202, "999", "999")
    assert house.client.get(PATH).status_code == 404
    answer = put(house.client, 999, 1000)
    assert told(answer) == DONE
    assert held(house.client) == (200, "1000", "1000")
    assert house.client.get(PATH).content == WHOLE
    assert [name for name in house.blob_files() if name.startswith(("parts/", "incoming/"))] == []
    batch = house.batch()
    given = {"batch": batch, "name": "data0", "digest": DIGEST}
    assert house.client.post(f"{PREFIX}/file", data=given).text == DIGEST


def test_a_whole_file_needs_no_range(house: House) -> None:
    answer = house.client.put(PATH, content=WHOLE, headers=JSON)
    assert (answer.status_code, answer.json()) == (
        200,
        {"digest": DIGEST, "held": 1000, "size": 1000, "complete": True, "deduplicated": False},
    )
    assert house.client.put(PATH, content=WHOLE, headers=JSON).json()["deduplicated"] is True
    empty = hashlib.sha256(b"").hexdigest()
    assert house.client.put(f"{PREFIX}/file/{empty}", content=b"").text == empty
    assert house.client.head(f"{PREFIX}/file/{empty}").headers["upload-offset"] == "0"


def test_a_file_of_unknown_length_comes_whole_or_not_at_all(house: House) -> None:
    assert told(house.client.put(PATH, content=iter([WHOLE[:500], WHOLE[500:]]))) == DONE
    other = hashlib.sha256(b"x").hexdigest()
    wrong = house.client.put(f"{PREFIX}/file/{other}", content=iter([b"y"]))
    assert wrong.status_code == 400
    assert wrong.text.startswith(
        f"The bytes that came have the digest {hashlib.sha256(b'y').hexdigest()}, not"
    )
    assert held(house.client, f"{PREFIX}/file/{other}") == GONE
    assert [name for name in house.blob_files() if not name.endswith(DIGEST)] == []


def test_what_is_sent_again_is_passed_over(house: House) -> None:
    assert told(put(house.client, 0, 400)) == (202, "400", "400")
    assert told(put(house.client, 0, 400)) == (202, "400", "400")
    assert told(put(house.client, 100, 300)) == (202, "400", "400")
    assert told(put(house.client, 200, 600)) == (202, "600", "600")
    assert told(house.client.put(PATH, content=WHOLE)) == DONE
    assert told(put(house.client, 0, 400)) == DONE
    assert house.client.get(PATH).content == WHOLE


def test_a_gap_is_refused_with_where_to_go_on(house: House) -> None:
    expected = "The body begins at byte 500, and 0 are there. Go on from 0: Content-Range: bytes 0-999/1000\n"
    assert told(put(house.client, 500, 600)) == (409, expected, "0")
    assert house.blob_files() == []
    put(house.client, 0, 300)
    answer = put(house.client, 500, 600)
    assert told(answer)[::2] == (409, "300")
    assert "Go on from 300: Content-Range: bytes 300-999/1000" in answer.text
    assert held(house.client) == (202, "300", "1000")


def test_bytes_of_another_digest_are_discarded_and_the_right_ones_can_come(house: House) -> None:
    put(house.client, 0, 300, data=bytes(1000))
    answer = put(house.client, 300, 1000)
    found = hashlib.sha256(bytes(300) + WHOLE[300:]).hexdigest()
    assert answer.status_code == 400
    assert answer.text == (
        f"The bytes that came have the digest {found}, not {DIGEST}. They were discarded. Check the file,"
        " then send it from the beginning.\n"
    )
    assert held(house.client) == GONE
    assert house.blob_files() == []
    assert told(put(house.client, 0, 1000)) == DONE


def test_a_length_that_changes_is_refused_unless_the_whole_file_comes(house: House) -> None:
    put(house.client, 0, 300, total=900)
    answer = put(house.client, 300, 1000)
    assert answer.status_code == 409
    assert answer.headers["upload-length"] == "900"
    assert answer.text.startswith(
        "The file was begun with a length of 900 bytes, now it is 1,000. Send the same"
    )
    assert held(house.client) == (202, "300", "900")
    assert told(house.client.put(PATH, content=WHOLE)) == DONE


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("bytes 0-9", 'Content-Range is "bytes 0-9": it must be bytes FIRST-LAST/TOTAL'),
        ("bytes 0-9/*", 'Content-Range is "bytes 0-9/*": it must be'),
        ("bytes */1000", 'Content-Range is "bytes */1000": it must be'),
        ("items 0-9/1000", 'Content-Range is "items 0-9/1000": it must be'),
        (
            "bytes 9-0/1000",
            'Content-Range is "bytes 9-0/1000": FIRST is at most LAST, and LAST',
        ),
        ("bytes 0-1000/1000", 'Content-Range is "bytes 0-1000/1000": FIRST is at most LAST'),
        ("bytes 0-9/1000", "Content-Range tells of 10 bytes, Content-Length of 1,000: they must agree."),
        ("", 'Content-Range is "": it must be'),
    ],
)
def test_a_range_that_is_none_is_refused(house: House, header: str, message: str) -> None:
    answer = house.client.put(PATH, content=WHOLE, headers={"Content-Range": header})
    assert answer.status_code == 400
    assert answer.text.startswith(message)
    assert answer.text.count("\n") == 1
    assert house.blob_files() == []


def test_more_bytes_than_the_range_tells_of_are_refused_and_those_of_it_kept(house: House) -> None:
    answer = house.client.put(PATH, content=iter([WHOLE]), headers={"Content-Range": "bytes 0-99/1000"})
    assert answer.status_code == 400
    assert answer.text.startswith("The body has more than the 100 bytes that Content-Range tells of.")
    assert held(house.client) == (202, "100", "1000")
    assert told(put(house.client, 100, 1000)) == DONE


def test_what_is_no_digest_is_refused(house: House) -> None:
    answer = house.client.put(f"{PREFIX}/file/oops", content=b"x")
    assert answer.status_code == 400
    assert answer.text.startswith("digest is not a digest (SHA-256 in 64 hexadecimal digits)")
    upper = house.client.put(f"{PREFIX}/file/{DIGEST.upper()}", content=WHOLE)
    assert told(upper) == DONE


def test_a_file_over_the_limit_is_refused_before_its_bytes(make_house: Callable[..., House]) -> None:
    house = make_house(max_upload_bytes=999)
    for answer in (
        put(house.client, 0, 10),
        house.client.put(PATH, content=WHOLE),
        house.client.put(PATH, content=iter([WHOLE])),
    ):
        assert answer.status_code == 413
        assert answer.text == (
            "The file is larger than 999 bytes (ACCESSION_MAX_UPLOAD_BYTES). Split it, or have the setting"
            " raised.\n"
        )
    assert house.blob_files() == []


# --- whose it is ----------------------------------------------------------------------------------


def test_a_part_is_nobodys_but_the_keys_that_sends_it(house: House) -> None:
    other = house.with_key()
    put(house.client, 0, 600)
    assert held(other) == GONE
    # A part of its own, of another length even, without a word about the first.
    assert told(put(other, 0, 100, total=200)) == (202, "100", "100")
    assert held(house.client) == (202, "600", "1000")
    assert told(put(house.client, 600, 1000)) == DONE
    assert held(other) == (202, "100", "200")


def test_who_knows_a_digest_gets_the_bytes_only_by_sending_them(house: House) -> None:
    house.client.put(PATH, content=WHOLE)
    other = house.with_key()
    assert held(other) == GONE
    assert told(put(other, 0, 600)) == (202, "600", "600")
    assert other.get(PATH).status_code == 404
    assert told(put(other, 999, 1000))[0] == 409
    answer = other.put(PATH, content=WHOLE, headers=JSON)
    assert answer.json()["deduplicated"] is True
    assert other.get(PATH).content == WHOLE


# --- at the same time -------------------------------------------------------------------------------


def test_two_who_send_the_same_part_do_not_mix(house: House) -> None:
    part = house.app.state.services.blobs.parts.open(DIGEST, house.key.key.id, 1000)
    part.write(memoryview(WHOLE)[:100])
    for answer in (put(house.client, 0, 200), house.client.put(PATH, content=WHOLE)):
        assert answer.status_code == 409
        assert answer.headers["retry-after"] == "2"
        assert answer.text.startswith("Another request sends this file at the moment. Wait until it")
    assert told(put(house.with_key(), 0, 200))[0] == 202
    part.close()
    assert held(house.client) == (202, "100", "1000")
    assert told(put(house.client, 100, 1000)) == DONE


def test_many_who_send_the_same_file_at_once_end_with_one(house: House) -> None:
    answers: list[Any] = []

    def send() -> None:
        client = TestClient(house.app)
        client.auth = house.client.auth
        for _ in range(200):
            answers.append(client.put(PATH, content=WHOLE))
            if answers[-1].status_code == 200:
                return
            assert answers[-1].status_code == 409, answers[-1].text

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.status_code == 200 for answer in answers) == 6
    assert house.client.get(PATH).content == WHOLE
    assert [name for name in house.blob_files() if name.startswith("parts/")] == []


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before hold", "before keep", "before the rows", "before the part goes"])
def test_whoever_dies_at_the_end_of_a_part_need_not_send_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class DiedError(Exception):
        pass

    def dies(*_: Any) -> None:
        raise DiedError

    with monkeypatch.context() as patch:
        match moment:
            case "before hold":
                patch.setattr(resume, "hold", dies)
            case "before keep":
                patch.setattr(parts.DiskPart, "keep", dies)
            case "before the rows":
                patch.setattr(resume, "save_uploads", dies)
            case "before the part goes":
                patch.setattr(parts.DiskPart, "discard", dies)
        with pytest.raises(DiedError):
            house.client.put(PATH, content=WHOLE)
    if moment == "before the part goes":
        assert held(house.client) == (200, "1000", "1000")
    else:
        assert held(house.client) == (202, "999", "1000")
        assert house.client.get(PATH).status_code == 404
    assert told(put(house.client, 999, 1000)) == DONE
    assert house.client.get(PATH).content == WHOLE


def test_a_proven_part_whose_bytes_were_removed_since_begins_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(resume, "save_uploads", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            house.client.put(PATH, content=WHOLE)
    house.app.state.services.blobs.delete(DIGEST)
    assert held(house.client) == (202, "0", "1000")
    assert told(put(house.client, 999, 1000))[::2] == (409, "0")
    assert told(house.client.put(PATH, content=WHOLE)) == DONE


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [
        (b"bytes 0-999/1000", (202, b"700", (202, "700", "1000"))),
        (None, (400, b"Nothing came for 0.2 seconds. Nothing was kept. Send the file again.\n", GONE)),
    ],
)
def test_a_request_on_which_nothing_comes_any_more_is_ended(
    house: House, monkeypatch: pytest.MonkeyPatch, content_range: bytes | None, expected: Any
) -> None:
    assert resume.STALL == 60
    monkeypatch.setattr(resume, "STALL", 0.2)
    headers = [(b"authorization", f"Bearer {house.key.secret}".encode())]
    if content_range is not None:
        headers.append((b"content-range", content_range))
    answer = anyio.run(_send_and_stall, house, headers)
    assert (*answer, held(house.client)) == expected


async def _send_and_stall(house: House, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Status and body of the answer to a request of which 700 bytes come, and nothing after them."""
    chunks = [WHOLE[:300], WHOLE[300:700]]
    sent: list[Any] = []

    async def receive() -> Any:
        if not chunks:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": chunks.pop(0), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": PATH,
        "query_string": b"",
        "headers": headers,
    }
    await house.app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def test_what_came_before_the_disk_was_full_can_be_gone_on_with(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(house.client, 0, 300)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        answer = put(house.client, 300, 1000)
    assert answer.status_code == 503
    assert answer.text.startswith("The disk that holds the uploaded files is full.")
    assert held(house.client) == (202, "300", "1000")
    assert told(put(house.client, 300, 1000)) == DONE


def test_bytes_that_were_removed_can_come_again(house: House) -> None:
    house.client.put(PATH, content=WHOLE)
    _clear(house, later=True)
    assert house.client.get(PATH).status_code in (404, 410)
    put(house.client, 0, 300)
    assert held(house.client) == (202, "300", "1000")
    assert told(put(house.client, 300, 1000)) == DONE


def test_a_part_that_nobody_ends_is_collected_and_one_that_is_sent_stays(house: House) -> None:
    put(house.client, 0, 300)
    other = hashlib.sha256(b"other").hexdigest()
    part = house.app.state.services.blobs.parts.open(other, house.key.key.id, 5)
    part.write(memoryview(b"oth"))
    assert _clear(house) == {}
    _age(house, 8)
    assert _clear(house, dry_run=True) == {"parts": (2, 303)}
    assert held(house.client) == (202, "300", "1000")
    assert _clear(house) == {"parts": (1, 300)}
    assert held(house.client) == GONE
    assert told(put(house.client, 300, 1000))[::2] == (409, "0")
    part.close()
    assert held(house.client, f"{PREFIX}/file/{other}") == (202, "3", "5")


def _clear(house: House, *, later: bool = False, dry_run: bool = False) -> dict[str, tuple[int, int]]:
    retention = Retention(uploads=7)
    if later:
        from tests.store.garbage_world import let_pass

        let_pass(house.db, 8)
    lines = garbage.collect(house.db, house.app.state.services.blobs, retention, dry_run=dry_run)
    return {line.kind: (line.n, line.bytes) for line in lines}


def _age(house: House, days: float) -> None:
    then = time.time() - days * 24 * 3600
    for path in (house.settings.blobs / "parts").iterdir():
        os.utime(path, (then, then))
