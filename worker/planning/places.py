"""Places that a preset brings to a target without a map: written as values instead, or left out with a word.

Only for a preset, whose places come from another site: elsewhere such a control file is refused as a whole.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from service.control.classic_site import PLACE
from service.control.model import Control
from worker.records import Draft, Fields, Mapped, Place, Problem, Property, Value
from worker.targets.base import Resolver

_FIELD = "geolocation"


class Places:
    """What becomes of the places of one control file."""

    def __init__(self, control: Control, resolver: Resolver) -> None:
        self._of_preset = control.record_processor is not None
        self._model = control.model
        self._resolver = resolver

    def settle(self, mapped: Mapped) -> Mapped:
        if not self._of_preset or all(one.fields.geolocation is UNSET for one in mapped.drafts):
            return mapped
        if self._resolver.has_map:
            return mapped
        drafts, problems = [], list(mapped.problems)
        for draft in mapped.drafts:
            place = draft.fields.geolocation
            if not isinstance(place, UnsetType):
                draft = msgspec.structs.replace(draft, fields=_without(draft.fields))
            if isinstance(place, Place) and self._model == "omeka-classic":
                text = (
                    f"The place of the item there ({_told(place)}) is not taken over: this Omeka has no "
                    "plugin Geolocation that could be written to."
                )
                problems.append(Problem("warning", "place-left-out", text, value=_told(place)))
            elif isinstance(place, Place):
                draft = _as_values(draft, place)
            drafts.append(draft)
        return msgspec.structs.replace(mapped, drafts=tuple(drafts), problems=tuple(problems))


def _without(fields: Fields) -> Fields:
    return msgspec.structs.replace(
        fields,
        geolocation=UNSET,
        of={key: one for key, one in fields.of.items() if key != _FIELD},
        on_update={key: one for key, one in fields.on_update.items() if key != _FIELD},
    )


def _as_values(draft: Draft, place: Place) -> Draft:
    """`Rouen Cathedral`, `49.44, 1.09`: what a person reads, and what a program can."""
    words = [place.label] if place.label else []
    more = tuple(Value(text=one) for one in (*words, _point(place)))
    there = next((one for one in draft.properties if one.term == PLACE), None)
    if there is None:
        properties = (*draft.properties, Property(PLACE, more, of="ours"))
    else:
        whole = msgspec.structs.replace(there, values=tuple(dict.fromkeys((*there.values, *more))))
        properties = tuple(whole if one is there else one for one in draft.properties)
    return msgspec.structs.replace(draft, properties=properties)


def _told(place: Place) -> str:
    return place.address or place.label or _point(place)


def _point(place: Place) -> str:
    return f"{_degrees(place.latitude)}, {_degrees(place.longitude)}"


def _degrees(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
