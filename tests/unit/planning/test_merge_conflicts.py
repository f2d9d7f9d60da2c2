"""Edits that somebody made since our last write, and what the target altered."""

from __future__ import annotations

import msgspec
import pytest

from worker.planning.changes import Conflict
from worker.planning.merge import Merge, Unmergeable, merge, outcome
from worker.planning.values import (
    NOTHING,
    Base,
    Content,
    Current,
    Footing,
    Held,
    IdentityWish,
    Meant,
    Named,
    Wish,
)
from worker.targets.base import Difference

from .merging import (
    IDENTIFIER,
    SUBJECT,
    TITLE,
    after,
    choose,
    content,
    done,
    held,
    holding,
    named,
    next_base,
    resource,
    said,
    subjects,
    texts,
    wrote,
)

# --- conflicts ------------------------------------------------------------------------------------


def test_an_edit_is_overwritten_and_told_with_the_old_value() -> None:
    merged = done(merge(subjects("ours"), holding("edited"), wrote("ours")))
    assert texts(placed.value for placed in merged.properties[SUBJECT]) == ["ours"]
    (conflict,) = merged.conflicts
    assert conflict == Conflict(SUBJECT, "overwrite", ("edited",), ("ours",), ("ours",))
    assert conflict.message == (
        f"{SUBJECT}: since the last import somebody put “edited” there and removed “ours”; "
        "the record means “ours”, which takes its place."
    )


def test_an_edit_rejects_the_record_where_the_control_file_says_so() -> None:
    refused = merge(subjects("new"), holding("edited"), wrote("old"), "reject")
    assert refused == Unmergeable(
        "conflict",
        f"{SUBJECT}: since the last import somebody put “edited” there; the record means “new”. Nothing was "
        "written: correct one of the two, or say with onConflict which of them counts.",
    )


@pytest.mark.parametrize(
    ("base", "present", "meant", "kept"),
    [
        pytest.param("a", "b", "a", "b", id="edited, and the record is as it was"),
        pytest.param("a", "b", "c", "b", id="both changed the same value"),
        pytest.param("a", "ax", "c", "xc", id="they added one, we changed ours"),
        pytest.param("ab", "aB", "abd", "aBd", id="they changed one, we add another"),
        pytest.param("ab", "a", "ab", "a", id="they removed one"),
        pytest.param("ab", "", "abc", "c", id="they removed all, we add one"),
        pytest.param("ab", "xy", "cd", "xy", id="both changed all"),
        pytest.param("ab", "x", "cd", "xd", id="they gave up two for one"),
        pytest.param("a", "aa", "a", "aa", id="they wrote it twice"),
    ],
)
def test_kept_edits_stand_and_the_rest_of_the_record_is_written(
    base: str, present: str, meant: str, kept: str
) -> None:
    current, before = holding(*present), wrote(*base)
    merged = done(merge(subjects(*meant), current, before, "keep"))
    assert [one.resolution for one in merged.conflicts] == ["keep"]
    assert sorted(texts(outcome(current, merged).properties.get(SUBJECT, ()))) == sorted(kept)
    assert sorted(after(subjects(*meant), current, before, on_conflict="keep")) == sorted(kept)
    # Overwriting makes it what the record means, and nothing of theirs is a conflict for an append.
    assert sorted(after(subjects(*meant), current, before)) == sorted(meant)


def test_an_edit_that_is_kept_is_kept_the_next_time_too() -> None:
    """The next representation that is saved holds their edit: it is still theirs."""
    meant = said(named(TITLE, "New"), named(SUBJECT, "ours"))
    base = next_base(holding("edited"), meant, wrote("ours"), on_conflict="keep")
    edited, ours = held("edited").mark, held("ours").mark
    assert base.footing == Footing({SUBJECT: (edited,)}, {SUBJECT: (edited,)}, {SUBJECT: (ours,)})
    again = done(merge(subjects("ours, corrected"), base.saved, base, "keep"))
    assert (again.changes, [one.resolution for one in again.conflicts]) == ((), ["keep"])
    # A run that does not name the property remembers it; one that overwrites settles it.
    other = done(merge(said(named(TITLE, "Newer")), base.saved, base))
    assert other.footing == base.footing
    assert done(merge(subjects("ours"), base.saved, base)).footing == Footing()


