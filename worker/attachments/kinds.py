"""What a file is, by its content, and whether all of it is there. Pure.

Only formats with a signature are told: what a text is, each system guesses in its own way.
"""

from __future__ import annotations

from msgspec import Struct

HEAD = 64 * 1024
"""Bytes of the beginning that are looked at."""
TAIL = 1024 * 1024
"""Bytes of the end; behind its own end a photograph may carry what a camera or program has added."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\0\0\0\x0cjP  \r\n", "image/jp2"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x1f\x8b", "application/x-gzip"),
    (b"Rar!\x1a\x07", "application/x-rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"MZ", "application/x-dosexec"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF = {b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
_HTML = (b"<!doctype html", b"<html")

EXTENSIONS = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "jp2": "image/jp2",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "wav": "audio/x-wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "zip": "application/zip",
    "txt": "text/plain",
    "csv": "text/csv",
    "svg": "image/svg+xml",
    "mp3": "audio/mpeg",
    "ogg": "application/ogg",
}
"""What an extension says of the content."""


class Ends(Struct, frozen=True):
    """The two ends of a file; of a short one they overlap."""

    head: bytes
    tail: bytes
    size: int


def media_type(head: bytes) -> str:
    """The type of what begins so; "" where nothing tells it."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:10] == b"qt" else "video/mp4"
    if head[:4] == b"PK\x03\x04":
        return "application/zip" if head[30:38] != b"mimetype" else ""
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if head[:1024].lstrip().lower().startswith(_HTML):
        return "text/html"
    return ""


def extension(name: str) -> str:
    """`scans/A 1.JPG` → `jpg`; "" where there is none."""
    last = name.rpartition("/")[2]
    stem, dot, after = last.rpartition(".")
    return after.lower() if dot and stem else ""


def cut_off(ends: Ends) -> bool:
    """Whether the end of the file is missing, as far as its format has one."""
    match media_type(ends.head):
        case "image/jpeg":
            return (
                b"\xff\xd9" not in ends.tail[max(0, _image_data(ends.head) - (ends.size - len(ends.tail))) :]
            )
        case "image/png":
            return b"IEND" not in ends.tail
        case "image/gif":
            return b"\x3b" not in ends.tail[-16:]
        case "application/pdf":
            return b"%%EOF" not in ends.tail
        case _:
            return False


def _image_data(head: bytes) -> int:
    """Where the picture itself begins in a JPEG: what stands before may hold a small picture with an end of
    its own."""
    place = 2
    while place + 4 <= len(head) and head[place] == 0xFF:
        if head[place + 1] == 0xDA:
            return place
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return min(place, len(head))
