"""The log of a run: lines that a person reads while it goes on and long after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from service.store.database import Database
from service.store.tables import log_line, run

Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")


class LogLine(Struct, frozen=True, omit_defaults=True):
    """`at` in ms since 1970 UTC; `seq` counts within the run, from 1, without gaps."""

    run_id: str
    seq: int
    at: int
    level: Level
    code: str
    message: str
    file: str | None = None
    row: int | None = None
    identifier: str | None = None


def append_lines(connection: Connection, lines: Sequence[LogLine]) -> None:
    """Within `runs.fenced`: add lines whose `seq` follows the last one."""
    if lines:
        connection.execute(
            insert(log_line),
            [
                {
                    "run_id": line.run_id,
                    "seq": line.seq,
                    "at": line.at,
                    "level": line.level,
                    "code": line.code,
                    "message": line.message,
                    "file": line.file,
                    "row": line.row,
                    "identifier": line.identifier,
                }
                for line in lines
            ],
        )


def last_seq(db: Database, run_id: str) -> int:
    """The number of the run's last line; 0 when it has none."""
    with db.read() as connection:
        return (
            connection.execute(select(func.max(log_line.c.seq)).where(log_line.c.run_id == run_id)).scalar()
            or 0
        )


class LineFilter(Struct, frozen=True):
    """Which lines are wanted: those at or above `level` that contain `text`, in either case."""

    level: Level = "info"
    text: str | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [log_line.c.level.in_(LEVELS[LEVELS.index(self.level) :])]
        if self.text:
            columns = (log_line.c.message, log_line.c.identifier, log_line.c.file, log_line.c.code)
            found.append(or_(*(column.icontains(self.text, autoescape=True) for column in columns)))
        return found


ALL = LineFilter()
"""What is shown unless one asks for more, or less."""


def read_log(
    db: Database, run_id: str, *, after: int = 0, wanted: LineFilter = ALL, limit: int = 1000
) -> list[LogLine]:
    """Lines of one run whose `seq` is over `after`, in order."""
    with db.read() as connection:
        rows = connection.execute(
            select(log_line)
            .where(log_line.c.run_id == run_id, log_line.c.seq > after, *wanted.conditions)
            .order_by(log_line.c.seq)
            .limit(limit)
        )
        return [LogLine(**row._mapping) for row in rows]


def read_batch_log(
    db: Database,
    batch_id: str,
    *,
    after: tuple[str, int] = ("", 0),
    wanted: LineFilter = ALL,
    limit: int = 1000,
) -> list[LogLine]:
    """Lines of all runs of a batch, oldest run first.

    `after` is (run id, seq) of the last line seen: run ids sort by time.
    """
    after_run, after_seq = after
    with db.read() as connection:
        rows = connection.execute(
            select(log_line)
            .join(run, run.c.id == log_line.c.run_id)
            .where(
                run.c.batch_id == batch_id,
                *wanted.conditions,
                or_(
                    log_line.c.run_id > after_run,
                    and_(log_line.c.run_id == after_run, log_line.c.seq > after_seq),
                ),
            )
            .order_by(log_line.c.run_id, log_line.c.seq)
            .limit(limit)
        )
        return [LogLine(**row._mapping) for row in rows]


def read_log_before(
    db: Database,
    run_ids: Sequence[str],
    *,
    before: tuple[str, int] | None = None,
    wanted: LineFilter = ALL,
    limit: int = 1000,
) -> list[LogLine]:
    """The last lines of these runs, in order; `before`: the last of those before this one (run id, seq)."""
    conditions = [log_line.c.run_id.in_(run_ids), *wanted.conditions]
    if before is not None:
        conditions.append(
            or_(
                log_line.c.run_id < before[0],
                and_(log_line.c.run_id == before[0], log_line.c.seq < before[1]),
            )
        )
    with db.read() as connection:
        rows = connection.execute(
            select(log_line)
            .where(*conditions)
            .order_by(log_line.c.run_id.desc(), log_line.c.seq.desc())
            .limit(limit)
        ).all()
        return [LogLine(**row._mapping) for row in reversed(rows)]
