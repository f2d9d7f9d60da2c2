"""Which records a run is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from service.control.chosen import Choice, ChoiceError, read_choice
from service.store.outcomes import Latest, Spoken
from service.store.plans import Action, Entry, Outcome
from worker.errors import FileUnreadable
from worker.planning.again import not_made_twice, not_said_twice
from worker.planning.identifier_list import read_identifiers
from worker.planning.selection import Selection
from worker.records import Identity, Mapped

TAKES = "only takes row:12-40, identifier:X, action:A, outcome:O or file:only/NAME"


def told(
    row: int, outcome: Outcome | None, ordinal: int = 0, *, identified: bool = True, unknown: bool = False
) -> Latest:
    kind = "item" if ordinal == 0 else "media"
    number = 100 * row + ordinal if outcome == "created" else None
    return Latest("f", row, ordinal, kind, "create", outcome, number, identified, unknown)


class Earlier:
    """What earlier runs said; remembers what it was asked."""

    def __init__(self, *said: Latest) -> None:
        self._said = said
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def retried(self, file: str, rows: Sequence[int]) -> list[Latest]:
        self.asked.append((file, tuple(rows)))
        return [one for one in self._said if one.file == file and one.row in rows]

    reported = retried

    def made(self, file: str, rows: Sequence[int]) -> list[Latest]:
        return [one for one in self._said if one.row in rows and not one.identified]

    def spoken_of(self, digests: Sequence[str]) -> list[Spoken]:
        return [Spoken("item", "s", "by", digest, "g", 9) for digest in digests]


def mapped(row: int, *identifiers: str) -> Mapped:
    return Mapped(
        "f", row, identities=tuple(Identity("s", ("dcterms:identifier",), (one,)) for one in identifiers)
    )


def entry(row: int, action: Action, ordinal: int = 0, **more: object) -> Entry:
    kind = "item" if ordinal == 0 else "media"
    return Entry(10 * row + ordinal, "f", row, ordinal, kind, kind, action, **more)  # type: ignore[arg-type]


def choose(*words: str, earlier: Earlier | None = None, **more: object) -> Selection:
    return Selection(read_choice(words), earlier or Earlier(), **more)  # type: ignore[arg-type]


# --- what is asked for ----------------------------------------------------------------------------


def test_a_choice_is_read_from_its_words() -> None:
    words = ["row:12-40", "row:7", "identifier:N 1: a", "action:created", "action:update", "outcome:failed"]
    assert read_choice([*words, "file:only/a.csv"]) == Choice(
        rows=((12, 40), (7, 7)),
        identifiers=("N 1: a",),
        actions=frozenset({"create", "update"}),
        outcomes=frozenset({"failed"}),
        lists=("only/a.csv",),
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("12", f"{TAKES}, not “12”."),
        ("rows:1", f"{TAKES}, not “rows:1”."),
        ("row:0", "only=row:0 is neither a row nor a range of rows: write row:12 or row:12-40."),
        ("row:9-3", "only=row:9-3 ends before it begins: write row:3-9."),
        ("identifier: ", f"only=identifier: says nothing after the colon; {TAKES}."),
        (
            "outcome:rejectd",
            "only=outcome:rejectd is no outcome: it may be created, updated, deleted, unpublished, unchanged,"
            " skipped, rejected, failed, uncertain, altered. Did you mean rejected?",
        ),
        (
            "file:a.csv",
            "only=file:a.csv is no list of identifiers: the name of one begins with only/. Upload it under"
            " the name only/a.csv and write only=file:only/a.csv.",
        ),
    ],
)
def test_a_word_that_makes_no_sense_is_told_with_what_would(word: str, said: str) -> None:
    with pytest.raises(ChoiceError) as caught:
        read_choice([word])
    assert str(caught.value) == said


# --- before mapping -------------------------------------------------------------------------------


def test_without_a_choice_every_record_is_taken_and_nothing_is_partial() -> None:
    selection = choose()
    assert selection.rows("f", [1, 2, 3]) == {1, 2, 3}
    assert selection.mapped([mapped(1), mapped(2)]) == [mapped(1), mapped(2)]
    assert selection.planned([entry(1, "create")]) == [entry(1, "create")]
    assert (selection.narrowed, selection.partial, selection.left_out, selection.not_met()) == (
        False,
        False,
        0,
        [],
    )


@pytest.mark.parametrize(
    ("selection", "narrowed"),
    [
        (choose("row:1"), True),
        (choose(limit=1), True),
        (choose(retry=True), True),
        (choose(corrects=True), False),
    ],
)
def test_a_run_about_some_records_is_partial(selection: Selection, narrowed: bool) -> None:
    assert (selection.narrowed, selection.partial) == (narrowed, True)


def test_ranges_are_alternatives_and_kinds_narrow_each_other() -> None:
    earlier = Earlier(told(2, "rejected"), told(3, "created"), told(9, "failed"), told(20, "failed"))
    selection = choose("row:2-4", "row:9", "outcome:rejected", "outcome:failed", earlier=earlier)
    assert selection.rows("f", list(range(1, 12))) == {2, 9}
    assert earlier.asked == [("f", (2, 3, 4, 9))]
    assert selection.left_out == 9
    # Where nothing can be meant, nothing is looked up.
    assert selection.rows("f", [12, 13]) == frozenset()
    assert (len(earlier.asked), selection.left_out) == (1, 11)


def test_a_retry_takes_what_is_not_settled_in_any_of_its_resources() -> None:
    said = [told(1, "created"), told(2, "rejected"), told(3, "created"), told(3, "failed", 1)]
    said += [told(4, "uncertain"), told(5, None), told(6, "altered"), told(7, "skipped")]
    selection = choose(retry=True, earlier=Earlier(*said))
    assert selection.rows("f", list(range(1, 10))) == {2, 3, 4, 5}
    assert selection.left_out == 5


# --- before planning ------------------------------------------------------------------------------


def test_a_record_is_chosen_by_any_of_its_identifiers_and_what_was_not_met_is_told() -> None:
    selection = choose("identifier: A1", "identifier:A9", "identifier:e\u0301", earlier=Earlier())
    chosen = selection.mapped([mapped(1, "A1", "X"), mapped(2, "A2"), mapped(3, "B", "é"), mapped(4)])
    assert [one.row for one in chosen] == [1, 3]
    assert (selection.left_out, selection.not_met()) == (2, ["A9"])


def test_a_list_and_identifiers_narrow_each_other_and_lists_are_alternatives() -> None:
    lists = [frozenset({"A1", "A2"}), frozenset({"A3"})]
    selection = choose("identifier:A2", "identifier:A3", "identifier:A4", lists=lists)
    chosen = selection.mapped([mapped(n, f"A{n}") for n in range(1, 6)])
    assert [one.row for one in chosen] == [2, 3]
    assert selection.not_met() == []


def test_the_limit_counts_what_was_chosen_otherwise_and_ends_the_mapping() -> None:
    selection = choose("row:2-9", limit=3)
    assert selection.rows("f", [1, 2, 3]) == {2, 3}
    assert [one.row for one in selection.mapped([mapped(2), mapped(3)])] == [2, 3]
    assert selection.rows("f", [4, 5, 6]) == {4, 5, 6}
    assert [one.row for one in selection.mapped([mapped(4), mapped(5), mapped(6)])] == [4]
    assert selection.rows("g", [2, 3]) == frozenset()
    assert selection.left_out == 5


# --- by what the plan would do --------------------------------------------------------------------


def test_an_action_chooses_whole_records_and_the_limit_counts_them() -> None:
    selection = choose("action:created", limit=2)
    plan = [
        entry(1, "unchanged"),
        entry(2, "unchanged"),
        entry(2, "create", 1),
        entry(3, "create"),
        entry(4, "create"),
    ]
    assert selection.mapped([mapped(n) for n in range(1, 5)]) == [mapped(n) for n in range(1, 5)]
    assert selection.planned(plan) == plan[1:4]
    assert selection.left_out == 2
    assert selection.rows("f", [5, 6]) == frozenset()


def test_what_is_pending_is_kept_until_it_is_decided() -> None:
    selection = choose("action:update", limit=1)
    waiting = entry(1, "create", pending=True)
    assert selection.planned([waiting, entry(2, "create")]) == [waiting]
    assert [selection.takes_actions(one) for one in (["create"], ["unchanged", "update"])] == [False, True]
    assert [selection.room_for(), selection.room_for()] == [True, False]


def test_what_a_run_planned_is_chosen_the_same_way_for_an_undo() -> None:
    selection = choose("row:1-5", "identifier:A1", "outcome:updated")
    assert selection.takes(entry(1, "update", identifier="A1"), "updated")
    for row, identifier, outcome in ((6, "A1", "updated"), (1, "A2", "updated"), (1, "A1", "created")):
        assert not selection.takes(entry(row, "update", identifier=identifier), outcome)


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("A1\nA2\n\n A3 \n", {"A1", "A2", "A3"}),
        ("identifier\r\nA1\r\n", {"A1"}),
        ("\ufeffOutcome;Identifier;x\nrejected;A1;9\nfailed;;\n", {"A1"}),
        ('"Smith, John"\nA2\n', {"Smith, John", "A2"}),
        ("file,identifier\ndata0,'-12\ndata0,'q\n", {"'-12", "-12", "'q"}),
    ],
)
def test_a_list_is_a_table_with_such_a_column_or_one_a_line(
    tmp_path: Path, data: str, expected: set[str]
) -> None:
    path = tmp_path / "list"
    path.write_bytes(data.encode())
    assert read_identifiers(path, "only/list") == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("a,b\nA1,x\n", "identifiers-unclear"),
        ("identifier\n\n", "identifiers-none"),
        ("", "file-empty"),
    ],
)
def test_what_is_no_list_is_refused_rather_than_guessed(tmp_path: Path, data: str, code: str) -> None:
    path = tmp_path / "list"
    path.write_text(data, encoding="utf-8")
    with pytest.raises(FileUnreadable) as caught:
        read_identifiers(path, "only/list")
    assert (caught.value.code, "only/list" in caught.value.message) == (code, True)


# --- nothing twice --------------------------------------------------------------------------------


def test_what_an_earlier_run_made_without_an_identity_is_not_made_again() -> None:
    item, done, todo = (
        entry(1, "create"),
        entry(1, "create", 1, parent_seq=10),
        entry(1, "create", 2, parent_seq=10),
    )
    other = entry(2, "create")
    made = [told(1, "created", identified=False), told(1, "created", 1, identified=False)]
    result = not_made_twice([item, done, todo, other], made)
    assert [(one.action, one.resource_id, one.depth) for one in result] == [
        ("unchanged", 100, 0),
        ("unchanged", 101, 0),
        ("create", None, 1),
        ("create", None, 0),
    ]
    assert not_made_twice([item, other], []) == [item, other]


def test_a_record_in_doubt_is_refused_whole_and_stays_in_doubt() -> None:
    entries = [entry(1, "create"), entry(1, "create", 1), entry(2, "create")]
    result = not_made_twice(entries, [told(1, None, 1, identified=False, unknown=True)])
    assert [(one.action, one.outcome, one.code) for one in result] == [
        ("reject", "rejected", "record-refused"),
        ("reject", "uncertain", "uncertain"),
        ("create", None, None),
    ]


def test_what_is_known_to_be_there_outranks_a_doubt() -> None:
    made = [told(1, "created", identified=False), told(1, "uncertain", identified=False)]
    assert [one.action for one in not_made_twice([entry(1, "create")], made)] == ["unchanged"]


# --- nothing overwritten --------------------------------------------------------------------------


def said(
    row: int, action: Action = "update", *, draft: bytes | None = b"{}", ordinal: int = 0, **more: object
) -> Entry:
    return entry(
        row, action, ordinal, draft=draft, scope="s", by="by", key_digest="k", identifier="A1", **more
    )


def test_a_record_whose_identity_another_of_the_batch_has_taken_is_refused_whole() -> None:
    spoken = [Spoken("item", "s", "by", "k", "f", 7), Spoken("item", "s", "by", "k", "f", 2)]
    entries = [said(4), entry(4, "create", 1), entry(5, "create")]
    refused, with_it, other = not_said_twice(entries, spoken)
    assert (refused.action, refused.outcome, refused.draft, refused.code, refused.message) == (
        "reject",
        "rejected",
        None,
        "duplicate-identity",
        "“A1” stands in f row 2 too, which an earlier run wrote. One identifier may stand for one record of a"
        " batch: correct one of the two.",
    )
    assert (with_it.code, other) == ("record-refused", entry(5, "create"))
    waiting = not_said_twice([said(4, "create", pending=True)], spoken)[0]
    assert (waiting.action, waiting.pending) == ("reject", False)


@pytest.mark.parametrize(
    "one",
    [
        said(7),  # the record itself
        said(4, "unchanged", draft=None),
        said(4, draft=b'{"action": "load"}'),  # refers to it, as several records may
    ],
)
def test_what_is_the_same_record_or_refers_to_it_is_no_second_one(one: Entry) -> None:
    assert not_said_twice([one], [Spoken("item", "s", "by", "k", "f", 7)]) == [one]


def test_earlier_runs_are_asked_for_identities_only_where_records_are_left_out() -> None:
    assert choose().spoken_of([said(1)]) == ()
    assert choose("row:1").spoken_of([said(1), entry(2, "create")]) == [
        Spoken("item", "s", "by", "k", "g", 9)
    ]
