"""What is done to texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.control.model import Split
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, is_blank, slug, split_text, strip_html, title_case


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, None),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1998, "1998"),
        (1998.10, "1998.1"),
        (1.0, "1.0"),
        (-5, "-5"),
    ],
)
def test_the_text_of_a_value_is_its_json(value, text) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", [["a"], {"a": 1}, [], {}, 10**400, float("inf"), float("nan")])
def test_what_is_no_text_is_refused(value) -> None:
    with pytest.raises(Unconvertible) as refused:
        as_text(value)
    assert refused.value.code == "value-not-text"


def test_false_and_zero_are_values_and_nothing_is_blank() -> None:
    assert [is_blank(v) for v in (False, 0, "0", None, "", " \u00a0\n", [], {})] == [False] * 3 + [True] * 5


@pytest.mark.parametrize(
    ("text", "split", "pieces"),
    [
        ("a; b;c", Split(";"), ["a", " b", "c"]),
        ("a; b", Split("; "), ["a", "b"]),
        ("a\\;b;c", Split(";", escape="\\"), ["a;b", "c"]),
        ("a\\\\;b", Split(";", escape="\\"), ["a\\", "b"]),
        ("a\\nb;c", Split(";", escape="\\"), ["a\\nb", "c"]),
        ("Blake (after; Raphael); Turner", Split("; ", brackets=True), ["Blake (after; Raphael)", "Turner"]),
        ("a [b; {c; d}]; e", Split("; ", brackets=True), ["a [b; {c; d}]", "e"]),
        ("a (b; c", Split("; ", brackets=True), ["a (b", "c"]),
        ("a) b; c", Split("; ", brackets=True), ["a) b", "c"]),
        ("", Split(";", brackets=True), [""]),
    ],
)
def test_a_text_in_pieces(text: str, split: Split, pieces: list[str]) -> None:
    assert split_text(text, split) == pieces


@given(st.lists(st.text(alphabet="abc ([{}])\\;", max_size=8), min_size=1, max_size=6))
def test_joining_what_was_split_gives_the_text(pieces: list[str]) -> None:
    text = ";".join(pieces)
    assert ";".join(split_text(text, Split(";", brackets=True))) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("a<br/>b", "a b"),
        ("<i>The</i> <b>Cat</b>", "The Cat"),
        ("Tom &amp; Jerry &eacute;", "Tom & Jerry é"),
        ("5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("a<!-- <b>no</b> -->b", "ab"),
        ("a<script>if (a < b) { }</script>b", "ab"),
        ('<a title="x > y" href="#">link</a>', "link"),
        ("unfinished <b", "unfinished <b"),
        ("&lt;b&gt;", "<b>"),
    ],
)
def test_html_is_read_as_a_browser_shows_it(markup: str, text: str) -> None:
    assert strip_html(markup) == text


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<![", "</", '<a "', "<script>", "<a '>", "&"])
def test_stripping_ten_million_odd_characters_ends(piece: str) -> None:
    assert isinstance(strip_html(piece * (10_000_000 // len(piece) // 10)), str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ærø Straße, 12!", "aero-strasse-12"), ("  Ça va?  ", "ca-va"), ("東京", ""), ("a--b", "a-b")],
)
def test_a_slug_is_ascii(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_title_keeps_the_rest_of_its_words() -> None:
    assert title_case("the mcDonald's o'clock été") == "The McDonald's O'clock Été"


def test_what_is_shown_is_short_and_obeys_nothing() -> None:
    assert [shown("a\x1b[31mb\n"), shown("x" * 200), shown({"a": 1, "b": 2}), shown([1, 2])] == [
        "a [31mb ",
        "x" * 100 + "…",
        "an object with a, b",
        "a list of 2",
    ]
