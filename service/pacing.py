"""Hours in which a target is to be left alone, or asked less: `[[targets.NAME.pace]]` in `accession.toml`.

Written in local time, as people agree on them ("not on weekdays between eight and six"). What they come
to at a moment, changes of summer time included, is worked out by the worker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time
from itertools import combinations
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?")
DAY = 24 * 3600
WEEK = 7 * DAY


class PaceWindow(BaseModel):
    """Some hours of some days of a week, and what holds in them. `to` before `from` is on the next day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    days: str = Field(
        "mon-sun",
        description="Days on which it begins: `mon-fri`, `sat,sun`, `mon-wed,fri`; all, if not said.",
    )
    begins: int = Field(alias="from", description="Local time at which it begins, such as `08:00`.")
    ends: int = Field(
        alias="to", description="Local time at which it ends, up to `24:00`; before `from`: on the next day."
    )
    quiet: bool = Field(False, description="Whether nothing at all is asked of the target.")
    connections: int | None = Field(None, ge=1, le=64, description="Most requests at a time meanwhile.")
    requests_per_second: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Most requests in a second meanwhile; 0.5 is one in two seconds.",
    )

    @field_validator("days")
    @classmethod
    def _names_days(cls, value: str) -> str:
        days_of(value)
        return value

    @field_validator("begins", "ends", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return seconds_of(value)

    @model_validator(mode="after")
    def _says_something(self) -> PaceWindow:
        if self.begins == self.ends:
            raise ValueError(
                f"from and to are both {clock_of(self.begins)}: for a whole day write from 00:00 to 24:00"
            )
        if self.begins == DAY:
            raise ValueError("from: 24:00 is 00:00 of the next day; write that")
        limits = self.connections is not None or self.requests_per_second is not None
        if self.quiet and limits:
            raise ValueError("quiet means no requests at all, so it takes no other limits")
        if not self.quiet and not limits:
            raise ValueError(
                "say what holds in these hours: quiet = true, or connections, or requests_per_second"
            )
        return self

    @property
    def on(self) -> frozenset[int]:
        """The days on which it begins; 0 is Monday."""
        return days_of(self.days)

    def __str__(self) -> str:
        return f"{self.days} {clock_of(self.begins)}-{clock_of(self.ends)}"


def days_of(text: str) -> frozenset[int]:
    """`mon-wed,fri` → {0, 1, 2, 4}; `fri-mon` goes over the end of the week. Raises `ValueError`."""
    found: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS or part.endswith("-"):
            raise ValueError(
                f"{part!r} is no day: write mon, tue, wed, thu, fri, sat, sun, mon-fri, or sat,sun"
            )
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found)


def seconds_of(value: object) -> int:
    """`08:00`, `08:00:30`, `24:00`, or a time of TOML → seconds since midnight. Raises `ValueError`."""
    if isinstance(value, time):
        return value.hour * 3600 + value.minute * 60 + value.second
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if minutes < 60 and seconds < 60 and total <= DAY:
            return total
    raise ValueError(f"{value!r} is no time of day: write it like 08:00")


def clock_of(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{rest:02}" if rest else "")


def zone_of(name: str) -> ZoneInfo:
    """Raises `ValueError` for a zone that there is not."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone: write it as Europe/London, America/New_York or UTC"
        ) from None


class Span(NamedTuple):
    """Seconds of a week, from Monday 00:00; `to` not included."""

    begins: int
    ends: int


def spans(window: PaceWindow) -> list[Span]:
    """Where a window lies in a week, in pieces that do not go over its end."""
    found = []
    length = (window.ends - window.begins) % DAY or DAY
    for day in sorted(window.on):
        begins = day * DAY + window.begins
        ends = begins + length
        found.append(Span(begins, min(ends, WEEK)))
        if ends > WEEK:
            found.append(Span(0, ends - WEEK))
    return found


def check_windows(windows: Sequence[PaceWindow]) -> None:
    """Raises `ValueError` where two windows overlap, or nothing but quiet is left."""
    for one, other in combinations(windows, 2):
        for a in spans(one):
            for b in spans(other):
                both = max(a.begins, b.begins)
                if both < min(a.ends, b.ends):
                    day, second = divmod(both, DAY)
                    raise ValueError(
                        f"{one} and {other} overlap on {DAYS[day]} from {clock_of(second)}: "
                        "only one can hold at a time"
                    )
    quiet = sum(span.ends - span.begins for window in windows if window.quiet for span in spans(window))
    if quiet >= WEEK:
        raise ValueError("the whole week is quiet: nothing could ever be imported")
