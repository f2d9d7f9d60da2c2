"""The places of an item on the maps of the module Mapping. Pure.

No recorded exchange has the module: this follows its public source, release 2 (`Module.php`,
`MappingFeatureAdapter`, `MappingFeatureRepresentation`). An item tells its features whole, and takes them in
its own request: one with a number that it has is changed, one without is added, and one that is left out is
deleted. A change says all of a feature: a label or a media that it does not name is emptied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from worker.planning.values import FIELD, NOTHING, Content, Held, Wish
from worker.records import Json, Place
from worker.targets.base import Difference
from worker.targets.omeka_s.representation import reference_ids
from worker.targets.redact import excerpt

RESOURCE = "mapping_features"
"""Its name in the API."""
BEFORE_2 = "mapping_markers"
"""What releases before 2 have in its place."""
FEATURES = "o-module-mapping:feature"
TYPE = "o-module-mapping:geography-type"
COORDINATES = "o-module-mapping:geography-coordinates"
"""Longitude first."""
LABEL = "o:label"
LONGEST_LABEL = 255

Feature = Mapping[str, Json]
Body = Mapping[str, Json]


def features_in(body: Body) -> list[dict[str, Json]]:
    """The features of an item; none where there is no such module."""
    listed = body.get(FEATURES)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


# --- compared -------------------------------------------------------------------------------------


def content(feature: Feature) -> str:
    """What makes a feature the same as another: what it is, to the centimetre, and its label."""
    kind, label = feature.get(TYPE), feature.get(LABEL)
    told = kind.lower() if isinstance(kind, str) else kind
    return orjson.dumps([told, _rounded(feature.get(COORDINATES)), label or ""]).decode()


def _rounded(value: Json) -> Json:
    match value:
        case list():
            return [_rounded(one) for one in value]
        case int() | float():
            return round(float(value), 8) + 0.0
        case _:
            return value


def shown(feature: Feature) -> str:
    """For a person, on one line: latitude first."""
    at, label = feature.get(COORDINATES), feature.get(LABEL)
    words = f" “{excerpt(label, 80)}”" if isinstance(label, str) and label else ""
    if isinstance(at, list) and len(at) == 2 and all(isinstance(one, (int, float)) for one in at):
        longitude, latitude = map(_rounded, at)
        return f"{latitude}, {longitude}{words}"
    return f"a {feature.get(TYPE)} on the map{words}"


def held(body: Body) -> Iterator[Held]:
    """The features of an item, in comparable form."""
    for one in features_in(body):
        number = one.get("o:id")
        yield Held(
            Content(FIELD, content(one)),
            raw=orjson.dumps(one),
            display=shown(one),
            number=number if isinstance(number, int) else 0,
        )


def wished(place: Place | None, present: Sequence[Held] = ()) -> Iterator[Wish]:
    """A draft's place. Without a label it keeps that of what stands there, where it is alone."""
    if place is None:
        return
    stands: Feature = orjson.loads(present[0].raw) if len(present) == 1 else {}
    made: dict[str, Json] = {
        TYPE: "Point",
        COORDINATES: [place.longitude, place.latitude],
        LABEL: stands.get(LABEL) if place.label is None else place.label,
    }
    yield Wish(Content(FIELD, content(made)), raw=orjson.dumps(made), display=shown(made))


# --- sent -----------------------------------------------------------------------------------------


def of_a_new(place: Place) -> list[Json]:
    """What the request that creates an item says of its place."""
    return [orjson.loads(one.raw) for one in wished(place)]


def payload(after: Sequence[Held], present: Sequence[Held]) -> list[Json]:
    """All features of an item as they are to be. One that takes another's place takes its number."""
    then: dict[Json, Feature] = {
        one["o:id"]: one for held in present if "o:id" in (one := orjson.loads(held.raw))
    }
    now: list[Feature] = [orjson.loads(one.raw) for one in after]
    free = [number for number in then if number not in {one.get("o:id") for one in now}]
    made: list[Json] = []
    for one in now:
        if "o:id" not in one and free:
            number = free.pop(0)
            one = {**one, "o:id": number, "o:media": then[number].get("o:media")}
        made.append(_sent(one))
    return made


def _sent(feature: Feature, *, new: bool = False) -> dict[str, Json]:
    sent: dict[str, Json] = {key: feature[key] for key in (TYPE, COORDINATES, LABEL) if key in feature}
    if not new and "o:id" in feature:
        sent["o:id"] = feature["o:id"]
        if media := reference_ids(feature.get("o:media")):
            sent["o:media"] = {"o:id": media[0]}
    return sent


def created_again(body: Body) -> list[Json]:
    """The features of an item that was deleted; the media that they showed have other numbers by then."""
    return [_sent(one, new=True) for one in features_in(body)]


def restored(earlier: Body, current: Body) -> list[Json] | None:
    """What gives an item its earlier features back; None where it has them."""
    then, now = features_in(earlier), features_in(current)
    if _contents(then) == _contents(now):
        return None
    there = {one.get("o:id") for one in now}
    media = set(reference_ids(current.get("o:media")))
    return [
        _sent(one if media.issuperset(reference_ids(one.get("o:media"))) else {**one, "o:media": None})
        if one.get("o:id") in there
        else _sent(one, new=True)
        for one in then
    ]


# --- judged ---------------------------------------------------------------------------------------


def differences(meant: Body, saved: Body) -> Iterator[Difference]:
    """What stands there otherwise than a payload meant."""
    if FEATURES not in meant:
        return
    wanted, there = features_in(meant), features_in(saved)
    if _contents(wanted) != _contents(there):
        yield Difference("geolocation", _list(wanted), _list(there))


def _contents(features: Iterable[Feature]) -> Counter[str]:
    return Counter(map(content, features))


def _list(features: Iterable[Feature]) -> str:
    return "; ".join(map(shown, features)) or NOTHING
