"""What all benchmarks share: rows, repetitions, memory, and where they work.

Machines are noisy, so nothing is timed alone: the contenders of a comparison take turns, each round begins
with another one, and a ratio is the median of the ratios of the rounds.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Effort = Literal["full", "quick", "tiny"]
"""`tiny` is for the test that every benchmark still runs; its figures mean nothing."""

MB = 1_000_000

Contender: TypeAlias = Callable[[int], float]
"""Does the work of one round (counted from 0) and gives the seconds that it took."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is given. It leaves nothing outside `folder`, and no process."""

    effort: Effort
    folder: Path

    def tell(self, text: str) -> None:
        """Progress, for the person who waits; silent in tests."""
        if self.effort != "tiny":
            print(f"  {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured, round by round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a row is to reach: `speed`, our rate over theirs; `time`, our seconds over theirs; or a `value`.

    `never` is the bound that is not crossed on any account, where it differs from the aim.
    """

    of: Literal["speed", "time", "value"]
    bound: float
    never: float | None = None

    @property
    def at_least(self) -> bool:
        return self.of == "speed"

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same work (`amount` of `unit`) done by ours and by another; both in seconds, by rounds."""

    benchmark: str
    measured: str
    amount: float
    unit: str
    ours: Sample
    beside: str
    theirs: Sample
    aim: Aim | None = None

    @property
    def ratio(self) -> Sample:
        """Of the rates, or of the times where the aim is about time; one a round."""
        pairs = zip(self.ours.values, self.theirs.values, strict=True)
        if self.aim is not None and self.aim.of == "time":
            return Sample(tuple(ours / theirs for ours, theirs in pairs))
        return Sample(tuple(theirs / ours for ours, theirs in pairs))

    @property
    def met(self) -> bool | None:
        return None if self.aim is None else self.aim.met(self.ratio.median)

    def rate(self, sample: Sample) -> float:
        """`unit` a second."""
        return self.amount / sample.median


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that stands alone: memory, requests."""

    benchmark: str
    measured: str
    unit: str
    ours: Sample
    aim: Aim | None = None

    @property
    def met(self) -> bool | None:
        return None if self.aim is None else self.aim.met(self.ours.high)


Row: TypeAlias = Comparison | Fact


def interleaved(
    bench: Bench, contenders: Mapping[str, Contender], *, rounds: int, at_most: float
) -> dict[str, Sample]:
    """Every contender once a round. No round begins after `at_most` seconds, but the first always does."""
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    began = time.monotonic()
    for number in range(rounds):
        if number and time.monotonic() - began > at_most:
            break
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            gc.collect()
            taken = contenders[name](number)
            seconds[name].append(taken)
            bench.tell(f"round {number + 1} of {rounds}: {name} {taken:.3f} s")
    return {name: Sample(tuple(values)) for name, values in seconds.items()}


Clock: TypeAlias = Callable[[], float]
"""`time.perf_counter`, or `time.process_time` for pure computing: others may use the machine meanwhile."""


def timed(work: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Seconds that `work` takes."""
    began = clock()
    work()
    return clock() - began


class Growth:
    """How far a process grows over what it holds now, in MB. Linux only: elsewhere it is not known.

    The kernel keeps the peak, so nothing is missed between two looks. Where it does not let the peak be
    reset, an earlier one may count: then the growth is told too high, never too low.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._before = self._kilobytes("VmRSS")
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return

    def so_far(self) -> float | None:
        peak = self._kilobytes("VmHWM")
        if peak is None or self._before is None:
            return None
        return max(peak - self._before, 0) * 1024 / MB

    def _kilobytes(self, name: str) -> int | None:
        try:
            lines = self._status.read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        found = next((line for line in lines if line.startswith(f"{name}:")), None)
        return int(found.split()[1]) if found else None


def growth_fact(benchmark: str, measured: str, growths: list[float | None], aim: float) -> list[Fact]:
    """The row of a process's growth; none where the system does not tell it."""
    known = tuple(one for one in growths if one is not None)
    if not known:
        return []
    return [Fact(benchmark, measured, "MB", Sample(known), Aim("value", aim))]
