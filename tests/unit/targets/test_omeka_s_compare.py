from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from worker.records import Identity
from worker.targets.base import Difference
from worker.targets.omeka_s.compare import NOTHING, bears, differences, same_as, visible, visible_text
from worker.targets.omeka_s.representation import Unreadable, saved_from, stamp
from worker.targets.omeka_s.surveying import surveyed

from .exchanges import body, sent
from .samples import VOCABULARY


def compared(name: str) -> tuple[Difference, ...]:
    """The recorded request against the recorded answer."""
    kind = "media" if "media/" in body(name)["@id"] else "item"
    return differences(sent(name), saved_from(body(name), kind), VOCABULARY)


@pytest.mark.parametrize(
    "name",
    [
        "item-create-literal",
        "item-create-rich",
        "item-create-full-links",
        "item-create-private",
        "item-create-whitespace-unicode",
        "item-create-bad-language",
        "item-create-no-site",
    ],
)
def test_what_arrived_as_meant_shows_no_difference(name: str) -> None:
    assert compared(name) == ()


def test_values_that_omeka_dropped_are_found() -> None:
    found = compared("item-create-invalid-values-dropped")
    assert [(one.name, one.saved) for one in found] == [
        *[("dcterms:title", NOTHING)] * 5,
        *[("dcterms:source", NOTHING)] * 3,
    ]
    assert [one.meant for one in found][3:] == [
        NOTHING,
        NOTHING,
        NOTHING,
        "javascript:alert(1)",
        "http://wrong.key/",
    ]


def test_a_value_in_another_property_is_found() -> None:
    # The key is ignored, `property_id` decides.
    assert compared("item-create-term-mismatch")[0] == Difference(
        "dcterms:title", "goes to description", "key is irrelevant"
    )


def test_a_class_that_was_ignored_is_found() -> None:
    meant = json.dumps({"o:resource_class": {"o:id": 26}}).encode()
    saved = saved_from(body("item-create-class-as-plain-id"), "item")
    assert differences(meant, saved, VOCABULARY) == (Difference("class", "dctype:Image (26)", NOTHING),)


def test_a_site_that_omeka_added_is_found() -> None:
    saved = saved_from(body("item-create-auto-site"), "item")
    assert differences(b'{"o:site": []}', saved, VOCABULARY) == (Difference("site", NOTHING, "main (1)"),)


def test_visibility_that_came_out_otherwise_is_found() -> None:
    saved = saved_from(body("item-create-is-public-string-false"), "item")
    assert differences(b'{"o:is_public": false}', saved, VOCABULARY) == (
        Difference("public", "false", "true"),
    )


def test_purified_html_is_found_and_is_still_the_same_media() -> None:
    payload, saved = sent("media-html"), saved_from(body("media-html"), "media")
    assert differences(payload, saved, VOCABULARY) == (
        Difference("html", "<p>Hi <script>alert(1)</script><b>there</b></p>", "<p>Hi <b>there</b></p>"),
    )
    assert same_as(payload, saved, VOCABULARY)


def test_other_html_is_another_media() -> None:
    payload = json.dumps({"o:ingester": "html", "html": "<p>Something else</p>"}).encode()
    assert not same_as(payload, saved_from(body("media-html"), "media"), VOCABULARY)
    assert not same_as(payload, saved_from(body("media-html-missing"), "media"), VOCABULARY)


def test_a_media_of_another_item_is_another_media() -> None:
    payload = sent("media-html").replace(b'"o:id": 34', b'"o:id": 35')
    assert differences(payload, saved_from(body("media-html"), "media"), VOCABULARY)[0] == Difference(
        "item", "35", "34"
    )


def test_media_that_are_missing_in_the_item_are_counted() -> None:
    payload = json.dumps({"o:media": [{}, {}, {}, {}]}).encode()
    saved = saved_from(body("item-create-inline-media"), "item")
    assert differences(payload, saved, VOCABULARY) == (Difference("media", "4", "3"),)


def _changed(**value: Any) -> tuple[Difference, ...]:
    """The rich item with its first title changed on the target's side."""
    document = copy.deepcopy(body("item-create-rich"))
    document["dcterms:title"][0].update(value)
    return differences(sent("item-create-rich"), saved_from(document, "item"), VOCABULARY)


def test_each_part_of_a_value_counts() -> None:
    assert _changed(**{"@value": "Anders"}) == (Difference("dcterms:title", "Titel @de", "Anders @de"),)
    assert _changed(**{"@language": "fr"}) == (Difference("dcterms:title", "Titel @de", "Titel @fr"),)
    assert _changed(is_public=False) == (Difference("dcterms:title", "Titel @de", "Titel @de (private)"),)
    assert _changed(type="numeric:integer") == (
        Difference("dcterms:title", "Titel @de", "Titel @de ^^numeric:integer"),
    )
    assert _changed(**{"@annotation": {"dcterms:source": [{"property_id": 11, "@value": "x"}]}}) == (
        Difference("dcterms:title", "Titel @de", "Titel @de (annotated: dcterms:source)"),
    )


