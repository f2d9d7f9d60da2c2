"""Forms as they come over a wire: cut anywhere, malformed, large; through the real routes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.uploads import clean_filename
from tests.service.conftest import PREFIX, House

BOUNDARY = "----b0undary"


def multipart(*parts: tuple[str, bytes], end: bool = True) -> bytes:
    body = b""
    for headers, data in parts:
        body += f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + data + b"\r\n"
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def field(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def file(data: bytes, name: str = "d.json") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="file"; filename="{name}"', data


def post(house: House, body: Any, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Any:
    return house.client.post(f"{PREFIX}/file", content=body, headers={"Content-Type": content_type})


def pieces(body: bytes, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    position = 0
    while position < len(body):
        size = rng.choice([1, 2, 3, 7, 64, 1000, 70_000, 1_500_000])
        yield body[position : position + size]
        position += size


NASTY = b"\r\n--" + BOUNDARY.encode() + b"x" + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n\x00\xff%25+&="


@pytest.mark.parametrize("seed", range(4))
def test_bytes_arrive_unchanged_however_the_body_is_cut(house: House, seed: int) -> None:
    batch = house.batch()
    data = random.Random(seed).randbytes(2_500_000 if seed == 0 else 5000) + NASTY
    body = multipart(field("batch", batch), field("name", "data0"), file(data))
    assert post(house, pieces(body, seed)).text == hashlib.sha256(data).hexdigest()
    stored = house.client.get(f"{PREFIX}/file/{hashlib.sha256(data).hexdigest()}").content
    assert stored == data
    encoded = f"batch={batch}&name=more/x&file={quote_plus(data)}".encode()
    answer = post(house, pieces(encoded, seed), "application/x-www-form-urlencoded")
    assert answer.text == hashlib.sha256(data).hexdigest()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), cut=st.integers(1, 40))
def test_any_bytes_in_any_pieces_are_what_is_stored(house: House, data: bytes, cut: int) -> None:
    batch = house.batch()
    for body, content_type in (
        (
            multipart(field("batch", batch), field("name", "data0"), file(data)),
            f"multipart/form-data; boundary={BOUNDARY}",
        ),
        (
            f"batch={batch}&name=more/x&file={quote_plus(data)}".encode(),
            "application/x-www-form-urlencoded",
        ),
    ):
        sliced = (body[at : at + cut] for at in range(0, len(body), cut))
        assert post(house, sliced, content_type).text == hashlib.sha256(data).hexdigest()


def test_a_form_that_breaks_off_leaves_nothing_behind(house: House) -> None:
    batch = house.batch()
    before = house.blob_files()
    whole = multipart(field("batch", batch), field("name", "data0"), file(b"[1, 2, 3]" * 1000))
    for cut in (len(whole) - 4, len(whole) - 3000, 300):
        answer = post(house, whole[:cut])
        assert answer.status_code == 400
        assert answer.text == (
            "The form breaks off before its last boundary: the upload was cut. Nothing was kept."
            " Send it again.\n"
        )
        assert house.blob_files() == before
    files = house.client.get(f"{PREFIX}/batch/{batch}", headers={"Accept": "application/json"}).json()[
        "files"
    ]
    assert files == []


def test_a_form_of_which_one_part_is_wrong_keeps_none(house: House) -> None:
    batch = house.batch()
    before = house.blob_files()
    body = multipart(
        field("batch", batch), field("name", "data0"), file(b"[1]"), ("Content-Disposition: form-data", b"x")
    )
    answer = post(house, body)
    assert [answer.status_code, answer.text] == [
        400,
        "A part of the form has no name (Content-Disposition).\n",
    ]
    assert house.blob_files() == before


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"x", "multipart/form-data", "The Content-Type multipart/form-data has no boundary."),
        (b"x", "multipart/form-data; boundary=" + "b" * 300, "The form cannot be read: Boundary length"),
        (b"junk", f"multipart/form-data; boundary={BOUNDARY}", "The form cannot be read: "),
        (
            multipart(("Content-Disposition: form-data; name=x\r\nX: " + "y" * 9000, b"")),
            f"multipart/form-data; boundary={BOUNDARY}",
            "The form cannot be read: Maximum header size exceeded",
        ),
        (
            multipart(("\r\n".join(f"X{n}: y" for n in range(20)), b"")),
            f"multipart/form-data; boundary={BOUNDARY}",
            "The form cannot be read: Maximum header count exceeded",
        ),
        (
            multipart(('Content-Disposition: form-data; name="batch"', b"\xff")),
            f"multipart/form-data; boundary={BOUNDARY}",
            'The parameter batch is not UTF-8: "ÿ".',
        ),
        (b"batch=%FF", "application/x-www-form-urlencoded", 'The parameter batch is not UTF-8: "ÿ".'),
        (b"a" * 2000, "application/x-www-form-urlencoded", "The name of a parameter is far too long."),
    ],
)
def test_a_malformed_form_is_told_in_one_line(
    house: House, body: bytes, content_type: str, message: str
) -> None:
    answer = post(house, body, content_type)
    assert answer.status_code == 400
    assert answer.text.startswith(message)
    assert answer.text.count("\n") == 1


def test_a_part_in_a_transfer_encoding_is_refused_rather_than_stored_as_it_is(house: House) -> None:
    headers = 'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Transfer-Encoding: base64'
    answer = post(house, multipart(field("batch", house.batch()), field("name", "data0"), (headers, b"W10=")))
    assert [answer.status_code, answer.text] == [
        400,
        "file has a Content-Transfer-Encoding. Send the bytes as they are.\n",
    ]


def test_what_follows_the_last_boundary_means_nothing(house: House) -> None:
    body = multipart(field("batch", house.batch()), field("name", "data0"), file(b"[]")) + b"x" * 3_000_000
    assert post(house, pieces(body, 1)).text == hashlib.sha256(b"[]").hexdigest()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"C:\\data\\tate.json", "tate.json"),
        (b"../../etc/passwd", "passwd"),
        ("été\u202e.json".encode(), "été.json"),
        (b"a\x00\n\x1bb", "ab"),
        (b"\xff.json", "\ufffd.json"),
        (b"x" * 400, "x" * 255),
        (b"", ""),
    ],
)
def test_a_files_own_name_is_for_reading_only(raw: bytes, name: str) -> None:
    assert clean_filename(raw) == name
