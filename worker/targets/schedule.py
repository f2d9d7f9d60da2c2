"""What a target may be asked at a moment, and until when that holds. Pure: moments go in and come out.

Windows are local times of a week (`service.pacing`). Each is put on the days of the calendar as moments: a
time that the clocks skip is the moment of the skip, and of a time that comes twice a window begins at the
first and ends at the second. So a window never ends earlier than somebody who looks at a clock expects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from service.pacing import DAY, PaceWindow, zone_of
from service.settings import TargetSettings

MOST_DAYS = 8
"""Days ahead within which every week repeats itself."""


class Allowed(Struct, frozen=True):
    """What holds from now `until` a moment (UTC; None: for days at least)."""

    quiet: bool
    connections: int
    requests_per_second: float | None
    until: datetime | None


class Schedule:
    """The limits of one target over time."""

    def __init__(
        self,
        connections: int,
        requests_per_second: float | None = None,
        windows: Sequence[PaceWindow] = (),
        time_zone: str = "UTC",
    ) -> None:
        self.connections = connections
        self._requests_per_second = requests_per_second
        self._windows = tuple(windows)
        self.time_zone = time_zone or "UTC"
        self._zone = zone_of(self.time_zone)
        self._known: tuple[datetime, Allowed] | None = None
        self._quiet: tuple[datetime, datetime] | None = None

    @classmethod
    def of(cls, settings: TargetSettings) -> Schedule:
        return cls(settings.connections, settings.requests_per_second, settings.pace, settings.time_zone)

    def at(self, now: datetime) -> Allowed:
        """What holds at `now` (with a zone). Asked before every request, so what is known is kept."""
        if self._known is not None:
            since, allowed = self._known
            if since <= now and (allowed.until is None or now < allowed.until):
                return allowed
        allowed = self._at(now)
        # Without windows nothing ever changes; with some, a far `until` is worked out again now and then.
        self._known = (now, allowed) if allowed.until is not None or not self._windows else None
        return allowed

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours end in which `now` lies, windows that follow at once included; None: it is
        not quiet, or has no end within a week."""
        if self._quiet is not None and self._quiet[0] <= now < self._quiet[1]:
            return self._quiet[1]
        end: datetime | None = None
        moment = now
        while (allowed := self._at(moment)).quiet and allowed.until is not None:
            end = moment = allowed.until
            if moment - now > timedelta(days=MOST_DAYS):
                break
        self._quiet = (now, end) if end is not None else None
        return end

    def told(self, moment: datetime, now: datetime) -> str:
        """A moment as people at the target say it: `18:00 Europe/London (2026-11-26 18:00 UTC)`."""
        local, today = moment.astimezone(self._zone), now.astimezone(self._zone)
        clock = "%H:%M" if local.second == 0 else "%H:%M:%S"
        day = "" if local.date() == today.date() else f"{local:%a %d %b }"
        return f"{day}{local:{clock}} {self.time_zone} ({moment.astimezone(UTC):%Y-%m-%d {clock}} UTC)"

    def _at(self, now: datetime) -> Allowed:
        now = now.astimezone(UTC)
        inside: list[PaceWindow] = []
        changes: list[datetime] = []
        today = now.astimezone(self._zone).date()
        for window in self._windows:
            for ahead in range(-2, MOST_DAYS + 1):
                day = today + timedelta(days=ahead)
                if day.weekday() not in window.on:
                    continue
                begins, ends = occurrence(window, day, self._zone)
                if begins <= now < ends:
                    inside.append(window)
                changes.extend(moment for moment in (begins, ends) if moment > now and begins < ends)
        rates = [one.requests_per_second for one in inside] + [self._requests_per_second]
        # Two hold at once only in the hour that comes twice: the stricter one counts.
        return Allowed(
            any(one.quiet for one in inside),
            min([self.connections, *(one.connections for one in inside if one.connections is not None)]),
            min((rate for rate in rates if rate is not None), default=None),
            min(changes, default=None),
        )


def occurrence(window: PaceWindow, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end (UTC) of a window that begins on a day; equal where the clocks skip all of it."""
    over_midnight = window.ends <= window.begins
    begins = _moment(day, window.begins, zone, last=False)
    ends = _moment(day + timedelta(days=1) if over_midnight else day, window.ends, zone, last=True)
    return begins, max(begins, ends)


def _moment(day: date, second: int, zone: ZoneInfo, *, last: bool) -> datetime:
    """The moment of a local time. `last`: the second one, where it comes twice."""
    local = datetime.combine(day, time()) + timedelta(seconds=second % DAY, days=second // DAY)
    early = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if late >= early:
        return late if last else early
    # A time that the clocks skip. Both readings lie around the skip: find it to the second.
    before, after = late, early
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
