"""Zips of attachments that somebody made badly, or to do harm."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.pictures import jpeg, zipped
from worker.attachments import archive
from worker.errors import FileUnreadable


def at(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "scans.zip"
    path.write_bytes(content)
    return path


def names(path: Path) -> list[str]:
    return [one.name for one in archive.members(path, "scans.zip")]


def refused(path: Path) -> str:
    with pytest.raises(FileUnreadable) as found:
        archive.members(path, "scans.zip")
    assert found.value.message.startswith("scans.zip: ")
    return found.value.code


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "/etc/passwd", "scans/../../a.jpg", "C:/a.jpg", "scans\\a.jpg", "a\x01.jpg", ".."],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    assert refused(at(tmp_path, zipped({name: jpeg(1)}))) == "zip-path"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made, pytest.warns(UserWarning):
        made.writestr("a.jpg", jpeg(1))
        made.writestr("a.jpg", jpeg(2))
    assert refused(at(tmp_path, packed.getvalue())) == "zip-duplicate"


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": jpeg(1)}))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    assert refused(at(tmp_path, bytes(content))) == "zip-encrypted"


def test_an_unknown_method_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": jpeg(1)}))
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = content.index(signature) + place
        content[start : start + 2] = struct.pack("<H", 98)
    assert refused(at(tmp_path, bytes(content))) == "zip-method"


def test_a_bomb_is_not_opened(tmp_path: Path) -> None:
    assert refused(at(tmp_path, zipped({"a.txt": b"\0" * 64 * 1024 * 1024}))) == "zip-bomb"


@pytest.mark.parametrize("left", [0, 10, 0.5, 0.98])
def test_a_zip_that_was_cut_off_is_refused(tmp_path: Path, left: float) -> None:
    content = zipped({"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    size = int(len(content) * left) if left < 1 else int(left)
    assert refused(at(tmp_path, content[:size])) == "zip-damaged"


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    assert refused(at(tmp_path, jpeg(1))) == "zip-damaged"


def test_a_member_whose_bytes_have_changed_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": jpeg(1)}, zipfile.ZIP_STORED))
    content[200] ^= 0xFF
    path = at(tmp_path, bytes(content))
    assert names(path) == ["a.jpg"]
    with pytest.raises(archive.DAMAGED):
        list(archive.chunks(path, "a.jpg"))


def test_what_systems_put_into_zips_is_no_file(tmp_path: Path) -> None:
    files = {"a.jpg": jpeg(1), "__MACOSX/._a.jpg": b"x", "x/.DS_Store": b"x", "x/Thumbs.db": b"x"}
    packed = io.BytesIO(zipped(files))
    with zipfile.ZipFile(packed, "a") as made:
        made.mkdir("x/empty") if hasattr(made, "mkdir") else made.writestr("x/empty/", b"")
    assert names(at(tmp_path, packed.getvalue())) == ["a.jpg"]


def test_names_in_utf_8_that_are_not_said_to_be_are_read_so(tmp_path: Path) -> None:
    """As many programs write them; and names are compared as composed characters."""
    content = zipped({"Bücher.jpg": jpeg(1)}).replace("Bücher".encode(), b"B??cher")
    raw = bytearray(content.replace(b"B??cher", "Bücher".encode()))
    for signature, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        raw[raw.index(signature) + place] &= ~0x08
    path = at(tmp_path, bytes(raw))
    (member,) = archive.members(path, "scans.zip")
    assert member.name == "Bücher.jpg"
    assert b"".join(archive.chunks(path, member.spelt)) == jpeg(1)


def test_ten_thousand_members_are_read(tmp_path: Path) -> None:
    path = at(tmp_path, zipped({f"{n:05}.txt": b"x" for n in range(10_000)}))
    assert len(archive.members(path, "scans.zip")) == 10_000


def test_a_large_member_needs_no_memory(tmp_path: Path) -> None:
    size = 256 * 1024 * 1024
    path = tmp_path / "scans.zip"
    piece = jpeg(1, 1024 * 1024)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made, made.open("a.bin", "w") as stream:
        for _ in range(size // len(piece)):
            stream.write(piece)
    (member,) = archive.members(path, "scans.zip")
    tracemalloc.start()
    try:
        assert sum(map(len, archive.chunks(path, member.spelt))) == member.size > size * 0.99
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
