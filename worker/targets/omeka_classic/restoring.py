"""Earlier states of Omeka Classic's records, put back: what undo sends. Pure.

A representation kept in the journal is what Omeka itself answered, so its texts go back as they were. An item
type and a collection can be exchanged and not taken off again, and owners are not set: that stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import orjson

from worker.planning.media_pass import arranged
from worker.records import Json, Kind
from worker.targets.base import Saved
from worker.targets.decoding import decode
from worker.targets.omeka_classic import places
from worker.targets.omeka_classic.payloads import TOLD
from worker.targets.omeka_classic.representation import (
    MEDIA,
    UPLOADS,
    reference,
    saved_from,
    tags,
    texts,
)
from worker.targets.omeka_classic.series import key, renumbered
from worker.targets.omeka_classic.tags import folded

Body = dict[str, Json]


def restore_body(
    image: bytes, kind: Kind, current: Saved, numbers: Mapping[int, int], without: Collection[int]
) -> bytes | None:
    """The PUT that gives `current` the state of `image`; None where it has that already."""
    earlier = _image(image, kind)
    body: Body = {
        flag: earlier.body.get(flag) is True
        for flag in ("public", "featured")
        if flag in earlier.body and earlier.body.get(flag) is not current.body.get(flag)
    }
    for name, wanted in _references(earlier, numbers, without).items():
        if wanted != reference(current.body, name):
            body[name] = {"id": wanted}
    if kind == "item" and _folded(earlier) != _folded(current):
        body["tags"] = [{"name": one} for one in tags(earlier.body)]
    wanted_texts = [one.sent for one in texts(earlier.body)]
    if wanted_texts != [one.sent for one in texts(current.body)]:
        body["element_texts"] = list(wanted_texts)
    order = arranged(current.media_ids, [renumbered(numbers, "media", one) for one in earlier.media_ids])
    if order != current.media_ids:
        body[MEDIA] = list(order)
    place = places.restored(earlier.body, current.body) if kind == "item" else None
    if place is not None:
        body[places.PLACE] = place
    return orjson.dumps(body) if body else None


def stays(image: bytes, kind: Kind, current: Saved) -> tuple[str, ...]:
    """The fields that an undo leaves as they are now, since Omeka takes them off no more."""
    earlier = _image(image, kind)
    return tuple(
        word
        for word, name in _STAY.items()
        if reference(earlier.body, name) is None and reference(current.body, name) is not None
    )


_STAY = {"class": "item_type", "item-set": "collection"}


def with_order(image: bytes, media: Sequence[int]) -> bytes:
    """The representation of an item, with the numbers of its files in their order: they are read apart."""
    return orjson.dumps({**_image(image, "item").body, MEDIA: list(media)})


def recreate_body(
    image: bytes,
    kind: Kind,
    files: Sequence[bytes],
    numbers: Mapping[int, int],
    without: Collection[int],
) -> bytes:
    """The POST that creates a deleted record again, and what is sent of its files after it."""
    earlier = _image(image, kind)
    body: Body = {one: earlier.body.get(one) is True for one in ("public", "featured") if one in earlier.body}
    body.update({name: {"id": one} for name, one in _references(earlier, numbers, without).items()})
    if kind == "item":
        body["tags"] = [{"name": one} for one in tags(earlier.body)]
    body["element_texts"] = [one.sent for one in texts(earlier.body)]
    if files:
        body[UPLOADS] = [_file(_image(one, "media"), place) for place, one in enumerate(files, start=1)]
    return orjson.dumps(body)


def recreate_file_body(image: bytes, numbers: Mapping[int, int], place: int) -> bytes:
    """The same of a file. `place`: among those of its item, from 1; 0: as it was."""
    earlier = _image(image, "media")
    item = reference(earlier.body, "item")
    assert item is not None, "a file belongs to an item"
    return orjson.dumps({"item": {"id": renumbered(numbers, "item", item)}, **_file(earlier, place)})


def _file(earlier: Saved, place: int) -> Body:
    body: Body = {}
    order = place or earlier.body.get("order")
    if isinstance(order, int):
        body["order"] = order
    body.update({told: earlier.body[told] for told in TOLD if told in earlier.body})
    body["element_texts"] = [one.sent for one in texts(earlier.body)]
    return body


def relink_body(
    current: Saved,
    sets: Collection[int],
    numbers: Mapping[int, int],
    order: Sequence[int] = (),
    own: Saved | None = None,
) -> bytes | None:
    """The PUT that brings back a membership of a collection, the order of files, and of an item that was
    deleted (`own`) its location, which went with it. Who has put the item into another collection, or
    elsewhere on the map, since keeps that."""
    body: Body = {}
    if own is not None and places.place_in(current.body) is None:
        place = places.restored(own.body, current.body)
        if place is not None:
            body[places.PLACE] = place
    media = arranged(current.media_ids, order)
    if media != current.media_ids:
        body[MEDIA] = list(media)
    wanted = [renumbered(numbers, "item-set", one) for one in sets]
    if wanted and reference(current.body, "collection") is None:
        body["collection"] = {"id": wanted[0]}
    return orjson.dumps(body) if body else None


def _image(data: bytes, kind: Kind) -> Saved:
    return saved_from(decode(data), kind)


def _references(earlier: Saved, numbers: Mapping[int, int], without: Collection[int]) -> dict[str, int]:
    """What an item refers to, by the numbers of now."""
    found: dict[str, int] = {}
    item_type, collection = reference(earlier.body, "item_type"), reference(earlier.body, "collection")
    if item_type is not None:
        found["item_type"] = item_type
    if collection is not None and key("item-set", collection) not in without:
        found["collection"] = renumbered(numbers, "item-set", collection)
    return found


def _folded(saved: Saved) -> list[str]:
    return sorted(map(folded, tags(saved.body)))
