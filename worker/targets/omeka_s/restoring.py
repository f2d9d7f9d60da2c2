"""Earlier states of Omeka S's resources, put back: what undo sends. Pure.

A representation kept in the journal is what Omeka itself answered, so its values go back byte for byte;
only numbers of resources that had to be created again are exchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from worker.planning.media_pass import arranged
from worker.records import Json, Kind
from worker.targets.base import Linking, Saved
from worker.targets.omeka_s import places
from worker.targets.omeka_s.files import original
from worker.targets.omeka_s.payloads import TOLD, number_files
from worker.targets.omeka_s.representation import PRIMARY, decode, property_values, reference_ids, saved_from
from worker.targets.omeka_s.updates import CLEAR, FIELDS, Field

_KEPT_OF_NEW = ("o:is_open",)
"""What a created resource is told beside its fields, where the representation has it."""


def restore_body(
    image: bytes, kind: Kind, current: Saved, numbers: Mapping[int, int], without: Collection[int]
) -> bytes | None:
    """The PATCH that gives `current` the state of `image`; None where it has that already."""
    earlier = _image(image, kind)
    body: dict[str, object] = {}
    for field in FIELDS:
        if kind in field.kinds and field.key in earlier.body and field.shape != "places":
            wanted = _field(field, earlier.body.get(field.key), numbers, without)
            if wanted != _field(field, current.body.get(field.key), {}, ()):
                body[field.key] = wanted
    places_then = places.restored(earlier.body, current.body) if kind == "item" else None
    if places_then is not None:
        body[places.FEATURES] = places_then
    order = arranged(current.media_ids, [numbers.get(one, one) for one in earlier.media_ids])
    if order != current.media_ids:
        body["o:media"] = [{"o:id": one} for one in order]
    chosen = numbers.get(earlier.chosen or 0, earlier.chosen or 0)
    if chosen != (current.chosen or 0) and (not chosen or chosen in current.media_ids):
        body[PRIMARY] = {"o:id": chosen} if chosen else None
    wanted_values = _values(earlier.body, numbers, without)
    present = _values(current.body, {}, ())
    if wanted_values != present:
        if wanted_values:
            body.update(wanted_values)
        else:
            body[CLEAR] = sorted(_property_ids(current.body))
    return orjson.dumps(body) if body else None


def recreate_body(
    image: bytes,
    kind: Kind,
    media: Sequence[bytes],
    numbers: Mapping[int, int],
    without: Collection[int],
    place: int = 0,
) -> bytes:
    """The POST that creates a deleted resource again, with its media. `place`: of a media, from 1."""
    earlier = _image(image, kind)
    body = _whole(earlier.body, kind, numbers, without)
    if kind == "media":
        body["o:item"] = _reference(earlier.body.get("o:item"), numbers)
        body.update(_ingested(earlier))
        if place:
            body["position"] = place
    if media:
        body["o:media"] = [
            {**_whole(one.body, "media", numbers, without), **_ingested(one)}
            for one in (_image(data, "media") for data in media)
        ]
    number_files(body)
    return orjson.dumps(body)


def relink_body(
    current: Saved,
    values: Sequence[Linking],
    sets: Collection[int],
    numbers: Mapping[int, int],
    order: Sequence[int] = (),
    primary: int = 0,
) -> bytes | None:
    """The PATCH that brings back what went with what was deleted: values, memberships of item sets, the order
    of media and which of them is the primary one."""
    body: dict[str, object] = {}
    if primary in current.media_ids and primary != current.primary:
        body[PRIMARY] = {"o:id": primary}
    media = arranged(current.media_ids, order)
    if media != current.media_ids:
        body["o:media"] = [{"o:id": one} for one in media]
    missing = [
        (one, value)
        for one in values
        if (value := _renumbered(_object(one.value), numbers)) is not None
        and not _holds(current.body, one.term, value)
    ]
    if missing:
        together: dict[str, list[Json]] = {
            term: list(present) for term, present in property_values(current.body)
        }
        for one, value in missing:
            beside = together.setdefault(one.term, [])
            beside.insert(one.position if one.position >= 0 else len(beside), value)
        body.update(together)
    present_sets = reference_ids(current.body.get("o:item_set"))
    wanted = [*present_sets, *(numbers.get(one, one) for one in sets)]
    if set(wanted) != set(present_sets):
        body["o:item_set"] = [{"o:id": one} for one in dict.fromkeys(wanted)]
    return orjson.dumps(body) if body else None


# --- parts ----------------------------------------------------------------------------------------


def _image(data: bytes, kind: Kind) -> Saved:
    return saved_from(decode(data), kind)


def _whole(
    body: Mapping[str, Json], kind: Kind, numbers: Mapping[int, int], without: Collection[int]
) -> dict[str, Json]:
    made: dict[str, Json] = {
        field.key: _field(field, body.get(field.key), numbers, without)
        for field in FIELDS
        if kind in field.kinds and field.key in body and field.shape != "places"
    }
    if kind == "item" and places.features_in(body):
        made[places.FEATURES] = places.created_again(body)
    made.update({key: body[key] for key in _KEPT_OF_NEW if key in body})
    made.update(_values(body, numbers, without))
    return made


def _field(field: Field, value: Json, numbers: Mapping[int, int], without: Collection[int]) -> Json:
    if not field.of_resources:
        numbers, without = {}, ()
    match field.shape:
        case "flag":
            return value is True
        case "text":
            return value or None
        case "reference":
            return _reference(value, numbers)
        case "references":
            kept = sorted(set(reference_ids(value)).difference(without))
            return [{"o:id": numbers.get(one, one)} for one in kept]
        case "places":
            raise AssertionError("they come back by themselves")


def _reference(value: Json, numbers: Mapping[int, int]) -> Json:
    found = reference_ids(value)
    return {"o:id": numbers.get(found[0], found[0])} if found else None


def _ingested(media: Saved) -> dict[str, Json]:
    """What a media is made of: of text its representation holds that, of a file this service."""
    file = original(media)
    if file is None:
        return {"o:ingester": "html", "html": media.body.get("o-cnt:chars") or ""}
    told: dict[str, Json] = dict(zip(TOLD, (file.digest, file.size), strict=True))
    return {"o:ingester": "upload", "o:source": media.body.get("o:source") or file.name, **told}


def _values(
    body: Mapping[str, Json], numbers: Mapping[int, int], without: Collection[int]
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for term, values in property_values(body):
        kept: list[Json] = [
            made
            for value in values
            if value.get("value_resource_id") not in without
            and (made := _renumbered(value, numbers, without)) is not None
        ]
        if kept:
            found[term] = kept
    return found


_DERIVED = frozenset(
    {"property_label", "display_title", "thumbnail_url", "thumbnail_title", "thumbnail_type", "url"}
)
"""What Omeka shows with a value and works out anew."""


def _renumbered(
    value: Mapping[str, Json], numbers: Mapping[int, int], without: Collection[int] = ()
) -> dict[str, Json] | None:
    number = value.get("value_resource_id")
    made = {key: part for key, part in value.items() if key not in _DERIVED}
    if isinstance(number, int):
        made.pop("@id", None)
        made["value_resource_id"] = numbers.get(number, number)
    if isinstance(notes := value.get("@annotation"), dict):
        made["@annotation"] = _values(notes, numbers, without)
    return made


def _holds(body: Mapping[str, Json], term: str, value: Mapping[str, Json]) -> bool:
    present: Iterable[Mapping[str, Json]] = dict(property_values(body)).get(term, ())
    return any(one.get("value_resource_id") == value.get("value_resource_id") for one in present)


def _property_ids(body: Mapping[str, Json]) -> set[int]:
    return {
        number
        for _, values in property_values(body)
        for value in values
        if isinstance(number := value.get("property_id"), int)
    }


def _object(data: bytes) -> dict[str, Json]:
    value = decode(data)
    assert isinstance(value, dict), "a value is an object"
    return value
