"""Updates against the recorded exchanges: what is read from a representation, and what is sent back."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Reject
from worker.planning.changes import Change
from worker.planning.merge import Merge, Unmergeable, merge, outcome
from worker.planning.values import FIELD, NOTHING, Base, Content, Current, Held, Named, Wish
from worker.records import Draft, Fields, Identity, Link, Property, Value
from worker.targets.base import Difference, LinkTarget, Saved
from worker.targets.omeka_s import compare
from worker.targets.omeka_s.representation import saved_from
from worker.targets.omeka_s.updates import CLEAR, current_of, meant_of, update_differences, update_payload

from .exchanges import body, sent
from .samples import VOCABULARY

RICH = "item-read-rich-admin"


def saved(name: str, **changes: Any) -> Saved:
    return saved_from(
        {**copy.deepcopy(body(name)), **changes}, "media" if "media/" in body(name)["@id"] else "item"
    )


def current(name: str, **changes: Any) -> Current:
    return current_of(saved(name, **changes), VOCABULARY)


def item(*properties: Property, **more: Any) -> Draft:
    return Draft("item", "item", 0, properties=properties, **more)


def literal(term: str, *texts: str, **policy: Any) -> Property:
    return Property(term, tuple(Value(text=text) for text in texts), **policy)


def merged(draft: Draft, present: Current, base: Base | None = None) -> Merge:
    found = merge(meant_of(draft, {}, VOCABULARY), present, base)
    assert not isinstance(found, Unmergeable), found.message
    return found


def patch(draft: Draft, present: Current) -> dict[str, Any]:
    sent_back: dict[str, Any] = orjson.loads(update_payload(present, merged(draft, present), VOCABULARY))
    return sent_back


# --- reading --------------------------------------------------------------------------------------


def test_a_representation_is_read_value_by_value_with_the_json_it_came_as() -> None:
    found = current(RICH)
    recorded = body(RICH)
    (identifier,) = found.properties["dcterms:identifier"]
    notes = recorded["dcterms:identifier"][0]["@annotation"]
    assert identifier == Held(
        content=Content("literal", "ID-2-1795367341"),
        annotation=(
            (
                "dcterms:source",
                (Held(Content("literal", "from card"), raw=orjson.dumps(notes["dcterms:source"][0])),),
            ),
            (
                "dcterms:relation",
                (
                    Held(
                        Content("uri", uri="http://example.org/ann"),
                        raw=orjson.dumps(notes["dcterms:relation"][0]),
                    ),
                ),
            ),
        ),
        raw=orjson.dumps(recorded["dcterms:identifier"][0]),
    )
    assert {term: [value.shown() for value in values] for term, values in found.properties.items()} == {
        "dcterms:title": ["Titel @de", "Title @en"],
        "dcterms:description": ["secret (private)"],
        "dcterms:source": ["http://example.org/src?a=1&b=2 “The source” @en"],
        "dcterms:relation": ["resource 5", "resource 5 ^^resource:item"],
        "dcterms:identifier": ["ID-2-1795367341 (annotated: dcterms:relation, dcterms:source)"],
    }
    for term, values in found.properties.items():
        assert [json.loads(value.raw) for value in values] == recorded[term]
    assert (found.kind, found.id, found.modified, found.stuck) == ("item", 6, "2026-11-22 17:09:04", ())


def test_fields_are_read_by_number_and_shown_by_name() -> None:
    found = current("item-create-full-links")
    assert found.fields == {
        "public": (Held(Content(FIELD, "true")),),
        "class": (Held(Content(FIELD, "26"), display="dctype:Image (26)"),),
        "template": (Held(Content(FIELD, "2"), display=VOCABULARY.templates.label(2)),),
        "owner": (Held(Content(FIELD, "1"), display=VOCABULARY.owners.label(1)),),
        "thumbnail": (),
        "item-set": (
            Held(Content(FIELD, "3"), display="Set A (3)"),
            Held(Content(FIELD, "4"), display="Twin (4)"),
        ),
        "site": (),
        "geolocation": (),
        "primary": (),
    }
    assert current("patch-item-keeps-media").media == (45, 46, 47)
    media = current("media-patch-metadata").fields
    assert (media["alt-text"], media["language"]) == (
        (Held(Content(FIELD, "alt")),),
        (Held(Content(FIELD, "en")),),
    )


TEXTS = st.text("abc  \n“(é", min_size=1, max_size=250)


@given(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("literal"), "@value": TEXTS}, optional={"@language": TEXTS}),
        st.fixed_dictionaries(
            {"type": st.just("uri"), "@id": TEXTS}, optional={"o:label": TEXTS, "o:lang": TEXTS}
        ),
        st.fixed_dictionaries({"type": st.just("numeric:integer"), "@value": st.integers(-(2**53), 2**53)}),
        st.fixed_dictionaries({"type": st.just("resource"), "value_resource_id": st.integers(1, 2**40)}),
    ),
    st.booleans(),
    st.booleans(),
)
def test_a_value_reads_as_in_reports_of_alterations(
    value: dict[str, Any], public: bool, annotated: bool
) -> None:
    """So that what was reported as altered is known again by its text."""
    note = {"dcterms:source": [{"type": "literal", "property_id": 11, "is_public": True, "@value": "x"}]}
    whole = value | {"property_id": 1, "is_public": public} | ({"@annotation": note} if annotated else {})
    text = compare.plain(whole).shown()
    assert compare.NOTHING == NOTHING
    (held,) = current("patch-no-values", **{"dcterms:title": [whole]}).properties["dcterms:title"]
    assert held.shown() == text
    assert Wish(held.content).shown_as(text)
    assert Wish(held.content, public).shown_as(text)
    assert not Wish(held.content, not public).shown_as(text)


def test_a_draft_is_put_in_the_target_s_terms() -> None:
    artist = Link("item:artist", "tate", ("dcterms:identifier",), ("A1",))
    unknown = msgspec.structs.replace(
        artist, identity=("A2",), otherwise=(Value(text="Anon", language="en"),)
    )
    draft = item(
        Property(
            "dcterms:creator",
            (
                Value(type="resource", link=artist),
                Value(type="resource", link=unknown),
                Value(type="customvocab:Materials", text="oil"),
            ),
            of="type",
        ),
        Property(
            "dcterms:title", (Value(text="T", public=False, annotation=(literal("dcterms:source", "card"),)),)
        ),
        identity=Identity("tate", ("dcterms:identifier",), (" N1 ",)),
        fields=Fields(
            resource_class="dctype:Image", template=None, item_sets=("Set A", "3"), of={"item-set": "ours"}
        ),
    )
    found = meant_of(draft, {artist.sought: LinkTarget("item", 7)}, VOCABULARY)
    creator, title = found.properties
    assert [wish.content for wish in creator.wishes] == [
        Content("resource", resource=7),
        Content("literal", "Anon", language="en"),
        Content("customvocab:1", "oil"),
    ]
    assert (creator.on_update, creator.of) == ("replace", "type")
    (wish,) = title.wishes
    assert (wish.content, wish.public) == (Content("literal", "T"), False)
    assert wish.annotation is not None
    assert [(term, [one.content.text for one in several]) for term, several in wish.annotation] == [
        ("dcterms:source", ["card"])
    ]
    assert found.fields == (
        Named("class", (Wish(Content(FIELD, "26"), display="dctype:Image (26)"),)),
        Named("template"),
        Named("item-set", (Wish(Content(FIELD, "3"), display="Set A (3)"),), "replace", "ours"),
    )
    (identity,) = found.identity
    assert (identity.term, identity.identifier, identity.wish.content.text) == (
        "dcterms:identifier",
        "N1",
        " N1 ",
    )


def test_a_link_that_leads_nowhere_and_an_unknown_name_reject_the_record() -> None:
    lost = Value(type="resource", link=Link("item:artist", "", ("dcterms:identifier",), ("A2",)))
    with pytest.raises(Reject, match="link"):
        meant_of(item(Property("dcterms:creator", (lost,))), {}, VOCABULARY)
    with pytest.raises(Reject, match="Imgae"):
        meant_of(item(fields=Fields(resource_class="dctype:Imgae")), {}, VOCABULARY)


# --- what is sent ---------------------------------------------------------------------------------


def test_all_values_go_back_when_one_changes() -> None:
    """`patch-one-property`: passing any value replaced all values; the title was gone."""
    assert "dcterms:title" not in body("patch-one-property")
    before = current("patch-no-values")
    recorded = body("patch-no-values")
    payload = patch(item(literal("dcterms:description", "new desc")), before)
    assert payload == {
        "dcterms:title": recorded["dcterms:title"],
        "dcterms:description": [
            {"type": "literal", "property_id": 4, "is_public": True, "@value": "new desc"}
        ],
        "dcterms:identifier": recorded["dcterms:identifier"],
    }


def test_every_value_says_its_own_visibility() -> None:
    """`patch-values-without-is_public`: a value without it inherited the flag of an old row."""
    assert body("patch-values-without-is_public")["dcterms:title"][0]["is_public"] is False
    payload = patch(item(literal("dcterms:title", "x"), literal("dcterms:description", "y")), current(RICH))
    flags = {term: [value["is_public"] for value in values] for term, values in payload.items()}
    assert flags == {
        "dcterms:title": [True],
        "dcterms:description": [False],  # it takes the place of a private one
        "dcterms:source": [True],
        "dcterms:relation": [True, True],
        "dcterms:identifier": [True],
    }


def test_what_stays_goes_back_byte_for_byte_with_annotations_and_unknown_keys() -> None:
    """`item-create-rich`: an annotation is part of the value, so it is lost where it is not sent."""
    recorded = copy.deepcopy(body(RICH))
    recorded["dcterms:relation"][0]["o-module-example:score"] = {"z": 1.5, "a": [None, "é \\ \u2028"]}
    before = current(RICH, **{"dcterms:relation": recorded["dcterms:relation"]})
    payload = update_payload(before, merged(item(literal("dcterms:title", "New")), before), VOCABULARY)
    for term in ("dcterms:description", "dcterms:source", "dcterms:relation", "dcterms:identifier"):
        for value in recorded[term]:
            assert orjson.dumps(value) in payload
    assert list(orjson.loads(payload)) == [term for term in recorded if term.startswith("dcterms:")]


def test_an_empty_property_is_cleared_by_number_and_nothing_else_is_sent() -> None:
    """`patch-empty-value-list`: an empty list cleared nothing."""
    assert (
        body("patch-empty-value-list")["dcterms:title"]
        == body("patch-values-without-is_public")["dcterms:title"]
    )
    draft = item(Property("dcterms:title"), Property("dcterms:source"))
    assert patch(draft, current(RICH)) == {CLEAR: [1, 11]}
    # Where another property changes, all values are sent anyway, and those left out are gone.
    both = patch(item(Property("dcterms:title"), literal("dcterms:source", "x")), current(RICH))
    assert (CLEAR in both, "dcterms:title" in both, "dcterms:description" in both) == (False, False, True)


def test_a_change_of_fields_alone_sends_no_values() -> None:
    """`patch-no-values`, `patch-item-keeps-media`: what is not sent stays, media and values included."""
    assert orjson.loads(sent("patch-no-values")) == {"o:is_public": True}
    assert "dcterms:title" in body("patch-no-values")
    assert len(body("patch-item-keeps-media")["o:media"]) == 3
    before = current("item-create-full-links")
    assert patch(item(fields=Fields(public=False, resource_class=None)), before) == {
        "o:is_public": False,
        "o:resource_class": None,
    }


def test_item_sets_are_sent_whole_and_only_when_they_change() -> None:
    """`patch-item-set-replace`: the list that is sent is the list afterwards."""
    assert [one["o:id"] for one in body("patch-item-set-replace")["o:item_set"]] == [3]
    before = current("item-create-full-links")
    assert patch(item(fields=Fields(item_sets=("5",), on_update={"item-set": "append"})), before) == {
        "o:item_set": [{"o:id": 3}, {"o:id": 4}, {"o:id": 5}]
    }
    unchanged = item(literal("dcterms:title", "x"), fields=Fields(item_sets=("4", "Set A")))
    assert set(patch(unchanged, before)) == {"dcterms:title", "dcterms:identifier"}


def test_media_are_never_part_of_an_update() -> None:
    """`patch-o-media-empty`: an empty list deleted all media."""
    assert (orjson.loads(sent("patch-o-media-empty")), body("patch-o-media-empty")["o:media"]) == (
        {"o:media": []},
        [],
    )
    fields = Fields(public=False, resource_class="dctype:Image", item_sets=(), sites=("main",), thumbnail="1")
    payload = patch(item(literal("dcterms:title", "x"), fields=fields), current("patch-item-keeps-media"))
    assert set(payload) == {"o:is_public", "o:resource_class", "o:thumbnail", "o:site", "dcterms:title"}


def test_the_metadata_of_a_media_are_patched_alone() -> None:
    """`media-patch-metadata`."""
    draft = Draft("media", "media", 0, fields=Fields(public=True, alt_text="other", language="en"))
    before = current("media-patch-metadata")
    assert patch(draft, before) == {"o:is_public": True, "o:alt_text": "other"}
    assert patch(Draft("media", "media", 0, fields=Fields(alt_text="")), before) == {"o:alt_text": None}


def test_visibility_and_annotation_change_on_the_value_that_stands_there() -> None:
    before = current(RICH)
    recorded = body(RICH)
    hidden = Property("dcterms:identifier", (Value(text="ID-2-1795367341", public=False),))
    assert patch(item(hidden), before)["dcterms:identifier"] == [
        recorded["dcterms:identifier"][0] | {"is_public": False}
    ]
    noted = Value(
        text="ID-2-1795367341", annotation=(literal("dcterms:source", "from card", "and catalogue"),)
    )
    (value,) = patch(item(Property("dcterms:identifier", (noted,))), before)["dcterms:identifier"]
    kept = recorded["dcterms:identifier"][0]["@annotation"]["dcterms:source"][0]
    added = {"type": "literal", "property_id": 11, "is_public": True, "@value": "and catalogue"}
    assert value == recorded["dcterms:identifier"][0] | {"@annotation": {"dcterms:source": [kept, added]}}
    bare = Property("dcterms:identifier", (Value(text="ID-2-1795367341", annotation=()),))
    (value,) = patch(item(bare), before)["dcterms:identifier"]
    assert "@annotation" not in value


def test_a_new_value_is_sent_as_in_a_create() -> None:
    noted = Value(text="x", language="de", public=False, annotation=(literal("dcterms:source", "card"),))
    draft = item(
        Property("dcterms:subject", (noted, Value(type="uri", uri="http://u/", label="U", language="en")))
    )
    payload = patch(draft, current("item-create-literal"))
    note = {"type": "literal", "property_id": 11, "is_public": True, "@value": "card"}
    assert payload["dcterms:subject"] == [
        {
            "type": "literal",
            "property_id": 3,
            "is_public": False,
            "@value": "x",
            "@language": "de",
            "@annotation": {"dcterms:source": [note]},
        },
        {
            "type": "uri",
            "property_id": 3,
            "is_public": True,
            "@id": "http://u/",
            "o:label": "U",
            "o:lang": "en",
        },
    ]


def test_what_changes_nothing_and_what_links_to_nothing_yet_is_not_sent() -> None:
    before = current(RICH)
    same = merged(
        item(
            Property(
                "dcterms:title", (Value(text="Title", language="en"), Value(text="Titel", language="de"))
            )
        ),
        before,
    )
    assert same.changes == ()
    with pytest.raises(ValueError, match="changes nothing"):
        update_payload(before, same, VOCABULARY)
    link = Link("item", "", ("dcterms:identifier",), ("A1",))
    planned = meant_of(
        item(Property("dcterms:relation", (Value(type="resource", link=link),))),
        {link.sought: LinkTarget("item", -12)},
        VOCABULARY,
    )
    plan = merge(planned, before)
    assert isinstance(plan, Merge)
    assert plan.changes == (
        Change(
            "dcterms:relation",
            ("resource 5", "resource 5 ^^resource:item"),
            ("a resource of this run",),
            (),
            ("resource 5", "resource 5 ^^resource:item"),
            ("a resource of this run",),
        ),
    )
    with pytest.raises(ValueError, match="still to be created"):
        update_payload(before, plan, VOCABULARY)


# --- what could not go back -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"type": "rdf:HTML", "@value": "<b>x</b>"}, "data type “rdf:HTML” is not known"),
        ({"type": None, "@value": "x"}, "data type “None” is not known"),
        ({"type": "customvocab:99", "@value": "x"}, "data type “customvocab:99” is not known"),
        ({"type": "literal", "@value": "  "}, "blank text"),
        ({"type": "literal", "@value": 5}, "blank text"),
        ({"type": "uri", "@id": " JavaScript:alert(1)"}, "URI is one that Omeka would drop"),
        ({"type": "resource", "@id": None, "value_resource_id": None}, "cannot be seen"),
        (
            {
                "type": "literal",
                "@value": "x",
                "@annotation": {"dcterms:source": [{"type": "gone:type", "property_id": 11, "@value": "x"}]},
            },
            "data type “gone:type” is not known",
        ),
    ],
)
def test_a_value_that_omeka_would_drop_makes_the_resource_untouchable(
    value: dict[str, Any], reason: str
) -> None:
    """`item-create-invalid-values-dropped`: dropped without a word."""
    stuck = {"dcterms:subject": [value | {"property_id": 3, "is_public": True}]}
    before = current(RICH, **stuck)
    refused = merge(meant_of(item(literal("dcterms:title", "x")), {}, VOCABULARY), before)
    assert isinstance(refused, Unmergeable)
    assert refused.code == "value-not-returnable"
    assert refused.message.startswith("item 6 holds a value that would be lost with any change to it")
    assert reason in refused.message


@pytest.mark.parametrize(
    "name", ["numeric:timestamp", "customvocab:1", "resource:media", "valuesuggest:lc:subjects"]
)
def test_types_that_the_target_knows_go_back(name: str) -> None:
    value = {"type": name, "property_id": 3, "is_public": True, "@value": "1920", "value_resource_id": 5}
    assert current(RICH, **{"dcterms:subject": [value]}).stuck == ()


# --- the answer -----------------------------------------------------------------------------------


def test_a_property_that_was_not_cleared_is_found_in_the_answer() -> None:
    payload = orjson.dumps({CLEAR: [1]})
    assert update_differences(payload, saved("patch-one-property"), VOCABULARY) == ()
    assert update_differences(payload, saved("patch-no-values"), VOCABULARY) == (
        Difference("dcterms:title", NOTHING, "U title"),
    )
    assert update_differences(sent("patch-one-property"), saved("patch-no-values"), VOCABULARY) == (
        Difference("dcterms:description", "new desc", "U desc"),
        Difference("dcterms:title", NOTHING, "U title"),
        Difference("dcterms:identifier", NOTHING, "U-1795367341 (private)"),
    )


def test_the_payload_of_an_update_means_the_outcome_of_the_merge() -> None:
    before = current(RICH)
    plan = merged(item(literal("dcterms:title", "New"), literal("dcterms:subject", "S")), before)
    payload = update_payload(before, plan, VOCABULARY)
    sent_back = saved_from({**body(RICH), **json.loads(payload)}, "item")
    becomes = current_of(sent_back, VOCABULARY)
    meant = outcome(before, plan).properties
    assert {term: [one.mark for one in values] for term, values in becomes.properties.items()} == {
        term: [one.mark for one in values] for term, values in meant.items()
    }
    assert update_differences(payload, sent_back, VOCABULARY) == ()
