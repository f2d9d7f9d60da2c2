"""Values of Omeka S's modules: what they would save, and what they would not take."""

from __future__ import annotations

import pytest

from worker.mapping import geography, numeric
from worker.mapping.problems import Unconvertible


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("1920", "1920"),
        ("-0043", "-0043"),
        ("12000", "12000"),
        ("1920-05", "1920-05"),
        ("2020-02-29", "2020-02-29"),
        ("2020-01-01T10", "2020-01-01T10"),
        ("2020-01-01T10:30:15", "2020-01-01T10:30:15"),
        ("2020-01-01T10:30Z", "2020-01-01T10:30+00:00"),
        ("2020-01-01T10:30:00-05", "2020-01-01T10:30:00-05:00"),
    ],
)
def test_a_timestamp_is_written_as_it_will_be_saved(text: str, saved: str) -> None:
    assert numeric.timestamp(text) == saved


@pytest.mark.parametrize(
    "text",
    [
        "",
        "920",
        "1920-5",
        "c. 1920",
        "2019-02-29",
        "1920-13",
        "1920-05-32",
        "1920T10",
        "2020-01-01T24:00",
        "292277026596",
        "1920\n",
        "2020-01-01:30",
        "1920+01:00",
        "2020-01-01T10:30+25:00",
        "1920/1921",
        "1" * 400,
    ],
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        numeric.timestamp(text)
    assert refused.value.code == "numeric-timestamp"


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("1920/1925", "1920/1925"),
        ("1920/1920", "1920/1920"),
        ("1920-02/1920-02", "1920-02/1920-02"),
        ("-0100/0100", "-0100/0100"),
    ],
)
def test_an_interval(text: str, saved: str) -> None:
    assert numeric.interval(text) == saved


@pytest.mark.parametrize(
    "text", ["1920", "1925/1920", "1920/", "../1920", "1920/1921/1922", "a/b", "1920~/1921"]
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        numeric.interval(text)
    assert refused.value.code == "numeric-interval"


@pytest.mark.parametrize("text", ["P1Y", "PT90M", "P1Y2M3DT4H5M6S", "P0D"])
def test_a_duration(text: str) -> None:
    assert numeric.duration(text) == text


@pytest.mark.parametrize(
    "text", ["P", "PT", "1Y", "P1W", "P1.5Y", "-P1Y", "P1M1Y", "P999999999999999Y", "P1YT"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        numeric.duration(text)
    assert refused.value.code == "numeric-duration"


def test_an_integer_is_one_that_a_browser_can_hold() -> None:
    assert [numeric.integer(text) for text in ("5", "+05", "-9007199254740991")] == [
        "5",
        "5",
        "-9007199254740991",
    ]
    for text in ("1.5", "1e3", "9007199254740992", "", "1,000", "٣٣٣a", "9" * 5_000):
        with pytest.raises(Unconvertible):
            numeric.integer(text)


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("51.4908,-0.1272", "51.4908,-0.1272"),
        (" +48.858252 , +2.294497 ", "48.858252,2.294497"),
        ("90,180", "90,180"),
        ("-90,-180", "-90,-180"),
    ],
)
def test_coordinates_are_written_as_they_will_be_saved(text: str, saved: str) -> None:
    assert geography.coordinates(text) == saved


@pytest.mark.parametrize("text", ["91,0", "0,181", "", "48 2", "a,b", "48", "1,2,3", "POINT (2 48)", "1e1,2"])
def test_what_is_no_pair_of_coordinates_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        geography.coordinates(text)
    assert refused.value.code == "not-coordinates"


def test_longitude_first_is_guessed_at() -> None:
    with pytest.raises(Unconvertible, match="is the longitude given first"):
        geography.coordinates("151.2,-33.8")


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("point(2.29 48.85)", "POINT(2.29 48.85)"),
        ("POINT  (2 48)", "POINT (2 48)"),
        ("SRID=4326;POINT(2 48)", "SRID=4326;POINT(2 48)"),
        ("LINESTRING(0 0, 1 1, 2 2)", "LINESTRING(0 0, 1 1, 2 2)"),
        (
            "POLYGON((0 0,1 0,1 1,0 0),(0 0,.5 0,.5 .5,0 0))",
            "POLYGON((0 0,1 0,1 1,0 0),(0 0,.5 0,.5 .5,0 0))",
        ),
        ("MULTIPOINT(0 0, 1 1)", "MULTIPOINT(0 0, 1 1)"),
        ("MULTIPOINT((0 0), (1 1))", "MULTIPOINT((0 0), (1 1))"),
        ("MULTIPOLYGON(((0 0,1 0,1 1,0 0)))", "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"),
        (
            "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))",
            "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))",
        ),
    ],
)
def test_well_known_text_is_saved_in_capitals(text: str, saved: str) -> None:
    assert geography.wkt(text, on_earth=True) == saved


@pytest.mark.parametrize(
    "text",
    [
        "",
        "POINT",
        "POINT()",
        "POINT(1)",
        "POINT(1 2",
        "POINT(1 2)x",
        "CIRCLE(1 2)",
        "POINT(1, 2)",
        "POINT(200 0)",
        "POLYGON(0 0,1 1)",
        "GEOMETRYCOLLECTION(" * 50,
        "(" * 100_000,
        "51.5,-0.1",
    ],
)
def test_what_is_no_geography_is_refused(text: str) -> None:
    with pytest.raises(Unconvertible) as refused:
        geography.wkt(text, on_earth=True)
    assert refused.value.code == "not-wkt"


def test_a_plane_reaches_further_than_the_earth() -> None:
    assert geography.wkt("POINT(2000 3000)", on_earth=False) == "POINT(2000 3000)"
    assert [geography.position("120.5,45"), geography.position("120, 45", whole=True)] == [
        "120.5,45",
        "120,45",
    ]
    with pytest.raises(Unconvertible):
        geography.position("1.5,2", whole=True)
