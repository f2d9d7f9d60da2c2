"""Creating items: the executor with its whole journal, beside a bare loop and a peer, on the same target.

The target is a stand-in of the tests, of an Omeka S or an Omeka Classic, slowed down: to what either answers
on two cores (about 15 a second), and to what a far faster one might (about 500). All clients send the same
prebuilt payloads; a peer there is for Omeka S alone.
Ours, in that time, takes permits for its connections, commits each intent durably before its request leaves,
compares what was saved with what was meant, and writes journal, plan, ledger and log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import orjson
from sqlalchemy import func, select

from benchmarks.artworks import CLASSIC, CONTROL, artworks, control
from benchmarks.measuring import Aim, Bench, Comparison, Effort, Row, interleaved, timed
from service.control.model import Control
from service.control.names_used import names_used
from service.embedded_queue import EmbeddedQueue
from service.settings import Settings, TargetSettings, load_settings
from service.store import plans, runs, tables
from service.store.blobs import DiskBlobs
from service.store.database import Database
from service.store.ledger import LedgerRow
from service.store.ledger_parts import KnownPart
from service.store.migrate import upgrade
from service.store.plans import Entry
from service.store.runs import Claim, RunOptions
from tests.standins.omeka_classic import StandIn as ClassicStandIn
from tests.standins.omeka_s import StandIn
from worker.applying.assembling import Tools, import_preparer
from worker.applying.executor import Executor
from worker.applying.outage import Outage
from worker.applying.outgoing import draft_of
from worker.applying.prepared import Ways
from worker.context import RunContext, RunLog
from worker.main import connect
from worker.mapping.compiler import compile_control
from worker.mapping.lookups import NoTarget
from worker.planning.merging import Merger
from worker.planning.met import Subject
from worker.planning.planner import Planner
from worker.records import Kind
from worker.records import Row as Record
from worker.stopping import Stop
from worker.targets.base import Saved
from worker.targets.http import Caller
from worker.targets.limits import Limiter
from worker.targets.registry import make_adapter

CONNECTIONS = 2
"""Of ours and of the bare loop; the peer has one, it knows no other way."""
LEASE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Size:
    records: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How quick the target is: `workers` at a time, each busy for `delay_ms` with a request."""

    answers: int
    delay_ms: float
    workers: int
    aim: float
    sizes: dict[Effort, Size]


PACES = (
    Pace(15, 130.0, 2, 0.95, {"full": Size(240, 3), "quick": Size(120, 2), "tiny": Size(4, 1)}),
    Pace(500, 2.5, 2, 0.70, {"full": Size(3000, 5), "quick": Size(1000, 3), "tiny": Size(12, 1)}),
)


AnyOmeka: TypeAlias = StandIn | ClassicStandIn


@dataclass(frozen=True, slots=True)
class Brand:
    """A kind of Omeka: how it is started, what is created in it, and what it answers then."""

    name: str
    start: Callable[[int], AnyOmeka]
    """With so many workers."""
    control: Mapping[str, Any]
    created: int


OMEKA_S = Brand("", lambda workers: StandIn(delay_ms=0, workers=workers), CONTROL, 200)
OMEKA_CLASSIC = Brand(
    "Omeka Classic, ", lambda workers: ClassicStandIn(delay_ms=0, workers=workers), CLASSIC, 201
)


def measure(bench: Bench) -> list[Row]:
    """Creates a second at either pace, in either kind."""
    settings = load_settings(data_dir=bench.folder / "creating")
    queue = EmbeddedQueue(settings)
    queue.start()
    try:
        each = [(brand, pace) for brand in (OMEKA_S, OMEKA_CLASSIC) for pace in PACES]
        return [row for brand, pace in each for row in _measure(bench, brand, pace, settings)]
    finally:
        queue.stop()


