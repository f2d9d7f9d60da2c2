"""Several files in one call: in their order, from bytes and from digests, and all or none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from service.store import batches
from service.store.blobs import DiskBlobs
from tests.service.conftest import CONTROL, DATA, PREFIX, House

JSON = {"Accept": "application/json"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def post(house: House, batch: str, *pairs: tuple[str, bytes | str], **headers: str) -> Any:
    """`pairs`: a name, and the bytes or the digest that go by it."""
    parts: list[tuple[str, Any]] = [("batch", (None, batch))]
    for number, (name, content) in enumerate(pairs):
        parts.append(("name", (None, name)))
        if isinstance(content, bytes):
            parts.append(("file", (f"{number}.json", content)))
        else:
            parts.append(("digest", (None, content)))
    return house.client.post(f"{PREFIX}/file", files=parts, headers=headers)


def files(house: House, batch: str) -> dict[str, str]:
    answer = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON)
    return {one["name"]: one["digest"] for one in answer.json()["files"]}


def test_bytes_and_digests_go_in_together_in_whatever_order(house: House) -> None:
    house.filled(data=b"[0]")
    batch = house.batch()
    answer = post(
        house,
        batch,
        ("more/1", b"[1]"),
        ("data0", sha256(b"[0]")),
        ("more/2", b"[2]"),
        ("more/3", sha256(b"[0]").upper()),
        ("more/4", b"[1]"),
        **JSON,
    )
    told = [
        (one["name"], one["digest"], one["size"], one["filename"], one["deduplicated"])
        for one in answer.json()["files"]
    ]
    assert told == [
        ("more/1", sha256(b"[1]"), 3, "0.json", False),
        ("data0", sha256(b"[0]"), 3, "", True),
        ("more/2", sha256(b"[2]"), 3, "2.json", False),
        ("more/3", sha256(b"[0]"), 3, "", True),
        ("more/4", sha256(b"[1]"), 3, "4.json", True),
    ]
    assert files(house, batch) == {name: digest for name, digest, *_ in told}
    again = post(house, batch, ("more/2", b"[2]"), ("more/1", sha256(b"[1]")))
    assert again.text == f"{sha256(b'[2]')}\n{sha256(b'[1]')}"
    assert files(house, batch) == {name: digest for name, digest, *_ in told}


@pytest.mark.parametrize(
    ("bad", "status", "message"),
    [
        (("stray", b"[9]"), 400, 'name "stray" is not expected: the control file takes data0, more/*.'),
        (("more/../x", b"[9]"), 400, 'name "more/../x" holds the segment “..”.'),
        (("more/1", b"[9]"), 400, 'name "more/1" is given twice in one request.'),
        (("more/x", "oops"), 400, "more/x: digest is not a digest; the first call probably failed."),
        (("more/x", "1" * 64), 404, f"more/x: File not found: {'1' * 64}. Upload it: -F name=more/x"),
        (("more/0", b"[9]"), 409, 'name: the batch has other bytes under "more/0". Send replace=true'),
    ],
)
def test_one_bad_pair_in_the_middle_keeps_all_out(
    house: House, bad: tuple[str, bytes | str], status: int, message: str
) -> None:
    batch = house.batch()
    assert post(house, batch, ("more/0", b"[0]")).status_code == 200
    before = house.blob_files()
    answer = post(house, batch, ("more/1", b"[1]"), bad, ("more/2", b"[2]"), ("more/3", sha256(b"[0]")))
    assert answer.status_code == status
    assert answer.text.startswith(message)
    assert answer.text.count("\n") == 1
    assert files(house, batch) == {"more/0": sha256(b"[0]")}
    assert house.blob_files() == before


def test_all_that_is_wrong_is_told_at_once(house: House) -> None:
    batch = house.batch()
    assert post(house, batch, ("more/0", b"[0]")).status_code == 200
    answer = post(
        house,
        batch,
        ("stray", b"[1]"),
        ("more/1", b"[1]"),
        ("", b"[1]"),
        ("more/1", b"[2]"),
        ("more/2", "oops"),
        ("more/3", "1" * 64),
        ("more/0", b"[3]"),
        ("wild", sha256(b"[0]")),
        **JSON,
    )
    assert answer.status_code == 400
    told = [(one["code"], one["parameter"]) for one in answer.json()["errors"]]
    assert told == [
        ("parameter-invalid", "name"),
        ("parameter-repeated", "name"),
        ("file-not-expected", "name"),
        ("file-not-expected", "name"),
        ("parameter-invalid", "digest"),
        ("file-unknown", "digest"),
        ("file-conflict", "name"),
    ]
    assert files(house, batch) == {"more/0": sha256(b"[0]")}
    replaced = house.client.post(
        f"{PREFIX}/file",
        files=[
            ("batch", (None, batch)),
            ("replace", (None, "true")),
            ("name", (None, "more/0")),
            ("file", ("d", b"[3]")),
            ("name", (None, "more/1")),
            ("file", ("d", b"[1]")),
        ],
    )
    assert replaced.status_code == 200
    assert files(house, batch) == {"more/0": sha256(b"[3]"), "more/1": sha256(b"[1]")}


def test_a_conflict_that_another_call_makes_meanwhile_keeps_all_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, commit = house.batch(), DiskBlobs.commit

    def after_another(self: DiskBlobs, incomings: Any) -> Any:
        monkeypatch.setattr(DiskBlobs, "commit", commit)
        for name in ("more/2", "more/3"):
            assert post(house, batch, (name, b"[0]")).status_code == 200
        return commit(self, incomings)

    monkeypatch.setattr(DiskBlobs, "commit", after_another)
    answer = post(house, batch, *((f"more/{number}", b"[%d]" % number) for number in (1, 2, 3)))
    assert answer.status_code == 409
    assert [line.split('"')[1] for line in answer.text.splitlines()] == ["more/2", "more/3"]
    assert files(house, batch) == {"more/2": sha256(b"[0]"), "more/3": sha256(b"[0]")}


def test_another_keys_bytes_cannot_be_put_into_a_batch_by_their_digest(house: House) -> None:
    house.filled(data=DATA)
    other = house.with_key(target="other")
    body = json.dumps(CONTROL).encode()
    control = other.post(f"{PREFIX}/control", files={"file": ("c", body)}).text
    batch = other.post(f"{PREFIX}/batch", data={"control": control}).text
    pairs = {"batch": batch, "name": ["data0", "more/1"], "digest": [sha256(body), sha256(DATA)]}
    answer = other.post(f"{PREFIX}/file", data=pairs)
    assert answer.status_code == 404
    assert answer.text == (
        f"more/1: File not found: {sha256(DATA)}. Upload it: -F name=more/1 -F file=@FILE\n"
    )
    own = other.post(f"{PREFIX}/file", data={**pairs, "name": ["data0"], "digest": [sha256(body)]})
    assert own.text == sha256(body)


def test_as_many_files_as_a_form_takes_go_in_by_one_call(house: House) -> None:
    batch = house.batch()
    pairs = [(f"more/{number}", b"[%d]" % number) for number in range(499)]
    answer = post(house, batch, *pairs)
    assert answer.text.splitlines() == [sha256(data) for _, data in pairs]
    assert files(house, batch) == {name: sha256(data) for name, data in pairs}
    more = post(house, batch, *[(f"more/{number}", sha256(b"[1]")) for number in range(500)])
    assert [more.status_code, more.json() if more.status_code == 200 else more.text.split("(")[1]] == [
        413,
        "ACCESSION_MAX_FORM_PARTS). Send them in several.\n",
    ]
    assert batches.batch_files(house.db, batch)[0].key_label == "tests"
