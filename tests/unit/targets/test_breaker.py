"""The circuit breaker alone, with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.targets.breaker import OPENS_AFTER, PROBE_LOOK, Breaker, Shut, Ticket


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.clock, lambda: 0.5)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.away(self.breaker.enter(), "It is down.")

    def opened(self) -> Breaker:
        self.fail(OPENS_AFTER)
        return self.breaker


def test_it_opens_after_a_few_outages_in_a_row_and_not_before() -> None:
    scene = Scene()
    scene.fail(OPENS_AFTER - 1)
    assert scene.breaker.shut() is None
    scene.breaker.answered()
    scene.fail(OPENS_AFTER - 1)
    assert (scene.breaker.shut(), scene.breaker.open) == (None, False)
    scene.fail()
    assert scene.breaker.shut() == Shut("down", "It is down.", 2.0)


def test_one_request_at_a_time_is_let_through_once_the_pause_is_over() -> None:
    scene = Scene()
    breaker = scene.opened()
    scene.clock.now += 1.5
    assert breaker.shut() == Shut("down", "It is down.", 0.5)
    scene.clock.now += 0.5
    assert breaker.shut() is None
    probe = breaker.enter()
    assert (probe.probe, breaker.shut()) == (True, Shut("down", "It is down.", PROBE_LOOK))
    breaker.away(probe, "Still down.")
    assert breaker.shut() == Shut("down", "Still down.", 4.0)


def test_any_answer_closes_it() -> None:
    breaker = Scene().opened()
    breaker.answered()
    assert (breaker.shut(), breaker.open) == (None, False)


def test_a_probe_that_was_given_up_leaves_its_place_to_the_next() -> None:
    scene = Scene()
    breaker = scene.opened()
    scene.clock.now += 2.0
    breaker.forget(breaker.enter())
    assert breaker.shut() is None
    assert breaker.enter().probe


def test_requests_that_were_under_way_when_it_opened_do_not_make_the_pause_longer() -> None:
    scene = Scene()
    early = [scene.breaker.enter() for _ in range(OPENS_AFTER + 20)]
    for ticket in early:
        scene.breaker.away(ticket, "It is down.")
    assert scene.breaker.shut() == Shut("down", "It is down.", 2.0)


def test_an_outage_of_a_request_from_before_the_target_came_back_is_no_news() -> None:
    scene = Scene()
    late = [scene.breaker.enter() for _ in range(5)]
    breaker = scene.opened()
    breaker.answered()
    for ticket in late:
        breaker.away(ticket, "It is down.")
    assert breaker.shut() is None


def test_what_the_target_asked_for_is_kept_by_all_and_no_answer_to_another_makes_it_shorter() -> None:
    scene = Scene()
    breaker = scene.breaker
    breaker.asked(30.0, "Busy.")
    breaker.answered()
    breaker.asked(5.0, "Not so busy.")
    assert breaker.shut() == Shut("asked", "Busy.", 31.5)
    assert breaker.shut(urgent=True) == Shut("asked", "Busy.", 31.5)
    scene.clock.now += 31.5
    assert breaker.shut() is None


def test_who_is_urgent_does_not_wait_for_the_pause_of_an_outage() -> None:
    breaker = Scene().opened()
    assert breaker.shut(urgent=True) is None
    assert breaker.enter().probe
    assert breaker.shut(urgent=True) is None
    assert not breaker.enter().probe


def test_whose_patience_ends_may_have_the_next_request_sent_at_once() -> None:
    breaker = Scene().opened()
    breaker.probe_soon()
    assert breaker.shut() is None


STEPS = st.lists(
    st.sampled_from(["ask", "wait", "wait long", "answered", "away", "forget", "asked"]), max_size=80
)


@given(STEPS, st.floats(0, 1))
def test_whatever_happens_an_open_breaker_lets_one_request_through_a_pause(
    steps: list[str], chance: float
) -> None:
    clock = Clock()
    breaker = Breaker(clock, lambda: chance)
    under_way: list[Ticket] = []
    probes: list[float] = []
    asked_until = 0.0
    for step in steps:
        match step:
            case "ask":
                was_open, shut = breaker.open, breaker.shut()
                if shut is not None:
                    assert shut.seconds > 0
                    continue
                assert clock.now >= asked_until
                ticket = breaker.enter()
                assert ticket.probe == was_open
                if was_open:
                    assert not any(one.probe and one.era == ticket.era for one in under_way)
                    probes.append(clock.now)
                under_way.append(ticket)
            case "wait":
                clock.now += 0.3
            case "wait long":
                clock.now += 20.0
            case "answered" if under_way:
                under_way.pop(0)
                breaker.answered()
                probes.clear()
                assert not breaker.open
            case "away" if under_way:
                breaker.away(under_way.pop(0), "down")
            case "forget" if under_way:
                ticket = under_way.pop(0)
                breaker.forget(ticket)
                if ticket.probe:
                    probes.clear()
            case "asked":
                breaker.asked(1.0, "busy")
                asked_until = clock.now + 1.0
        # Two probes lie as far apart as the shortest pause of an open breaker, at least.
        assert all(later - sooner >= 1.5 for sooner, later in pairwise(probes))
