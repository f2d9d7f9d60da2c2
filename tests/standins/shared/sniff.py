"""The media type of a file by its content, as PHP's fileinfo tells it."""

from __future__ import annotations

import csv
import io

import orjson

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b", "application/x-gzip"),
    (b"{\\rtf", "text/rtf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"MZ", "application/x-dosexec"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF = {b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
_OOXML = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_LOOKED_AT = 64 * 1024


def media_type(content: bytes) -> str:
    """The type of ``content``; ``application/octet-stream`` where nothing fits."""
    if not content:
        return "application/x-empty"
    for magic, name in _MAGIC:
        if content.startswith(magic):
            return name
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12], "application/octet-stream")
    if content[4:8] == b"ftyp":
        return "video/quicktime" if content[8:10] == b"qt" else "video/mp4"
    if content[:4] == b"PK\x03\x04":
        return _zip(content)
    return _text(content)


def _zip(content: bytes) -> str:
    if content[30:38] == b"mimetype":
        return content[38:120].split(b"PK")[0].decode("ascii", "replace")
    for folder, name in _OOXML:
        if b"[Content_Types].xml" in content and folder in content:
            return name
    return "application/zip"


def _text(content: bytes) -> str:
    if len(content) < 3:
        return "application/octet-stream"
    head = content[:_LOOKED_AT]
    if any(byte in head for byte in (b"\0", b"\x01", b"\x02", b"\x03", b"\x7f")):
        return "application/octet-stream"
    start = head.lstrip().lower()
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "image/svg+xml"
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if start.startswith(b"<?xml"):
        return "text/xml"
    if _is_json(content):
        return "application/json"
    lines = head.splitlines()
    if len(content) > _LOOKED_AT and len(set(lines[:-1])) == 1:
        # Seen on the real server: a long file of one repeated line is no text to fileinfo.
        return "application/octet-stream"
    return "text/csv" if _is_csv(head) else "text/plain"


def _is_json(content: bytes) -> bool:
    if content.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_csv(head: bytes) -> bool:
    try:
        rows = list(csv.reader(io.StringIO(head.decode("utf-8"))))
    except (csv.Error, UnicodeDecodeError):
        return False
    widths = {len(row) for row in rows[:10]}
    return len(rows) > 1 and len(widths) == 1 and widths.pop() > 1


_EXTENSIONS = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/webp": "webp",
    "image/jp2": "jp2",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/x-gzip": "gz",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/x-wav": "wav",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-msvideo": "avi",
    "text/plain": "txt",
    "text/html": "html",
    "text/csv": "csv",
    "text/xml": "xml",
    "application/json": "json",
    "image/svg+xml": "svg",
}


def extension(name: str, content_type: str) -> str:
    """The extension of a file's name in lower case; without one, that of its type."""
    _, dot, tail = name.rpartition(".")
    return tail.lower() if dot and "/" not in tail else _EXTENSIONS.get(content_type, "")


THUMBNAILED = frozenset(
    {*(f"image/{n}" for n in ("jpeg", "png", "gif", "tiff", "bmp", "webp", "jp2")), "application/pdf"}
)
