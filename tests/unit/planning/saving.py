"""What an Omeka S makes of a request, as far as comparing sees it. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from tests.unit.targets.samples import VOCABULARY
from worker.records import Kind
from worker.targets.base import Saved
from worker.targets.omeka_s.representation import PATHS, property_values, saved_from
from worker.targets.omeka_s.updates import CLEAR
from worker.targets.omeka_s.vocabulary import classes_from, listing, sites_from

LARGE = msgspec.structs.replace(
    VOCABULARY,
    properties={**VOCABULARY.properties, "foaf:name": 138, "bibo:number": 107},
    classes=classes_from(
        [
            {"o:id": 26, "o:term": "dctype:Image", "o:label": "Image"},
            {"o:id": 30, "o:term": "dctype:Sound", "o:label": "Sound"},
        ]
    ),
    item_sets=listing(
        "item set", [(n, f"Set {c}", (f"Set {c}",)) for n, c in ((3, "A"), (4, "B"), (5, "C"))]
    ),
    sites=sites_from(
        [
            {"o:id": 1, "o:slug": "main", "o:title": "Main"},
            {"o:id": 2, "o:slug": "other", "o:title": "Other"},
        ]
    ),
    data_types=frozenset({"literal", "uri", "numeric:timestamp", "numeric:integer"}),
)
"""Names enough for the records of the laws."""


def patched(saved: Saved, payload: bytes, modified: str) -> Saved:
    """The resource after a PATCH: any value replaces all values, `clear_property_values` takes some away,
    other keys are set."""
    change = orjson.loads(payload)
    body = dict(saved.body)
    sent = dict(property_values(change))
    cleared = change.pop(CLEAR, [])
    for term, values in list(property_values(body)):
        left = [] if sent else [one for one in values if one["property_id"] not in cleared]
        body.pop(term)
        if left:
            body[term] = list(left)
    return saved_from({**body, **change, "o:modified": {"@value": modified}}, saved.kind)


def posted(payload: bytes, number: int, kind: Kind, modified: str = "2026-12-01 00:00:00") -> Saved:
    """The resource that a POST makes."""
    sent: dict[str, Any] = orjson.loads(payload)
    media = [{"o:id": 9000 + n} for n, _ in enumerate(sent.pop("o:media", []))]
    body = {
        "@id": f"https://omeka.example.org/api/{PATHS[kind]}/{number}",
        "o:id": number,
        "o:modified": {"@value": modified},
        "o:media": media,
    }
    return saved_from({**body, **sent}, kind)
