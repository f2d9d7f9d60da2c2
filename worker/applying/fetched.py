"""Files of media that stand at an address: fetched, kept by their digest, and then sent as any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from service.store import plans
from service.store.blobs import BlobStore, Digest
from service.store.database import Database
from service.store.held import put
from service.store.kept import keep_files
from service.store.plans import Entry
from service.store.runs import Claim, fenced
from worker.applying.outgoing import draft_of
from worker.attachments.contents import Contents
from worker.attachments.names import file_name
from worker.attachments.rules import FileRules, problems
from worker.context import RunContext
from worker.errors import Reject, Retriable
from worker.records import Content, Draft, Problem
from worker.sources.addresses import is_source

TRIES = 3
PAUSE = 2.0
"""Seconds between two tries, growing."""


class Fetching(Protocol):
    """`worker.fetching.Fetcher`, or what stands before it."""

    def chunks(self, address: str) -> Iterator[bytes]: ...


class Fetched:
    """What one run has fetched. `by_target`: the target fetches by itself, so nothing is."""

    def __init__(
        self, context: RunContext, blobs: BlobStore, fetcher: Fetching, rules: FileRules, *, by_target: bool
    ) -> None:
        self._context = context
        self._blobs = blobs
        self._fetcher = fetcher
        self._rules = rules
        self._by_target = by_target
        self._contents: dict[str, Content | Problem] = {}

    async def ready(self, entries: Iterable[Entry]) -> None:
        """Fetch what these entries are to create from. Raises `StoppedError`, `StoreUnavailableError`.

        The plan is told what came, before anything is meant: whoever takes the run up sends the same.
        """
        drafts: list[tuple[int, bytes]] = []
        for entry in entries:
            draft = draft_of(entry) if entry.action == "create" and entry.kind == "media" else None
            address = self._to_fetch(draft) if draft is not None else ""
            if draft is None or not address:
                continue
            if address not in self._contents:
                self._contents[address] = await self._content(address)
            settled = self.settle(draft)
            if isinstance(settled, Draft):
                drafts.append((entry.seq, msgspec.json.encode(settled)))
        if drafts:
            await self._context.db.run(_tell, self._context.claim, drafts)

    def settle(self, draft: Draft) -> Draft | Problem:
        """The draft with the bytes that were fetched for it, or why there are none."""
        address = self._to_fetch(draft)
        found = self._contents.get(address) if address else None
        if found is None or isinstance(found, Problem):
            return draft if found is None else found
        assert draft.source is not None
        return msgspec.structs.replace(draft, source=msgspec.structs.replace(draft.source, content=found))

    def _to_fetch(self, draft: Draft) -> str:
        """From where this service has to fetch the file of a media; "": from nowhere, or it is here."""
        source = draft.source
        if source is None or source.ingester != "url" or source.content is not None:
            return ""
        # What stands at a source only we know where to find.
        return "" if self._by_target and not is_source(source.value) else source.value

    async def _content(self, address: str) -> Content | Problem:
        for attempt in range(1, TRIES + 1):
            self._context.check()
            try:
                return await self._context.db.run(self._fetch, address)
            except Reject as error:
                return Problem("reject", error.code, error.message)
            except Retriable as error:
                if attempt == TRIES:
                    return Problem("reject", error.code, error.message)
                await self._context.stop.wait(PAUSE * attempt)
        raise AssertionError("the last try returns")

    def _fetch(self, db: Database, address: str) -> Content:
        """Blocking."""
        stored = put(db, self._blobs, self._fetcher.chunks(address))
        content = Content(stored.digest, stored.size)
        keep_files(db, self._context.claim, {Digest(stored.digest): stored.size})
        ends = Contents(self._blobs).ends(content)
        for one in problems(file_name(address), content, ends, self._rules):
            if one.severity != "warning":
                raise Reject(one.code, f"{address}: {one.message}")
        return content


def _tell(db: Database, claim: Claim, drafts: Sequence[tuple[int, bytes]]) -> None:
    with fenced(db, claim) as connection:
        plans.set_drafts(connection, claim.run_id, drafts)
