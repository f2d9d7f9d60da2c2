"""Reading a source for a batch: each page is kept as it came, then all are put together as a file of it.

A dry run and the import after it see the same bytes, since the second finds the file there; a worker that
takes over finds the pages that have come and goes on behind them. The source is asked for nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import anyio.to_thread

from service.store import held, sources
from service.store.blobs import BlobStore, Digest
from service.store.database import Database
from service.store.sources import Pull, StoredPage
from worker.context import RunContext
from worker.errors import Fatal, Retriable
from worker.readers.base import count
from worker.sources.asking import Refusal
from worker.sources.pages import Entry, Page, Part, Position, page_of, position_of
from worker.sources.site import Site
from worker.stopping import StoppedError
from worker.targets.backoff import pause

EACH = 10
"""Numbers whose records are one page, where they are asked for one by one."""
STEPS_BACK = 3
"""How often a page is gone back for, when records disappear from the list while it is read."""
PIECE = 64 * 1024


class Pulling:
    """One reading. `size`: records a page; `outage`: seconds for which a source may be away."""

    def __init__(
        self, context: RunContext, blobs: BlobStore, site: Site, pull: Pull, *, size: int, outage: float
    ) -> None:
        self._context = context
        self._blobs = blobs
        self._site = site
        self._pull = pull
        self._size = size
        self._outage = outage
        self._stored: list[StoredPage] = []
        self._ids: dict[int, list[int]] = {}
        self._back = 0

    async def carry_out(self, resources: Sequence[str]) -> None:
        """Read what is not there yet, and make the file of the batch.

        Raises `Fatal` where the source is away for too long or refuses, `StoppedError`.
        """
        db = self._context.db
        self._stored = await db.run(sources.pages_of, self._pull)
        self._say_begun()
        parts = await self._site.parts(resources, self._pull.since)
        place = position_of(self._stored[-1].position) if self._stored else Position()
        while place.part < len(parts):
            self._context.check()
            place = await self._step(parts[place.part], place)
        await anyio.to_thread.run_sync(self._put_together, tuple(resources))
        self._context.log.say(
            "info",
            "source-read",
            f"{self._pull.source} was read: {count(self._site.http.requests, 'request')} to it.",
            file=self._pull.file,
        )

    def _say_begun(self) -> None:
        pull = self._pull
        since = f" What was changed since {pull.since} is read." if pull.since else ""
        there = len(self._stored)
        text = f"Going on behind {count(there, 'page')}." if there else f"Reading {pull.source}."
        self._context.log.say("info", "source-reading", f"{text}{since}", file=pull.file)

    # --- pages ------------------------------------------------------------------------------------

    async def _step(self, part: Part, place: Position) -> Position:
        """Read a page, keep it, and say where reading goes on."""
        try:
            if part.each:
                page, after = await self._each(part, place)
            else:
                page, after = await self._listed(part, place)
        except Refusal as error:
            if part.failing == "nothing":
                after = Position(place.part + 1)
                page = Page(part.name, place.part, place.page)
            else:
                raise Fatal(error.code, error.message) from error
        except Retriable as error:
            if part.failing == "run":
                await self._require_there(error)
                raise Fatal("source-page-failed", self._told(part, place, error.message)) from error
            return await self._failed(part, place, error)
        await self._keep(page, after)
        return after

    async def _listed(self, part: Part, place: Position) -> tuple[Page, Position]:
        found = await self._site.page(part, place.page, self._size)
        page = Page(part.name, place.part, place.page, found.entries, found.total)
        if found.total < place.total and place.page > 1 and self._back < STEPS_BACK:
            # What stood at the beginning of this page stands at the end of the one before by now.
            self._back += 1
            return page, Position(place.part, place.page - 1, found.total, found.last)
        self._back = 0
        if found.more:
            return page, Position(place.part, place.page + 1, found.total, found.last)
        return page, Position(place.part + 1)

    async def _each(self, part: Part, place: Position) -> tuple[Page, Position]:
        ids = await self._numbers(part, place)
        first = (place.page - 1) * EACH
        entries: list[Entry] = []
        for number in ids[first : first + EACH]:
            self._context.check()
            entries += await self._of(part, number)
        after = Position(place.part, place.page + 1) if first + EACH < len(ids) else Position(place.part + 1)
        return Page(part.name, place.part, place.page, entries, len(ids)), after

    async def _of(self, part: Part, number: int) -> list[Entry]:
        path = part.path.replace("{}", str(number))
        if part.single:
            try:
                body, _ = await self._site.http.json(path)
            except Refusal as error:
                if error.status in (403, 404):  # gone meanwhile, or not for everybody's eyes
                    return []
                raise
            return [body] if isinstance(body, dict) else []
        entries: list[Entry] = []
        page = 1
        while True:
            found = await self._site.page(Part(part.name, path, part.query), page, self._size)
            entries += found.entries
            if not found.more:
                return entries
            page += 1

    async def _numbers(self, part: Part, place: Position) -> list[int]:
        """For which numbers the part is read: what the parts before it have told, whenever that is asked."""
        if place.part not in self._ids:

            def told() -> list[int]:
                before = (page for page in self._pages() if page.index < place.part)
                return self._site.ids(part, before)

            self._ids[place.part] = await anyio.to_thread.run_sync(told)
        return self._ids[place.part]

    # --- pages that do not come ---------------------------------------------------------------------

    async def _failed(self, part: Part, place: Position, error: Retriable) -> Position:
        """A page that fails while the source is there is left out, loudly; reading goes on behind it."""
        await self._require_there(error)
        pages = -(-len(await self._numbers(part, place)) // EACH) if part.each else place.last
        goes_on = place.page < pages
        after = Position(place.part, place.page + 1, place.total, place.last) if goes_on else None
        rest = "" if pages else " How many follow it is not known; none of them was read."
        message = self._told(part, place, error.message) + rest
        self._context.log.say("error", "source-page-failed", message, file=self._pull.file)
        if after is None:
            after = Position(place.part + 1)
        await self._keep(Page(part.name, place.part, place.page, failed=message), after)
        return after

    def _told(self, part: Part, place: Position, why: str) -> str:
        return (
            f"Page {place.page} of {part.name} of the source {self._pull.source} could not be read: {why} "
            "What stands on it is missing. Make a new batch with this control file to read all again; what "
            "was written already is not written twice."
        )

    async def _require_there(self, error: Retriable) -> None:
        """Ask the source who it is until it answers. Raises `Fatal` where it does not for too long."""
        waited, attempt = 0.0, 0
        why = error
        while True:
            attempt += 1
            try:
                await self._site.prove()
            except Retriable as again:
                why = again
            else:
                return
            if waited >= self._outage:
                text = (
                    f"The source {self._pull.source} is away: {why.message} Schedule the batch again; it "
                    "goes on behind the pages that have come."
                )
                raise Fatal("source-down", text) from error
            seconds = pause(attempt, why.retry_after)
            waited += seconds
            if await self._context.stop.wait(seconds):
                raise StoppedError

    # --- what is kept -----------------------------------------------------------------------------

    async def _keep(self, page: Page, after: Position) -> None:
        await self._context.db.run(self._store, page, after)

    def _store(self, db: Database, page: Page, after: Position) -> None:
        """Blocking. The bytes are there before the row that says so."""
        stored = held.put(db, self._blobs, [page.bytes()])
        number = self._stored[-1].number + 1 if self._stored else 1
        kept = StoredPage(number, Digest(stored.digest), after.text(), bool(page.failed))
        sources.add_pages(db, self._context.claim, self._pull, [kept], {kept.digest: stored.size})
        self._stored.append(kept)

    def _pages(self) -> Iterator[Page]:
        """Those that have come, in order. Blocking."""
        for stored in self._stored:
            yield page_of(b"".join(self._blobs.open_range(stored.digest)))

    def _put_together(self, resources: tuple[str, ...]) -> None:
        """Blocking."""
        db = self._context.db
        stored = held.put(db, self._blobs, self._lines(resources))
        failed = sum(page.failed for page in self._stored)
        sources.end_pull(db, self._context.claim, self._pull, stored, failed)

    def _lines(self, resources: tuple[str, ...]) -> Iterator[bytes]:
        gathered = bytearray()
        for record in self._site.records(resources, self._pages()):
            gathered += json.dumps(record).encode("ascii") + b"\n"
            if len(gathered) >= PIECE:
                self._context.check()
                yield bytes(gathered)
                gathered.clear()
        yield bytes(gathered)
