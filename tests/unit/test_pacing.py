"""Windows of `pace`: what is taken, what is refused, and with which words."""

from __future__ import annotations

import os
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from service.pacing import Span, days_of, seconds_of, spans
from service.settings import SettingsError, load_settings

TARGET = '[targets.museum]\nurl = "https://museum.example.org"\n'


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ACCESSION_", "OMEKA_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings_of(folder: Path, text: str) -> Any:
    (folder / "accession.toml").write_text(TARGET + text, encoding="utf-8")
    return load_settings().targets["museum"]


def window(text: str, zone: str = 'time_zone = "Europe/London"\n') -> str:
    return f"{zone}[[targets.museum.pace]]\n{text}\n"


def test_windows_are_read_from_the_file(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path,
        'requests_per_second = 5\ntime_zone = "Europe/London"\n'
        '[[targets.museum.pace]]\ndays = "mon-fri"\nfrom = "08:00"\nto = "18:00"\n'
        "connections = 1\nrequests_per_second = 2\n"
        '[[targets.museum.pace]]\nfrom = 22:00:00\nto = "06:30"\nquiet = true\n',
    )
    assert [str(one) for one in found.pace] == ["mon-fri 08:00-18:00", "mon-sun 22:00-06:30"]
    assert [(one.quiet, one.connections, one.requests_per_second) for one in found.pace] == [
        (False, 1, 2.0),
        (True, None, None),
    ]
    assert (found.requests_per_second, found.time_zone) == (5.0, "Europe/London")


def test_windows_can_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESSION_TARGETS__MUSEUM__URL", "https://museum.example.org")
    monkeypatch.setenv("ACCESSION_TARGETS__MUSEUM__TIME_ZONE", "UTC")
    monkeypatch.setenv("ACCESSION_TARGETS__MUSEUM__PACE", '[{"from": "8:00", "to": "9:00", "quiet": true}]')
    (one,) = load_settings().targets["museum"].pace
    assert (str(one), one.on) == ("mon-sun 08:00-09:00", frozenset(range(7)))


AT = "from = '08:00'\nto = '09:00'\n"
QUIET = "quiet = true\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ".0.from: Field required"),
        (QUIET + "to = '09:00'", ".0.from: Field required"),
        (QUIET + "from = '08:00'\nto = '08:00'", ".0: from and to are both 08:00: for a whole day write from 00:00"),
        (QUIET + "from = '24:00'\nto = '08:00'", ".0: from: 24:00 is 00:00 of the next day; write that"),
        (QUIET + "from = '8h'\nto = '09:00'", ".0.from: '8h' is no time of day: write it like 08:00"),
        (QUIET + "from = '08:00'\nto = '24:01'", ".0.to: '24:01' is no time of day"),
        (QUIET + "from = '08:60'\nto = '09:00'", ".0.from: '08:60' is no time of day"),
        (QUIET + AT + "days = 'mon-fry'", ".0.days: 'mon-fry' is no day: write mon, tue"),
        (QUIET + AT + "days = ''", ".0.days: '' is no day"),
        (QUIET + AT + "speed = 3", ".0.speed: Extra inputs are not permitted"),
        (AT, ".0: say what holds in these hours: quiet = true, or connections, or requests_per_second"),
        (QUIET + AT + "connections = 1", ".0: quiet means no requests at all, so it takes no other limits"),
        (AT + "connections = 3", ": mon-sun 08:00-09:00: connections = 3 is more than the target has at any time (2)"),
        (AT + "requests_per_second = 8", ": mon-sun 08:00-09:00: requests_per_second = 8 is more than the target has"),
        (AT + "requests_per_second = 0", ".0.requests_per_second: Input should be greater than 0"),
        (AT + "requests_per_second = inf", ".0.requests_per_second: Input should be a finite number"),
        (QUIET + "from = '00:00'\nto = '24:00'", ": the whole week is quiet: nothing could ever be imported"),
        (
            QUIET + "days = 'sun'\nfrom = '22:00'\nto = '08:30'\n[[targets.museum.pace]]\ndays = 'mon'\n" + QUIET + AT,
            ": sun 22:00-08:30 and mon 08:00-09:00 overlap on mon from 08:00: only one can hold at a time",
        ),
    ],
)  # fmt: skip
def test_a_window_that_makes_no_sense_is_refused_where_it_stands(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, window(text, "requests_per_second = 5\ntime_zone = 'Europe/London'\n"))
    where = "targets.museum: pace" if message.startswith(": ") else "targets.museum.pace"
    assert f"{where}{message}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_zone = 'Europe/Lundun'", ".time_zone: 'Europe/Lundun' is no time zone: write it as Europe/London"),
        ("time_zone = '../etc/passwd'", ".time_zone: '../etc/passwd' is no time zone"),
        ("requests_per_second = 0", ".requests_per_second: Input should be greater than 0"),
        ("requests_per_second = nan", ".requests_per_second: Input should be"),
        (window(QUIET + AT, ""), ": pace: say whose hours these are, as in time_zone = \"Europe/London\""),
    ],
)  # fmt: skip
def test_a_target_s_pace_that_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, text)
    assert f"targets.museum{message}" in str(caught.value)


def test_windows_that_touch_do_not_overlap(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path,
        window(
            "quiet = true\nfrom = '22:00'\nto = '06:00'\n"
            "[[targets.museum.pace]]\nconnections = 1\nfrom = '06:00'\nto = '22:00'"
        ),
    )
    assert len(found.pace) == 2


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", {0}),
        ("Mon-Fri", {0, 1, 2, 3, 4}),
        ("sat, sun", {5, 6}),
        ("mon-wed,fri", {0, 1, 2, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ("mon-sun", set(range(7))),
        ("tue-tue", {1}),
    ],
)
def test_days_are_names_and_ranges(text: str, days: set[int]) -> None:
    assert days_of(text) == days


@pytest.mark.parametrize(
    "text", ["", "mo", "mon-", "-fri", "mon--fri", "mon,,tue", "monday", "1-5", "mon-fri-sun"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no day"):
        days_of(text)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("00:00", 0), ("8:05", 29_100), ("08:00:30", 28_830), ("24:00", 86_400), (time(18, 30), 66_600)],
)
def test_a_time_of_day_is_seconds(value: object, seconds: int) -> None:
    assert seconds_of(value) == seconds


@pytest.mark.parametrize("value", ["24:00:01", "8", "08.00", "25:00", "-1:00", 8, 8.0, None, True])
def test_what_is_no_time_of_day_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is no time of day"):
        seconds_of(value)


def test_a_window_over_the_end_of_the_week_has_two_pieces(tmp_path: Path) -> None:
    found = settings_of(tmp_path, window("quiet = true\ndays = 'sun'\nfrom = '22:00'\nto = '06:00'"))
    day, hour = 86_400, 3600
    assert spans(found.pace[0]) == [Span(6 * day + 22 * hour, 7 * day), Span(0, 6 * hour)]
