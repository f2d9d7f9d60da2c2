"""Values of a plan side by side: what differs, what stays, what is written behind one, what has a place."""

from __future__ import annotations

import pytest

from service.admin.plan_values import FOLDED, MOST_LETTERS, Line, Room, Side, Value, side_by_side
from service.api.plan_entries import PropertyChange

PLENTY = 10**9


def change(
    removed: tuple[str, ...] = (),
    added: tuple[str, ...] = (),
    changed: tuple[tuple[str, str], ...] = (),
    stays: tuple[str, ...] = (),
) -> PropertyChange:
    before = (*removed, *(was for was, _ in changed), *stays)
    after = (*added, *(becomes for _, becomes in changed), *stays)
    return PropertyChange("dcterms:title", before, after, added, removed, changed)


def beside(one: PropertyChange, room: int = PLENTY) -> Side:
    side = side_by_side(one, Room(room), {})
    assert side is not None
    return side


def pair(before: str, after: str) -> tuple[Value, Value]:
    (line,) = beside(change((before,), (after,))).lines
    assert line.before is not None
    assert line.after is not None
    return line.before, line.after


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("The guitar", "A guitar", (("", "The", " guitar"), ("", "A", " guitar"))),
        ("Constable", "Constable, John", (("Constable", "", ""), ("Constable", ", John", ""))),
        # Words are not cut.
        ("Constance", "Constable", (("", "Constance", ""), ("", "Constable", ""))),
        ("no. 12", "no. 13", (("no. ", "12", ""), ("no. ", "13", ""))),
        ("a b c", "a x c", (("a ", "b", " c"), ("a ", "x", " c"))),
        ("same same", "same", (("same", " same", ""), ("same", "", ""))),
        ("", "x", (("", "", ""), ("", "x", ""))),
    ],
)
def test_what_two_values_have_of_their_own_is_told_from_what_is_the_same(
    before: str, after: str, parts: tuple[tuple[str, str, str], ...]
) -> None:
    found = pair(before, after)
    assert tuple((one.start, one.middle, one.end) for one in found) == parts
    assert [one.text for one in found] == [before, after]


def test_what_stands_behind_a_value_is_told_from_it_unless_it_differs() -> None:
    (line,) = beside(change(added=("1822 ^^numeric:timestamp (private)",))).lines
    assert line == Line("added", None, Value("", "1822", marks=" ^^numeric:timestamp (private)"))
    before, after = pair("The guitar @en", "The lute @en")
    assert (before.marks, after.marks) == (" @en", " @en")
    assert (before.text, after.text) == ("The guitar", "The lute")
    before, after = pair("The guitar", "The guitar (private)")
    assert (after.start, after.middle, after.marks) == ("The guitar", " (private)", "")
    (line,) = beside(change(added=("@en",))).lines
    assert line.after == Value("", "@en")


def test_lines_are_those_that_change_then_pairs_then_what_only_comes_or_goes() -> None:
    side = beside(change(("a", "b", "c"), ("x",), (("s", "s (private)"),), ("t", "t", "u")))
    assert [line.manner for line in side.lines] == ["changed", "changed", "removed", "removed"]
    assert [value.text for value in side.staying] == ["t", "t", "u"]
    assert (side.stays, side.left_out) == (3, 0)


def test_of_long_values_of_which_only_the_difference_is_known_none_stays() -> None:
    cut = f"{'x' * 199}…"
    one = PropertyChange("a", (cut, "t"), (cut, "t"), ("…x new…",), ("…x old…",), ())
    side = beside(one)
    assert [value.text for value in side.staying] == ["t"]
    assert side.stays == 1


def test_the_text_for_nothing_is_a_value_like_others() -> None:
    before, after = pair("(nothing)", "x")
    assert (before.text, after.text) == ("(nothing)", "x")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://x.example/a?b=1#c “Tate”", "https://x.example/a?b=1#c"),
        ("http://x.example", "http://x.example"),
        ("javascript:alert(1)", ""),
        ("JAVASCRIPT:https://x.example", ""),
        (" https://x.example", ""),
        ("https://", ""),
        ("https://x.example/" + "a" * 3000, ""),
    ],
)
def test_only_addresses_of_the_web_lead_somewhere(text: str, url: str) -> None:
    (line,) = beside(change(added=(text,))).lines
    assert line.after is not None
    assert line.after.url == url


def test_a_value_that_names_a_file_leads_to_it() -> None:
    side = side_by_side(change(added=("a.jpg", "b.jpg")), Room(PLENTY), {"a.jpg": "/files/1"})
    assert side is not None
    assert [line.after.href for line in side.lines if line.after] == ["/files/1", ""]


def test_long_values_are_folded_where_they_differ_and_the_longest_are_cut() -> None:
    before, after = pair("sky " * 200 + "first hour", "sky " * 200 + "second hour")
    assert before.is_long
    assert before.beginning.startswith("…")
    assert "first hour" in before.beginning
    assert "second hour" in after.beginning
    (line,) = beside(change(added=("x" * 1_000_000,))).lines
    assert line.after is not None
    assert (len(line.after.text), line.after.left_out) == (MOST_LETTERS, 1_000_000 - MOST_LETTERS)
    (line,) = beside(change(added=("x" * FOLDED,))).lines
    assert line.after is not None
    assert not line.after.is_long


def test_what_has_no_place_is_counted_and_nothing_comes_after_it() -> None:
    many = change(added=tuple(f"value {n}" for n in range(5000)))
    side = beside(many, room=10_000)
    assert 10 < len(side.lines) < 30
    assert len(side.lines) + side.left_out == 5000
    room = Room(2000)
    assert not room.take("<" * 1000)
    assert not room.take("")
    assert side_by_side(many, room, {}) is None


def test_what_would_steer_a_screen_stands_as_escapes_and_lines_stay_lines() -> None:
    (line,) = beside(change(added=("a\n\x1b[2Jb\n",))).lines
    assert line.after is not None
    assert line.after.text == "a\n\\x1b[2Jb\n"
