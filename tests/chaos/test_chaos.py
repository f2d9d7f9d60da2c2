"""Thirteen rounds of `scripts/chaos` in every run of the tests; their seeds are fixed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import pytest

from service.control.target_model import TargetKind
from tests.chaos.drawing import Follower, Step, What, draw_round
from tests.chaos.pool import rounds
from tests.standins.proxy import Kind

RECORDS = 16
ON_SQLITE = (2, 5, 6, 11, 13, 16, 25, 36)
ON_POSTGRESQL = (15, 41)
ON_CLASSIC = (1001, 2014, 3048)
"""Those of Omeka S together hold whatever a round may hold."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "seeds", "target"),
    [
        ("sqlite", ON_SQLITE, "omeka-s"),
        ("postgresql", ON_POSTGRESQL, "omeka-s"),
        ("sqlite", ON_CLASSIC, "omeka-classic"),
    ],
)
def test_whatever_dies_each_record_is_written_once(
    kind: str, seeds: Sequence[int], target: TargetKind, tmp_path: Path
) -> None:
    # Most of a round is waiting, for leases above all: four at a time.
    for verdict in rounds(kind, seeds, 4, tmp_path, RECORDS, target):
        assert not verdict.broken, f"seed {verdict.seed}: {verdict.broken}\n\n{verdict.journal}"


def _steps() -> Iterator[Step]:
    for seed in (*ON_SQLITE, *ON_POSTGRESQL):
        yield from draw_round(seed, RECORDS).steps


def _held(step: Step) -> Iterator[str]:
    """What is in a step, by name."""
    yield "undo" if step.order is None else "two imports" if step.beside is not None else "import"
    yield from (strike.what for strike in step.strikes)
    yield from (spoil.kind for spoil in step.spoils)
    if step.exactly:
        yield "exactly the plan"
    if step.twice:
        yield "scheduled twice"
    if step.cancels:
        yield "an undo cancelled" if step.order is None else f"an import cancelled, then {step.after_cancel}"


def test_the_fixed_rounds_hold_every_kind_of_step_strike_and_fault() -> None:
    steps = {"import", "two imports", "undo", "exactly the plan", "scheduled twice", "an undo cancelled"}
    followers = {f"an import cancelled, then {one}" for one in get_args(Follower)}
    every = {*steps, *followers, *get_args(What), *get_args(Kind)}
    assert {one for step in _steps() for one in _held(step)} == every


def test_a_round_follows_from_its_seed_alone() -> None:
    assert draw_round(7) == draw_round(7) != draw_round(8)


def test_a_seed_means_what_it_meant() -> None:
    """A seed in an old report leads to the round that was reported. Whoever changes the drawing on purpose
    sets this anew, and finds out whether the fixed rounds still hold everything."""
    drawn = "\n".join(repr(draw_round(seed)) for seed in range(100))
    assert hashlib.sha256(drawn.encode()).hexdigest()[:16] == "cb6163c57d39ebdb"
