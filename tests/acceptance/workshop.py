"""A worker's own path, in the process of the test: no service, no queue, but the same run from claim to end.

What a whole installation takes seconds for takes a tenth of one here, so that thousands of imports can be
made. The way in is `worker.job.carry_out_run`, as for every worker.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias
from unittest import mock

from service.settings import Settings, load_settings
from service.store import batches, logs, plans, runs, steering
from service.store.batches import NewBatch, NewFile
from service.store.blobs import DiskBlobs
from service.store.changes import Changes
from service.store.database import Database
from service.store.drafts import changes_of
from service.store.keys import create_key
from service.store.migrate import upgrade
from service.store.plans import Entry
from service.store.runs import RunFacts, RunOptions
from tests.acceptance.installation import target_of
from tests.standins.omeka_classic import StandIn as ClassicStandIn
from tests.standins.omeka_s import StandIn
from worker import job
from worker.job import Workshop, carry_out_run
from worker.limiters import Limiters
from worker.stopping import Stop
from worker.targets import registry
from worker.targets.base import Adapter, Lost
from worker.targets.http import Outcome, TargetHttp

Meanwhile = Callable[[], None]


class Shop:
    """Database, blobs and one worker that does what it is told, at once."""

    def __init__(
        self,
        folder: Path,
        omeka: StandIn | ClassicStandIn,
        *,
        database_url: str = "",
        url: str = "",
        **settings: Any,
    ) -> None:
        """`url`: of a proxy before the stand-in."""
        folder.mkdir(parents=True, exist_ok=True)
        patience = {"outage": 2.0, "look_again": [0.05, 0.2, 0.5]}
        targets = {"omeka": target_of(omeka, url or None)}
        self._settings = load_settings(**{"data_dir": folder, "targets": targets, **patience, **settings})
        self._database = database_url or _new_database(folder)
        self.db = Database(self._database)
        if database_url:
            upgrade(self.db)
        self.blobs = DiskBlobs(self._settings.blobs)
        self._key = create_key(self.db, "tests").key
        self._count = 0

    def close(self) -> None:
        """Let go of database and blobs; further use opens them again."""
        self.db.dispose()
        self.blobs.close()

    # --- what a user does -------------------------------------------------------------------------

    def batch(self, control: Mapping[str, Any], files: Mapping[str, object]) -> str:
        """A batch of these files (bytes, or what becomes JSON); its identifier."""
        self._count += 1
        stored = self.blobs.put([json.dumps(control).encode()])
        batches.save_control(self.db, self._key, stored, "")
        new = NewBatch(stored.digest, f"Batch {self._count}", "omeka")
        facts = batches.create_batch(self.db, self._key, new)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            file = self.blobs.put([data])
            batches.save_uploads(self.db, self._key, {file.digest: len(data)})
            batches.add_files(self.db, self._key, facts.id, [NewFile(name, file.digest, len(data), name)])
        return facts.id

    def schedule(self, batch: str, mode: str = "import", **options: Any) -> str:
        """A run of the batch, not begun; its identifier."""
        facts = batches.batch_facts(self.db, batch)
        digest = batches.inputs_digest(facts.control_digest, batches.batch_files(self.db, batch))
        run = runs.schedule_run(
            self.db,
            batch_id=batch,
            mode=mode,  # type: ignore[arg-type]
            options=RunOptions(**options),
            key_id=self._key.id,
            inputs_digest=digest,
        )
        return run.id

    def run(
        self, batch: str, mode: str = "import", *, meanwhile: Meanwhile | None = None, **options: Any
    ) -> RunFacts:
        """Schedule and carry out to the end. `meanwhile`: called once, between plan and the first write."""
        run_id = self.schedule(batch, mode, **options)
        with self._interrupted(run_id, meanwhile):
            asyncio.run(self._carry_out(run_id))
        facts = self.facts(run_id)
        assert facts.ending is not None, self.log(run_id)
        return facts

    def run_dying(self, run_id: str, moment: int, *, sent: bool) -> bool:
        """Carry a run out in a process that dies without a word, as by `kill -9`, at its write `moment`:
        right before that is sent, or once it was answered (`sent`). False: it ended before that."""
        return self.elsewhere(_live_and_die, run_id, moment, sent)

    def run_dying_in_a_write(self, run_id: str, moment: int, *, sent: bool) -> bool:
        """The same at the request `moment` of all that write: some writes are several requests."""
        return self.elsewhere(_live_and_die_in_a_write, run_id, moment, sent)

    def elsewhere(self, work: Callable[..., None], *arguments: Any) -> bool:
        """Call `work(settings, database, …)` in a process of its own; whether it died as meant (`DEAD`)."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        process = context.Process(target=work, args=(self._settings, self._database, *arguments))
        process.start()
        process.join(60)
        died = process.exitcode == DEAD
        assert died or process.exitcode == 0, process.exitcode
        process.close()
        return died

    @property
    def folder(self) -> Path:
        """Everything that lasts: the database and the blobs."""
        return self._settings.data_dir

    def run_pausing(self, run_id: str, moment: int, *, sent: bool) -> bool:
        """Carry a run out that is paused at its write `moment`: heard right before that is sent, or once
        it was answered (`sent`). False: it ended before that."""
        due = _at_write(moment, sent=sent)
        self._run_steered(run_id, due, partial(steering.request_pause, self.db, run_id))
        return self.facts(run_id).state == "paused"

    def run_cancelling(self, run_id: str, moment: int, *, sent: bool) -> bool:
        """The same with a cancel."""
        due = _at_write(moment, sent=sent)
        self._run_steered(run_id, due, partial(steering.request_cancel, self.db, run_id))
        return self.facts(run_id).state == "cancelled"

    def run_cancelling_in_a_write(self, run_id: str, moment: int) -> bool:
        """The same, heard once the request `moment` of all that write was answered."""
        write, left = TargetHttp.write, moment

        async def heard(http: TargetHttp, *arguments: Any) -> Outcome:
            nonlocal left
            outcome = await write(http, *arguments)
            left -= 1
            if left == 0:
                await asyncio.to_thread(steering.request_cancel, self.db, run_id)
                assert await http._stop.wait(30)
            return outcome

        with mock.patch.object(TargetHttp, "write", heard):
            asyncio.run(self._carry_out(run_id))
        return self.facts(run_id).state == "cancelled"

    def run_losing(self, run_id: str) -> RunFacts:
        """Carry a run out that is cancelled, and hears that when the answer of a write was lost."""
        self._run_steered(run_id, lambda: "lost", partial(steering.request_cancel, self.db, run_id))
        return self.facts(run_id)

    def _run_steered(self, run_id: str, due: Due, wish: Callable[[], object]) -> None:
        def make(*arguments: Any) -> Adapter:
            return _Steered(registry.make_adapter(*arguments), due, wish, arguments[4].stop)  # type: ignore[return-value]

        with mock.patch.object(job, "make_adapter", make):
            asyncio.run(self._carry_out(run_id))

    def resume(self, run_id: str) -> None:
        assert steering.request_resume(self.db, run_id) is None

    def take_over(self, run_id: str) -> RunFacts:
        """Carry on with a run whose worker has died, as soon as its lease has run out."""
        deadline = time.monotonic() + 60
        while (facts := self.facts(run_id)).ending is None:
            assert time.monotonic() < deadline, self.log(run_id)
            asyncio.run(self._carry_out(run_id))
            time.sleep(0.05)
        return facts

    def settle(self, run_id: str) -> str:
        """Let a worker look into what an ended run left open, as often as it takes; the log."""
        deadline = time.monotonic() + 20
        while self.facts(run_id).phase == "settle":
            assert time.monotonic() < deadline, self.log(run_id)
            asyncio.run(self._carry_out(run_id))
        return self.log(run_id)

    async def _carry_out(self, run_id: str) -> None:
        await carry_out(self._settings, self.db, run_id)

    @contextmanager
    def _interrupted(self, run_id: str, meanwhile: Meanwhile | None) -> Any:
        if meanwhile is None:
            yield
            return

        def make(*arguments: Any) -> Adapter:
            return _Interrupted(registry.make_adapter(*arguments), self._once_planned(run_id, meanwhile))  # type: ignore[return-value]

        with mock.patch.object(job, "make_adapter", make):
            yield

    def _once_planned(self, run_id: str, meanwhile: Meanwhile) -> Meanwhile:
        left = [meanwhile]

        def look() -> None:
            if left and self.facts(run_id).phase == "apply":
                left.pop()()

        return look

    # --- what can be seen -------------------------------------------------------------------------

    def facts(self, run_id: str) -> RunFacts:
        facts = runs.run_facts(self.db, run_id)
        assert facts is not None
        return facts

    def entries(self, run_id: str) -> list[Entry]:
        return plans.read_plan(self.db, run_id, limit=10_000)

    def changes(self, entry: Entry) -> Changes:
        return changes_of(entry)

    def log(self, run_id: str) -> str:
        lines = logs.read_log(self.db, run_id)
        return "\n".join(f"{one.level} {one.code} {one.identifier or ''} {one.message}" for one in lines)


