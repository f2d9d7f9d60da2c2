"""A few rounds of `scripts/chaos` in every run of the tests; their seeds are fixed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.drawing import draw_round
from tests.chaos.rounds import play
from tests.standins.omeka_s import StandIn

RECORDS = 16


@pytest.fixture(scope="module")
def omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_dies_each_record_is_written_once(seed: int, tmp_path: Path, omeka: StandIn) -> None:
    verdict = play(seed, tmp_path / "house", omeka, most=RECORDS)
    assert not verdict.broken, f"{verdict.broken}\n\n{verdict.journal}"


@pytest.mark.parametrize("seed", range(9, 11))
def test_the_same_on_postgresql(seed: int, tmp_path: Path, omeka: StandIn, postgresql_url: str) -> None:
    verdict = play(seed, tmp_path / "house", omeka, postgresql_url, RECORDS)
    assert not verdict.broken, f"{verdict.broken}\n\n{verdict.journal}"


def test_a_round_follows_from_its_seed_alone() -> None:
    assert draw_round(7) == draw_round(7) != draw_round(8)
