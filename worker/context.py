"""What every stage of one run shares: the claim, the log, the wish to stop, the way to the database."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection

from service.store import logs, runs
from service.store.database import CommitUnknownError, Database, StoreUnavailableError, now_ms
from service.store.logs import Level, LogLine
from service.store.plans import Entry
from service.store.runs import Claim
from worker.records import Problem
from worker.stopping import Stop, StoppedError
from worker.targets.base import Adapter
from worker.targets.limits import Limiter


class RunLog:
    """Lines are numbered when they are said and written with the next transaction of the run."""

    def __init__(self, run_id: str, last_seq: int) -> None:
        self._run_id = run_id
        self._seq = last_seq
        self._lines: list[LogLine] = []
        self._lock = threading.Lock()

    def say(
        self,
        level: Level,
        code: str,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        identifier: str | None = None,
    ) -> None:
        with self._lock:
            self._seq += 1
            self._lines.append(
                LogLine(self._run_id, self._seq, now_ms(), level, code, message, file, row, identifier)
            )

    def about(self, entry: Entry, level: Level, code: str, message: str) -> None:
        """A line about one entry of the plan: where it came from stands in it."""
        self.say(level, code, message, file=entry.file, row=entry.row, identifier=entry.identifier)

    def problem(
        self,
        problem: Problem,
        *,
        file: str | None = None,
        row: int | None = None,
        identifier: str | None = None,
    ) -> None:
        """A line that says what, where (file, row, pointer, value) and why."""
        where = f" [{problem.pointer}]" if problem.pointer else ""
        value = f" The value was: {problem.value}" if problem.value else ""
        level: Level = "warning" if problem.severity == "warning" else "error"
        self.say(
            level, problem.code, f"{problem.message}{value}{where}", file=file, row=row, identifier=identifier
        )

    def take(self) -> list[LogLine]:
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def put_back(self, lines: list[LogLine]) -> None:
        """The transaction failed: the lines go with the next one."""
        with self._lock:
            self._lines = lines + self._lines

    def __len__(self) -> int:
        return len(self._lines)


class RunContext:
    """One run in the hands of one worker."""

    def __init__(
        self, db: Database, claim: Claim, target: str, log: RunLog, stop: Stop, batch_id: str = ""
    ) -> None:
        """`target`: the configured name of the target."""
        self.batch_id = batch_id
        self.db = db
        self.claim = claim
        self.target = target
        self.log = log
        self.stop = stop
        self.adapter: Adapter | None = None
        self.limiter: Limiter | None = None
        self.held_until = math.inf
        """Until when the lease certainly holds (`time.monotonic`), by the last heartbeat that got through."""
        self.in_doubt = False
        """Whether it is unknown if the last transaction was kept. This claim writes no more then: repeating
        it might count and tell everything twice. Whoever takes the run up finds out what stands."""
        self._reported = (0, 0)
        self._writing = threading.Lock()

    def check(self) -> None:
        """Raise `StoppedError` if the run is to stop."""
        if self.stop:
            raise StoppedError

    @property
    def holds(self) -> bool:
        """Whether the run is this worker's for certain: its lease has not run out, and nobody has it."""
        return self.stop.reason != "lost" and time.monotonic() < self.held_until

    async def regained(self) -> None:
        """Wait until the lease holds for certain, where it may have run out: a process that was frozen, or
        kept from its database, must hear first whether the run is another's by now. Raises `StoppedError`
        when it is, or when the run is to stop before that is known."""
        while not self.holds:
            self.check()
            await self.stop.wait(0.05)

    async def still_held(self) -> None:
        """The same, and raise `StoppedError` if the run is to stop for any other reason."""
        await self.regained()
        self.check()

    @contextmanager
    def transaction(self, counts: Mapping[str, int] | None = None) -> Iterator[Connection]:
        """A fenced transaction that also writes the log, the counts and the traffic so far.

        Blocking: use it in a thread. If it fails, the log lines go with the next one; unless it is not known
        whether it failed, then there is none. Raises `FenceLostError`, `StoreUnavailableError`.
        """
        # One at a time: lines must become visible in the order of their numbers, or whoever follows the
        # log from a number on would miss some.
        with self._writing:
            yield from self._transaction(counts)

    def _transaction(self, counts: Mapping[str, int] | None) -> Iterator[Connection]:
        if self.in_doubt:
            raise StoreUnavailableError("It is not known whether the database kept what was written last.")
        lines = self.log.take()
        traffic = (self.adapter.requests, self.adapter.bytes_sent) if self.adapter else self._reported
        new = (traffic[0] - self._reported[0], traffic[1] - self._reported[1])
        try:
            with runs.fenced(self.db, self.claim) as connection:
                yield connection
                logs.append_lines(connection, lines)
                runs.add_counts(connection, self.claim.run_id, counts or {}, *new)
        except CommitUnknownError:
            self.in_doubt = True
            raise
        except BaseException:
            self.log.put_back(lines)
            raise
        self._reported = traffic

    def flush(self) -> None:
        """Write what there is of log and traffic. Blocking."""
        if len(self.log) or (self.adapter and self.adapter.requests != self._reported[0]):
            with self.transaction():
                pass