class _Interrupted:
    """An adapter before whose calls a test may do something."""

    def __init__(self, adapter: Adapter, before: Meanwhile) -> None:
        self._adapter = adapter
        self._before = before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if name not in ("read", "highest_id", "carry_out"):
            return found

        async def call(*arguments: Any) -> Any:
            await asyncio.to_thread(self._before)
            return await found(*arguments)

        return call


async def carry_out(settings: Settings, db: Database, run_id: str) -> None:
    """What a worker does when the bell rings for a run."""
    limiters = Limiters(None)
    blobs = DiskBlobs(settings.blobs)
    shop = Workshop(settings, db, blobs, limiters, f"test {os.getpid()}")
    try:
        # Each client reads the machine's certificates, which takes longer than all its requests to loopback.
        with mock.patch("ssl.create_default_context", _no_certificates):
            await carry_out_run(shop, run_id)
    finally:
        await limiters.close()
        blobs.close()


DEAD = 9
"""The exit code of a process that was to die, and did."""


def _live_and_die(settings: Settings, database: str, run_id: str, moment: int, sent: bool) -> None:
    def make(*arguments: Any) -> Adapter:
        return _Deadly(registry.make_adapter(*arguments), moment, sent)  # type: ignore[return-value]

    db = Database(database)
    with mock.patch.object(job, "make_adapter", make):
        asyncio.run(carry_out(settings, db, run_id))
    db.dispose()


