"""What an update makes of values: policies, visibility, annotations, identity, fields."""

from __future__ import annotations

import msgspec
import pytest

from worker.planning.changes import Change
from worker.planning.merge import Placed, Unmergeable, merge, outcome
from worker.planning.values import Base, Content, Footing, Held, Named, Wish

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
    wish,
    wrote,
)

# --- policies -------------------------------------------------------------------------------------


def test_replace_takes_what_is_not_meant_and_adds_what_is_missing() -> None:
    merged = done(merge(subjects("a", "c"), holding("a", "b")))
    assert merged.changes == (Change(SUBJECT, ("b",), ("c",), (), ("a", "b"), ("a", "c")),)
    assert merged.properties == {
        SUBJECT: (Placed(held("a")), Placed(Held(content("c"), raw=b"new c"), touched=True))
    }
    assert (merged.fields, merged.conflicts, merged.altered) == ({}, (), ())


@pytest.mark.parametrize("on_update", ["replace", "append", "keep"])
def test_what_stands_there_already_is_no_change(on_update: str) -> None:
    merged = done(merge(subjects("a", "b", on_update=on_update), holding("a", "b")))
    assert (merged.properties, merged.changes) == ({}, ())


def test_another_order_alone_is_no_change() -> None:
    assert done(merge(subjects("b", "a"), holding("a", "b"))).changes == ()


def test_values_count_as_often_as_they_stand() -> None:
    assert after(subjects("a", "a"), holding("a")) == ["a", "a"]
    assert after(subjects("a"), holding("a", "a")) == ["a"]
    assert after(subjects("a", "a", on_update="append"), holding("a")) == ["a", "a"]


def test_what_changes_comes_in_the_order_of_the_record() -> None:
    assert after(subjects("x", "b", "a"), holding("a", "b")) == ["x", "b", "a"]


def test_language_and_type_are_exact() -> None:
    assert after(subjects("a @en"), holding("a", "a @EN", "a @en§")) == ["a @en§"]
    assert after(subjects("http://a/"), holding("http://a/ @en", "#1")) == ["http://a/"]


def test_append_adds_only_what_is_missing_and_loses_nothing() -> None:
    assert after(subjects("b", "c", on_update="append"), holding("a", "b")) == ["a", "b", "c"]


def test_remove_takes_every_equal_value_and_adds_nothing() -> None:
    meant = subjects("a", "z", on_update="remove")
    assert after(meant, holding("a", "b", "a§", "a @en")) == ["b", "a @en"]
    assert after(subjects("a§", on_update="remove"), holding("a", "a§")) == ["a"]


def test_keep_leaves_what_stands_there_and_fills_what_is_empty() -> None:
    assert after(subjects("new", on_update="keep"), holding("old")) == ["old"]
    assert after(subjects("old§", on_update="keep"), holding("old")) == ["old"]
    assert after(subjects("new", on_update="keep"), holding()) == ["new"]


def test_a_cleared_property_is_emptied() -> None:
    merged = done(merge(subjects(), holding("a", "b")))
    assert merged.properties == {SUBJECT: ()}
    assert merged.changes[0].text == f"{SUBJECT}: a → (nothing) | b → (nothing)"
    assert done(merge(subjects(), holding())).changes == ()


# --- what replace replaces ------------------------------------------------------------------------


def test_values_of_another_language_stay_in_their_place() -> None:
    current = holding("Baum @de", "tree @en", "arbre @fr", "wood @en")
    assert after(subjects("oak @en", of="language"), current) == ["Baum @de", "oak @en", "arbre @fr"]


def test_values_of_another_type_stay() -> None:
    current = holding("a", "http://a/", "#5")
    assert after(subjects("http://b/", of="type"), current) == ["a", "http://b/", "#5"]


def test_an_empty_replace_by_language_knows_no_language_and_takes_nothing() -> None:
    assert after(subjects(of="language"), holding("a @en")) == ["a @en"]


def test_only_what_this_service_wrote_is_replaced() -> None:
    assert after(subjects("new", of="ours"), holding("mine", "theirs"), wrote("mine")) == ["new", "theirs"]
    assert after(subjects(of="ours"), holding("mine", "theirs"), wrote("mine")) == ["theirs"]


def test_at_a_first_meeting_nothing_is_ours() -> None:
    assert after(subjects("new", of="ours"), holding("theirs")) == ["theirs", "new"]


def test_what_somebody_else_wrote_is_not_written_twice_and_does_not_become_ours() -> None:
    meant = subjects("same", of="ours")
    base = next_base(holding("same"), meant)
    assert texts(base.saved.properties[SUBJECT]) == ["same"]
    assert after(subjects("other", of="ours"), base.saved, base) == ["same", "other"]


