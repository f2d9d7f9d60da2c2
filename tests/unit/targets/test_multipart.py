"""A multipart body is what a form parser makes of it, whatever the file is called, and as long as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.standins.omeka_s.request import read_multipart
from worker.targets.multipart import FilePart, Form


def whole(body: Form) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in body.chunks()])

    return asyncio.run(read())


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
    data, files = read_multipart(sent, body.content_type)
    assert data == {"o:name": "x"}
    assert files[""].content == content
    assert "\n" not in files[""].name


def test_several_files_come_out_by_their_index() -> None:
    body = Form("data", b"{}", [part("file[0]", b"one"), part("file[1]", b"two", "b.png")])
    _, files = read_multipart(whole(body), body.content_type)
    assert {index: file.content for index, file in files.items()} == {"0": b"one", "1": b"two"}


def test_a_file_that_is_shorter_than_it_was_breaks_the_request_off() -> None:
    body = Form("data", b"{}", [part("file", b"one", size=4)])
    with pytest.raises(OSError, match="3 bytes, not 4"):
        whole(body)
