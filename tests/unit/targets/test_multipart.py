"""A multipart body is what a form parser makes of it, whatever the file is called, and as long as it says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.standins.omeka_s.request import read_multipart
from worker.targets import multipart
from worker.targets.multipart import Form, form


def whole(body: Form) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in body.pieces()])

    return asyncio.run(read())


@pytest.mark.parametrize("name", ["a.png", 'quo"ted.png', "line\r\nbreak.png", "ä 日本.png"])
@pytest.mark.parametrize("size", [0, 1, 5000])
def test_what_was_put_in_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    monkeypatch.setattr(multipart, "PIECE", 1000)
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    body = form(b'{"o:name": "x"}', "file", name, path)
    sent = whole(body)
    assert len(sent) == len(body)
    data, files = read_multipart(sent, body.content_type)
    assert data == {"o:name": "x"}
    assert files[""].content == path.read_bytes()
    assert "\n" not in files[""].name


def test_a_file_that_is_not_there_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        form(b"{}", "file", "x", tmp_path / "none")
