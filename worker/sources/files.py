"""Bytes of files that stand at sources: fetched from where the source is, and compared with what it said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from service.settings import Settings
from worker.errors import Reject, Retriable
from worker.fetching import Fetcher, Reachable, origin
from worker.sources.addresses import SourceFile, at, is_source, source_file
from worker.targets.redact import excerpt


class SourceFiles:
    """Fetches files of sources itself, and leaves every other address to `web`. Blocking."""

    def __init__(self, settings: Settings, web: Fetcher) -> None:
        self._web = web
        self._sites: Mapping[str, str] = {name: one.site for name, one in settings.sources.items()}
        self._fetchers = {
            name: Fetcher(Reachable(settings.largest_fetch, frozenset({origin(site)})))
            for name, site in self._sites.items()
        }

    def chunks(self, address: str) -> Iterator[bytes]:
        """As `Fetcher.chunks`; `Retriable` also where other bytes come than the source has said."""
        if not is_source(address):
            yield from self._web.chunks(address)
            return
        file = source_file(address)
        place = None if file is None else at(self._sites, file)
        if file is None or place is None:
            message = f"{excerpt(address)} names no file of a source in the settings."
            raise Reject("fetch-refused", message)
        yield from _compared(file, place, self._fetchers[file.source].chunks(place))


def _compared(file: SourceFile, place: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    hashed = hashlib.new(file.hash, usedforsecurity=False)
    for chunk in chunks:
        hashed.update(chunk)
        yield chunk
    if file.digest and hashed.hexdigest() != file.digest.lower():
        raise Retriable(
            "fetch-failed",
            f"{excerpt(place)} gives other bytes than the source says it has ({file.hash} {file.digest}). "
            "The file was damaged there, or on its way.",
        )