def _measure(bench: Bench, brand: Brand, pace: Pace, settings: Settings) -> list[Row]:
    size = pace.sizes[bench.effort]
    with brand.start(pace.workers) as standin:
        rules = control(brand.control)
        plan = asyncio.run(_plan(standin, rules, size.records))
        bench.tell(f"{brand.name}target of about {pace.answers} answers a second, {size.records} records")
        trial = Trial(bench.folder, standin, brand, rules, pace, plan, settings)
        contenders = {"ours": trial.ours, "bare loop": trial.bare}
        if isinstance(standin, StandIn):
            if trial.peer_is_there():
                contenders["omeka-s-tools"] = trial.peer
            else:
                bench.tell("omeka-s-tools is not installed: without it")
        found = interleaved(bench, contenders, rounds=size.rounds, at_most=300)
    name = f"{brand.name}at {pace.answers} answers a second"
    row = partial(Comparison, "creating", name, size.records, "items", found["ours"])
    rows: list[Row] = [row(beside="bare loop", theirs=found["bare loop"], aim=Aim("speed", pace.aim))]
    if "omeka-s-tools" in found:
        rows.append(row(beside="omeka-s-tools", theirs=found["omeka-s-tools"]))
    return rows


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be created: as plan entries for ours, as payloads for the others."""

    entries: Sequence[Entry]
    payloads: Sequence[bytes]


class NothingKnown:
    """Look-ups of a first import into an empty target."""

    def known(self, subject: Subject, digests: Sequence[str]) -> dict[str, Any]:
        return {}

    def bearers(self, subject: Subject, digests: Sequence[str]) -> dict[str, Any]:
        return {}

    def planned(self, digests: Sequence[str]) -> dict[tuple[str, str, str, str], Entry]:
        return {}

    def listing(self, kind: Kind) -> dict[int, str]:
        return {}

    def rows(self, subject: Subject, digests: Sequence[str]) -> dict[str, LedgerRow]:
        return {}

    def current(self, kind: Kind, ids: Sequence[int]) -> dict[int, Saved]:
        return {}

    def parts(self, items: Sequence[int]) -> Sequence[KnownPart]:
        return ()

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        return {}

    def confirm_gone(self, kind: Kind, ids: Sequence[int]) -> None:
        pass


def target_settings(standin: AnyOmeka) -> TargetSettings:
    kind = "omeka-s" if isinstance(standin, StandIn) else "omeka-classic"
    return TargetSettings.model_validate({"url": standin.url, "kind": kind, **standin.key})


async def _plan(standin: AnyOmeka, rules: Control, count: int) -> Plan:
    adapter = make_adapter("omeka", target_settings(standin), Limiter("omeka", CONNECTIONS))
    resolver = await adapter.resolve(names_used(rules))
    mapper = compile_control(rules, rules.files[0], NoTarget())
    records = [
        mapper.map(Record("data0", number, fields)) for number, fields in enumerate(artworks(count), start=1)
    ]
    entries = Planner(rules, resolver, NothingKnown(), Merger(adapter, "overwrite")).plan(records).entries
    payloads = [adapter.create_payload(draft_of(entry), [], {}, None) for entry in entries]
    await adapter.close()
    if len(payloads) != count:
        raise ValueError(f"{count} records gave {len(payloads)} payloads")
    return Plan(entries, payloads)


@dataclass
class Trial:
    """The contenders at one pace. Each begins with an empty target, at the same address."""

    folder: Path
    standin: AnyOmeka
    brand: Brand
    rules: Control
    pace: Pace
    plan: Plan
    settings: Settings

    def ours(self, number: int) -> float:
        self._begin()
        seconds = asyncio.run(self._ours(number))
        self._check()
        return seconds

    def bare(self, _: int) -> float:
        self._begin()
        seconds = asyncio.run(self._bare())
        self._check()
        return seconds

    def peer(self, _: int) -> float:
        from omeka_s_tools.api import OmekaAPIClient

        assert isinstance(self.standin, StandIn)
        client = OmekaAPIClient(
            self.standin.api, self.standin.key_identity, self.standin.key_credential, use_cache=False
        )
        payloads = [orjson.loads(payload) for payload in self.plan.payloads]
        self._begin()
        try:
            seconds = timed(lambda: [client.add_item(payload) for payload in payloads])
        finally:
            client.s.close()
        self._check()
        return seconds

    @staticmethod
    def peer_is_there() -> bool:
        try:
            import omeka_s_tools.api  # noqa: F401
        except ImportError:
            return False
        return True

    def _begin(self) -> None:
        self.standin.restart()
        self.standin.knobs(delay_ms=self.pace.delay_ms)

    def _check(self) -> None:
        written = self.standin.requests(0)["writes"]
        if written != len(self.plan.payloads):
            raise ValueError(f"{written} writes reached the target, {len(self.plan.payloads)} were meant")

    async def _bare(self) -> float:
        """The ceiling: requests and nothing else, on as many connections as ours has."""
        waiting = iter(self.plan.payloads)
        headers = {"Content-Type": "application/json"}

        async def send_all(client: httpx2.AsyncClient) -> None:
            for payload in waiting:
                answer = await client.post(f"{self.standin.api}/items", content=payload, headers=headers)
                if answer.status_code != self.brand.created:
                    raise ValueError(f"the target answered {answer.status_code}")

        async with httpx2.AsyncClient(params=self.standin.key, timeout=60, trust_env=False) as client:
            began = time.perf_counter()
            await asyncio.gather(*(send_all(client) for _ in range(CONNECTIONS)))
            return time.perf_counter() - began

    async def _ours(self, number: int) -> float:
        path = self.folder / f"creating-{self.brand.created}-{self.pace.answers}-{number}.db"
        db = Database(f"sqlite:///{path}")
        redis = connect(self.settings)
        limiter = Limiter(f"omeka-{self.pace.answers}-{number}", CONNECTIONS, redis)
        claim = await asyncio.to_thread(_planned_run, db, self.plan.entries)
        context = RunContext(db, claim, "omeka", RunLog(claim.run_id, 0), Stop())
        outage = Outage(context, self.settings, limiter)
        # As `worker.job` puts them together.
        caller = Caller(outage.pause, tenure=context, stop=context.stop)
        adapter = context.adapter = make_adapter(
            "omeka", target_settings(self.standin), limiter, None, caller
        )
        try:
            await adapter.resolve(names_used(self.rules))
            target = target_settings(self.standin)
            tools = Tools(context, adapter, outage, DiskBlobs(self.folder / "blobs"), self.settings, target)
            preparer = import_preparer(tools, Ways())
            executor = Executor(context, adapter, self.settings, target, outage, preparer)
            began = time.perf_counter()
            async with asyncio.timeout(600):
                await executor.run()
            seconds = time.perf_counter() - began
            facts = await db.run(runs.run_facts, claim.run_id)
            if facts is None or facts.counts != {"created": len(self.plan.entries)}:
                raise ValueError(f"not everything was created: {facts and facts.counts}")
            await asyncio.to_thread(_check_written, db, claim, len(self.plan.entries))
            return seconds
        finally:
            await adapter.close()
            await limiter.close()
            await redis.aclose(close_connection_pool=True)
            db.dispose()


def _check_written(db: Database, claim: Claim, count: int) -> None:
    """Nothing is compared with less than the whole: each write has its intent and its outcome in the journal,
    its entry in plan and ledger, and its line in the log."""
    operation, log = tables.operation.c, tables.log_line.c
    done = [operation.run_id == claim.run_id, operation.outcome == "done", operation.answer_id.is_not(None)]
    created = [log.run_id == claim.run_id, log.code == "created"]
    with db.read() as connection:
        found = {
            "journal": connection.scalar(select(func.count()).select_from(tables.operation).where(*done)),
            "ledger": connection.scalar(select(func.count()).select_from(tables.ledger)),
            "log": connection.scalar(select(func.count()).select_from(tables.log_line).where(*created)),
        }
    if short := {name: number for name, number in found.items() if number != count}:
        raise ValueError(f"{count} records were created, and written down were {short}")


def _planned_run(db: Database, entries: Sequence[Entry]) -> Claim:
    """A database that holds nothing but a run whose plan is complete, claimed."""
    upgrade(db)
    with db.write() as connection:
        key = {"id": 1, "label": "bench", "prefix": "p", "digest": "d", "scopes": "", "created_at": 1}
        connection.execute(tables.api_key.insert().values(key))
        connection.execute(tables.blob.insert().values(digest="control", size=1, created_at=1))
        batch = {"id": "batch", "control_digest": "control", "comment": "", "target": "omeka", "key_id": 1}
        connection.execute(tables.batch.insert().values({**batch, "created_at": 1}))
    facts = runs.schedule_run(
        db, batch_id="batch", mode="import", options=RunOptions(), key_id=1, inputs_digest=""
    )
    claim = runs.claim_run(db, facts.id, "bench", LEASE_MS)
    if claim is None:
        raise ValueError("the run could not be claimed")
    for start in range(0, len(entries), 500):
        with runs.fenced(db, claim) as connection:
            plans.insert_entries(connection, claim.run_id, entries[start : start + 500])
    return claim
