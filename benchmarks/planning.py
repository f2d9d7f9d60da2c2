"""Importing again what has not changed: the daily job, which should cost little more than reading the file.

The whole of it is real: service, queue, worker, and a run that is scheduled and ends. Only its past is
prepared: the first 500 records are imported, and what that left in ledger and target is then repeated for
all the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import psutil

from benchmarks.artworks import ALL, CONTROL, SCOPE, DataFile, control, write_artworks
from benchmarks.creating import target_settings
from benchmarks.mapping import BESIDE, mapped, parse
from benchmarks.measuring import (
    Aim,
    Bench,
    Comparison,
    Effort,
    Fact,
    Growth,
    Row,
    Sample,
    growth_fact,
    interleaved,
    timed,
)
from service.settings import load_settings
from service.store import ledger, runs
from service.store.database import Database
from service.store.ledger import LedgerKey, LedgerRow
from tests.acceptance.installation import Installation, target_of
from tests.standins.omeka_s import StandIn
from worker.planning.decide import meant_digest
from worker.records import Draft, Identity
from worker.targets.limits import Limiter
from worker.targets.registry import make_adapter

KEY = LedgerKey("omeka", "item", SCOPE, "dcterms:identifier")
TITLE, IDENTIFIER = 1, 10
"""Omeka S's own numbers of dcterms:title and dcterms:identifier."""
CHUNK = 500
SETTINGS = {"ACCESSION_LEASE": "30", "ACCESSION_SWEEP": "20", "ACCESSION_OUTAGE": "30"}
"""As people have them, rather than as tests do."""


@dataclass(frozen=True, slots=True)
class Size:
    records: int
    imported: int
    rounds: int


