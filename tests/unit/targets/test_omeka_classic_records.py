"""Records of Omeka Classic read, meant, merged and compared, on recorded bodies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from worker.errors import Reject
from worker.planning.merge import Merge, merge
from worker.records import Content as Bytes
from worker.records import Draft, Fields, Identity, Link, MediaSource, Property, Value
from worker.targets.base import Saved
from worker.targets.omeka_classic import compare, payloads, restoring, updates
from worker.targets.omeka_classic.checking import Allowed, check
from worker.targets.omeka_classic.elements import LABELS, canonical, name_of
from worker.targets.omeka_classic.representation import FilteredTexts, saved_from
from worker.targets.omeka_classic.tags import TagTurns, folded
from worker.targets.omeka_classic.vocabulary import (
    Element,
    Vocabulary,
    collections_from,
    elements_from,
    item_types_from,
)

from .classic import body, sent

VOCABULARY = Vocabulary(
    elements={
        **elements_from(body("element-sets-index"), body("elements-index")),
        "Item Type Metadata:Original Format": Element(7, "Item"),
    },
    item_types=item_types_from(body("item-types-index")),
    collections=collections_from(body("collections-index")),
)


def draft(*properties: Property, kind: Any = "item", **more: Any) -> Draft:
    return Draft(kind, kind, 0, properties=properties, **more)


def prop(term: str, *texts: str, **more: Any) -> Property:
    return Property(term, tuple(Value(text=one) for one in texts), **more)


def item(name: str = "item-post") -> Saved:
    return saved_from(body(name), "item")


# --- names ----------------------------------------------------------------------------------------


def test_an_element_has_one_name_whatever_it_is_called() -> None:
    assert {canonical(one) for one in ("dcterms:title", "dc:title", "Dublin Core:Title")} == {"dcterms:title"}
    assert canonical("Item Type Metadata:Birth Date") == "Item Type Metadata:Birth Date"
    # Recorded: the fifteen are called as their terms are.
    elements = {one["name"] for one in body("elements-index")}
    assert len(elements) == 15
    assert all(name_of("Dublin Core", one) == f"dcterms:{one.lower()}" for one in elements)
    assert len(set(LABELS.values())) == len(LABELS) == 55
    assert LABELS["dcterms:educationLevel"] == "Audience Education Level"
    assert LABELS["dcterms:isPartOf"] == "Is Part Of"


# --- creates --------------------------------------------------------------------------------------


def test_a_create_says_all_that_the_target_would_make_up() -> None:
    made = payloads.create_body(
        draft(
            prop("dcterms:title", "A map"),
            Property("Item Type Metadata:Original Format", (Value(type="html", text="<b>Glass</b>"),)),
            Property("dcterms:relation", (Value(type="uri", uri="https://e.org/?a&b", label="A & B"),)),
            identity=Identity("s", ("Dublin Core:Identifier",), ("N 1",)),
            fields=Fields(
                resource_class="Still Image", item_sets=("Postcards of the Riverside",), tags=("a",)
            ),
        ),
        None,
        VOCABULARY,
    )
    assert json.loads(made) == {
        "public": False,
        "featured": False,
        "item_type": {"id": 6},
        "collection": {"id": 1},
        "tags": [{"name": "a"}],
        "element_texts": [
            {"html": False, "text": "A map", "element": {"id": 50}},
            {"html": True, "text": "<b>Glass</b>", "element": {"id": 7}},
            {"html": True, "text": '<a href="https://e.org/?a&amp;b">A &amp; B</a>', "element": {"id": 46}},
            {"html": False, "text": "N 1", "element": {"id": 43}},
        ],
    }


def test_what_was_sent_is_compared_with_what_was_answered() -> None:
    assert compare.differences(sent("item-post"), item(), VOCABULARY) == ()
    assert compare.same_as(sent("item-post"), item(), VOCABULARY)
    # An unknown element: 201, and the text is nowhere.
    (lost,) = compare.differences(
        sent("item-post-bad-element-id"), item("item-post-bad-element-id"), VOCABULARY
    )
    assert (lost.meant, lost.saved) == ("x", "(nothing)")
    # Of tags the spelling that is there stays, and these eight are five.
    assert compare.differences(sent("item-post-tags-odd"), item("item-post-tags-odd"), VOCABULARY) == ()
    assert (
        compare.differences(sent("item-post-tags-strings"), item("item-post-tags-strings"), VOCABULARY) == ()
    )


def test_what_a_failed_create_leaves_is_told_from_what_others_made() -> None:
    (orphan,) = body("orphan-left-by-500")
    left = saved_from(orphan, "item")
    assert compare.remnant(sent("item-post-text-without-html"), left)
    assert not compare.same_as(sent("item-post-text-without-html"), left, VOCABULARY)
    assert not compare.remnant(sent("item-post-text-without-html"), item())
    assert compare.remnant(sent("item-post"), item())
    public = saved_from({**orphan, "public": True}, "item")
    assert not compare.remnant(sent("item-post-text-without-html"), public)


# --- updates --------------------------------------------------------------------------------------


def merged(current: Saved, meant: Draft) -> tuple[Any, Merge]:
    present = updates.current_of(current, VOCABULARY)
    found = merge(updates.meant_of(meant, VOCABULARY, present), present)
    assert isinstance(found, Merge), found
    return present, found


def put(current: Saved, meant: Draft) -> Any:
    present, found = merged(current, meant)
    return json.loads(updates.update_payload(present, found)) if found.changes else None


def test_texts_go_back_whole_and_only_where_one_changes() -> None:
    texts = body("item-post")["element_texts"]
    whole = [{"html": t["html"], "text": t["text"], "element": {"id": t["element"]["id"]}} for t in texts]
    assert put(item(), draft(prop("Dublin Core:Title", "A map of the river"))) is None
    assert put(item(), draft(prop("dcterms:title", "Another"))) == {
        "element_texts": [{**whole[0], "text": "Another"}, *whole[1:]]
    }
    # The same words as plain text are another text than as HTML.
    html = "<p>With <em>html</em> &amp; entities</p>"
    assert put(item(), draft(Property("dcterms:description", (Value(type="html", text=html),)))) is None
    assert put(item(), draft(prop("dcterms:description", html))) == {
        "element_texts": [*whole[:3], {**whole[3], "html": False}, *whole[4:]]
    }
    assert put(item(), draft(prop("dcterms:subject"))) == {"element_texts": [whole[0], *whole[3:]]}


def test_fields_are_sent_alone_and_tags_keep_their_spelling() -> None:
    assert put(item(), draft(fields=Fields(featured=True))) == {"featured": True}
    assert put(item(), draft(fields=Fields(tags=("RIVER", "old maps")))) is None
    assert put(item(), draft(fields=Fields(tags=("River", "École")))) == {
        "tags": [{"name": "river"}, {"name": "École"}]
    }
    assert put(item(), draft(fields=Fields(resource_class="Postcard"))) == {"item_type": {"id": 18}}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (Fields(item_sets=()), "cannot-be-unset"),
        (Fields(resource_class=None), "cannot-be-unset"),
        (Fields(resource_class="Still Image", on_update={"class": "remove"}), "cannot-be-unset"),
        (Fields(item_sets=("2", "3")), "one-collection"),
        (Fields(item_sets=("2",), on_update={"item-set": "append"}), "one-collection"),
    ],
)
def test_what_the_api_cannot_do_is_refused(fields: Fields, code: str) -> None:
    present = updates.current_of(item(), VOCABULARY)
    with pytest.raises(Reject) as caught:
        updates.meant_of(draft(fields=fields), VOCABULARY, present)
    assert caught.value.code == code


def test_an_earlier_state_comes_back_but_for_what_cannot_be_taken_off() -> None:
    image = msgspec.json.encode(body("item-put-tags-replace"))
    assert restoring.restore_body(image, "item", item("item-put-tags-replace"), {}, ()) is None
    restored = json.loads(restoring.restore_body(image, "item", item(), {}, ()) or b"")
    assert restored == {
        "public": False,
        "tags": [{"name": "new tag"}, {"name": "river"}],
        "element_texts": [],
    }
    bare = msgspec.json.encode({**body("item-post"), "collection": None, "item_type": None})
    assert restoring.restore_body(bare, "item", item(), {}, ()) is None
    assert restoring.stays(bare, "item", item()) == ("class", "item-set")


# --- checks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (draft(prop("dcterms:titel", "x")), "names-unknown"),
        (draft(prop("Item Type Metadata:Original Format", "x"), kind="item-set"), "names-unknown"),
        (draft(prop("dcterms:title", "a 🗺 map")), "text-too-wide"),
        (draft(prop("dcterms:title", "0")), "value-empty"),
        (draft(fields=Fields(tags=("🗺",))), "text-too-wide"),
        (draft(fields=Fields(tags=("x" * 256,))), "value-invalid"),
        (draft(fields=Fields(tags=(" ",))), "value-empty"),
        (draft(fields=Fields(template="Base")), "field-unsupported"),
        (draft(fields=Fields(owner="alice")), "owner-not-set"),
        (draft(fields=Fields(item_sets=("1", "2"))), "one-collection"),
        (draft(fields=Fields(tags=("a",)), kind="item-set"), "field-unsupported"),
        (draft(Property("dcterms:title", (Value(text="x", language="en"),))), "field-unsupported"),
        (draft(Property("dcterms:title", (Value(text="x", public=False),))), "field-unsupported"),
        (draft(Property("dcterms:title", (Value(link=Link("item", "", (), ("1",))),))), "link-unsupported"),
        (draft(kind="media", item=0), "media-without-source"),
        (draft(kind="media", source=MediaSource("html", "<p>")), "field-unsupported"),
        (draft(kind="site"), "field-unsupported"),
        (
            draft(kind="media", primary=True, source=MediaSource("url", "https://a.org/b.jpg")),
            "field-unsupported",
        ),
    ],
)
def test_what_the_target_would_not_take_is_told_before(one: Draft, code: str) -> None:
    assert [problem.code for problem in check(one, VOCABULARY, Allowed())] == [code]


def test_wide_characters_are_taken_where_the_settings_say_so() -> None:
    assert check(draft(prop("dcterms:title", "a 🗺 map")), VOCABULARY, Allowed(wide_characters=True)) == ()
    source = MediaSource("upload", "scans/a.png", content=Bytes("0" * 64, 3))
    assert check(draft(kind="media", source=source), VOCABULARY, Allowed()) == ()


def test_texts_without_their_flag_for_html_are_refused() -> None:
    filtered = body("item-post")
    for one in filtered["element_texts"]:
        del one["html"]
    with pytest.raises(FilteredTexts):
        saved_from(filtered, "item")


# --- tags -----------------------------------------------------------------------------------------


def test_tags_are_the_same_without_case_accents_and_blanks() -> None:
    assert folded(" École ") == folded("ecole")
    assert folded("STRASSE") == folded("straße")
    assert folded("with, comma") != folded("with comma")


def test_the_first_record_of_a_new_tag_goes_alone_and_others_go_on() -> None:
    async def script() -> list[str]:
        turns, log, gate = TagTurns(), list[str](), asyncio.Event()

        async def write(name: str, *tags: str) -> None:
            async with turns.turn(tags):
                log.append(f"{name} begins")
                if name == "first":
                    await gate.wait()
                turns.learn(tags)
                log.append(f"{name} ends")

        first = asyncio.create_task(write("first", "river", "mill"))
        await asyncio.sleep(0)
        second = asyncio.create_task(write("second", "MILL"))
        other = asyncio.create_task(write("other", "farm"))
        await other
        gate.set()
        await asyncio.gather(first, second)
        return log

    assert asyncio.run(script()) == [
        "first begins",
        "other begins",
        "other ends",
        "first ends",
        "second begins",
        "second ends",
    ]
