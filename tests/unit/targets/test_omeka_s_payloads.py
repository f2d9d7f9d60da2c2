from __future__ import annotations

import json
from typing import Any

import pytest

from worker.errors import Reject
from worker.records import Draft, Fields, Identity, Link, MediaSource, Property, Value
from worker.targets.base import LinkTarget
from worker.targets.omeka_s.payloads import create_body

from .samples import VOCABULARY

ARTIST = Identity("tate", ("dcterms:identifier",), ("A-7",))
LINK = Link("item:artist", "tate", ("dcterms:identifier",), ("A-7",))


def item(*properties: Property, **more: Any) -> Draft:
    return Draft("item", "item", 0, properties=properties, **more)


def made(draft: Draft, *inline: Draft, links: Any = None, item_id: int | None = None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(create_body(draft, inline, links or {}, item_id, VOCABULARY))
    return body


def literal(property_id: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "literal", "property_id": property_id, "is_public": True, "@value": text, **more}


def test_whatever_is_unsaid_is_private_and_in_no_site() -> None:
    # `item-create-auto-site`, `item-create-empty-object`: Omeka would publish it and put it into sites.
    assert made(item()) == {"o:is_public": False, "o:item_set": [], "o:site": []}


def test_an_item_with_everything() -> None:
    fields = Fields(
        public=True,
        resource_class="dctype:Image",
        template="Tmpl 1795367341",
        item_sets=("Set A", "4", "Set A"),
        sites=("main",),
        owner="ADMIN@example.org",
        thumbnail="1",
    )
    assert made(item(Property("dcterms:title", (Value(text="T"),)), fields=fields)) == {
        "o:is_public": True,
        "o:resource_class": {"o:id": 26},
        "o:resource_template": {"o:id": 2},
        "o:owner": {"o:id": 1},
        "o:thumbnail": {"o:id": 1},
        "o:item_set": [{"o:id": 3}, {"o:id": 4}],
        "o:site": [{"o:id": 1}],
        "dcterms:title": [literal(1, "T")],
    }


def test_values_keep_the_shape_of_their_type() -> None:
    # `item-create-rich` and `item-read-rich-admin` show each of these shapes.
    body = made(
        item(
            Property("dcterms:title", (Value(text="Titel", language="de"), Value(text="s", public=False))),
            Property("dcterms:source", (Value(type="uri", uri="http://x/", label="X", language="en"),)),
            Property("dcterms:relation", (Value(type="resource:item", link=LINK),)),
            Property("dcterms:date", (Value(type="numeric:timestamp", text="1999-01"),)),
            Property(
                "dcterms:subject",
                (
                    Value(type="valuesuggest:lc:subjects", uri="http://lc/1", label="Cats", language="en"),
                    Value(type="customvocab:Materials", text="oil"),
                    Value(type="customvocab:Places", uri="http://p/1", label="One", language="en"),
                ),
            ),
            Property(
                "dcterms:description",
                (Value(text="d", annotation=(Property("dcterms:source", (Value(text="card"),)),)),),
            ),
        ),
        links={LINK.sought: LinkTarget("item", 77)},
    )
    assert {term: values for term, values in body.items() if term.startswith("dcterms:")} == {
        "dcterms:title": [literal(1, "Titel", **{"@language": "de"}), literal(1, "s") | {"is_public": False}],
        "dcterms:source": [
            {
                "type": "uri",
                "property_id": 11,
                "is_public": True,
                "@id": "http://x/",
                "o:label": "X",
                "o:lang": "en",
            }
        ],
        "dcterms:relation": [
            {"type": "resource:item", "property_id": 13, "is_public": True, "value_resource_id": 77}
        ],
        "dcterms:date": [
            {"type": "numeric:timestamp", "property_id": 7, "is_public": True, "@value": "1999-01"}
        ],
        "dcterms:subject": [
            {
                "type": "valuesuggest:lc:subjects",
                "property_id": 3,
                "is_public": True,
                "@id": "http://lc/1",
                "o:label": "Cats",
                "@language": "en",
            },
            {"type": "customvocab:1", "property_id": 3, "is_public": True, "@value": "oil"},
            {
                "type": "customvocab:2",
                "property_id": 3,
                "is_public": True,
                "@id": "http://p/1",
                "o:label": "One",
                "o:lang": "en",
            },
        ],
        "dcterms:description": [
            literal(4, "d", **{"@annotation": {"dcterms:source": [literal(11, "card")]}}),
        ],
    }


def test_the_identity_is_added_where_it_is_absent_and_replaces_nothing() -> None:
    known = Identity("tate", ("dcterms:identifier",), ("A-7",))
    assert made(item(identity=known))["dcterms:identifier"] == [literal(10, "A-7")]
    other = item(Property("dcterms:identifier", (Value(text="B"),)), identity=known)
    assert made(other)["dcterms:identifier"] == [literal(10, "B"), literal(10, "A-7")]


@pytest.mark.parametrize(
    ("text", "identity"),
    [("A-7", "A-7"), (" A-7 ", "A-7"), ("\u00c4-7", "A\u0308-7"), ("A\u0308-7", "\u00c4-7")],
)
def test_an_identity_that_is_there_is_not_added_again(text: str, identity: str) -> None:
    draft = item(
        Property("dcterms:identifier", (Value(text=text),)),
        identity=Identity("tate", ("dcterms:identifier",), (identity,)),
    )
    assert made(draft)["dcterms:identifier"] == [literal(10, text)]


def test_a_uri_bears_an_identity_too() -> None:
    draft = item(
        Property("dcterms:identifier", (Value(type="uri", uri="http://id/1"),)),
        identity=Identity("", ("dcterms:identifier",), ("http://id/1",)),
    )
    assert len(made(draft)["dcterms:identifier"]) == 1


def test_the_order_is_that_of_the_draft_and_the_bytes_are_always_the_same() -> None:
    draft = item(
        Property("dcterms:source", (Value(text="1"),)),
        Property("dcterms:title", (Value(text="2"),)),
        Property("dcterms:source", (Value(text="3"),)),
    )
    body = create_body(draft, (), {}, None, VOCABULARY)
    assert body == create_body(draft, (), {}, None, VOCABULARY)
    assert [key for key in json.loads(body) if key.startswith("dcterms:")] == [
        "dcterms:source",
        "dcterms:title",
    ]
    assert made(draft)["dcterms:source"] == [literal(11, "1"), literal(11, "3")]


def test_a_property_without_values_is_not_sent() -> None:
    draft = item(
        Property("dcterms:title"), Property("dcterms:source", (Value(text="x"),), on_update="remove")
    )
    assert made(draft) == {"o:is_public": False, "o:item_set": [], "o:site": []}


def test_media_travel_in_the_request_of_their_item() -> None:
    url = Draft(
        "media",
        "media",
        1,
        item=0,
        source=MediaSource("url", "http://h/a.jpg"),
        properties=(Property("dcterms:title", (Value(text="m"),)),),
        fields=Fields(public=True, alt_text="alt", language="en", position=2),
    )
    html = Draft("media", "media", 2, item=0, source=MediaSource("html", "<p>x</p>", source="desk"))
    assert made(item(), url, html)["o:media"] == [
        {
            "o:is_public": True,
            "o:alt_text": "alt",
            "o:lang": "en",
            "o:ingester": "url",
            "ingest_url": "http://h/a.jpg",
            "dcterms:title": [literal(1, "m")],
        },
        {"o:is_public": False, "o:ingester": "html", "o:source": "desk", "html": "<p>x</p>"},
    ]


def test_a_media_that_is_sent_alone_names_its_item() -> None:
    media = Draft("media", "media", 0, source=MediaSource("iiif", "http://h/info.json"))
    assert made(media, item_id=34) == {
        "o:is_public": False,
        "o:ingester": "iiif",
        "o:source": "http://h/info.json",
        "o:item": {"o:id": 34},
    }
    with pytest.raises(ValueError, match="its item's number"):
        made(media)


def test_an_item_set_has_neither_sets_nor_sites() -> None:
    draft = Draft("item-set", "item-set", 0, fields=Fields(public=True, sites=("main",)))
    assert made(draft) == {"o:is_public": True}


def test_a_link_that_leads_nowhere_becomes_what_otherwise_says() -> None:
    link = Link(LINK.to, LINK.scope, LINK.by, LINK.identity, otherwise=(Value(text="Turner"),))
    draft = item(Property("dcterms:creator", (Value(type="resource", link=link),)))
    assert made(draft)["dcterms:creator"] == [literal(2, "Turner")]


def test_what_cannot_be_sent_is_rejected_with_its_reason() -> None:
    refused = {
        "link-unknown": item(Property("dcterms:creator", (Value(type="resource", link=LINK),))),
        "names-unknown": item(Property("dcterms:nosuch", (Value(text="x"),))),
        "media-without-source": Draft("media", "media", 0),
        "attachment-missing": Draft("media", "media", 0, source=MediaSource("upload", "a.jpg")),
    }
    for code, draft in refused.items():
        with pytest.raises(Reject) as error:
            made(draft, item_id=1)
        assert error.value.code == code
    with pytest.raises(Reject, match="More than one item set is called “Twin” \\(4, 5\\)"):
        made(item(fields=Fields(item_sets=("Twin",))))