def test_values_are_compared_as_a_multiset() -> None:
    document = copy.deepcopy(body("item-create-rich"))
    document["dcterms:title"].reverse()
    saved = saved_from(document, "item")
    assert differences(sent("item-create-rich"), saved, VOCABULARY) == ()
    document["dcterms:title"].append(document["dcterms:title"][0])
    assert differences(sent("item-create-rich"), saved, VOCABULARY) == (
        Difference("dcterms:title", NOTHING, "Title @en"),
    )


def test_a_link_to_another_resource_is_found() -> None:
    document = copy.deepcopy(body("item-create-rich"))
    document["dcterms:relation"][0]["value_resource_id"] = 9
    assert differences(sent("item-create-rich"), saved_from(document, "item"), VOCABULARY) == (
        Difference("dcterms:relation", "resource 5", "resource 9"),
    )


def test_a_number_that_comes_back_as_a_number_is_the_same() -> None:
    value = {"type": "numeric:integer", "property_id": 7, "is_public": True}
    document = body("item-create-empty-object") | {"dcterms:date": [value | {"@value": 5}]}
    payload = json.dumps({"dcterms:date": [value | {"@value": "5"}]}).encode()
    assert differences(payload, saved_from(document, "item"), VOCABULARY) == ()


def test_long_private_text_is_only_quoted() -> None:
    payload = json.dumps(
        {"dcterms:title": [{"property_id": 1, "type": "literal", "@value": "x" * 5000}]}
    ).encode()
    (difference,) = differences(payload, saved_from(body("item-create-empty-object"), "item"), VOCABULARY)
    assert len(difference.meant) == 200


# --- identity -------------------------------------------------------------------------------------

RICH = saved_from(body("item-create-rich"), "item")


def _identity(*values: str, by: tuple[str, ...] = ("dcterms:identifier",)) -> Identity:
    return Identity("s", by, values)


def test_an_identity_is_borne_exactly_or_not() -> None:
    assert bears(RICH, _identity("ID-2-1795367341"))
    assert bears(RICH, _identity("  ID-2-1795367341 "))
    assert bears(RICH, _identity("http://example.org/src?a=1&b=2", by=("dcterms:source",)))
    assert bears(RICH, _identity("Title", "ID-2-1795367341", by=("dcterms:title", "dcterms:identifier")))
    # What a search by `eq` would take for the same: case, an accent, a part, a linked resource's title.
    for other in ("id-2-1795367341", "ÍD-2-1795367341", "ID-2", "", "0"):
        assert not bears(RICH, _identity(other))
    assert not bears(RICH, _identity("First 1795367341", by=("dcterms:relation",)))
    assert not bears(RICH, _identity("x", by=("dcterms:abstract",)))


def test_a_resource_bears_every_combination_of_its_values() -> None:
    two = surveyed(RICH, ("dcterms:title", "dcterms:identifier")).identities
    assert two == (("Titel", "ID-2-1795367341"), ("Title", "ID-2-1795367341"))
    assert surveyed(RICH, ("dcterms:abstract",)).identities == ()


# --- representation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"@value": "2026-11-22T17:09:06+00:00", "@type": "dateTime"}, "2026-11-22 17:09:06"),
        ("2026-11-22 17:09:06", "2026-11-22 17:09:06"),
        ("2026-11-22 17:09:06.000000", "2026-11-22 17:09:06"),
        (None, ""),
        ({}, ""),
        (5, ""),
    ],
)
def test_stamps_of_answers_and_listings_are_the_same_text(value: Any, text: str) -> None:
    assert stamp(value) == text


def test_a_representation_of_another_kind_is_not_taken() -> None:
    with pytest.raises(Unreadable):
        saved_from(body("item-create-rich"), "media")


def test_visible_text_is_what_a_purifier_leaves() -> None:
    assert visible_text("<p>A&amp;B <script>x</script> <i>c</i></p>\n<style>p{}</style>d") == "A&B c d"
    assert visible_text("plain < text") == "plain < text"


def test_what_is_seen_of_html_is_where_its_links_and_pictures_lead_too() -> None:
    html = '<p>A <a href="/b?c&amp;d">b</a> <img src=" https://e.test/f "> <a href="javascript:g()">h</a></p>'
    assert visible(html) == ("A b h", ("/b?c&d", "https://e.test/f"))
