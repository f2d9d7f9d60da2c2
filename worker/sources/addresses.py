"""Addresses of files of a source: by its name in the settings, the same wherever it is. Pure.

`source://old-site/files/original/91e9.pdf!/letter%201.pdf?md5=fa81…`: the file of that path below the address
of the source `old-site`, what it was called when somebody brought it, and what the source says of its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from msgspec import Struct

SCHEME = "source"
Hash = Literal["md5", "sha256"]


class SourceFile(Struct, frozen=True):
    """`path` is below the address of the source, without a leading slash. `hash`: the kind of `digest`."""

    source: str
    path: str
    name: str
    hash: Hash = "sha256"
    digest: str = ""

    def address(self) -> str:
        text = f"{SCHEME}://{quote(self.source, safe='')}/{quote(self.path)}!/{quote(self.name, safe='')}"
        return f"{text}?{self.hash}={self.digest}" if self.digest else text


def is_source(address: str) -> bool:
    return address.startswith(f"{SCHEME}://")


def may_be_fetched(address: str) -> bool:
    """Whether this service can fetch what stands there: an address of the web, or of a source."""
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that is no IPv6 address
        return False
    return (parts.scheme in {"http", "https"} and bool(parts.hostname)) or is_source(address)


def source_file(address: str) -> SourceFile | None:
    """None where that is no such address, or one that leads out of the source."""
    if not is_source(address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    path, mark, name = parts.path.removeprefix("/").rpartition("!/")
    path = unquote(path)
    if not mark or not parts.netloc or not path or ".." in path.split("/") or "\\" in path:
        return None
    said = parse_qs(parts.query)
    for kind in ("sha256", "md5"):
        if kind in said:
            return SourceFile(unquote(parts.netloc), path, unquote(name), kind, said[kind][0])
    return SourceFile(unquote(parts.netloc), path, unquote(name))


def below(site: str, base: str, url: str) -> str | None:
    """The path of a file below the address of its site; None for one that stands elsewhere.

    `base`: the address by which the site itself answered, where that is not the one of the settings.
    """
    for begin in (site, base):
        if begin and url.startswith(f"{begin}/"):
            return unquote(url[len(begin) + 1 :].partition("?")[0])
    return None


def at(sites: Mapping[str, str], file: SourceFile) -> str | None:
    """Where the file stands. `sites`: addresses of the sources by name. None: there is no such source."""
    site = sites.get(file.source)
    return None if site is None else f"{site}/{quote(file.path)}"
