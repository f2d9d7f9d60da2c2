"""`scripts/chaos`: many rounds, side by side; one that breaks a law is shown with its seed and journal."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from service.control.target_model import TargetKind
from tests.chaos.pool import folder_of, rounds
from tests.chaos.rounds import Verdict

JOURNAL = 400
"""Lines of a journal that are shown; all of it stands in the folder that is kept."""


def main(arguments: Sequence[str] | None = None) -> int:
    """1: a law was broken."""
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Imports while processes are killed and frozen and answers are lost; then compares the"
        " target with what was meant. A round follows from its seed alone.",
    )
    parser.add_argument("--rounds", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, help="of the first round, the next one has the next number")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="sqlite")
    parser.add_argument("--target", choices=["omeka-s", "omeka-classic", "both"], default="omeka-s")
    parser.add_argument("--jobs", type=int, default=2, help="rounds at a time (2)")
    parser.add_argument("--records", type=int, default=40, help="of an import, at most (40)")
    parser.add_argument("--keep", type=Path, help="folder for what broken rounds leave (a temporary one)")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    targets: list[TargetKind] = ["omeka-s", "omeka-classic"] if given.target == "both" else [given.target]
    keep = given.keep or Path(tempfile.mkdtemp(prefix="accession-chaos-"))
    keep.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    began = time.monotonic()
    seeds = range(seed, seed + given.rounds)
    for kind, target in itertools.product(kinds, targets):
        said = f"{given.rounds} rounds from seed {seed} on {kind}, into {target}, {given.jobs} at a time"
        print(said, flush=True)
        for verdict in rounds(kind, seeds, given.jobs, keep, given.records, target):
            verdicts.append(verdict)
            of = given.rounds * len(kinds) * len(targets)
            _show(verdict, len(verdicts), of, keep, given.records)
    _sum_up(verdicts, time.monotonic() - began)
    return 1 if any(one.broken for one in verdicts) else 0


def _show(verdict: Verdict, number: int, of: int, keep: Path, records: int) -> None:
    said = "BROKEN" if verdict.broken else "good"
    print(
        f"{number}/{of} seed {verdict.seed} {verdict.database} {verdict.target}: {said}, {verdict.runs} runs,"
        f" {verdict.records} records, {verdict.strikes.total()} strikes,"
        f" {verdict.spoiled.total()} spoiled requests, {verdict.seconds:.1f} s",
        flush=True,
    )
    if verdict.broken:
        lines = verdict.journal.splitlines()
        print(f"\n{verdict.broken}\n\n" + "\n".join(lines[:JOURNAL]))
        if len(lines) > JOURNAL:
            print(f"… {len(lines) - JOURNAL} more lines")
        print(f"\nAll of it: {folder_of(keep, verdict.seed, verdict.database, verdict.target)}")
        print(
            f"Again: scripts/chaos --rounds 1 --seed {verdict.seed} --database {verdict.database}"
            f" --target {verdict.target} --records {records}\n",
            flush=True,
        )


def _sum_up(verdicts: Sequence[Verdict], seconds: float) -> None:
    """All of it in one line, and the verdict."""
    broken = [one for one in verdicts if one.broken]
    strikes, spoiled = Counter[str](), Counter[str]()
    for one in verdicts:
        strikes += one.strikes
        spoiled += one.spoiled
    said = f"{len(broken)} ROUNDS BROKE A LAW" if broken else "0 duplicates, 0 lost, 0 wrong states"
    print(
        f"{len(verdicts)} rounds in {seconds:.0f} s: {sum(one.runs for one in verdicts)} runs,"
        f" {sum(one.records for one in verdicts)} records, {sum(one.requests for one in verdicts)} requests;"
        f" {_counted('strikes', strikes)}; {_counted('spoiled requests', spoiled)}: {said}"
    )
    for one in broken:
        print(f"seed {one.seed} ({one.database}, {one.target}): {one.broken.splitlines()[0]}")


def _counted(name: str, kinds: Counter[str]) -> str:
    """All of them, and in brackets how many of each kind, the most frequent first."""
    of_each = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common())
    return f"{kinds.total()} {name}" + (f" ({of_each})" if of_each else "")


if __name__ == "__main__":
    sys.exit(main())
