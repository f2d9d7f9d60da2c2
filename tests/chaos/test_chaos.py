"""Ten rounds of `scripts/chaos` in every run of the tests; their seeds are fixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.drawing import draw_round
from tests.chaos.pool import rounds

RECORDS = 16


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "seeds"), [("sqlite", range(1, 9)), ("postgresql", range(9, 11))])
def test_whatever_dies_each_record_is_written_once(kind: str, seeds: Sequence[int], tmp_path: Path) -> None:
    # Most of a round is waiting, for leases above all: four at a time.
    for verdict in rounds(kind, seeds, 4, tmp_path, RECORDS):
        assert not verdict.broken, f"seed {verdict.seed}: {verdict.broken}\n\n{verdict.journal}"


def test_a_round_follows_from_its_seed_alone() -> None:
    assert draw_round(7) == draw_round(7) != draw_round(8)
