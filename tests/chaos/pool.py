"""Rounds side by side, in processes that each have a stand-in of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from service.control.target_model import TargetKind
from tests.chaos.rounds import AnyOmeka, Verdict, play
from tests.databases import empty_database, postgresql
from tests.standins.omeka_classic import StandIn as ClassicStandIn
from tests.standins.omeka_s import StandIn

_omekas: dict[TargetKind, AnyOmeka] = {}


def rounds(
    kind: str, seeds: Sequence[int], jobs: int, keep: Path, records: int, target: TargetKind = "omeka-s"
) -> Iterator[Verdict]:
    """Play the rounds on that kind of database; verdicts as they come."""
    with _server(kind) as server, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_one, seed, kind, server, str(keep), records, target) for seed in seeds]
        for future in as_completed(futures):
            yield future.result()


def folder_of(keep: Path, seed: int, kind: str, target: TargetKind) -> Path:
    """Where a round leaves what it did."""
    return keep / (f"{seed}-{kind}" if target == "omeka-s" else f"{seed}-{kind}-{target}")


@contextmanager
def _server(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with postgresql() as url:
        yield url


def _one(seed: int, kind: str, server: str, keep: str, records: int, target: TargetKind) -> Verdict:
    if target not in _omekas:
        _omekas[target] = StandIn() if target == "omeka-s" else ClassicStandIn()
    folder = folder_of(Path(keep), seed, kind, target)
    with _database(server) as url:
        verdict = play(seed, folder, _omekas[target], url, records)
    if verdict.broken:
        (folder / "journal.txt").write_text(f"{verdict.broken}\n\n{verdict.journal}\n", encoding="utf-8")
    return verdict


@contextmanager
def _database(server: str) -> Iterator[str]:
    if not server:
        yield ""
        return
    with empty_database(server) as url:
        yield url
