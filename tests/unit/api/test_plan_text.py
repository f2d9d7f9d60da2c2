"""The plan as a person reads it, from entries as the worker keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from service.api.plan_entries import shown_entry
from service.api.plan_text import EntryWriter, Layout, counted, section_title, summary_text
from service.store.plan_groups import Group
from service.store.plans import Entry
from service.store.runs import RunFacts, RunOptions
from tests.unit.planning.merging import done, holding, merge, named, resource, said, subjects, wrote
from worker.planning.changes import Changes
from worker.planning.groups import group
from worker.records import Draft, Problem, Property, Value


def entry(seq: int, action: Any, **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "works.csv",
        "row": seq + 1,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "identifier": f"A{seq}",
        "action": action,
    }
    return Entry(**{**given, **more})


def updated(seq: int, *how: Any, **more: Any) -> Entry:
    made = done(merge(*how))
    changes = msgspec.json.encode(Changes(made.changes, made.conflicts))
    return entry(seq, "update", changes=changes, resource_id=4700 + seq, **more)


def new(seq: int, title: str, *subjects_: str, **more: Any) -> Entry:
    draft = Draft(
        "item",
        "item",
        0,
        properties=(
            Property("dcterms:subject", tuple(Value(text=text) for text in subjects_)),
            Property("dcterms:title", (Value(text=title),)),
        ),
    )
    return entry(seq, "create", draft=msgspec.json.encode(draft), **more)


def refused(seq: int, *found: Problem) -> Entry:
    return entry(seq, "reject", problems=msgspec.json.encode(found), identifier=None)


def facts(entries: Sequence[Entry] = (), **more: Any) -> RunFacts:
    counts = {"read": len(entries), "planned": len(entries)}
    for one in entries:
        counts[f"action:{one.action}"] = counts.get(f"action:{one.action}", 0) + 1
    given = {
        "id": "r1",
        "batch_id": "b1",
        "mode": "dry-run",
        "state": "dry-run",
        "phase": "done",
        "ending": "finished",
        "code": None,
        "reason": None,
        "key_id": 1,
        "key_label": "k",
        "options": RunOptions(),
        "inputs_digest": "i",
        "scheduled_at": 0,
        "started_at": 0,
        "planned_at": 1_764_100_800_123,
        "ended_at": 0,
        "owner": None,
        "waiting_for": None,
        "waiting_until": None,
        "cancel_requested": False,
        "requests": 5,
        "bytes_sent": 0,
        "records_total": len(entries),
        "counts": counts,
    }
    return RunFacts(**{**given, **more})


HEAD = "Plan of a dry run, made 2025-11-25 20:00:00 UTC (run r1)\n"


def written(entries: Sequence[Entry], groups: Sequence[Group] = (), **how: Any) -> str:
    writer = EntryWriter(Layout(**how), groups)
    return "".join(writer(shown_entry(one, None)) for one in entries)


# --- the summary --------------------------------------------------------------------------------


def test_the_summary_says_how_much_and_then_what_it_has_in_common() -> None:
    base = wrote("Oak")
    entries = [
        updated(1, said(named("dcterms:title", "New")), resource({"dcterms:title": ["Old"]})),
        updated(2, said(named("dcterms:title", "Newer")), resource({"dcterms:title": ["Old"]})),
        updated(3, subjects("Oak", "Elm"), holding("Oak")),
        updated(4, subjects("Ash"), holding("Yew"), base),
        updated(5, subjects("Oak"), holding("Oak", "Elm")),
        new(6, "Guitar", "Music", "Strings"),
        new(7, "Violin"),
        entry(8, "delete", identifier="B8", file="", row=0, resource_id=31),
        refused(9, Problem("reject", "identity-missing", "No identifier.")),
        entry(10, "skip", problems=msgspec.json.encode([Problem("warning", "gone", "Somebody deleted it.")])),
        *(entry(n, "unchanged", resource_id=n) for n in range(11, 501)),
    ]
    assert summary_text(facts(entries), group(entries).groups, Layout()) == HEAD + (
        "500 records: 5 to update, 2 to create, 1 to delete, 490 unchanged, 1 skipped, 1 rejected.\n"
        "\n"
        "What changes in what is updated\n"
        "  dcterms:subject  1 added, 1 changed, 1 removed  e.g. works.csv:4 [A3]: Elm\n"
        "  dcterms:title    2 changed                      e.g. works.csv:2 [A1]: Old → New\n"
        "\n"
        "What the new resources get\n"
        "  dcterms:title    2  e.g. works.csv:7 [A6]: Guitar\n"
        "  dcterms:subject  1  e.g. works.csv:7 [A6]: Music | Strings\n"
        "\n"
        "Not written\n"
        "  1 × identity-missing: works.csv:10: No identifier.\n"
        "\n"
        "Warnings\n"
        "  1 × gone: works.csv:11 [A10]: Somebody deleted it.\n"
        "\n"
        "Edits that somebody made since the last import\n"
        "  1 × dcterms:subject, the record takes their place: works.csv:5 [A4]: dcterms:subject: since the "
        "last import somebody put “Yew” there; the record means “Ash”, which takes its place.\n"
    )


def test_groups_are_in_the_order_of_their_size_as_the_store_reads_them() -> None:
    groups = [
        Group("problem", "reject", "not-a-date", 12, "works.csv:3 [A2]: “no date” is not understood."),
        Group("problem", "reject", "identity-missing", 3, "works.csv:9: No identifier."),
    ]
    assert summary_text(facts(), groups, Layout(width=60)) == HEAD + (
        "0 records: nothing to do.\n"
        "Nothing is to be written.\n"
        "\n"
        "Not written\n"
        "  12 × not-a-date; the first: works.csv:3 [A2]: “no date” is\n"
        "      not understood.\n"
        "  3 × identity-missing; the first: works.csv:9: No\n"
        "      identifier.\n"
    )


def test_several_kinds_are_counted_each() -> None:
    groups = [
        Group("resource", "create", "item", 10),
        Group("resource", "create", "media", 30),
        Group("resource", "update", "item", 1),
        Group("resource", "unchanged", "item-set:album", 2),
        Group("resource", "reject", "", 4),
    ]
    counts = {"read": 17, "action:create": 40, "action:update": 1, "action:unchanged": 2, "action:reject": 4}
    assert summary_text(facts(counts=counts, mode="import"), groups, Layout()) == (
        "Plan of an import, made 2025-11-25 20:00:00 UTC (run r1)\n"
        "17 records: 1 to update, 40 to create, 2 unchanged, 4 rejected.\n"
        "  to update: 1 item\n"
        "  to create: 10 items, 30 media\n"
        "  unchanged: 2 item sets (album)\n"
    )


def test_a_narrowed_plan_begins_with_the_counts_of_the_whole_and_no_more() -> None:
    groups = [Group("changed", "update", "dcterms:title", 2, "works.csv:2: Old → New")]
    counts = {"read": 1, "action:update": 1, "action:unpublish": 2}
    assert summary_text(facts(counts=counts), groups, Layout(), narrowed=True) == HEAD + (
        "1 record: 1 to update, 2 to unpublish.\n"
    )
    assert section_title("update", counts) == "\nTo update (1)\n"
    assert section_title("unpublish", counts) == "\nTo unpublish (2)\n"
    assert section_title("update", None) == "\nTo update\n"


def test_examples_are_cut_to_the_width_and_cannot_steer_a_terminal() -> None:
    groups = [Group("changed", "update", "dcterms:title", 2, "works.csv:2: \x1b[2J" + "long " * 50)]
    text = summary_text(facts(), groups, Layout(width=60))
    assert text.splitlines()[-1] == "  dcterms:title  2 changed  e.g. works.csv:2: \\x1b[2Jlong l…"
    assert len(text.splitlines()[-1]) == 60
    assert len(summary_text(facts(), groups, Layout()).splitlines()[-1]) == 110


@pytest.mark.parametrize(
    ("n", "destination", "text"),
    [
        (1, "item", "1 item"),
        (2, "item", "2 items"),
        (1, "item-set:album", "1 item set (album)"),
        (2, "media", "2 media"),
        (2, "user", "2 users"),
    ],
)
def test_resources_are_counted_in_words(n: int, destination: str, text: str) -> None:
    assert counted(n, destination) == text


# --- the records --------------------------------------------------------------------------------


def test_an_update_shows_what_differs_one_beside_the_name_several_below_it() -> None:
    before = resource({"dcterms:title": ["Old"], "dcterms:subject": ["Oak", "Elm", "Yew"]}, public=["false"])
    meant = said(named("dcterms:title", "New"), named("dcterms:subject", "Oak§", "Ash"))
    assert written([updated(1, meant, before)]) == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:title: Old → New\n"
        "    dcterms:subject:\n"
        "      Oak → Oak (private)\n"
        "      Elm → Ash\n"
        "      - Yew\n"
    )


def test_one_value_that_comes_or_goes_has_a_sign() -> None:
    assert written(
        [updated(1, subjects("Oak", "Elm"), holding("Oak")), updated(2, subjects(), holding("Oak"))]
    ) == (
        "\n~ works.csv:2 [A1] item 4701\n    dcterms:subject: + Elm\n"
        "\n~ works.csv:3 [A2] item 4702\n    dcterms:subject: - Oak\n"
    )


def test_long_texts_are_shown_around_their_difference_in_lines_of_the_width() -> None:
    text = "word " * 100
    entries = [
        updated(1, said(named("dcterms:title", f"{text}new")), resource({"dcterms:title": [f"{text}old"]}))
    ]
    assert written(entries, width=80) == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:title: …word word word word word word word word word word word word\n"
        "      old → …word word word word word word word word word word word word new\n"
    )


def test_long_lists_are_shortened_unless_all_is_asked_for() -> None:
    many = [f"S{n}" for n in range(1, 21)]
    entries = [updated(1, subjects(*many), holding()), new(2, "T" * 300, *many)]
    assert written(entries) == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:subject:\n" + "".join(f"      + S{n}\n" for n in range(1, 9)) + "      … and 12 more\n"
        "\n"
        "+ works.csv:3 [A2] item\n"
        f"    dcterms:subject: {' | '.join(many[:8])} | … and 12 more\n"
        f"    dcterms:title: {'T' * 159}…\n"
    )
    assert written(entries, details="full") == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:subject:\n" + "".join(f"      + S{n}\n" for n in range(1, 21)) + "\n"
        "+ works.csv:3 [A2] item\n"
        f"    dcterms:subject: {' | '.join(many)}\n"
        f"    dcterms:title: {'T' * 300}\n"
    )
    nine = written([new(1, "Nine", *many[:9])])
    assert "S9" in nine
    assert "more" not in nine


def test_the_same_change_again_has_one_line() -> None:
    rights = [
        updated(n, said(named("dcterms:rights", "CC0")), resource({"dcterms:rights": ["All"]}))
        for n in (1, 2, 3)
    ]
    other = updated(4, said(named("dcterms:rights", "CC BY")), resource({"dcterms:rights": ["All"]}))
    assert written([*rights, other]) == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:rights: All → CC0\n"
        "~ works.csv:3 [A2] item 4702: the same\n"
        "~ works.csv:4 [A3] item 4703: the same\n"
        "\n"
        "~ works.csv:5 [A4] item 4704\n"
        "    dcterms:rights: All → CC BY\n"
    )
    assert "the same" not in written(rights, details="full")


def test_many_new_resources_are_shown_a_few_in_full_and_then_a_line_each() -> None:
    entries = [new(n, f"Work {n}", "Music") for n in range(1, 31)]
    entries[29] = new(30, "Work 30", problems=msgspec.json.encode([Problem("warning", "w", "Look here.")]))
    expected = "\n+ 30 items are created. The first 5 in full, the others a line each:\n"
    for n in range(1, 6):
        expected += f"\n+ works.csv:{n + 1} [A{n}] item\n"
        expected += f"    dcterms:subject: Music\n    dcterms:title: Work {n}\n"
    expected += "\n" + "".join(f"+ works.csv:{n + 1} [A{n}] item: Work {n}\n" for n in range(6, 31))
    assert written(entries, group(entries).groups) == expected + "    ! Look here.\n"
    full = written(entries, group(entries).groups, details="full")
    assert full.count("    dcterms:title: ") == 30
    few = entries[:20]
    assert written(few, group(few).groups) == written(few, group(few).groups, details="full")
    # Chosen ones, whose number nobody counted: as many in full as are not yet many.
    assert written(entries).count("    dcterms:title: ") == 20


def test_removals_rejections_and_what_is_left_alone_say_where_and_why() -> None:
    wrong = Problem("reject", "not-a-date", "Not a date.", "/instructions/4", "no\x1b[2Jdate")
    gone = Problem("warning", "gone", "Somebody deleted it.")
    entries = [
        entry(1, "delete", file="", row=0, identifier="B8", resource_id=31),
        refused(2, wrong, Problem("reject", "no", "Nor that.")),
        entry(3, "skip", problems=msgspec.json.encode([gone]), resource_id=7),
        entry(4, "unchanged", resource_id=77),
        entry(5, "unchanged", resource_id=78, identifier="A\u202e5"),
    ]
    assert written(entries) == (
        "\n- [B8] item 31\n"
        "\n! works.csv:3 item\n"
        "    ! Not a date. The value was: no\\x1b[2Jdate [/instructions/4]\n"
        "    ! Nor that.\n"
        "\n. works.csv:4 [A3] item 7\n"
        "    ! Somebody deleted it.\n"
        "= works.csv:5 [A4] item 77\n"
        "= works.csv:6 [A\\u202e5] item 78\n"
    )


def test_a_conflict_stands_below_the_change_that_it_is_about() -> None:
    assert written([updated(1, subjects("Ash"), holding("Yew"), wrote("Oak"))], width=70) == (
        "\n"
        "~ works.csv:2 [A1] item 4701\n"
        "    dcterms:subject: Yew → Ash\n"
        "    ! dcterms:subject: since the last import somebody put “Yew” there;\n"
        "      the record means “Ash”, which takes its place.\n"
    )
