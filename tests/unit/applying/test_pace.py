"""How much may be meant ahead of its sending."""

from __future__ import annotations

import pytest

from worker.applying.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def after(answers: int, every: float, connections: int = 2, seconds: float = 0.1) -> tuple[Pace, Clock]:
    clock = Clock()
    pace = Pace(connections, clock)
    for _ in range(answers):
        clock.now += every
        pace.answered(seconds)
    return pace, clock


def test_before_any_answer_no_more_is_meant_than_can_be_under_way() -> None:
    assert after(0, 0)[0].window == 2
    assert after(1, 0.1, connections=5)[0].window == 5


@pytest.mark.parametrize(("every", "window"), [(0.5, 2), (0.05, 20), (0.01, 100)])
def test_no_more_is_meant_than_the_target_answers_in_a_second(every: float, window: int) -> None:
    assert after(400, every)[0].window == pytest.approx(window, abs=1)


def test_the_first_few_answers_promise_nothing() -> None:
    assert after(4, 0.001)[0].window == 4


def test_a_target_that_is_fast_beyond_measure_is_believed_up_to_a_limit() -> None:
    assert after(2000, 0.0005)[0].window == 500


def test_a_target_that_has_become_slow_is_meant_less_for() -> None:
    pace, clock = after(400, 0.01)
    clock.now += 2.1
    assert pace.window == 2


def test_the_slowest_answer_is_remembered() -> None:
    pace, _ = after(1, 1, seconds=4.0)
    pace.answered(0.2)
    assert pace.slowest == 4.0
