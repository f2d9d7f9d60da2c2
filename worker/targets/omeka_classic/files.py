"""What a representation of a file tells of it. Pure."""

from __future__ import annotations

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
    """Name and content of a file, as `MediaSource` has them of a record."""
    body = media.body
    name, digest = body.get("original_filename"), body.get(SHA256)
    return name if isinstance(name, str) else "", digest if isinstance(digest, str) else ""
