"""Regular expressions of users cannot hold up a worker."""

from __future__ import annotations

import pytest

from worker.mapping import regex
from worker.mapping.problems import Unconvertible
from worker.mapping.regex import PatternRefused, compile_regex, compile_replace


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("a(.)", r"<\1>", "abac", "<b><c>"),
        (r"\s*\(.*\)", "", "Blake (painter)", "Blake"),
        ("x", r"\\", "axb", r"a\b"),
        ("x*", "-", "abc", "-a-b-c-"),
        ("(a)|(b)", r"[\1\2]", "ab", "[a][b]"),
        ("é", "e", "caféé", "cafee"),
        ("q", "z", "abc", "abc"),
    ],
)
def test_every_match_is_replaced(pattern: str, replacement: str, text: str, result: str) -> None:
    assert compile_replace(pattern, replacement)(text) == result


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{9999}", "[", "\ud800"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        compile_regex(pattern)


def test_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(PatternRefused, match="names a group, but the pattern has 1"):
        compile_replace("(a)", r"\2")


def test_a_pattern_that_explodes_elsewhere_is_linear() -> None:
    assert compile_replace("(a+)+$", "")("a" * 100_000 + "!") == "a" * 100_000 + "!"


def test_many_matches_that_each_read_to_the_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex, "SECONDS", 0.0)
    replace = compile_replace("a*b|a", "x")
    with pytest.raises(Unconvertible) as stopped:
        replace("a" * 20_000)
    assert stopped.value.code == "pattern-too-slow"


def test_a_text_does_not_grow_without_end() -> None:
    with pytest.raises(Unconvertible) as stopped:
        compile_replace("", "x" * 3_000)("a" * 10_000)
    assert stopped.value.code == "text-too-long"


def test_half_a_character_is_told() -> None:
    with pytest.raises(Unconvertible) as told:
        compile_replace("a", "b")("a\ud800")
    assert told.value.code == "text-not-unicode"
