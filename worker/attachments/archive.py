"""A zip of attachments, read in place: its directory is looked over first, a member streamed when it is due.

Nothing is unpacked to disk, so no name in it can lead anywhere; names that try to are refused all the same,
since somebody made them.
"""

from __future__ import annotations

import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from worker.errors import FileUnreadable
from worker.readers.base import MEGABYTE, quoted_list, shorten

LARGEST_UNPACKED = 1024 * 1024 * MEGABYTE
"""Bytes of all members together: a terabyte."""
LARGEST_RATIO = 200
"""Unpacked to packed bytes of a member. Pictures hardly shrink; texts by ten or twenty."""
_SMALL = 16 * MEGABYTE
"""What a member may unpack to whatever its ratio."""
MOST_MEMBERS = 1_000_000
_CHUNK = 256 * 1024
_ENCRYPTED = 0x1
_UTF8 = 0x800
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_ALONGSIDE = ("__MACOSX/",)
_ALONGSIDE_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class Member:
    """A file in a zip. `name` is what a person calls it; `spelt` how the zip spells it."""

    __slots__ = ("name", "size", "spelt")

    def __init__(self, name: str, spelt: str, size: int) -> None:
        self.name = name
        self.spelt = spelt
        self.size = size


def members(path: Path, file: str) -> list[Member]:
    """The files in a zip, in its order. `file`: its name in the batch.

    Raises `FileUnreadable` for a zip that is damaged, encrypted or a bomb, whose names lead out of it, or
    of which two are the same.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except DAMAGED as error:
        raise _damaged(file) from error
    found = [entry for entry in entries if not entry.is_dir() and not _is_alongside(entry.filename)]
    _check(found, file)
    result = [Member(_name(entry), entry.filename, entry.file_size) for entry in found]
    _check_names(result, file)
    return result


def chunks(path: Path, member: str) -> Iterator[bytes]:
    """The bytes of a member. Raises what is in `DAMAGED` when they are not what the zip says they are."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _damaged(file: str) -> FileUnreadable:
    message = "The zip is damaged or was cut off. Make it again, or upload it again."
    return FileUnreadable("zip-damaged", message, file)


def _is_alongside(name: str) -> bool:
    """What systems put into a zip for themselves."""
    return name.startswith(_ALONGSIDE) or name.rpartition("/")[2] in _ALONGSIDE_NAMES


def _name(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        # The format says cp437 then; many programs write UTF-8 and do not say so.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = entry.filename
    return unicodedata.normalize("NFC", name)


def _check(entries: list[zipfile.ZipInfo], file: str) -> None:
    encrypted = [one.filename for one in entries if one.flag_bits & _ENCRYPTED]
    if encrypted:
        message = f"The zip is locked with a password ({quoted_list(encrypted, 3)}). Make one without."
        raise FileUnreadable("zip-encrypted", message, file)
    odd = [one.filename for one in entries if one.compress_type not in _METHODS]
    if odd:
        message = (
            f"The zip is packed in a way that is not known here ({quoted_list(odd, 3)}). Make it with the "
            "usual method (deflate), or without packing."
        )
        raise FileUnreadable("zip-method", message, file)
    bombs = [
        one.filename
        for one in entries
        if one.file_size > _SMALL and one.file_size / max(one.compress_size, 1) > LARGEST_RATIO
    ]
    unpacked = sum(one.file_size for one in entries)
    if bombs or unpacked > LARGEST_UNPACKED or len(entries) > MOST_MEMBERS:
        what = quoted_list(bombs, 3) if bombs else f"{len(entries):,} files, {unpacked / MEGABYTE:,.0f} MB"
        message = (
            f"The zip would unpack to far more than files of a collection do ({what}); it is not opened."
        )
        raise FileUnreadable("zip-bomb", message, file)


def _check_names(found: list[Member], file: str) -> None:
    bad = [one.name for one in found if _leads_out(one.name)]
    if bad:
        message = (
            f"Names in the zip lead out of it: {quoted_list(bad, 3)}. Names are relative, with / between "
            "folders. Make the zip again from within the folder."
        )
        raise FileUnreadable("zip-path", message, file)
    seen: set[str] = set()
    for one in found:
        if one.name in seen:
            message = f"The zip holds “{shorten(one.name)}” twice, so it is not clear which one is meant."
            raise FileUnreadable("zip-duplicate", message, file)
        seen.add(one.name)


def _leads_out(name: str) -> bool:
    parts = name.split("/")
    return (
        not name
        or name.startswith("/")
        or "\\" in name
        or "\0" in name
        or ".." in parts
        or (len(name) > 1 and name[1] == ":")
        or any(unicodedata.category(char) == "Cc" for char in name)
    )
