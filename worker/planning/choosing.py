"""From what was asked of a run to its :class:`Selection`: lists are read, earlier runs looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from service.control.chosen import read_choice
from service.store.database import Database
from service.store.outcomes import Latest, Spoken, latest, made, real_runs, reported_runs, spoken_of
from service.store.runs import RunFacts, runs_of_batch
from worker.context import RunLog
from worker.errors import Fatal
from worker.planning.identifier_list import read_identifiers
from worker.planning.selection import Selection

T = TypeVar("T")

SLICE = 500
"""Rows that are looked up in one query."""
NAMED = 5
"""Identifiers that were met nowhere and are named in the log."""


class StoredRuns:
    """The runs of a batch before this one, in the database."""

    def __init__(self, db: Database, run: RunFacts) -> None:
        self._db = db
        earlier = [one for one in runs_of_batch(db, run.batch_id) if one.id != run.id]
        self._real = real_runs(earlier)
        self._reported = reported_runs(earlier)

    def retried(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        return self._latest(self._real, file, rows)

    def made(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        return [one for part in _slices(rows) for one in made(self._db, self._real, file, part)]

    def reported(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        return self._latest(self._reported, file, rows)

    def spoken_of(self, digests: Sequence[str]) -> Sequence[Spoken]:
        return [one for part in _slices(digests) for one in spoken_of(self._db, self._real, part)]

    def _latest(self, ids: Sequence[str], file: str, rows: Sequence[int]) -> list[Latest]:
        return [one for part in _slices(rows) for one in latest(self._db, ids, file, part)]


def _slices(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + SLICE] for start in range(0, len(rows), SLICE))


def selection_of(db: Database, run: RunFacts, corrects: str | None, lists: Mapping[str, Path]) -> Selection:
    """The selection of a run. Blocking. `corrects`: the batch that its batch corrects; `lists`: the batch's
    lists of identifiers, name → local file. Raises `FileUnreadable`, `Fatal` for a list that is not there."""
    choice = read_choice(run.options.only)
    for name in choice.lists:
        if name not in lists:
            raise Fatal("file-missing", f"The batch has no list {name}. Upload it, and schedule again.")
    return Selection(
        choice,
        StoredRuns(db, run),
        limit=run.options.limit,
        retry=run.mode == "retry",
        corrects=corrects is not None,
        lists=[read_identifiers(lists[name], name) for name in choice.lists],
    )


def say_choice(log: RunLog, run: RunFacts) -> None:
    """What the run is about, where that is not the whole batch."""
    asked = [f"only {word}" for word in run.options.only]
    if run.mode == "retry":
        asked.insert(0, "what was rejected, failed, is uncertain or was not come to")
    if run.options.limit is not None:
        asked.append(f"the first {run.options.limit}")
    if asked:
        log.say("info", "chosen", f"Of the records are chosen: {'; '.join(asked)}.")


def say_left_out(log: RunLog, selection: Selection, read: int) -> None:
    """What was left out, and what could not be found."""
    if not selection.narrowed:
        return
    chosen = read - selection.left_out
    log.say("info", "left-out", f"{chosen} of {read} records are chosen, {selection.left_out} left out.")
    missing = selection.not_met()
    if missing:
        named = ", ".join(f"“{one[:80]}”" for one in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        text = f"No record that was looked at has the identifier {named}{more}."
        log.say("warning", "identifier-not-met", text)
