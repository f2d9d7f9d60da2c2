"""The module Mapping, release 2: features of items on a map.

No exchange was recorded with it; this follows its public source (`Module.php`: `handleFeatures` and
`filterItemJsonLd`; `MappingFeatureAdapter`, `AbstractMappingFeatureAdapter`, `MappingFeatureRepresentation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from .errors import invalid
from .model import Feature

Json: TypeAlias = Any

MODULE = "Mapping"
RESOURCE = "mapping_features"
KEY = "o-module-mapping:feature"
TYPE = "o-module-mapping:geography-type"
COORDINATES = "o-module-mapping:geography-coordinates"
_TYPES = {"point": "Point", "linestring": "LineString", "polygon": "Polygon"}


def hydrated(present: Sequence[Feature], sent: Json, next_id: Any, media: Sequence[int]) -> list[Feature]:
    """The features of an item once a request has named them: those with a number of its own are changed,
    those without are added, and whichever is not named is deleted. `media`: those that there are."""
    there = {one.id: one for one in present}
    kept: list[Feature] = []
    for one in sent if isinstance(sent, list) else []:
        data = one if isinstance(one, dict) else {}
        number = data.get("o:id")
        if number is None:
            kept.append(_changed(Feature(id=next_id(RESOURCE)), data, media))
        elif number in there:
            kept.append(_changed(there[number], data, media))
    return kept


def _changed(row: Feature, data: dict[str, Json], media: Sequence[int]) -> Feature:
    """A request for a feature is never a partial one: what it does not name is emptied, but for its place."""
    shown = data.get("o:media")
    number = shown.get("o:id") if isinstance(shown, dict) else None
    made = Feature(id=row.id, label=data.get("o:label"), type=row.type, coordinates=row.coordinates)
    made.media = number if number in media else None
    if COORDINATES in data:
        made.type, made.coordinates = _geography(data.get(TYPE), data[COORDINATES])
    if made.coordinates is None:
        raise invalid({"o:item": ["A Mapping feature must have a geography."]})
    return made


def _geography(kind: Json, coordinates: Json) -> tuple[str, Json]:
    name = _TYPES.get(str(kind).lower())
    if name is None:
        raise invalid({TYPE: ["Invalid geography type"]})
    if name == "Point":
        if not (isinstance(coordinates, list) and len(coordinates) == 2):
            raise invalid({TYPE: ["Invalid point"]})
        longitude, latitude = map(float, coordinates)
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise invalid({TYPE: ["Invalid longitude or latitude value"]})
        coordinates = [longitude, latitude]
    return name, coordinates