def test_what_others_added_before_our_last_write_stays_theirs() -> None:
    """The saved representation holds their value too; the footing tells whose it is."""
    first = subjects("mine", of="ours")
    base = next_base(holding("mine", "theirs"), said(named(TITLE, "New")), wrote("mine"))
    theirs = {SUBJECT: (held("theirs").mark,)}
    assert base.footing == Footing(theirs, theirs)
    assert after(first, base.saved, base) == ["mine", "theirs"]
    assert after(subjects("new", of="ours"), base.saved, base) == ["new", "theirs"]


def test_without_a_footing_everything_saved_is_ours() -> None:
    assert after(subjects("new", of="ours"), holding("a", "b"), wrote("a", "b")) == ["new"]


# --- visibility and annotation --------------------------------------------------------------------


def test_a_value_that_stays_keeps_its_own_visibility() -> None:
    assert after(subjects("a", "b"), holding("a§", "b")) == ["a§", "b"]


def test_visibility_is_set_where_it_is_named() -> None:
    merged = done(merge(subjects("a!", "b§"), holding("a§", "b")))
    assert texts(placed.value for placed in merged.properties[SUBJECT]) == ["a", "b§"]
    assert merged.changes == (
        Change(
            SUBJECT,
            (),
            (),
            (("a (private)", "a"), ("b", "b (private)")),
            ("a (private)", "b"),
            ("a", "b (private)"),
        ),
    )


def test_a_new_value_among_private_ones_is_private() -> None:
    assert after(subjects("a", "b"), holding("a§")) == ["a§", "b§"]
    assert after(subjects("b"), holding("a§")) == ["b§"]
    assert after(subjects("b!"), holding("a§")) == ["b"]
    assert after(subjects("b", on_update="append"), holding("a§", "c")) == ["a§", "c", "b"]
    assert after(subjects("b"), holding()) == ["b"]


def test_of_twins_the_one_is_matched_that_needs_no_change() -> None:
    assert done(merge(subjects("a", "a§"), holding("a§", "a"))).changes == ()
    assert done(merge(subjects("a§", "a"), holding("a", "a§"))).changes == ()


NOTE = (("dcterms:source", (held("card"),)),)


def annotated(*values: str) -> Wish:
    return wish("a", annotation=(("dcterms:source", tuple(map(wish, values))),))


def test_an_annotation_that_is_not_named_stays() -> None:
    current = msgspec.structs.replace(
        holding(), properties={SUBJECT: (msgspec.structs.replace(held("a"), annotation=NOTE),)}
    )
    merged = done(merge(subjects("a", "b"), current))
    assert merged.properties[SUBJECT][0] == Placed(current.properties[SUBJECT][0])


def test_an_annotation_that_is_named_is_replaced_and_what_it_keeps_is_as_it_was() -> None:
    notes = (("dcterms:source", (held("card§"), held("old"))), ("dcterms:date", (held("1900"),)))
    before = msgspec.structs.replace(held("a"), annotation=notes)
    current = msgspec.structs.replace(holding(), properties={SUBJECT: (before,)})
    meant = said(Named(SUBJECT, (annotated("card", "new"),)))
    (placed,) = done(merge(meant, current)).properties[SUBJECT]
    new = Held(content("new"), raw=b"new new")
    becomes = msgspec.structs.replace(before, annotation=(("dcterms:source", (held("card§"), new)),))
    assert placed == Placed(becomes, touched=True, annotated=True)
    assert done(merge(meant, outcome(current, done(merge(meant, current))))).changes == ()


def test_an_annotation_named_as_nothing_is_taken_off() -> None:
    before = msgspec.structs.replace(held("a"), annotation=NOTE)
    current = msgspec.structs.replace(holding(), properties={SUBJECT: (before,)})
    merged = done(merge(said(Named(SUBJECT, (wish("a", annotation=()),))), current))
    assert merged.properties[SUBJECT] == (Placed(held("a"), touched=True, annotated=True),)
    assert merged.changes[0].text == f"{SUBJECT}: a (annotated: dcterms:source) → a"
    assert done(merge(said(Named(SUBJECT, (annotated("card"),))), current)).changes == ()


# --- identity -------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_update", ["replace", "append", "keep", "remove"])
def test_the_identity_is_added_whatever_the_policy_and_replaces_nothing(on_update: str) -> None:
    meant = said(named(IDENTIFIER, "N1", on_update=on_update), identity="N1")
    current = resource({IDENTIFIER: ["old number", "http://other/"]})
    assert after(meant, current, name=IDENTIFIER) == ["old number", "http://other/", "N1"]


def test_what_this_service_wrote_beside_the_identity_goes_where_the_record_means_ours() -> None:
    written = Base(resource({IDENTIFIER: ["N1", "old number"]}), Footing())
    current = resource({IDENTIFIER: ["N1", "old number", "theirs"]})
    meant = said(named(IDENTIFIER, "N1", of="ours"), identity="N1")
    assert after(meant, current, written, name=IDENTIFIER) == ["N1", "theirs"]
    borne = resource({IDENTIFIER: [" N1 "]})
    assert done(merge(meant, borne, Base(borne, Footing()))).changes == ()