def _live_and_die_in_a_write(settings: Settings, database: str, run_id: str, moment: int, sent: bool) -> None:
    write, left = TargetHttp.write, moment

    async def deadly(http: TargetHttp, *arguments: Any) -> Outcome:
        nonlocal left
        left -= 1
        dies = left == 0
        if dies and not sent:
            os._exit(DEAD)
        outcome = await write(http, *arguments)
        if dies:
            os._exit(DEAD)
        return outcome

    db = Database(database)
    with mock.patch.object(TargetHttp, "write", deadly):
        asyncio.run(carry_out(settings, db, run_id))
    db.dispose()


class _Deadly:
    """An adapter whose process does not survive one of its writes."""

    def __init__(self, adapter: Adapter, moment: int, sent: bool) -> None:
        self._adapter = adapter
        self._left = moment
        self._sent = sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def carry_out(self, group: Any) -> Any:
        self._left -= 1
        dies = self._left == 0
        if dies and not self._sent:
            os._exit(DEAD)
        answers = await self._adapter.carry_out(group)
        if dies:
            os._exit(DEAD)
        return answers


Moment: TypeAlias = Literal["now", "answered", "lost"]
"""Of a write: right before it is sent, once it was answered, or once its answer turned out to be lost."""
Due: TypeAlias = Callable[[], "Moment | None"]
"""Asked before each write: when in it, if at all, a wish is uttered."""


def _at_write(number: int, *, sent: bool) -> Due:
    """At the write of that number (from 1)."""
    left = number

    def due() -> Moment | None:
        nonlocal left
        left -= 1
        return None if left else "answered" if sent else "now"

    return due


class _Steered:
    """An adapter at one of whose writes a person wishes something of the run, who is heard there and then."""

    def __init__(self, adapter: Adapter, due: Due, wish: Callable[[], object], stop: Stop) -> None:
        self._adapter = adapter
        self._due = due
        self._wish = wish
        self._stop = stop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def carry_out(self, group: Any) -> Any:
        due = self._due()
        if due == "now":
            await self._until_heard()
        answers = await self._adapter.carry_out(group)
        lost = any(isinstance(one, Lost) for one in answers)
        if due == "answered" or (due == "lost" and lost):
            await self._until_heard()
        return answers

    async def _until_heard(self) -> None:
        await asyncio.to_thread(self._wish)
        assert await self._stop.wait(30)


def _no_certificates(*_: object, **__: object) -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


_TEMPLATES: dict[str, Path] = {}


def _new_database(folder: Path) -> str:
    """A migrated SQLite database: the migrations run once a process."""
    path = folder / "accession.db"
    if "sqlite" not in _TEMPLATES:
        db = Database(f"sqlite:///{path}")
        upgrade(db)
        db.dispose()
        template = folder / "template.db"
        shutil.copy(path, template)
        _TEMPLATES["sqlite"] = template
    else:
        shutil.copy(_TEMPLATES["sqlite"], path)
    return f"sqlite:///{path}"
