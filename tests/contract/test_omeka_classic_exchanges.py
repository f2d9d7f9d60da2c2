"""The stand-in Omeka Classic answers every recorded request as the real one did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standins.omeka_classic import StandIn

from .omeka_classic import origin
from .omeka_classic.exchanges import load
from .omeka_classic.replay import KEY, Replay
from .replaying import Outcome, text


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    """Both answers to every exchange, by file."""
    with StandIn(key=KEY) as full, StandIn(key=KEY) as empty:
        origin.fill(full)
        yield Replay({"origin": full, "target": empty}).run()


@pytest.mark.parametrize("file", load())
def test_the_answer_is_as_recorded(file: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[file]
    assert outcome.actual.status == outcome.expected.status
    assert outcome.actual.headers == outcome.expected.headers
    assert text(outcome.actual.body) == text(outcome.expected.body)


def test_every_recording_is_replayed(outcomes: dict[str, Outcome]) -> None:
    assert set(outcomes) == set(load())
    assert len(outcomes) == 129
