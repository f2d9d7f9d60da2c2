"""What a report says to people: groups, instructions, what to do. Pure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.admin.advice import _ADVICE, _NOTED, advice
from service.admin.instructions import Instruction, instructions_at
from service.admin.report_views import (
    Lot,
    filter_of,
    groups,
    lots,
    name_of,
    outcome_of,
    rows,
    url_of,
    weight_of,
)
from service.settings import TargetSettings
from service.store.report_groups import ReportGroup
from service.store.run_reports import Reported, RowFilter
from service.store.runs import RunFacts, RunOptions
from service.store.said import GRAVE

ERRORS = Path(__file__).parents[3] / "docs"
TATE = TargetSettings(url="https://tate.example.org")


def reported(**more: Any) -> Reported:
    given = {
        "run_id": "r",
        "seq": 1,
        "file": "data0",
        "row": 12,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "action": "create",
        "identifier": None,
        "resource_id": None,
        "problems": None,
        "outcome": "created",
        "outcome_id": 7,
        "code": None,
        "message": None,
    }
    return Reported(**{**given, **more})


def run(counts: dict[str, int], mode: Any = "import", ended: int | None = 1, dry: bool = False) -> RunFacts:
    given = dict.fromkeys(RunFacts.__struct_fields__)
    return RunFacts(
        **{
            **given,
            "mode": mode,
            "counts": counts,
            "ended_at": ended,
            "options": RunOptions(dry_run=dry),
            "of_batch": {},
            "pause_requested": False,
        }  # type: ignore[arg-type]
    )


def group(code: str, **more: Any) -> ReportGroup:
    given = {
        "id": f"g-{code}",
        "weight": "rejected",
        "code": code,
        "pointer": "",
        "message": "“x” is no date.",
        "value": "x",
        "alike": False,
        "n": 3,
    }
    return ReportGroup(**{**given, **more})


def test_advice_is_given_on_codes_that_there_are() -> None:
    documented = "".join(path.read_text(encoding="utf-8") for path in sorted(ERRORS.glob("*.md")))
    known = set(re.findall(r"`([a-z][a-z0-9-]+)`", documented))
    assert {*_ADVICE, *_NOTED} - known == set()
    assert all(advice("a-code-of-tomorrow", weight).endswith(".") for weight in (*GRAVE, "note"))
    assert advice("date-not-understood", "rejected").startswith("Write the date")
    assert advice("date-not-understood", "note").startswith("Nothing need be done")


CONTROL = {
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": ["year", "month"], "name": "dcterms:date", "filters": [{"filter": "date"}]},
        {
            "source": "makers",
            "within": [{"source": "name", "name": "dcterms:creator", "link": {"to": "item:artist"}}],
        },
        {"action": "for-each", "source": "x" * 200, "instructions": [{"action": "stop"}]},
    ]
}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/instructions/1", ("year, month", "dcterms:date")),
        ("/instructions/1/filters/0", ("year, month", "dcterms:date")),
        ("/instructions/2/within/0/link/to", ("name", "dcterms:creator")),
        ("/instructions/3", ("x" * 79 + "…", "")),
        ("/instructions/3/instructions/0", ("", "")),
        ("/instructions/0", ("", "")),
    ],
)
def test_a_pointer_leads_to_what_an_instruction_reads_and_writes(
    pointer: str, found: tuple[str, str]
) -> None:
    data = json.dumps(CONTROL, indent=1).encode()
    one = instructions_at(data, [pointer, ""])[pointer]
    assert (one.source, one.name) == found
    assert one.line is not None
    line = data.decode().splitlines()[one.line - 1]
    assert line.strip().rstrip(",").endswith(("{", '"item:artist"'))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"instructions": []}'])
def test_a_pointer_into_nowhere_is_itself(data: bytes) -> None:
    for pointer in ("/instructions/7", "no pointer", "/a~1b/~2"):
        found = instructions_at(data, [pointer])[pointer]
        assert (found.pointer, found.source, found.name) == (pointer, "", "")
    assert instructions_at(data, []) == {}


def test_records_fall_into_what_became_of_them() -> None:
    counts = {"planned": 9, "read": 9, "action:create": 7, "created": 4, "rejected": 2, "failed": 0}
    assert lots(run(counts)) == [
        Lot("created", 4, "good", "created"),
        Lot("rejected", 2, "bad", "rejected"),
        Lot("none", 3, "quiet", "not carried out"),
    ]
    assert lots(run(counts, ended=None))[-1] == Lot("none", 3, "quiet", "still to come")
    planned = {"action:create": 7, "action:reject": 2, "rejected": 2, "planned": 9}
    expected = [Lot("to-create", 7, "good", "to create"), Lot("rejected", 2, "bad", "rejected")]
    assert lots(run(planned, "dry-run")) == lots(run(planned, "undo", dry=True)) == expected
    assert lots(run({})) == []
    assert filter_of("rejected") == RowFilter(outcome="rejected")
    assert filter_of("none") == RowFilter(open=True)
    assert filter_of("to-create") == RowFilter(to="create")
    assert [filter_of(odd) for odd in ("", "to-", "to-eat", "REJECTED", "complete")] == [None] * 5
    assert [weight_of(one) for one in ("failed", "created", "note")] == ["failed", None, None]


def test_a_group_is_told_without_the_value_of_its_first() -> None:
    instruction = Instruction("/instructions/3", 31, "made", "dcterms:date")
    found = [
        group("record-refused", n=90, message="Another.", value="", alike=True),
        group("not-a-date", pointer="/instructions/3"),
        group("not-a-uri", alike=True, n=1),
    ]
    views = groups(found, {"/instructions/3": instruction})
    assert [(view.group.code, view.message) for view in views] == [
        ("not-a-date", "“…” is no date."),
        ("not-a-uri", "“x” is no date."),
        ("record-refused", "Another."),
    ]
    assert views[0].instruction == instruction


def test_a_row_tells_what_is_worst_and_how_much_more_there_is() -> None:
    problems = [
        {"severity": "warning", "code": "otherwise-used", "message": "Noticed."},
        {"severity": "reject", "code": "not-a-date", "message": "No date.", "value": "x" * 300},
    ]
    refused = reported(
        action="reject",
        outcome="rejected",
        outcome_id=None,
        problems=json.dumps(problems).encode(),
        code="not-a-date",
        message="No date.",
    )
    (row,) = rows([refused], TATE)
    assert (row.message, row.value, row.more, row.url, row.name) == (
        "No date.",
        "x" * 99 + "…",
        1,
        None,
        "row 12",
    )
    (row,) = rows([refused], TATE, group("otherwise-used", id=refused.said[0].group, weight="note"))
    assert row.message == "Noticed."
    # What had been said before it was written made room for what came of it.
    (row,) = rows([reported(message="Now.", outcome="failed")], TATE, group("gone", message="Before."))
    assert row.message == "Before."
    (row,) = rows([reported(identifier="T" * 300)], None)
    assert (row.message, row.more, row.url, len(row.name)) == ("", 0, None, 100)


def test_what_is_not_done_is_called_by_what_is_to_be_done() -> None:
    assert outcome_of(reported(outcome=None)) == ("good", "to create")
    assert outcome_of(reported(outcome="uncertain")) == ("bad", "uncertain")
    assert name_of(reported(file="", row=0, kind="media")) == "media 7"
    assert name_of(reported(file="", row=0, outcome_id=None)) == "without a name"


def test_what_is_there_no_longer_has_no_address() -> None:
    there = "https://tate.example.org/admin/item/7"
    assert url_of(reported(), TATE) == there
    assert url_of(reported(action="update", outcome="undone"), TATE) == there
    assert url_of(reported(action="delete", outcome="deleted"), TATE) is None
    assert url_of(reported(action="delete", outcome="undone"), TATE) is None
    assert url_of(reported(outcome_id=None), TATE) is None
