"""What files are called."""

from __future__ import annotations

from urllib.parse import unquote

from worker.records import MediaSource


def file_name(address: str) -> str:
    """What a file of that address is called: `https://example.org/a%20b.jpg?x=1` → `a b.jpg`."""
    path = address.partition("?")[0].partition("#")[0].partition("://")[2]
    last = unquote(path.rpartition("/")[2]) or path.partition("/")[0]
    return last.replace("/", "_")


def sent_name(source: MediaSource) -> str:
    """The name under which the bytes of a media are sent."""
    return file_name(source.value) if source.ingester == "url" else source.value
