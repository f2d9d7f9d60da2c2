"""The stand-in Omeka S answers every recorded request as the real one did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standins.omeka_s import StandIn

from .omeka_s.exchanges import load
from .omeka_s.replay import KEY, Replay
from .replaying import Outcome, text

NOT_COVERED: dict[str, str] = {}
"""Recordings that no server but the recorded one could answer, and why."""


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, list[Outcome]]]:
    """Both answers to every exchange, by file."""
    with StandIn(key=KEY) as standin:
        yield Replay(standin).run(set(NOT_COVERED))


@pytest.mark.parametrize("file", [f for f in load() if f not in NOT_COVERED])
def test_the_answer_is_as_recorded(file: str, outcomes: dict[str, list[Outcome]]) -> None:
    for outcome in outcomes[file]:
        assert outcome.actual.status == outcome.expected.status
        assert outcome.actual.headers == outcome.expected.headers
        assert text(outcome.actual.body) == text(outcome.expected.body)


def test_every_recording_is_replayed_or_excused(outcomes: dict[str, list[Outcome]]) -> None:
    assert set(outcomes) | set(NOT_COVERED) == set(load())
    assert all(len(outcomes[file]) == len(parts) for file, parts in load().items() if file in outcomes)


def test_no_excuse_is_stale() -> None:
    assert set(NOT_COVERED) <= set(load())
    assert all(NOT_COVERED.values())


def test_the_comparison_is_strict() -> None:
    assert text({"a": 1, "b": 2}) != text({"b": 2, "a": 1})
    assert text({"a": 1}) != text({"a": True})
    assert text({"a": 1}) != text({"a": 1, "b": None})
