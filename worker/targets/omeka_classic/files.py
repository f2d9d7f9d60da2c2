"""What a representation of a file tells of it. Pure."""

from __future__ import annotations

import hashlib

from worker.attachments.contents import Contents
from worker.errors import Reject
from worker.records import Content
from worker.targets.base import Original, Saved
from worker.targets.omeka_classic.representation import SHA256


def original(media: Saved) -> Original | None:
    """The file as Omeka keeps it; None where it does not tell it whole."""
    body = media.body
    addresses, size, name = body.get("file_urls"), body.get("size"), body.get("original_filename")
    address = addresses.get("original") if isinstance(addresses, dict) else None
    if not isinstance(address, str) or not isinstance(size, int) or not isinstance(name, str):
        return None
    kind, digest, md5 = body.get("mime_type"), body.get(SHA256), body.get("authentication")
    return Original(
        name.rpartition("/")[2],
        kind if isinstance(kind, str) else "",
        digest if isinstance(digest, str) else "",
        size,
        address,
        md5 if isinstance(md5, str) else "",
    )


def told_apart(media: Saved) -> tuple[str, str]:
    """Name and content of a file: its SHA-256, or where that is not known the MD5 that Omeka tells, which
    `is_content` understands."""
    body = media.body
    name, digest, md5 = body.get("original_filename"), body.get(SHA256), body.get("authentication")
    told = digest if isinstance(digest, str) else f"{_MD5}{md5}"
    return name if isinstance(name, str) else "", told


_MD5 = "md5:"


def is_content(content: Content, told: str, contents: Contents | None) -> bool:
    """Whether these bytes are those that `told_apart` tells. Blocking: they may be read."""
    if not told.startswith(_MD5) or contents is None:
        return content.digest == told
    hashed = hashlib.md5(usedforsecurity=False)
    try:
        for chunk in contents.chunks(content):
            hashed.update(chunk)
    except (OSError, Reject):
        return False  # what cannot be read is told when it is to be sent
    return f"{_MD5}{hashed.hexdigest()}" == told
