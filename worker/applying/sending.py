"""Sending one operation: repeat what certainly did not take effect, never what may have."""

from __future__ import annotations

import time
from typing import assert_never

from msgspec import Struct

from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing
from worker.applying.pace import Pace
from worker.applying.results import Deleted, RefusedResult, Written
from worker.context import RunContext
from worker.errors import Fatal
from worker.targets.base import HELD, Adapter, Barred, Done, Lost, NotDone, Refused

FRESH = 20.0
"""Seconds after which what is to be changed is read once more before it is: a change says all values of a
resource, and after a pause of the target somebody may have edited it."""


REQUESTS = 16
"""Requests of others that may lie between the reading of a resource and its change."""


class Aged(Struct, frozen=True):
    """It was not sent: what it changes was read too long ago."""

    outgoing: Outgoing


class Sender:
    """The way of one operation to the target."""

    def __init__(self, context: RunContext, adapter: Adapter, outage: Outage, pace: Pace) -> None:
        self._context = context
        self._adapter = adapter
        self._outage = outage
        self._pace = pace

    async def send(self, outgoing: Outgoing) -> Written | Deleted | RefusedResult | Refused | Lost | Aged:
        """Send it until it is answered. `Refused`: it is to be looked for before it is rejected.

        Raises `StoppedError` when the run was told to stop before it was sent, `Fatal` when the target
        stays away, or would take nothing else either.
        """
        attempt = 0
        while True:
            await self._outage.admitted()
            await self._context.still_held()
            attempt += 1
            began = time.monotonic()
            if outgoing.before is not None and began - outgoing.read_at > self._fresh:
                return Aged(outgoing)
            (answer,) = await self._adapter.carry_out([outgoing.operation])
            match answer:
                case NotDone(code=code) if code == HELD:
                    attempt -= 1
                    continue
                case NotDone(message=message, retry_after=retry_after):
                    await self._outage.wait(attempt, message, retry_after)
                    continue
                case Done(saved=saved, touched=touched):
                    self._pace.answered(time.monotonic() - began)
                    self._outage.wrote = True
                    await self._outage.over()
                    if saved is None:
                        return Deleted(outgoing)
                    payload = outgoing.operation.payload
                    found = self._adapter.differences(payload, saved)
                    return Written(outgoing, saved, found, touched=touched)
                case Barred(code=code, message=message):
                    raise Fatal(code, message)
                case Refused(code=code, message=message, look_once=look_once):
                    self._pace.answered(time.monotonic() - began)
                    await self._outage.over()
                    if look_once:
                        self._outage.wrote = True
                        return answer
                    return RefusedResult(outgoing, code, message)
                case Lost():
                    self._outage.wrote = True
                    return answer
                case _:
                    assert_never(answer)

    @property
    def _fresh(self) -> float:
        """Where the settings let few requests through, reading and changing take longer by themselves."""
        return FRESH + REQUESTS * self._outage.seconds_a_request
