"""Carries out what was drawn for a run, when the target has got so many requests of it."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import assert_never

from tests.acceptance.worlds import Edit, Json, Place, State
from tests.chaos.drawing import Strike
from tests.chaos.house import LEASE, House
from tests.chaos.stores import away
from tests.standins.proxy import Fault, FaultProxy

NO_PROGRESS = 2.0
"""Seconds without a request after which the next strike comes all the same."""
BYSTANDER = "k1"
CREATOR = "dcterms:creator"


@dataclass
class Edited:
    """What somebody did to the site during a run: `before` is that of the run, as if it had stood there."""

    before: State
    added: dict[str, list[Json]] = field(default_factory=dict)
    """Identity → the creators that it has had since."""


class Strikes:
    """A thread beside a run."""

    def __init__(
        self, house: House, site: Place, proxy: FaultProxy, strikes: tuple[Strike, ...], edited: Edited
    ) -> None:
        self._house = house
        self._site = site
        self._proxy = proxy
        self._left = list(strikes)
        self._edited = edited
        self._from = len(proxy.log)
        self._over = threading.Event()
        self.history: list[str] = []
        """What was done, and after how many requests."""
        self.kinds: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="strikes")
        self._thread.start()

    def end(self) -> None:
        """No strike begins any more; whatever was ended runs again when this returns."""
        self._over.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    @property
    def _requests(self) -> int:
        return len(self._proxy.log) - self._from

    def _run(self) -> None:
        try:
            while self._left and self._wait_for(self._left[0].after):
                strike = self._left.pop(0)
                self.history.append(f"after {self._requests} requests: {strike.what}, {strike.seconds:g} s")
                self.kinds[strike.what] += 1
                self._strike(strike)
        except BaseException as error:
            self.failure = error

    def _wait_for(self, requests: int) -> bool:
        """False: the run is over."""
        seen, since = self._requests, time.monotonic()
        while self._requests < requests:
            if self._over.wait(0.004):
                return False
            if self._requests != seen:
                seen, since = self._requests, time.monotonic()
            elif time.monotonic() - since > NO_PROGRESS:
                return True
        return not self._over.is_set()

    def _strike(self, strike: Strike) -> None:
        house = self._house
        match strike.what:
            case "kill worker":
                house.end_worker(signal.SIGKILL)
                self._then(strike, house.new_worker)
            case "stop worker":
                house.end_worker(signal.SIGTERM)
                self._then(strike, house.new_worker)
            case "freeze worker":
                self._freeze(strike)
            case "freeze worker in a send":
                self._hold_a_write(strike)
                self._freeze(strike)
            case "kill service":
                house.end_service()
                self._then(strike, house.service_again)
            case "kill queue":
                house.end_queue()
                self._then(strike, house.queue_again)
            case "flush queue":
                house.flush_queue()
            case "kill everything":
                house.end_worker(signal.SIGKILL)
                house.end_service()
                house.end_queue()
                self._then(strike, house.queue_again)
                house.service_again()
                house.new_worker()
            case "keep the database away":
                with away(house.database):
                    time.sleep(strike.seconds)
            case "pause":
                self._pause(strike)
            case "pause and kill worker":
                self._pause(strike, house.another_worker)
            case "cancel":
                house.steer(house.steered, "cancel")
            case "edit of a bystander":
                self._edit(BYSTANDER, f"said after {self._requests}")
            case "edit while nobody works":
                while house.workers:  # one that was frozen before works beside the newest
                    house.end_worker(signal.SIGKILL)
                self._edit_what_was_written()
                self._then(strike, house.new_worker)
            case _:
                assert_never(strike.what)

    def _then(self, strike: Strike, again: Callable[[], None]) -> None:
        time.sleep(strike.seconds)
        again()

    def _pause(self, strike: Strike, meanwhile: Callable[[], None] | None = None) -> None:
        """Until it is resumed. What has ended cannot be paused, nor what is being cancelled."""
        batch = self._house.steered
        refused = self._house.steer(batch, "pause")
        time.sleep(strike.seconds)
        if meanwhile is not None:
            meanwhile()
        if refused in ("", "batch-paused"):  # the second: an earlier call got through, and its answer did not
            self._house.steer(batch, "resume")

    def _hold_a_write(self, strike: Strike) -> None:
        """Until one is under way: it acts at once or later, and is answered once the worker is awake."""
        late = strike.after % 2 == 0
        seconds = 1.5 * LEASE if late else 2 * LEASE + strike.seconds + 0.2
        fault = Fault("delay" if late else "hold", method="(POST|PUT|PATCH|DELETE)", seconds=seconds)
        self._proxy.add(fault)
        deadline = time.monotonic() + NO_PROGRESS
        while not fault.done and not self._over.is_set() and time.monotonic() < deadline:
            time.sleep(0.002)

    def _freeze(self, strike: Strike) -> None:
        """Past its lease; another has taken over and works when it wakes up."""
        house = self._house
        if not house.workers:
            return
        frozen = house.workers[-1]
        house.signal(frozen, signal.SIGSTOP)
        house.new_worker()
        time.sleep(2 * LEASE + strike.seconds)
        house.signal(frozen, signal.SIGCONT)

    # --- the second editor --------------------------------------------------------------------------

    def _edit(self, name: str, text: str) -> None:
        self._site.tick()
        self._site.edit(Edit(name, "add", CREATOR, text))
        self._site.tick()
        edited = self._site.dump().named(name)
        if edited is not None:
            self._edited.before = with_edit(self._edited.before, name, edited)
            self._edited.added[name] = edited[CREATOR]

    def _edit_what_was_written(self) -> None:
        """While no request is under way: what is edited between reading and writing is lost to anybody."""
        deadline = time.monotonic() + 10
        while self._proxy.in_flight and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self._proxy.in_flight, "the proxy is never at rest"
        names = sorted(self._site.dump().numbers().values())
        for name in names[:: max(1, len(names) // 5)]:
            self._edit(name, f"mine after {self._requests}")


def with_edit(state: State, name: str, edited: Json) -> State:
    """The state, had that edit been made before."""
    if state.named(name) is None:
        return state
    changed = State(deepcopy(state.tables))
    item = changed.named(name)
    assert item is not None
    item |= {key: edited[key] for key in (CREATOR, "o:modified")}
    return changed
