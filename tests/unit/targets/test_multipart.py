"""A multipart body is what a form parser makes of it, whatever the file is called, and as long as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.standins.shared import multipart
from worker.targets.multipart import FilePart, Form


def whole(body: Form) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in body.chunks()])

    return asyncio.run(read())


def read(sent: bytes, content_type: str) -> multipart.Form:
    """What a form parser that is fed a piece at a time makes of it."""
    reader = multipart.reader("POST", content_type)
    assert reader is not None
    for start in range(0, len(sent), 700):
        reader.write(sent[start : start + 700])
    return reader.form


def part(name: str, content: bytes, filename: str = "a.png", size: int | None = None) -> FilePart:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    return FilePart(name, filename, "image/png", len(content) if size is None else size, chunks)


@pytest.mark.parametrize("name", ["a.png", 'quo"ted.png', "line\r\nbreak.png", "ä 日本.png"])
@pytest.mark.parametrize("size", [0, 1, 5000])
def test_what_was_put_in_comes_out(name: str, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    body = Form("data", b'{"o:name": "x"}', [part("file", content, name)])
    sent = whole(body)
    assert len(sent) == body.length
    assert whole(body) == sent  # it can be sent once more
    form = read(sent, body.content_type)
    assert form.fields == {"data": b'{"o:name": "x"}'}
    ((_, upload),) = form.files
    assert upload.content.read() == content
    assert "\n" not in upload.name


def test_several_files_come_out_by_their_index() -> None:
    body = Form("data", b"{}", [part("file[0]", b"one"), part("file[1]", b"two", "b.png")])
    files = read(whole(body), body.content_type).files
    assert [(index, file.content.read()) for index, file in files] == [
        ("file[0]", b"one"),
        ("file[1]", b"two"),
    ]


def test_a_file_that_is_shorter_than_it_was_breaks_the_request_off() -> None:
    body = Form("data", b"{}", [part("file", b"one", size=4)])
    with pytest.raises(OSError, match="3 bytes, not 4"):
        whole(body)
