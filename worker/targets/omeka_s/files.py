"""What a representation of a media tells of its file. Pure."""

from __future__ import annotations

from worker.records import MediaSource
from worker.targets.base import Original, Saved

_BY_FILE = frozenset({"upload", "url", "sideload"})
"""Ingesters that leave a file in Omeka, which can be uploaded again."""
_BY_ADDRESS = frozenset({"url", "iiif", "iiif_presentation", "oembed", "youtube"})


def original(media: Saved) -> Original | None:
    """The file that a media was made of; None where it has none, or Omeka does not tell it whole."""
    body = media.body
    digest, size, address = body.get("o:sha256"), body.get("o:size"), body.get("o:original_url")
    if body.get("o:ingester") not in _BY_FILE or not isinstance(digest, str) or not isinstance(size, int):
        return None
    if not isinstance(address, str):
        return None
    source, kind = body.get("o:source"), body.get("o:media_type")
    name = source.rpartition("/")[2] if isinstance(source, str) else ""
    return Original(
        name or address.rpartition("/")[2], kind if isinstance(kind, str) else "", digest, size, address
    )


def told_apart(media: Saved) -> tuple[str, str]:
    """Name and content of a media, as `MediaSource` has them of a record."""
    body = media.body
    ingester, source = body.get("o:ingester"), body.get("o:source")
    name = source if isinstance(source, str) else ""
    if ingester == "html":
        text = body.get("o-cnt:chars")
        return "", MediaSource("html", text if isinstance(text, str) else "").digest
    if isinstance(digest := body.get("o:sha256"), str) and ingester not in _BY_ADDRESS:
        return name, digest
    for known in _BY_ADDRESS:
        if ingester == known:
            return name, MediaSource(known, name).digest  # type: ignore[arg-type]
    return name, ""
