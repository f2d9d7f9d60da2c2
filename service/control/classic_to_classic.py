"""The preset `omeka-classic-site` into another Omeka Classic: the instructions that it stands for.

Elements keep their names, so there is no table: texts go to the element of the same name (`element-texts`),
element sets and item types come along. The reader gives each record the keys that these instructions read
(`worker.readers.classic_to_classic`); of what the API of Omeka Classic does not take it gives a sentence.
"""

from __future__ import annotations

from typing import Any

from service.control.classic_site import WORDS, ZOOM, place
from service.control.model import RecordProcessor

TEXTS = "texts"
"""Key of the texts of a record, by the names that they have here."""
LEFT = "left"
"""Key of what is not taken over of a record: sentences."""
WHY = "why"
"""Key of why a record is not taken over at all: a sentence."""
UNOFFERED = {
    "users": "sets no owners",
    "createUsers": "makes no users",
    "simplePages": "writes no pages",
}
"""Options that this preset has no use for: why."""


def resources(preset: RecordProcessor) -> tuple[str, ...]:
    """What is read for it."""
    wanted = ["users", "element_sets", "item_types", "collections", "items"]
    wanted += ["exhibits"] if preset.exhibits else []
    return (*wanted, "simple_pages")


def matches(preset: RecordProcessor, source: str) -> dict[str, Any]:
    """The `match` of each destination, by its label."""
    identity = {"source": "identity", "by": "dcterms:identifier", "scope": source}
    return {"item": identity, "item-set": dict(identity), "media": {"by": "file"}}


def instructions(preset: RecordProcessor) -> list[dict[str, Any]]:
    """What it does with a record, in the control language."""
    branches = {
        "element_sets": _structure(preset, "element-set"),
        "item_types": _structure(preset, "item-type"),
        "collections": _collection(),
        "items": [*_item(), *_place(preset)],
        "users": _not_taken(),
        "exhibits": _not_taken(),
        "simple_pages": _not_taken(),
    }
    return [
        {"action": "if-value-one-of", "source": "resource", "values": [resource], "then": then}
        for resource, then in branches.items()
    ]


def _structure(preset: RecordProcessor, destination: str) -> list[dict[str, Any]]:
    """What is missing is added; what is there stays as it is, unless it is to follow the origin."""
    follows = preset.element_sets == "override"
    of = {"destination": destination}
    return [
        {"action": "new", **of},
        {"source": "name", **of, "name": "name"},
        {
            "source": "description",
            **of,
            "name": "description",
            "onUpdate": "replace" if follows else "keep",
        },
        {
            "source": "members",
            **of,
            "name": "elements",
            "multivalue": True,
            "onUpdate": "replace" if follows else "append",
        },
    ]


def _new(destination: str, *names: str) -> list[dict[str, Any]]:
    fields = [{"source": name, "destination": destination, "name": name} for name in names]
    texts = {"action": "element-texts", "source": TEXTS, "destination": destination}
    return [{"action": "new", "destination": destination}, *fields, texts]


def _collection() -> list[dict[str, Any]]:
    return _new("item-set", "public", "featured")


def _item() -> list[dict[str, Any]]:
    tags = {"source": "tag_names", "name": "tags", "multivalue": True, "blank": "clear"}
    media = [
        *_new("media"),
        {"source": "file", "destination": "media", "name": "url"},
    ]
    return [
        *_new("item", "public", "featured", "class", "item-set"),
        tags,
        {"action": "for-each", "source": "files", "instructions": media},
        *_said(),
    ]


def _place(preset: RecordProcessor) -> list[dict[str, Any]]:
    """Where an item is on the map."""
    return place(preset, {"address": WORDS, "zoom": ZOOM})


def _said() -> list[dict[str, Any]]:
    """Each thing of the record that is not taken over, in the log."""
    said = [{"action": "log-error", "message": {"source": "value"}}]
    return [{"action": "for-each", "source": LEFT, "wrapValues": True, "instructions": said}]


def _not_taken() -> list[dict[str, Any]]:
    """Said, and not skipped: what is skipped might be an item, and then nothing counts as gone."""
    return [{"action": "log-error", "message": {"source": WHY}}, *_said()]