SIZES: dict[Effort, Size] = {
    "full": Size(ALL, 500, 3),
    "quick": Size(ALL // 10, 500, 3),
    "tiny": Size(60, 20, 1),
}


def measure(bench: Bench) -> list[Row]:
    """Seconds of the run from its start to its end, its requests, and how far the worker grows."""
    size = SIZES[bench.effort]
    first = write_artworks(bench.folder / "first.json", size.imported)
    file = write_artworks(bench.folder / "again.json", size.records)
    with (
        StandIn() as standin,
        Installation(bench.folder / "planning", {"omeka": target_of(standin)}, SETTINGS) as installation,
    ):
        installation.start()
        bench.tell(f"preparing a past of {size.records} records")
        _import(installation, first)
        db = Database(load_settings(data_dir=installation.folder / "data").database)
        try:
            Past(standin, db, file, size.imported).prepare()
            trial = Trial(installation, standin, db, file)
            found = interleaved(
                bench,
                {"import again": trial.again, BESIDE: trial.parse},
                rounds=size.rounds,
                at_most=400,
            )
        finally:
            db.dispose()
    records = partial(Comparison, "planning", amount=size.records, unit="records", beside=BESIDE)
    aim = Aim("time", 3.0, never=6.0)
    again = records("import again, all unchanged", ours=found["import again"], theirs=found[BESIDE], aim=aim)
    bench.tell(in_words(again))
    return [
        again,
        records(
            "the same in processor time",
            ours=Sample(tuple(trial.worked)),
            theirs=Sample(tuple(trial.parsed)),
            aim=aim,
        ),
        Fact("planning", "requests to the target", "", Sample(tuple(trial.requests)), Aim("value", 10)),
        *growth_fact("planning", "growth of the worker meanwhile", trial.growths, 100),
    ]


def in_words(again: Comparison) -> str:
    """`unchanged again: 4.1 × parsing (6.02 s beside 1.47 s, 69,202 records)`"""
    seconds = f"{again.ours.median:.2f} s beside {again.theirs.median:.2f} s"
    return (
        f"unchanged again: {again.ratio.median:.1f} × parsing ({seconds}, {again.amount:,.0f} {again.unit})"
    )


def _import(installation: Installation, file: DataFile) -> None:
    batch = installation.batch(CONTROL, {"data0": file.path})
    state = installation.run(batch)
    if state != "complete":
        raise ValueError(f"the first import ended as {state}:\n{installation.log(batch)}")


@dataclass
class Trial:
    """The same file, imported again and again."""

    installation: Installation
    standin: StandIn
    db: Database
    file: DataFile
    requests: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    """Processor seconds of the worker."""
    parsed: list[float] = field(default_factory=list)
    """Processor seconds of merely parsing."""
    growths: list[float | None] = field(default_factory=list)
    _batch: str = ""

    def again(self, _: int) -> float:
        if not self._batch:
            self._batch = self.installation.batch(CONTROL, {"data0": self.file.path})
        self.standin.reset_requests()
        worker = psutil.Process(self.installation.pid("worker"))
        growth, before = Growth(worker.pid), worker.cpu_times()
        self.installation.schedule(self._batch)
        state = self.installation.wait(self._batch, 600)
        after = worker.cpu_times()
        self.worked.append(after.user + after.system - before.user - before.system)
        self.growths.append(growth.so_far())
        self.requests.append(float(self.standin.requests(0)["total"]))
        facts = runs.runs_of_batch(self.db, self._batch)[0]
        if state != "complete" or facts.counts.get("unchanged") != self.file.records:
            raise ValueError(f"{state}, {facts.counts}\n{self.installation.log(self._batch)[-2000:]}")
        if facts.started_at is None or facts.ended_at is None:
            raise ValueError("the run has no beginning or no end")
        return (facts.ended_at - facts.started_at) / 1000

    def parse(self, _: int) -> float:
        began = time.process_time()
        seconds = timed(partial(parse, self.file))
        self.parsed.append(time.process_time() - began)
        return seconds


@dataclass
class Past:
    """Puts into target and ledger what a first import of the whole file would have left there.

    Of the resources only title and identifier stand in the target: a run over unchanged records reads
    nothing of them but the moment of their last change, and the count of its requests shows it.
    """

    standin: StandIn
    db: Database
    file: DataFile
    imported: int

    def prepare(self) -> None:
        drafts = islice(self._drafts(), self.imported, None)
        ids = iter(self.standin.seed(_shown(draft) for draft in drafts).get("items", ()))
        modified = asyncio.run(self._listing())
        models = self._models()
        rows: list[LedgerRow] = []
        for number, draft in enumerate(islice(self._drafts(), self.imported, None)):
            resource_id = next(ids)
            model = models[number % len(models)]
            rows.append(_row(draft, resource_id, modified[resource_id], model))
            if len(rows) == CHUNK:
                self._keep(rows)
        self._keep(rows)

    def _drafts(self) -> Iterator[Draft]:
        for record in mapped(self.file, control()):
            yield from record.drafts

    def _models(self) -> list[bytes]:
        """The representations that the first import left in the ledger."""
        found = []
        for draft in islice(self._drafts(), self.imported):
            saved = ledger.saved_representation(self.db, KEY, _identity(draft).digest)
            if saved is None:
                raise ValueError(f"the ledger does not hold {_identity(draft).shown}")
            found.append(saved)
        return found

    async def _listing(self) -> Mapping[int, str]:
        adapter = make_adapter("omeka", target_settings(self.standin), Limiter("omeka", 1))
        try:
            return await adapter.listing("item")
        finally:
            await adapter.close()

    def _keep(self, rows: list[LedgerRow]) -> None:
        with self.db.write() as connection:
            ledger.upsert(connection, rows)
        rows.clear()


def _identity(draft: Draft) -> Identity:
    if draft.identity is None:
        raise ValueError("a draft without identity")
    return draft.identity


def _row(draft: Draft, resource_id: int, modified: str, saved: bytes) -> LedgerRow:
    identity = _identity(draft)
    return LedgerRow(
        key=KEY,
        key_digest=identity.digest,
        identifier=identity.shown,
        resource_id=resource_id,
        meant=meant_digest(draft),
        saved=saved,
        modified=modified,
        run_id="prepared",
        operation_key="1.1",
    )


def _shown(draft: Draft) -> dict[str, Any]:
    """An item as the stand-in is given it."""
    title = next(one.values[0].text for one in draft.properties if one.term == "dcterms:title")
    return {
        "dcterms:title": [{"type": "literal", "property_id": TITLE, "@value": title}],
        "dcterms:identifier": [
            {"type": "literal", "property_id": IDENTIFIER, "@value": _identity(draft).values[0]}
        ],
    }
