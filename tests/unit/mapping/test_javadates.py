"""Java's date patterns."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from worker.mapping.javadates import JavaDateError, compile_java_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "iso"),
    [
        ("dd/MM/yyyy", "01/02/1999", "1999-02-01"),
        ("d/M/yyyy", "1/2/1999", "1999-02-01"),
        ("yyyyMMdd", "19990201", "1999-02-01"),
        ("d MMM yy", "3 Feb 99", "1999-02-03"),
        ("d MMM yy", "3 Feb 49", "2049-02-03"),
        ("d MMMM yyyy", "3 février 1999", "1999-02-03"),
        ("EEE, d MMM yyyy", "Mon, 3 Feb 2020", "2020-02-03"),
        ("yyyy", "1863", "1863"),
        ("MM/yyyy", "02/1999", "1999-02"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T10:00:00Z", "2020-01-01T10:00:00+00:00"),
        ("yyyy-MM-dd HH:mm:ss.SSS Z", "2020-01-01 10:00:00.125 -0330", "2020-01-01T10:00:00.125-03:30"),
        ("dd.MM.yyyy hh:mm a", "01.02.2020 12:15 AM", "2020-02-01T00:15"),
        ("dd.MM.yyyy hh:mm a", "01.02.2020 01:15 pm", "2020-02-01T13:15"),
        ("yyyy-MM-dd HH:mm z", "2020-07-01 10:00 Europe/Paris", "2020-07-01T10:00+02:00"),
    ],
)
def test_a_text_is_read_by_its_pattern(pattern: str, text: str, iso: str) -> None:
    assert compile_java_pattern(pattern).parse(text).iso() == iso


def test_a_time_without_zone_takes_the_given_one() -> None:
    moment = compile_java_pattern("dd/MM/yyyy HH:mm").parse("01/07/2020 10:00")
    assert moment.iso(ZoneInfo("Europe/London")) == "2020-07-01T10:00+01:00"


def test_a_day_alone_takes_no_zone() -> None:
    assert compile_java_pattern("yyyy-MM-dd").parse("2020-07-01").iso(ZoneInfo("Asia/Tokyo")) == "2020-07-01"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("dd/MM/yyyy", "31/02/1999"),
        ("dd/MM/yyyy", "1999-02-01"),
        ("dd/MM/yyyy", "01/13/1999"),
        ("yyyy-MM-dd HH:mm", "2020-01-01 24:30"),
        ("d MMM yyyy", "3 Foo 1999"),
        ("hh:mm a yyyy-MM-dd", "13:00 am 2020-01-01"),
        ("yyyy", "1" * 5_000),
        ("yyyy-MM-dd HH:mm z", "2020-01-01 10:00 Nowhere/Land"),
    ],
)
def test_a_text_that_no_calendar_has_is_refused(pattern: str, text: str) -> None:
    with pytest.raises(JavaDateError):
        compile_java_pattern(pattern).parse(text)


@pytest.mark.parametrize("pattern", ["", "dd/MM", "YYYY-MM-dd", "yyyy-MM-dd'T", "yyyy MM M", "yyyy-QQ"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(JavaDateError):
        compile_java_pattern(pattern)
