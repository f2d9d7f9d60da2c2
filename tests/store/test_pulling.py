"""Reading a list that changes while it is read: what slides to the page before is not lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from service.store import batches, sources
from service.store.blobs import DiskBlobs
from service.store.database import Database
from service.store.sources import Pull
from tests.store.support import batch_of, claimed
from worker.context import RunContext, RunLog
from worker.sources.omeka_classic import OmekaClassicSite
from worker.sources.pages import Listed, Page, Part
from worker.sources.pulling import Pulling
from worker.sources.site import Record
from worker.stopping import Stop

pytestmark = pytest.mark.usefixtures("batch_id")


class Shrinking(OmekaClassicSite):
    """A list of six, two a page; when its second page has been read, the first two of it are deleted."""

    class http:  # noqa: N801 the name of the Protocol
        requests = 0

    def __init__(self) -> None:
        self.there = [1, 2, 3, 4, 5, 6]
        self.asked: list[int] = []

    async def parts(self, resources: Sequence[str], since: str) -> tuple[Part, ...]:
        return (Part("items", "items"),)

    async def page(self, part: Part, number: int, size: int) -> Listed:
        self.asked.append(number)
        if len(self.asked) == 3:
            self.there = self.there[2:]
        first = (number - 1) * size
        found = self.there[first : first + size]
        last = -(-len(self.there) // size)
        return Listed(tuple({"id": one} for one in found), number < last, len(self.there), last)

    def records(self, resources: Sequence[str], pages: Iterable[Page]) -> Iterator[Record]:
        seen = dict.fromkeys(str(entry["id"]) for page in pages for entry in page.entries)
        return iter([{"id": one} for one in seen])


def test_a_list_that_gets_shorter_is_gone_back_in(database: Database, tmp_path: Path) -> None:
    claim = claimed(database, batch_of(database, "p1"))
    pull = Pull("p1", "old", "old-site", "", "", 0, ended=False)
    sources.begin_pull(database, claim, pull)
    blobs = DiskBlobs(tmp_path / "blobs")
    context = RunContext(database, claim, "omeka", RunLog(claim.run_id, 0), Stop(), "p1")
    site = Shrinking()
    asyncio.run(Pulling(context, blobs, site, pull, size=2, outage=0).carry_out(("items",)))
    # Of 5 and 6, which stood on the third page, the second has them by the time that the third is asked for.
    assert site.asked == [1, 2, 3, 2]
    (file,) = batches.batch_files(database, "p1")
    lines = b"".join(blobs.open_range(file.digest)).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["1", "2", "3", "4", "5", "6"]
