from __future__ import annotations

import pytest

from tests.acceptance.pictures import jpeg, pdf, png, zipped
from worker.attachments.kinds import HEAD, TAIL, Ends, cut_off, extension, media_type


def ends(content: bytes) -> Ends:
    return Ends(content[:HEAD], content[-TAIL:], len(content))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (jpeg(1), "image/jpeg"),
        (png(1), "image/png"),
        (pdf(1), "application/pdf"),
        (b"GIF89a" + b"\0" * 20, "image/gif"),
        (b"II*\0" + b"\0" * 20, "image/tiff"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/x-wav"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (zipped({"a": b"1"}), "application/zip"),
        (b"\n <!DOCTYPE html><title>404</title>", "text/html"),
        (b"Only words.", ""),
        (b"", ""),
        (b"BM is how a letter may begin", ""),
    ],
)
def test_a_file_is_told_by_its_content(content: bytes, kind: str) -> None:
    assert media_type(content[:HEAD]) == kind


@pytest.mark.parametrize("content", [jpeg(1), jpeg(2, 3_000_000), png(1), pdf(1), b"Only words.", b"MZ"])
def test_a_whole_file_is_not_cut_off(content: bytes) -> None:
    assert not cut_off(ends(content))


@pytest.mark.parametrize("content", [jpeg(1), jpeg(2, 3_000_000), png(1), pdf(1)])
@pytest.mark.parametrize("left", [0.3, 0.9])
def test_a_file_without_its_end_is_cut_off(content: bytes, left: float) -> None:
    assert cut_off(ends(content[: int(len(content) * left)]))


def test_what_a_camera_adds_behind_the_end_does_no_harm() -> None:
    assert not cut_off(ends(jpeg(1) + b"\0" * 5000))


def test_a_small_picture_within_a_photograph_is_not_its_end() -> None:
    thumbnail = jpeg("thumbnail", 300)
    within = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Exif\0\0" + thumbnail
    photograph = b"\xff\xd8" + within + jpeg(1)[2:]
    assert not cut_off(ends(photograph))
    assert cut_off(ends(photograph[:-200]))


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.JPG", "jpg"), ("scans/b.tar.gz", "gz"), (".hidden", ""), ("no", ""), ("dir.d/no", ""), ("a.", "")],
)
def test_the_ending_of_a_name(name: str, said: str) -> None:
    assert extension(name) == said
