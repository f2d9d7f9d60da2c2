"""The place of an item on the map, as the plugin Geolocation keeps it. Pure.

It is a record of its own, and an item has one at most: the representation of the item refers to it (`047`),
and what it holds is kept with that. Writing one does not touch the item. A PUT empties the address and the
type of the map that it does not name (`201`), so all of it goes back with any change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from worker.errors import Reject
from worker.planning.values import FIELD, NOTHING, Content, Held, Wish
from worker.records import Json, OnUpdate, Place
from worker.targets.base import Difference
from worker.targets.decoding import Unreadable
from worker.targets.redact import excerpt

RESOURCE = "geolocations"
"""Its name in the API."""
PLACE = "geolocation"
"""Key of what an item's location holds, in representations and in payloads; null: it has none."""
GONE = "deleted"
"""Key of a location in a payload that is to be deleted."""
ZOOM = 10
"""Of a new location, where nobody says it: Omeka wants one."""

Body = Mapping[str, Json]


class ManyPlaces(Unreadable):
    """A release of the plugin that keeps several locations an item, and tells only how many there are."""


MANY = (
    "The plugin Geolocation of this Omeka keeps several locations an item, which this version does not know: "
    "leave geolocation out."
)


def keeps_many(offered: Body) -> bool:
    """Whether it is such a release, by what the API says that it offers: by its source it narrows a list of
    locations to an item, which the releases with one location an item do not (`004`)."""
    narrowed = offered.get("index_params")
    return isinstance(narrowed, list) and "item_id" in narrowed


def number_in(body: Body) -> int | None:
    """The number of an item's location; None where it has none. Raises `ManyPlaces`."""
    extended = body.get("extended_resources")
    shown = extended.get(RESOURCE) if isinstance(extended, dict) else None
    if shown is None:
        return None
    number = shown.get("id") if isinstance(shown, dict) else None
    if not isinstance(number, int):
        raise ManyPlaces(MANY)
    return number


def is_known(body: Body) -> bool:
    """Whether it is known where the item is, or that it is nowhere."""
    if PLACE in body:
        return True
    try:
        return number_in(body) is None
    except ManyPlaces:
        return False


def place_in(body: Body) -> Body | None:
    """What the location of an item holds, where it is known and there is one."""
    held = body.get(PLACE)
    return held if isinstance(held, dict) and GONE not in held else None


# --- compared -------------------------------------------------------------------------------------


def content(place: Body) -> str:
    """What makes a location the same as another: the centimetre, the zoom, and the texts."""
    told = [_degrees(place.get("latitude")), _degrees(place.get("longitude")), place.get("zoom_level")]
    return orjson.dumps([*told, place.get("map_type") or "", place.get("address") or ""]).decode()


def shown(place: Body) -> str:
    """For a person, on one line."""
    point = f"{_degrees(place.get('latitude'))}, {_degrees(place.get('longitude'))}"
    address = place.get("address")
    words = f" “{excerpt(address, 80)}”" if isinstance(address, str) and address else ""
    return f"{point}{words} (zoom {place.get('zoom_level')})"


def _degrees(value: Json) -> float | None:
    """Omeka keeps a floating-point number, and tells 14 digits of it (`085`)."""
    return round(float(value), 8) + 0.0 if isinstance(value, (int, float)) else None


def held(body: Body) -> Iterator[Held]:
    """The location of an item, in comparable form."""
    place = place_in(body)
    if place is not None:
        yield Held(Content(FIELD, content(place)), raw=orjson.dumps(place), display=shown(place))


def wished(place: Place | None, present: tuple[Held, ...]) -> Iterator[Wish]:
    """A draft's place; what it leaves open stays as it is."""
    if place is None:
        return
    stands: Body = orjson.loads(present[0].raw) if present else {}
    whole: dict[str, Json] = {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "zoom_level": stands.get("zoom_level", ZOOM) if place.zoom is None else place.zoom,
        "map_type": stands.get("map_type") or "",
        "address": (stands.get("address") or "") if place.address is None else place.address,
    }
    yield Wish(Content(FIELD, content(whole)), raw=orjson.dumps(whole), display=shown(whole))


def require_one(wishes: tuple[Wish, ...], on_update: OnUpdate, present: tuple[Held, ...]) -> None:
    """Raises `Reject` where an item would get a second one."""
    other = [one.content for one in present] != [one.content for one in wishes]
    if on_update == "append" and wishes and present and other:
        raise Reject(
            "one-place",
            f"The item is at {present[0].shown()} already, and an item of Omeka Classic has one location at "
            'most: let the point replace instead of append ("onUpdate").',
        )


# --- sent -----------------------------------------------------------------------------------------


def payload(after: tuple[Held, ...], present: tuple[Held, ...]) -> Json:
    """What an item's payload says of its location: which one it is, and what it becomes."""
    stands: dict[str, Json] = orjson.loads(present[0].raw) if present else {}
    number = {"id": stands["id"]} if "id" in stands else {}
    if not after:
        return {**number, GONE: True}
    return {**sent(orjson.loads(after[0].raw)), **number}


def sent(place: Body) -> dict[str, Json]:
    """The fields of a location that are written; a release that labels them has its label back."""
    names = ("latitude", "longitude", "zoom_level", "map_type", "address", "label")
    return {name: place[name] for name in names if name in place}


def restored(earlier: Body, current: Body) -> Json:
    """What gives an item its earlier location back; None: it has that, or it is not known what it was."""
    if PLACE not in earlier or not is_known(current):
        return None
    then, now = place_in(earlier), place_in(current)
    if (then and content(then)) == (now and content(now)):
        return None
    number = {"id": now["id"]} if now is not None and "id" in now else {}
    return {**number, GONE: True} if then is None else {**sent(then), **number}


# --- judged ---------------------------------------------------------------------------------------


def differences(meant: Body, saved: Body) -> Iterator[Difference]:
    """What stands there otherwise than a payload meant."""
    if PLACE not in meant:
        return
    wanted, there = place_in(meant), place_in(saved)
    if (wanted and content(wanted)) != (there and content(there)):
        yield Difference(PLACE, shown(wanted) if wanted else NOTHING, shown(there) if there else NOTHING)


def may_be_between(meant: Body, before: Body, present: Body) -> bool:
    """Whether a change that was made in part may have left the location that stands there."""
    if not is_known(before) or not is_known(present):
        return True
    there = _content_in(present)
    return there == _content_in(before) or (PLACE in meant and there == _content_in(meant))


def _content_in(body: Body) -> str | None:
    place = place_in(body)
    return None if place is None else content(place)
