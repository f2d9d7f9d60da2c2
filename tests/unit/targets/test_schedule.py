"""What a target may be asked at a moment, and until when: also where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pacing import PaceWindow
from worker.targets.schedule import Allowed, Schedule

LONDON, NEW_YORK, APIA, LORD_HOWE = "Europe/London", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"


def window(days: str, begins: str, ends: str, **more: Any) -> PaceWindow:
    return PaceWindow.model_validate({"days": days, "from": begins, "to": ends, **(more or {"quiet": True})})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = window("mon-fri", "08:00", "18:00", connections=1, requests_per_second=2)
NIGHT = window("mon-sun", "22:00", "06:00")
HOUR_LOST = window("mon-sun", "01:15", "01:45")
INTO_IT = window("mon-sun", "00:30", "01:30")
OUT_OF_IT = window("mon-sun", "01:30", "03:00")


@pytest.mark.parametrize(
    ("windows", "zone", "now", "quiet", "until"),
    [
        # Thursday in winter: London is UTC
        ([OFFICE], LONDON, "2026-11-26 07:59:59", False, "2026-11-26 08:00"),
        ([OFFICE], LONDON, "2026-11-26 08:00", False, "2026-11-26 18:00"),
        ([OFFICE], LONDON, "2026-11-27 18:00", False, "2026-11-30 08:00"),  # over the weekend
        ([OFFICE], LONDON, "2026-07-02 08:00", False, "2026-07-02 17:00"),  # summer time
        ([OFFICE], NEW_YORK, "2026-11-26 12:59", False, "2026-11-26 13:00"),
        # over midnight
        ([NIGHT], LONDON, "2026-11-26 21:59", False, "2026-11-26 22:00"),
        ([NIGHT], LONDON, "2026-11-26 22:00", True, "2026-11-27 06:00"),
        ([NIGHT], LONDON, "2026-11-27 05:59:59", True, "2026-11-27 06:00"),
        ([NIGHT], LONDON, "2026-11-27 06:00", False, "2026-11-27 22:00"),
        ([window("fri", "22:00", "06:00")], LONDON, "2026-11-28 03:00", True, "2026-11-28 06:00"),
        ([window("fri", "22:00", "06:00")], LONDON, "2026-11-27 03:00", False, "2026-11-27 22:00"),
        ([window("sun", "00:00", "24:00")], LONDON, "2026-11-29 23:59", True, "2026-11-30 00:00"),
        # the night in which an hour is skipped is shorter, that with one twice is longer
        ([NIGHT], LONDON, "2026-03-28 22:00", True, "2026-03-29 05:00"),
        ([NIGHT], LONDON, "2026-10-24 21:00", True, "2026-10-25 06:00"),
        # 01:00 to 02:00 is skipped on 29 March, at 01:00 UTC
        ([HOUR_LOST], LONDON, "2026-03-29 00:59:59", False, "2026-03-30 00:15"),
        ([INTO_IT], LONDON, "2026-03-29 00:30", True, "2026-03-29 01:00"),
        ([INTO_IT], LONDON, "2026-03-29 01:00", False, "2026-03-29 23:30"),
        ([OUT_OF_IT], LONDON, "2026-03-29 00:59:59", False, "2026-03-29 01:00"),
        ([OUT_OF_IT], LONDON, "2026-03-29 01:00", True, "2026-03-29 02:00"),
        # 01:00 to 02:00 comes twice on 25 October: from 00:00 and from 01:00 UTC
        ([HOUR_LOST], LONDON, "2026-10-25 00:15", True, "2026-10-25 01:45"),
        ([INTO_IT], LONDON, "2026-10-25 00:45", True, "2026-10-25 01:30"),
        ([OUT_OF_IT], LONDON, "2026-10-25 00:29", False, "2026-10-25 00:30"),
        ([OUT_OF_IT], LONDON, "2026-10-25 00:30", True, "2026-10-25 03:00"),
        # half an hour is skipped, from 02:00 to 02:30
        ([window("mon-sun", "02:15", "03:00")], LORD_HOWE, "2026-10-03 15:29:59", False, "2026-10-03 15:30"),
        ([window("mon-sun", "02:15", "03:00")], LORD_HOWE, "2026-10-03 15:30", True, "2026-10-03 16:00"),
        # a whole day was skipped: Friday, 30 December 2011
        ([window("fri", "08:00", "18:00")], APIA, "2011-12-30 18:00", False, "2012-01-05 18:00"),
    ],
)  # fmt: skip
def test_whether_it_is_quiet_and_until_when(
    windows: list[PaceWindow], zone: str, now: str, quiet: bool, until: str
) -> None:
    found = Schedule(2, None, windows, zone).at(utc(now))
    assert (found.quiet, found.until) == (quiet, utc(until))


def test_the_limits_of_a_window_are_the_stricter_ones() -> None:
    schedule = Schedule(4, 5.0, [OFFICE, window("sat", "00:00", "24:00", connections=2)], LONDON)
    assert schedule.at(utc("2026-11-26 12:00")) == Allowed(False, 1, 2.0, utc("2026-11-26 18:00"))
    assert schedule.at(utc("2026-11-26 19:00")) == Allowed(False, 4, 5.0, utc("2026-11-27 08:00"))
    assert schedule.at(utc("2026-11-28 19:00")) == Allowed(False, 2, 5.0, utc("2026-11-29 00:00"))


def test_without_windows_nothing_changes() -> None:
    assert Schedule(3).at(utc("2026-11-26 12:00")) == Allowed(False, 3, None, None)


def test_of_two_windows_in_the_hour_that_comes_twice_the_stricter_one_holds() -> None:
    schedule = Schedule(2, None, [INTO_IT, window("mon-sun", "01:30", "06:00", connections=1)], LONDON)
    assert schedule.at(utc("2026-10-25 00:45")).quiet
    assert schedule.at(utc("2026-10-25 01:29")).quiet
    assert schedule.at(utc("2026-10-25 01:30")) == Allowed(False, 1, None, utc("2026-10-25 06:00"))


def test_quiet_hours_end_where_no_window_follows_at_once() -> None:
    weekend = [
        window("fri", "18:00", "24:00"),
        window("sat,sun", "00:00", "24:00"),
        window("mon", "00:00", "07:30"),
    ]
    schedule = Schedule(2, None, weekend, LONDON)
    friday = utc("2026-11-27 20:00")
    assert schedule.at(friday).until == utc("2026-11-28 00:00")
    assert schedule.quiet_until(friday) == utc("2026-11-30 07:30")
    assert schedule.quiet_until(utc("2026-11-29 12:00")) == utc("2026-11-30 07:30")
    assert schedule.quiet_until(utc("2026-11-30 07:30")) is None


@pytest.mark.parametrize(
    ("moment", "now", "told"),
    [
        ("2026-07-02 17:00", "2026-07-02 12:00", "18:00 Europe/London (2026-07-02 17:00 UTC)"),
        ("2026-11-30 07:30", "2026-11-27 20:00", "Mon 30 Nov 07:30 Europe/London (2026-11-30 07:30 UTC)"),
        ("2026-11-26 18:00:05", "2026-11-26 18:00", "18:00:05 Europe/London (2026-11-26 18:00:05 UTC)"),
    ],
)
def test_a_moment_is_told_in_the_target_s_own_time(moment: str, now: str, told: str) -> None:
    assert Schedule(1, None, [NIGHT], LONDON).told(utc(moment), utc(now)) == told


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    begins, ends = draw(
        st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] != pair[1])
    )
    days = draw(st.sampled_from(["mon", "mon-fri", "sat,sun", "mon-sun", "fri-mon"]))
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in (begins, ends)]
    zone = draw(st.sampled_from([LONDON, NEW_YORK, LORD_HOWE, APIA, "UTC", "Asia/Kathmandu"]))
    return Schedule(2, None, [window(days, *clock)], zone)


MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001


@given(schedules(), MOMENTS, st.floats(0, 1))
def test_what_holds_now_holds_until_it_is_said_to_end_and_then_changes(
    schedule: Schedule, now: datetime, part: float
) -> None:
    found = schedule.at(now)
    assert found.until is not None
    assert found.until > now
    between = now + (found.until - now) * part
    if between < found.until:
        assert schedule.at(between) == found
    assert schedule._at(found.until - timedelta(microseconds=1)) == found
    after = schedule._at(found.until)
    assert after.quiet or found.quiet  # a window begins or ends; of whole days one may follow another
    assert after.until is not None
    assert after.until > found.until


@given(schedules(), MOMENTS)
def test_a_moment_in_no_doubtful_hour_is_quiet_as_a_clock_on_the_wall_says(
    schedule: Schedule, now: datetime
) -> None:
    (one,) = schedule._windows
    local = now.astimezone(schedule._zone)
    around = {(now + timedelta(hours=hour)).astimezone(schedule._zone).utcoffset() for hour in range(-30, 31)}
    if len(around) > 1:
        return
    second = (local.hour * 60 + local.minute) * 60 + local.second + local.microsecond / 1e6
    today, yesterday = local.weekday() in one.on, (local.weekday() - 1) % 7 in one.on
    if one.begins < one.ends:
        expected = today and one.begins <= second < one.ends
    else:
        expected = (today and second >= one.begins) or (yesterday and second < one.ends)
    assert schedule.at(now).quiet == expected