def test_an_edit_of_a_name_that_the_next_record_does_not_mention_is_kept_by_the_one_after_it() -> None:
    base = next_base(holding("edited"), said(named(TITLE, "New")), wrote("ours"))
    assert after(subjects("ours, corrected"), base.saved, base, on_conflict="keep") == ["edited"]


def test_an_edit_beside_which_a_record_appends_is_kept_by_the_one_after_it() -> None:
    base = next_base(holding("a", "theirs"), subjects("b", on_update="append"), wrote("a"))
    assert after(subjects("c"), base.saved, base, on_conflict="keep") == ["c", "theirs"]
    taken = next_base(holding(), subjects("b", on_update="append"), wrote("a"))
    assert after(subjects("a", "b"), taken.saved, taken, on_conflict="keep") == ["b"]


def test_beside_a_kept_edit_the_record_goes_on_changing_what_is_ours() -> None:
    base = next_base(holding("a", "theirs"), subjects("b"), wrote("a"), on_conflict="keep")
    assert texts(base.saved.properties[SUBJECT]) == ["b", "theirs"]
    base = next_base(base.saved, subjects("c"), base, on_conflict="keep")
    assert texts(base.saved.properties[SUBJECT]) == ["c", "theirs"]
    assert after(subjects("c"), base.saved, base, on_conflict="overwrite") == ["c"]


def test_an_edit_of_visibility_alone_is_an_edit() -> None:
    assert after(subjects("a!"), holding("a§"), wrote("a"), on_conflict="keep") == ["a§"]
    assert after(subjects("a!"), holding("a§"), wrote("a")) == ["a"]
    # Visibility that is not named is nobody's conflict.
    assert done(merge(subjects("a"), holding("a§"), wrote("a"), "reject")).changes == ()


def test_a_value_that_they_hid_is_theirs_when_the_record_drops_or_replaces_it() -> None:
    assert after(subjects(), holding("a§"), wrote("a"), on_conflict="keep") == ["a§"]
    assert after(subjects("c"), holding("a§"), wrote("a"), on_conflict="keep") == ["a§"]
    assert after(subjects("b", "c"), holding("a§", "b"), wrote("a", "b"), on_conflict="keep") == ["a§", "b"]
    (conflict,) = done(merge(subjects("c"), holding("a§"), wrote("a"))).conflicts
    assert (conflict.theirs, conflict.removed, conflict.meant) == (("a (private)",), (), ("c",))


def test_an_edit_that_the_record_agrees_with_is_no_conflict() -> None:
    for how in ("overwrite", "keep", "reject"):
        merged = done(merge(subjects("b"), holding("b"), wrote("a"), how))
        assert (merged.changes, merged.conflicts) == ((), ())


def test_edits_of_other_names_are_no_conflict() -> None:
    current = resource({TITLE: ["Edited"], SUBJECT: ["a"]})
    assert done(merge(subjects("b"), current, wrote("a"), "reject")).conflicts == ()


def test_removing_what_somebody_added_and_bringing_back_what_somebody_took_are_conflicts() -> None:
    assert after(subjects("b", on_update="remove"), holding("a", "b"), wrote("a"), on_conflict="keep") == [
        "a",
        "b",
    ]
    assert after(subjects("b", on_update="append"), holding("a"), wrote("a", "b"), on_conflict="keep") == [
        "a"
    ]
    assert after(subjects("b", on_update="append"), holding("a"), wrote("a", "b")) == ["a", "b"]


def test_at_a_first_meeting_nothing_is_a_conflict() -> None:
    assert done(merge(subjects("a"), holding("b"), None, "reject")).conflicts == ()


def test_fields_have_conflicts_too() -> None:
    base, current = Base(resource({}, public=["true"])), resource({}, public=["false"])
    assert after(choose("public", "true"), current, base, name="public", on_conflict="keep") == ["false"]
    assert after(choose("public", "true"), current, base, name="public") == ["true"]
    assert isinstance(merge(choose("public", "true"), current, base, "reject"), Unmergeable)
    sets = Base(resource({}, item_set=["3"]))
    moved = resource({}, item_set=["9"])
    assert after(choose("item-set", "3", of="ours"), moved, sets, name="item-set", on_conflict="keep") == [
        "9"
    ]