def test_an_identity_that_the_record_does_not_give_to_the_property_is_added() -> None:
    assert after(said(identity="N1"), resource({}), name=IDENTIFIER) == ["N1"]
    assert after(said(identity="N1"), resource({IDENTIFIER: ["x§"]}), name=IDENTIFIER) == ["x§", "N1§"]


@pytest.mark.parametrize("form", ["N1", " N1 ", "N1 @en", "N1§"])
def test_an_identity_that_is_borne_in_any_form_is_not_added(form: str) -> None:
    current = resource({IDENTIFIER: [form]})
    assert done(merge(said(identity="N1"), current)).changes == ()
    assert done(merge(said(named(IDENTIFIER, "N1"), identity="N1"), current)).changes == ()


def test_a_uri_bears_an_identity_and_a_link_does_not() -> None:
    current = resource({IDENTIFIER: ["http://id/1"]})
    assert done(merge(said(identity="http://id/1"), current)).changes == ()
    assert after(said(identity="5"), resource({IDENTIFIER: ["#5"]}), name=IDENTIFIER) == ["#5", "5"]


def test_removing_the_identity_itself_leaves_it() -> None:
    meant = said(named(IDENTIFIER, "N1", "old", on_update="remove"), identity="N1")
    assert after(meant, resource({IDENTIFIER: ["N1", "old"]}), name=IDENTIFIER) == ["N1"]


def test_clearing_the_property_of_the_identity_leaves_it() -> None:
    meant = said(named(IDENTIFIER), identity="N1")
    assert after(meant, resource({IDENTIFIER: ["N1"]}), name=IDENTIFIER) == ["N1"]


# --- fields ---------------------------------------------------------------------------------------


def test_a_field_that_holds_one_value_is_set_and_emptied() -> None:
    merged = done(merge(choose("class", "26"), resource({}, **{"class": ["23"]})))
    assert merged.changes == (Change("class", ("23",), ("26",), (), ("23",), ("26",)),)
    assert texts(merged.fields["class"]) == ["26"]
    assert done(merge(choose("class"), resource({}, **{"class": ["23"]}))).fields == {"class": ()}
    assert done(merge(choose("class", "23"), resource({}, **{"class": ["23"]}))).changes == ()


def test_appending_to_a_field_that_holds_one_value_fills_it_and_never_replaces() -> None:
    assert after(
        choose("class", "26", on_update="append"), resource({}, **{"class": ["23"]}), name="class"
    ) == ["23"]
    assert after(choose("class", "26", on_update="append"), resource({}, **{"class": []}), name="class") == [
        "26"
    ]


def test_one_value_that_another_set_is_not_ours_to_replace() -> None:
    current = resource({}, owner=["7"])
    assert after(choose("owner", "2", of="ours"), current, name="owner") == ["7"]
    assert after(choose("owner", "2", of="ours"), current, Base(current), name="owner") == ["2"]


def test_item_sets_of_others_stay_where_only_ours_are_replaced() -> None:
    base = Base(resource({}, item_set=["3"]))
    current = resource({}, item_set=["3", "9"])
    assert after(choose("item-set", "4", of="ours"), current, base, name="item-set") == ["4", "9"]
    assert after(choose("item-set", "4"), current, base, name="item-set") == ["4"]
    assert after(choose("item-set", "3", "4", on_update="append"), current, base, name="item-set") == [
        "3",
        "9",
        "4",
    ]
    assert after(choose("item-set", "9", on_update="remove"), current, base, name="item-set") == ["3"]


def test_a_field_that_the_kind_does_not_have_is_left_out() -> None:
    assert done(merge(choose("site", "1"), resource({}))).changes == ()


# --- what cannot be changed -----------------------------------------------------------------------


def test_a_resource_with_a_value_that_could_not_go_back_is_not_changed() -> None:
    stuck = Held(Content("rdf:old", "x"), stuck="Its data type is not known.")
    current = msgspec.structs.replace(holding("a"), properties={TITLE: (stuck,), SUBJECT: (held("a"),)})
    assert merge(subjects("b"), current) == Unmergeable(
        "value-not-returnable",
        "item 1 holds a value that would be lost with any change to it, so it was not changed. "
        "dcterms:title: Its data type is not known.",
    )
    assert done(merge(subjects("a"), current)).changes == ()


# --- how changes read -----------------------------------------------------------------------------


def test_long_values_are_shown_where_they_differ() -> None:
    beginning = "x" * 500
    (change,) = done(merge(subjects(f"{beginning} new end"), holding(f"{beginning} old end"))).changes
    assert change.text == f"{SUBJECT}: …{'x' * 59} old end → …{'x' * 59} new end"


def test_a_link_to_what_is_still_to_be_created_says_so() -> None:
    (change,) = done(merge(subjects("#-3"), holding("#7"))).changes
    assert change.text == f"{SUBJECT}: resource 7 → a resource of this run"
