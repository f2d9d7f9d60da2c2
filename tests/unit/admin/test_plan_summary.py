"""What a plan has in common, in the words of its page."""

from __future__ import annotations

import pytest

from service.admin.plan_summary import ByAction, Meeting, Touched, summed
from service.store.plan_groups import Group
from tests.unit.admin.test_progress import run


def problem(example: str) -> Group:
    return Group("problem", "reject", "odd", 3, example)


@pytest.mark.parametrize(
    ("example", "where", "message"),
    [
        ("works.csv:17 [A17]: “x” is odd: y", "works.csv, row 17 [A17]", "“x” is odd: y"),
        ("a: b.csv:17: Odd.", "a: b.csv, row 17", "Odd."),
        ("[A: 17]: Odd.", "[A: 17]", "Odd."),
        ("Odd as: it is", "", "Odd as: it is"),
        ("", "", ""),
    ],
)
def test_where_the_first_of_a_group_stands_is_told_from_what_it_says(
    example: str, where: str, message: str
) -> None:
    (found,) = summed(run(), [problem(example)]).problems
    assert (found.where, found.message) == (where, message)


def test_a_summary_has_actions_problems_edits_and_properties() -> None:
    groups = [
        Group("resource", "create", "item", 1000),
        Group("added", "create", "dcterms:title", 1000, "data0:9: New"),
        Group("resource", "create", "media", 1),
        Group("changed", "update", "dcterms:title", 7, "data0:1: Old → New"),
        Group("added", "update", "dcterms:title", 2, "data0:2: More"),
        Group("problem", "warning", "blank", 2, "data0:3 [A3]: Blank."),
        Group("problem", "reject", "odd", 1, "data0:4: Odd."),
        Group("problem", "warning", "conflict-keep", 1, "data0:5: Edited."),
        Group("conflict", "keep", "dcterms:date", 1, "data0:5: dcterms:date: Edited."),
    ]
    counts = {"action:create": 1001, "action:update": 9, "action:reject": 1, "read": 1011}
    found = summed(run(counts=counts), groups)
    assert found.by_action == (
        ByAction("update", 9, "busy", "to update", ""),
        ByAction("create", 1001, "good", "to create", "1,000 items, 1 media"),
        ByAction("reject", 1, "bad", "rejected", ""),
    )
    assert found.problems == (
        Meeting("bad", 1, "odd", "data0, row 4", "Odd.", "problem:odd", "odd"),
        Meeting("warn", 2, "blank", "data0, row 3 [A3]", "Blank.", "problem:blank", "blank"),
    )
    assert found.edits == (
        Meeting(
            "warn",
            1,
            "dcterms:date",
            "data0, row 5",
            "dcterms:date: Edited.",
            "conflict:dcterms:date",
            "edited: dcterms:date, they are kept",
        ),
    )
    assert found.touched == (Touched("dcterms:title", "7 changed, 2 added", 1000, "data0:1: Old → New"),)
    assert found.names == ("dcterms:date", "dcterms:title")
    assert found.left_out == 0


def test_a_deletion_over_an_edit_is_told_though_it_changes_no_property() -> None:
    over = Group("problem", "warning", "conflict-overwrite", 1, "[A1]: Edited. It is deleted all the same.")
    assert summed(run(counts={"action:delete": 1}), [over]).problems != ()


def test_a_summary_of_any_length_has_a_place_on_its_page_and_says_what_has_none() -> None:
    groups = [Group("added", "create", f"name{n}:{'<' * 240}", 1, "&" * 400) for n in range(500)]
    found = summed(run(), groups)
    assert 0 < len(found.touched) < 20
    assert found.left_out + len(found.touched) == 500
    assert 0 < len(found.names) < 20