def test_the_identity_comes_back_even_where_edits_are_kept() -> None:
    base = Base(resource({IDENTIFIER: ["N1"]}))
    current = resource({IDENTIFIER: ["other"]})
    assert after(said(identity="N1"), current, base, name=IDENTIFIER, on_conflict="keep") == ["other", "N1"]


# --- what the target altered ----------------------------------------------------------------------


def test_what_the_target_made_of_the_same_record_is_no_change() -> None:
    """`2023-02-30` was saved as `2023-03-02`, and reported: it does not come back every night."""
    told = (Difference(SUBJECT, "2023-02-30", "2023-03-02"),)
    base = wrote("2023-03-02", same_draft=True, altered=told)
    merged = done(merge(subjects("2023-02-30"), holding("2023-03-02"), base))
    assert (merged.changes, merged.altered) == ((), told)
    # Another record with the same value is another matter.
    other = msgspec.structs.replace(base, same_draft=False)
    assert after(subjects("2023-02-30"), holding("2023-03-02"), other) == ["2023-02-30"]


@pytest.mark.parametrize("on_update", ["replace", "append"])
def test_what_was_altered_stands_while_its_neighbour_is_edited(on_update: str) -> None:
    told = (
        Difference(SUBJECT, "altered", "saved"),
        Difference(SUBJECT, "dropped", NOTHING),
        Difference(SUBJECT, NOTHING, "added by a module"),
    )
    base = wrote("a", "saved", "added by a module", same_draft=True, altered=told)
    current = holding("edited", "saved", "added by a module")
    meant = subjects("a", "altered", "dropped", on_update=on_update)
    merged = done(merge(meant, current, base))
    assert merged.altered == told
    expected = {
        "replace": ["a", "saved", "added by a module"],
        "append": [*texts(current.properties[SUBJECT]), "a"],
    }
    assert after(meant, current, base) == expected[on_update]


def test_an_altered_value_that_somebody_edited_since_is_sent_again() -> None:
    told = (Difference(SUBJECT, "altered", "saved"),)
    base = wrote("saved", same_draft=True, altered=told)
    merged = done(merge(subjects("altered"), holding("edited"), base))
    assert merged.altered == ()
    assert merged.changes[0].text == f"{SUBJECT}: edited → altered"


def test_altered_visibility_is_known_again() -> None:
    told = (Difference(SUBJECT, "a (private)", "a"),)
    base = wrote("a", "b", same_draft=True, altered=told)
    assert after(subjects("a§", "b"), holding("a", "c"), base) == ["a", "b"]


def test_an_alteration_is_known_by_the_text_of_the_report() -> None:
    value = Wish(content("a @en"))
    assert value.shown_as("a @en")
    assert value.shown_as("a @en (private)")
    assert value.shown_as("a @en (private) (annotated: dcterms:source)")
    assert not value.shown_as("a")
    assert not msgspec.structs.replace(value, public=True).shown_as("a @en (private)")
    assert not msgspec.structs.replace(value, public=False).shown_as("a @en")
    literal = Wish(content("a (private)"))
    assert Held(literal.content).shown() == "a (private)"


def test_an_edit_that_is_kept_never_costs_the_resource_its_identity() -> None:
    def bearing(*words: str) -> Current:
        return Current(
            "item", 1, "", {"dcterms:identifier": tuple(Held(Content("literal", word)) for word in words)}, {}
        )

    wish = Wish(Content("literal", "a"))
    meant = Meant(
        (Named("dcterms:identifier", (wish, Wish(Content("literal", "b"))), "remove"),),
        identity=(IdentityWish("dcterms:identifier", "a", wish),),
    )
    # Somebody has replaced both identifiers by what the record would take away.
    current = bearing("b", "b")
    merged = merge(meant, current, Base(bearing("a", "a")), "keep")
    assert isinstance(merged, Merge)
    left = outcome(current, merged).properties["dcterms:identifier"]
    assert [one.content.text for one in left] == ["b", "b", "a"]
